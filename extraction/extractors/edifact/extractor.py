"""EDIFACT ORDERS, ORDRSP, ORDCHG, DESADV and INVOIC, each message of an interchange a document of its own."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import ClassVar, Final

from stdnum import ean

from extraction import media
from extraction.codes import (
    DOCUMENT_CODES,
    FUNCTION_CODES,
    LINE_CODES,
    RESPONSE_CODES,
    line_answer,
    order_answer,
)
from extraction.collecting import Collector
from extraction.extractor import Extractor, Source, UnreadableError
from extraction.extractors.edifact.groups import (
    LineGroup,
    Parts,
    allowances,
    parts_of,
    party_groups,
    without_allowances,
    without_parties,
)
from extraction.extractors.edifact.segments import Message, Segment, messages
from extraction.schemas import (
    NUMBER_FIELDS,
    CanonicalDocument,
    Evidence,
    Extraction,
    Finding,
    Line,
    decimal_of,
)

KINDS: Final = {
    "ORDERS": "order",
    "ORDRSP": "order_confirmation",
    "ORDCHG": "order_change",
    "DESADV": "delivery_note",
    "INVOIC": "invoice",
}

# UNCL 2005, 6063, 5025 and 5125: the qualifiers that can stand for a field, the best first.
_DELIVERY: Final = ("67", "69", "35", "17", "79", "2", "64", "63", "10", "11", "76", "18")
_QUANTITIES: Final = {
    "ORDERS": ("21", "131", "145", "1", "11"),
    "ORDRSP": ("113", "12", "170", "21", "1", "11"),
    "ORDCHG": ("21", "113", "1", "11"),
    "DESADV": ("12", "113", "46", "21", "1", "11"),
    "INVOIC": ("47", "46", "12", "21", "1", "61"),
}
_PRICES: Final = ("AAA", "NTP", "NTU", "INV", "CON", "AAB", "AAE", "CAL", "CT", "GRP")
_LINE_AMOUNTS: Final = ("203", "66", "38")
_NET: Final = ("125", "79")
_TAX: Final = ("176", "124", "150")
_GROSS: Final = ("77", "39", "128", "86", "9")
_CHARGE_SUMS: Final = {"charges_total": ("259", "C"), "allowances_total": ("260", "A")}

_SELLERS: Final = ("SU", "SE", "II", "MF")
_BUYERS: Final = ("BY", "IV", "OB", "UC")
_RECEIVERS: Final = ("DP", "ST", "CN", "UD")
# The day of a document, and what stands in for it in messages older than the qualifier for it.
_ISSUED: Final = {"ORDERS": ("137", "4"), "INVOIC": ("137", "3")}
_ORDER_NUMBER: Final = "ON"
# Where no order number is called one: the order this one came from, or what the customer calls his order.
_ORDERS_BY_OTHER_NAMES: Final = ("OP", "CR")
_DELIVERY_NOTES: Final = ("DQ", "AAK", "AAU")
_GTINS: Final = frozenset({"EN", "EAN", "SRV", "UP", "IB", "GTIN"})
# UNCL 7143: the best first.
_SELLER_NUMBERS: Final = ("SA", "VP", "VN", "MF")
_BUYER_NUMBERS: Final = ("IN", "BP")
# UNCL 4347: what may take the article's place, and what it takes the place of.
_OTHER_ARTICLES: Final = frozenset({"2", "3", "4"})
# UNCL 7081: what is said of an article beside what it is: quality, colour, grade, size.
_TRAITS: Final = frozenset({"13", "35", "38", "98"})
# C080 and C273 have this many pieces of a text, cut in the middle of a word if need be; what follows are codes.
_PIECES: Final = 5
_PIECE: Final = 35


class EdifactExtractor(Extractor):
    key: ClassVar[str] = "edifact"
    version: ClassVar[str] = "3"

    def score(self, source: Source) -> int | None:
        return 90 if source.media_type == media.EDIFACT else None

    def extract(self, source: Source) -> list[Extraction]:
        found = messages(source.content)
        if not found:
            raise UnreadableError("edifact_broken", "The interchange holds no message.")
        read = [_read(message) for message in found if message.kind in KINDS]
        if not read:
            raise UnreadableError("not_an_order_message", "The interchange holds no order message.")
        return read


def _read(message: Message) -> Extraction:
    parts = parts_of(message)
    header = Collector()
    named = next((segment for segment in message.segments if segment.tag == "BGM"), None)
    findings = [] if message.whole else [_cut_off()]
    if named is not None:
        _put(header, "number", named, 2)
        findings += _answer(named, message.kind)
    heading = without_parties(parts.heading)
    _dates(header, heading, message.kind)
    _references(header, parts)
    _parties(header, parts.heading)
    _terms(header, heading)
    _currency(header, heading, parts.summary)
    _sums(header, heading, parts.summary)
    lines: list[Line] = []
    for group in parts.lines:
        answer = LINE_CODES.get(group.own[0].get(2)) if message.kind in {"ORDRSP", "ORDCHG"} else None
        schedules: list[list[Segment] | None] = [*group.schedules]
        if answer:
            # What is answered to a position is said once, however many deliveries it is split into.
            findings.append(line_answer(answer, len(lines)))
        for schedule in schedules if len(schedules) > 1 else [None]:
            lines.append(_line(group, schedule, message.kind, header.line(len(lines))))
    document = CanonicalDocument(
        doc_type=_doc_type(message.kind, named),
        lines=tuple(lines),
        confidence=1.0 if message.whole else 0.5,
        findings=tuple(findings),
        **header.known(),
    )
    return Extraction(document=document, evidence=header.evidence)


def _cut_off() -> Finding:
    return Finding(
        code="message_incomplete",
        severity="error",
        message="The message ends before its end, or has fewer segments than it says; ask for it again.",
    )


def _doc_type(kind: str, named: Segment | None) -> str:
    if named is not None and _is_cancelled(named, kind):
        return "order_cancellation"
    coded = DOCUMENT_CODES.get(named.get(1)) if named is not None else None
    return "credit_note" if kind == "INVOIC" and coded == "credit_note" else KINDS[kind]


def _is_cancelled(named: Segment, kind: str) -> bool:
    """UNCL 1225: the buyer's message is a cancellation or a deletion."""
    return kind in {"ORDERS", "ORDCHG"} and named.get(3) in {"1", "3"}


