"""What is still to be done before a mailbox is live: every step of its set-up, and which of them is next."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from connectors.models import ApprovalKind, Mailbox, MailboxState
from connectors.onboarding import Requirement

TITLES: Final = {
    "connection": "Describe the connection",
    "retention": "Choose how long mail is kept",
    "check": "Put the secret into the store and check the connection",
    "folders": "Choose the folders",
    "access": "Say what Zalion may do in them",
    "ask": "Ask IT and compliance to sign",
    "sign": "IT and compliance sign, one person each",
}
SIGN_IN: Final = "sign_in"  # the check's step that the secret is needed for


@dataclass(frozen=True, slots=True)
class Step:
    """``state`` is `done`, `now` for the one that is next, or `later`."""

    key: str
    title: str
    detail: str
    state: str


def steps(mailbox: Mailbox, *, requirements: Sequence[Requirement], signed: Collection[str]) -> list[Step]:
    """The way of a mailbox that is not live; ``signed`` are the kinds of approval that are there."""
    asked = mailbox.state == MailboxState.AWAITING_SIGN_OFF
    done = {
        "connection": True,
        **{found.key: found.met for found in requirements},
        "ask": asked,
        "sign": False,
    }
    if done["retention"]:
        del done["retention"]  # part of the connection's form
    following = next(key for key, is_done in done.items() if not is_done)
    details = {"check": _failure(mailbox), "sign": _signatures(signed) if asked else ""}
    return [
        Step(
            key,
            TITLES[key],
            "" if is_done else details.get(key, ""),
            "now" if key == following else "done" if is_done else "later",
        )
        for key, is_done in done.items()
    ]


def knows_secret(mailbox: Mailbox) -> bool:
    """Whether the last check signed in, so that the secret is in its place."""
    found = (mailbox.check_report or {}).get("steps", [])
    return any(step["key"] == SIGN_IN and step["outcome"] == "passed" for step in found)


def _failure(mailbox: Mailbox) -> str:
    found = (mailbox.check_report or {}).get("steps", [])
    failed = next((step for step in found if step["outcome"] == "failed"), None)
    if failed is None:
        return ""
    if failed["key"] == SIGN_IN and str(failed["code"]).startswith("secret_"):
        return f"The last check ended at “{failed['title']}”: {failed['detail']}"
    return f"The last check ended at “{failed['title']}”: {failed['detail']} {failed['what_to_do']}"


def _signatures(signed: Collection[str]) -> str:
    if not signed:
        return "Nobody has signed yet."
    there, lacking = ("IT", "compliance") if ApprovalKind.IT in signed else ("Compliance", "IT")
    return f"{there} has signed; {lacking} has not."
