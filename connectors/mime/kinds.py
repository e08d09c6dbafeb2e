"""What class of mail this is: written by a person, or automatic, and then which."""

import re

from connectors.mime.parts import Index

OUT_OF_OFFICE = re.compile(
    r"\s*+(?:(?:re|aw|sv|tr|wg|fw|fwd)\s*+:\s*+)?(?:automatische (?:antwort|r[üe]ckantwort)"
    r"|auto(?:matic)?[- ]?repl(?:y|ies)|out of (?:the )?office|abwesen(?:d|heit)|r[ée]ponse automatique"
    r"|absence du bureau|risposta automatica|fuori sede|respuesta autom[áa]tica|fuera de (?:la )?oficina"
    r"|automatisch antwoord|niet aanwezig|afwezig)",
    re.IGNORECASE,
)
UNDELIVERED = re.compile(
    r"undeliver|delivery (?:status|failure|has failed)|failure notice|returned mail|unzustellbar"
    r"|nicht zugestellt|mail delivery failed|non remis|non recapitabile|no se puede entregar",
    re.IGNORECASE,
)
DAEMON = re.compile(r"^(?:mailer-daemon|postmaster|mail-daemon)@", re.IGNORECASE)
DOCUMENT = re.compile(r"pdf|xml|spreadsheet|edifact|excel|csv|tiff|wordprocessing|zip")


def markers(index: Index, subject: str, sender: str) -> set[str]:
    """Codes for every sign of an automatic mail, also for those that do not decide its kind."""
    headers = index.root.headers
    found = set()
    submitted = headers.get("auto-submitted").split(b";")[0].strip().lower()
    precedence = headers.get("precedence").strip().lower()
    if submitted == b"auto-replied" or precedence in (b"auto_reply", b"auto-reply"):
        found.add("auto_replied")
    elif submitted and submitted != b"no":
        found.add("auto_generated")
    if any(headers.get(name) for name in ("x-autoreply", "x-autorespond", "x-autoresponder")):
        found.add("auto_replied")
    if headers.get("x-auto-response-suppress"):
        found.add("suppresses_replies")
    if precedence in (b"bulk", b"list", b"junk"):
        found.add("bulk")
    if headers.get("list-unsubscribe") or headers.get("list-id"):
        found.add("list")
    if headers.get("return-path").strip() == b"<>":
        found.add("null_sender")
    if headers.get("disposition-notification-to") or headers.get("return-receipt-to"):
        found.add("asks_receipt")
    if OUT_OF_OFFICE.match(subject):
        found.add("out_of_office_subject")
    if UNDELIVERED.search(subject):
        found.add("undelivered_subject")
    if DAEMON.match(sender):
        found.add("daemon")
    return found | _structure(index)


def kind(found: set[str], *, has_document: bool) -> str:
    """ "bounce", "receipt", "calendar", "auto_reply", "newsletter" or "mail".

    Ordering systems mark their confirmations as auto-generated and shops put List-Unsubscribe on them, so
    neither makes a mail automatic by itself: a document in it outweighs the list.
    """
    if "delivery_report" in found or ("undelivered_subject" in found and found & {"daemon", "null_sender"}):
        return "bounce"
    if "disposition_report" in found:
        return "receipt"
    if "calendar" in found:
        return "calendar"
    if "auto_replied" in found:
        return "auto_reply"
    if "out_of_office_subject" in found and not has_document:
        return "auto_reply"
    if found & {"list", "bulk"} and not has_document:
        return "newsletter"
    return "mail"


def is_document(media_type: str) -> bool:
    return DOCUMENT.search(media_type) is not None


def _structure(index: Index) -> set[str]:
    found = set()
    root = index.root
    report = root.content_type.token("report-type") if root.type == "multipart/report" else ""
    for part in (root, *root.children):
        if (
            part.type in ("message/delivery-status", "message/global-delivery-status")
            or report == "delivery-status"
        ):
            found.add("delivery_report")
        if part.type == "message/disposition-notification" or report == "disposition-notification":
            found.add("disposition_report")
    if b"calendarmessage" in root.headers.get("content-class").lower():
        found.add("calendar")
    for part in index.walk():
        if part.is_message:
            break
        if part.type == "text/calendar" and part.disposition.main != "attachment":
            found.add("calendar")
    return found