def _answer(named: Segment, kind: str) -> list[Finding]:
    """That the buyer cancels, or, by UNCL 1225 and 4343 in BGM, what the supplier answers."""
    if _is_cancelled(named, kind):
        return [order_answer("cancelled")]
    answer = RESPONSE_CODES.get(named.get(4)) or FUNCTION_CODES.get(named.get(3))
    return [order_answer(answer)] if answer and kind == "ORDRSP" else []


def _put(into: Collector, name: str, segment: Segment, element: int, component: int = 1) -> None:
    """A component as the field's value, unless the field has one."""
    place = segment.place(element, component)
    if place.text and name not in into.values:
        number = _number(place.text)
        if number is not None and name in NUMBER_FIELDS:
            into.put_value(name, number, place)
        elif name not in NUMBER_FIELDS:
            into.put_text(name, place)


def _number(text: str) -> Decimal | None:
    """ISO 9735: no thousands separators; comma and point both mark decimals, whatever UNA says."""
    return decimal_of(text.replace(",", "."))


def _first(
    segments: Sequence[Segment], tag: str, qualifiers: Sequence[str], element: int = 1
) -> Segment | None:
    """The segment of that tag with the best of the qualifiers."""
    for qualifier in qualifiers:
        for segment in segments:
            if segment.tag == tag and segment.get(element) == qualifier:
                return segment
    return None


def _dates(header: Collector, heading: Sequence[Segment], kind: str) -> None:
    issued = _first(heading, "DTM", _ISSUED.get(kind, ("137",)))
    if issued is not None:
        header.put_text("issue_date", issued.place(1, 2), issued.get(1, 3) or "102")
    _delivery(header, heading)


def _delivery(into: Collector, segments: Sequence[Segment]) -> None:
    for qualifier in _DELIVERY:
        due = _first(segments, "DTM", (qualifier,))
        if due is not None and "delivery_date" not in into.values:
            into.put_text("delivery_date", due.place(1, 2), due.get(1, 3) or "102")


