"""What of a mail's text is the sender's own: quoted mails are cut off, forwarded ones are read."""

import re
from collections.abc import Sequence
from typing import Final

from extraction.layout.lexicon import lexicon, tokens_of

# What begins a quoted mail, in the words of the common mail programs. From there on nothing is the sender's own.
_QUOTE: Final = re.compile(
    r"^(?:(?:Von|From|De|Da|Van)\s?:\s.*\S+@\S+"
    r"|(?:Am|On|Le|Il|El|Op)\s.{6,160}(?:schrieb|wrote|a écrit|ha scritto|escribió|schreef)\b.*:\s*$)",
    re.IGNORECASE,
)
_ORIGINAL: Final = re.compile(
    r"-{2,}\s*(?:Original|Ursprüngliche|Message d'origine|Messaggio originale|Mensaje original|Oorspronkelijk)",
    re.IGNORECASE,
)
_FORWARD: Final = re.compile(
    r"^\W*(?:Begin(?:n der)? |Anfang der |Début du |Inizio |Inicio del )?"
    r"(?:forwarded message|weitergeleiteten? nachricht|message (?:transféré|réexpédié|transmis)|messaggio inoltrato"
    r"|mensaje reenviado|doorgestuurd(?: bericht|e bericht)?)\W*$",
    re.IGNORECASE,
)
_LINE: Final = re.compile(r"_{20,}\s*")
# The lines over a quoted or forwarded mail: who wrote it, when, to whom, about what.
_HEADS: Final = {
    "from": ("von", "from", "de", "da", "van", "expediteur", "mittente", "remitente", "afzender"),
    "date": (
        "gesendet",
        "sent",
        "date",
        "datum",
        "envoye",
        "inviato",
        "data",
        "enviado",
        "fecha",
        "verzonden",
    ),
    "to": ("an", "to", "a", "para", "aan", "destinataire", "destinatario"),
    "subject": ("betreff", "subject", "objet", "oggetto", "asunto", "onderwerp"),
    "other": (
        "cc",
        "kopie",
        "bcc",
        "reply",
        "antwort",
        "anlagen",
        "attachments",
        "importance",
        "wichtigkeit",
    ),
}
_KINDS: Final = {name: kind for kind, names in _HEADS.items() for name in names}
_HEAD_LINES: Final = 8
_FEW: Final = 3
_REPLY: Final = re.compile(r"\s*(?:AW|RE|RÉF?|SV|R|Antw|Antwort|RIF)\s?(?:\[\d+\])?\s?:", re.IGNORECASE)
_PASSED_ON: Final = re.compile(r"\s*(?:WG|FW|FWD|TR|I|RV|ENC|Doorst|Wtr)\s?:", re.IGNORECASE)
# A mail about a document that is not there, or a question about one, is none of the supplier's.
_ASKING: Final = re.compile(
    r"fehl|ausst|offen|mahn|frage|missing|outstanding|overdue|query|question|where|manqu|relance|attente"
    r"|mancan|sollecit|falta|pendiente|reclam|ontbre|herinner|\?",
    re.IGNORECASE,
)
_SUPPLIERS: Final = frozenset({"order_confirmation", "invoice", "credit_note", "delivery_note"})


def own_lines(lines: Sequence[str]) -> list[str]:
    """The lines up to the first quoted mail without what is quoted between them. The head of a forwarded mail is left
    out, its text is not."""
    kept: list[str] = []
    index = 0
    while index < len(lines):
        line = lines[index].strip()
        marked = _FORWARD.match(line)
        below = index
        if marked or _ORIGINAL.match(line) or _LINE.fullmatch(line):
            below = next((number for number in range(index + 1, len(lines)) if lines[number].strip()), index)
        head = head_at(lines, below)
        first = not any(other.strip() for other in kept)
        if marked or (head and _is_passed_on(head, is_first=first)):
            index = _after(lines, below, head) if head else index + 1
            continue
        if head or _begins_quote(lines, index, below):
            break
        if not line.startswith(">"):
            kept.append(lines[index])
        index += 1
    return kept


def head_at(lines: Sequence[str], start: int) -> dict[str, str]:
    """The head of another mail that begins at this line, by what its lines say; empty where none does."""
    found: dict[str, str] = {}
    for line in lines[start : start + _HEAD_LINES]:
        kind, value = _head_line(line)
        if not kind and (line.strip() or not found):
            break
        if kind:
            found.setdefault(kind, value)
    return found if "subject" in found and len(found.keys() - {"other"}) >= _FEW else {}


def is_forward(text: str) -> bool:
    """Whether a line of this text says that a mail was passed on."""
    return any(_FORWARD.match(line.strip()) for line in text.splitlines())


def _head_line(line: str) -> tuple[str, str]:
    label, colon, value = line.strip(" *\xa0").partition(":")
    names = tokens_of(label) if colon and len(label) <= len("Importance of it") else ()
    return (_KINDS.get(names[0], ""), value.strip(" *")) if names else ("", "")


def _after(lines: Sequence[str], start: int, head: dict[str, str]) -> int:
    """The line below a head."""
    index = start
    while head and index < len(lines) and index < start + _HEAD_LINES and _head_line(lines[index])[0]:
        index += 1
    return max(index, start)


def _is_passed_on(head: dict[str, str], *, is_first: bool) -> bool:
    """Whether a mail that no line calls forwarded is one: its subject names a supplier's document. Programs head
    a quoted mail just so, and what is quoted is mostly our own order."""
    subject = _PASSED_ON.sub("", head["subject"])
    if _REPLY.match(subject) or _ASKING.search(subject):
        return False
    tokens = tokens_of(subject)
    kinds = lexicon("en").doc_types
    named = [match for start in range(min(2, len(tokens))) if (match := kinds.at(tokens, start))]
    supplier = any(_SUPPLIERS & set(match.names) for match in named)
    numbered = any(any(map(str.isdigit, token)) for token in tokens)
    return supplier and (numbered or is_first)


def _begins_quote(lines: Sequence[str], index: int, below: int) -> bool:
    line = lines[index].strip()
    # Mail programs break the line that says who wrote when.
    after = lines[index + 1].strip() if index + 1 < len(lines) else ""
    wrapped = after.endswith(":") and "@" in after and _QUOTE.match(f"{line} {after}")
    return bool(_ORIGINAL.match(line) or _QUOTE.match(line) or wrapped or _QUOTE.match(lines[below].strip()))
