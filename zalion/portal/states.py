"""How each state and outcome of house.md is shown: the tone that repeats what its name says."""

from typing import Final

# Tones are classes of static/style/parts.css; `hollow` and `busy` change the mark before the word.
TONES: Final[dict[str, str]] = {
    # Mailbox
    "draft": "plain hollow",
    "configured": "plain",
    "tested": "info",
    "awaiting_sign_off": "warn",
    "active": "good",
    "paused": "plain hollow",
    "needs_attention": "bad",
    # Message
    "stored": "good",
    "skipped": "plain hollow",
    "quarantined": "bad",
    # Document
    "extracted": "info",
    "in_review": "warn",
    "approved": "good",
    "rejected": "bad",
    "handed_over": "good hollow",
    # ExtractionRun
    "queued": "plain hollow",
    "running": "info busy",
    "done": "good",
    "failed": "bad",
    # OutgoingMessage
    "sending": "info busy",
    "sent": "good",
    "unconfirmed": "warn",
    "bounced": "bad",
    # Subscription
    "lapsed": "warn",
    "refused": "bad",
    # Outcomes: of a check's step, of an act on the trail, of a token
    "passed": "good",
    "waiting": "info busy",
    "ok": "good",
    "allowed": "good",
    "denied": "bad",
    "revoked": "bad hollow",
    "expired": "warn hollow",
    "suspended": "bad hollow",
    # What was found about a sender (RFC 8601 section 2.7)
    "pass": "good",
    "fail": "bad",
    "softfail": "warn",
    "temperror": "warn",
    "permerror": "warn",
    "info": "info",
    "warning": "warn",
    "error": "bad",
}


def classes(state: str) -> str:
    """The badge's classes for ``state``; a state nobody gave a tone is plain."""
    return " ".join(f"badge-{tone}" for tone in TONES.get(state, "plain").split())


# Words that are spelt otherwise than their code.
SPELT: Final = {
    "awaiting_sign_off": "Awaiting sign-off",
    "spf_fail": "SPF failed",
    "dkim_fail": "DKIM failed",
    "dmarc_fail": "DMARC failed",
    "message_id_missing": "Message-ID missing",
    "message_id_reused": "Message-ID reused",
}


def words(state: str) -> str:
    """``needs_attention`` as people read it: Needs attention."""
    if state in SPELT:
        return SPELT[state]
    text = state.replace("_", " ").replace("-", " ").strip()
    return text[:1].upper() + text[1:]