def _references(header: Collector, parts: Parts) -> None:
    own = (segment for line in parts.lines for segment in line.own)
    named = [segment for segment in (*parts.heading, *own) if segment.tag == "RFF"]
    for qualifier in (_ORDER_NUMBER, *_ORDERS_BY_OTHER_NAMES):
        if not header.values.get("order_references"):
            header.put_orders(segment.place(1, 2) for segment in named if segment.get(1) == qualifier)
    noted = _first(parts.heading, "RFF", _DELIVERY_NOTES)
    if noted is not None:
        _put(header, "delivery_note_reference", noted, 1, 2)


def _parties(header: Collector, heading: Sequence[Segment]) -> None:
    groups = list(party_groups(heading))
    for prefix, roles in (("seller", _SELLERS), ("buyer", _BUYERS)):
        for party, group in _by_role(groups, roles):
            _name(header, f"{prefix}_name", party)
            for segment in group:
                if segment.tag == "RFF" and segment.get(1) == "VA":
                    _put(header, f"{prefix}_vat_id", segment, 1, 2)
                elif segment.tag == "RFF" and segment.get(1) == "IT" and prefix == "buyer":
                    _put(header, "customer_number", segment, 1, 2)
                elif segment.tag == "COM" and segment.get(1, 2) == "EM" and prefix == "seller":
                    _put(header, "seller_email", segment, 1)
                elif segment.tag == "FII" and prefix == "seller":
                    _put(header, "seller_iban", segment, 2)
    for party, _ in _by_role(groups, _RECEIVERS):
        # C080 name, C059 street, city, postcode.
        parts = [part for element in (4, 5, 6, 8) for part in _components(party, element)]
        text = ", ".join(parts)
        if text and "ship_to" not in header.values:
            header.put_value("ship_to", text, party.place(4, 1, text))


def _by_role(
    groups: Sequence[tuple[Segment, list[Segment]]], roles: Sequence[str]
) -> Iterator[tuple[Segment, list[Segment]]]:
    return (found for role in roles for found in groups if found[0].get(1) == role)


def _components(segment: Segment, element: int) -> list[str]:
    parts = segment.elements[element - 1][:_PIECES] if len(segment.elements) >= element else ()
    return [part.strip() for part in parts if part.strip()]


def _name(header: Collector, name: str, party: Segment) -> None:
    """C080, where a name too long for one piece goes on in the next; else the first line of C058."""
    pieces = _components(party, 4)
    element = 4 if pieces else 3
    text = _joined(party, 4) if pieces else next(iter(_components(party, 3)), "")
    if text and name not in header.values:
        header.put_value(name, text, party.place(element, 1, text))


def _joined(segment: Segment, element: int, first: int = 1) -> str:
    """The components of an element from the first, put together again as they were before they were cut."""
    text = ""
    parts = segment.elements[element - 1][first - 1 : _PIECES] if len(segment.elements) >= element else ()
    for index, part in enumerate(parts):
        split = index and len(parts[index - 1]) == _PIECE
        text += part if split or not text else f" {part}"
    return " ".join(text.split())


def _terms(header: Collector, heading: Sequence[Segment]) -> None:
    for segment in heading:
        if segment.tag == "TOD":
            _put(header, "incoterm", segment, 3)
        elif segment.tag == "FTX" and segment.get(1) == "AAB":
            text = _joined(segment, 4)
            if text:
                header.put_value("payment_terms", text, segment.place(4, 1, text))


def _currency(header: Collector, heading: Sequence[Segment], summary: Sequence[Segment]) -> None:
    """The reference currency, or another that is named, or that of the sums."""
    named = _first(heading, "CUX", ("2", "1")) or next((item for item in heading if item.tag == "CUX"), None)
    if named is not None:
        _put(header, "currency", named, 1, 2)
    for segment in summary:
        if segment.tag == "MOA":
            _put(header, "currency", segment, 1, 3)


def _sums(header: Collector, heading: Sequence[Segment], summary: Sequence[Segment]) -> None:
    """MOA of the message; where a sum stands only for each rate of tax, those added up."""
    split = next((index for index, item in enumerate(summary) if item.tag == "TAX"), len(summary))
    overall = without_allowances(summary[:split])
    for name, qualifiers in (("net_total", _NET), ("tax_total", _TAX), ("gross_total", _GROSS)):
        for qualifier in qualifiers:
            amounts = _amounts(overall, qualifier)[:1] or _amounts(summary[split:], qualifier)
            if amounts and name not in header.values:
                header.put_sum(name, amounts)
    for name, (qualifier, kind) in _CHARGE_SUMS.items():
        amounts = _amounts(summary, qualifier)[:1] or [
            (_number(amount.get(1, 2)), amount.place(1, 2))
            for item, group in (*allowances(heading), *allowances(summary))
            if item.get(1) == kind
            for amount in group
            if amount.tag == "MOA" and amount.get(1) in {"8", "23", "204"}
        ]
        header.put_sum(name, amounts)


