"""Code lists of UN/EDIFACT that XML formats use as well, and what suppliers answer by them."""

import re
from datetime import date
from typing import Final

from extraction.schemas import Finding

# UNCL 1001, the codes of order documents.
DOCUMENT_CODES: Final = {
    "220": "order",
    "221": "order",
    "224": "order",
    "226": "order",
    "227": "order",
    "105": "order",
    "230": "order_change",
    "231": "order_confirmation",
    "320": "order_confirmation",
    "310": "quote",
    "270": "delivery_note",
    "351": "delivery_note",
    "632": "delivery_note",
    **dict.fromkeys(("380", "325", "326", "384", "386", "389", "390", "393", "395", "751", "875"), "invoice"),
    **dict.fromkeys(("876", "877", "82", "80", "84", "130", "202", "203", "204", "211", "295"), "invoice"),
    **dict.fromkeys(
        ("383", "385", "388", "394", "456", "457", "527", "575", "623", "633", "780", "935"), "invoice"
    ),
    **dict.fromkeys(
        ("381", "261", "262", "296", "308", "396", "420", "458", "532", "81", "83"), "credit_note"
    ),
}

# UNCL 4343 and 1225 (of the whole order), UNCL 1229 (of one line).
RESPONSE_CODES: Final = {
    "AB": "received",
    "AC": "amended",
    "AI": "amended",
    "AD": "accepted",
    "AP": "accepted",
    "CA": "amended",
    "RE": "rejected",
}
FUNCTION_CODES: Final = {
    "4": "amended",
    "27": "rejected",
    "28": "amended",
    "29": "accepted",
    "30": "amended",
    "34": "amended",
}
# UNCL 1373, the status of an Order-X response.
STATUS_CODES: Final = {"1": "accepted", "3": "amended", "8": "rejected"}
LINE_CODES: Final = {
    "1": "added",
    "2": "deleted",
    "3": "amended",
    "5": "accepted",
    "6": "amended",
    "7": "rejected",
    "42": "delivered",
}

_ORDER_ANSWERS: Final = {
    "received": ("info", "The supplier has received the order and not yet decided."),
    "accepted": ("info", "The supplier accepts the order."),
    "amended": ("warning", "The supplier accepts the order with changes."),
    "rejected": ("error", "The supplier rejects the order."),
    "detailed": ("info", "The supplier confirms the order with all its details."),
    "cancelled": ("warning", "The buyer cancels the order."),
}
_LINE_ANSWERS: Final = {
    "added": ("warning", "This line was added to the order."),
    "deleted": ("warning", "This line was struck from the order."),
    "amended": ("warning", "This line was changed."),
    "accepted": ("info", "The supplier accepts this line."),
    "rejected": ("error", "The supplier rejects this line."),
    "detailed": ("info", "The supplier confirms this line with all its details."),
    "delivered": ("info", "This line has already been delivered."),
    "backordered": ("warning", "The supplier will deliver this line later."),
    "undecided": ("warning", "The supplier has not yet decided on this line."),
}

# UNCL 2379: where the digits of the day stand. A period means the day it ends on.
_DATE_FORMATS: Final = {
    "2": "DDMMYY",
    "3": "MMDDYY",
    "4": "DDMMCCYY",
    "101": "YYMMDD",
    "102": "CCYYMMDD",
    "201": "YYMMDD----",
    "202": "YYMMDD------",
    "203": "CCYYMMDD----",
    "204": "CCYYMMDD------",
    "205": "CCYYMMDD--------",
    "301": "YYMMDD----",
    "303": "CCYYMMDD----",
    "304": "CCYYMMDD------",
    "615": "YYWW",
    "616": "CCYYWW",
    "715": "----YYWW",
    "716": "------CCYYWW",
    "711": "--------CCYYMMDD",
    "713": "----------YYMMDD----",
    "717": "------YYMMDD",
    "718": "--------CCYYMMDD",
    "719": "------------CCYYMMDD----",
}
_DIGITS: Final = re.compile(r"[0-9]{4,24}")


def order_answer(answer: str) -> Finding:
    """What is answered to the whole order, as a finding `order_...`."""
    severity, message = _ORDER_ANSWERS[answer]
    return Finding(code=f"order_{answer}", severity=severity, message=message)


def line_answer(answer: str, index: int) -> Finding:
    """What is answered to the line of that index, as a finding `line_...`."""
    severity, message = _LINE_ANSWERS[answer]
    return Finding(code=f"line_{answer}", field=f"lines.{index}", severity=severity, message=message)


def coded_date(text: str, code: str) -> date | None:
    """The day that a text in a format of UNCL 2379 means; a week means its Monday, a period its last day. A text
    that the stated format does not fit is read by its own length, as senders mix up 102 and 203."""
    digits = _digits(text)
    if code not in _DATE_FORMATS:
        return None
    for tried in (code, "102", "203", "204"):
        day = _shaped(digits, _DATE_FORMATS[tried])
        if day is not None:
            return day
    return None


def coded_days(text: str) -> set[date]:
    """Every day that the text may mean in one of the formats."""
    digits = _digits(text)
    return {day for shape in _DATE_FORMATS.values() if (day := _shaped(digits, shape)) is not None}


def _digits(text: str) -> str:
    """The digits of a coded date; a time zone after them, and marks between, say nothing of the day."""
    plain = re.sub(r"[-/.:T ]|(?:Z|UTC|GMT|[A-Z]{3})$", "", text.strip())
    return plain if _DIGITS.fullmatch(plain) else ""


def _shaped(digits: str, shape: str) -> date | None:
    if len(digits) != len(shape):
        return None
    part = {name: "".join(d for d, s in zip(digits, shape, strict=True) if s == name) for name in "CYMDW"}
    # EDIFACT is of 1987.
    year = int((part["C"] or ("19" if part["Y"] >= "87" else "20")) + part["Y"])
    try:
        if part["W"]:
            return date.fromisocalendar(year, int(part["W"]), 1)
        return date(year, int(part["M"]), int(part["D"]))
    except ValueError:
        return None