def _amounts(segments: Sequence[Segment], qualifier: str) -> list[tuple[Decimal | None, Evidence]]:
    return [
        (_number(segment.get(1, 2)), segment.place(1, 2))
        for segment in segments
        if segment.tag == "MOA" and segment.get(1) == qualifier
    ]


def _line(group: LineGroup, schedule: list[Segment] | None, kind: str, line: Collector) -> Line:
    """One position, or one schedule of it: then its own quantity and date, and no total."""
    own = group.own
    _put(line, "pos", own[0], 1)
    _articles(line, own)
    _description(line, own)
    places = [schedule] if schedule is not None else [own, *group.schedules]
    for segments in places:
        counted = _first(segments, "QTY", _QUANTITIES[kind])
        if counted is not None:
            _put(line, "quantity", counted, 1, 2)
            _put(line, "unit", counted, 1, 3)
    for segments in (*(places if schedule is not None else reversed(places)), own):
        _delivery(line, segments)
    _prices(line, own, whole=schedule is None)
    for segment in own:
        if segment.tag == "RFF" and segment.get(1) == _ORDER_NUMBER:
            _put(line, "order_line_ref", segment, 1, 3)
    referred = _first(own, "RFF", ("LI",))
    if referred is not None:
        _put(line, "order_line_ref", referred, 1, 3 if referred.get(1, 3) else 2)
    return Line(**line.values)


def _articles(line: Collector, own: Sequence[Segment]) -> None:
    """C212 in LIN and PIA: whose number it is, says its type."""
    numbers: dict[str, tuple[Segment, int]] = {}
    for segment in own:
        if segment.tag not in {"LIN", "PIA"} or (segment.tag == "PIA" and segment.get(1) in _OTHER_ARTICLES):
            continue
        for element in range(3, 4) if segment.tag == "LIN" else range(2, 7):
            number, kind = segment.get(element), segment.get(element, 2)
            if kind in _GTINS or (not kind and ean.is_valid(number)):
                _put(line, "gtin", segment, element)
            elif number:
                numbers.setdefault(kind, (segment, element))
    for name, kinds in (("seller_article", _SELLER_NUMBERS), ("buyer_article", _BUYER_NUMBERS)):
        for place in (numbers[kind] for kind in kinds if kind in numbers):
            _put(line, name, *place)


def _description(line: Collector, own: Sequence[Segment]) -> None:
    texts = [(segment, _joined(segment, 3, 4)) for segment in own if segment.tag == "IMD"]
    named = [(segment, text) for segment, text in texts if text]
    printed = [item for item in named if item[0].get(2) not in _TRAITS] or named
    if printed:
        # Further IMD of the same characteristic go on with the text; others state colour, size and the like.
        kind = printed[0][0].get(2)
        text = " ".join(text for segment, text in printed if segment.get(2) == kind)
        line.put_value("description", text, printed[0][0].place(3, 4, text))


def _prices(line: Collector, own: Sequence[Segment], *, whole: bool) -> None:
    plain = without_allowances(own)
    price = _first(plain, "PRI", _PRICES) or next((item for item in plain if item.tag == "PRI"), None)
    if price is not None:
        _put(line, "unit_price", price, 1, 2)
        _put(line, "price_base", price, 1, 5)
    total = _first(plain, "MOA", _LINE_AMOUNTS)
    if total is not None and whole:
        _put(line, "line_total", total, 1, 2)
    rate = _first(plain, "TAX", ("7",))
    if rate is not None:
        _put(line, "tax_rate", rate, 5, 4)
    reductions = list(allowances(own))
    if len(reductions) == 1 and reductions[0][0].get(1) == "A":
        for segment in reductions[0][1]:
            if segment.tag == "PCD":
                _put(line, "discount", segment, 1, 2)
