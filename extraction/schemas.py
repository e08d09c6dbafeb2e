"""The canonical document: what every extractor produces, whatever the supplier sent."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Final, Self

DOC_TYPES: Final = (
    "order_confirmation",
    "order",
    "order_change",
    "order_cancellation",
    "invoice",
    "credit_note",
    "delivery_note",
    "quote",
    "reminder",
    "receipt",
    "other",
)
SEVERITIES: Final = ("info", "warning", "error")

# Decimals beyond this many digits are no money and no quantity; refusing them keeps arithmetic bounded.
MAX_DIGITS: Final = 24

Box = tuple[float, float, float, float]
Json = dict[str, Any]


def number_text(value: Decimal) -> str:
    """The decimal as plain digits with a point, never in exponent notation, without padding zeros."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text


def decimal_of(value: object) -> Decimal | None:
    """The number a canonical JSON value stands for; None for null, empty, not finite or absurdly long."""
    if value is None or isinstance(value, bool):
        return None
    text = str(value).strip()
    if not text or len(text) > MAX_DIGITS + 8:
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    if (
        not number.is_finite()
        or len(number.as_tuple().digits) > MAX_DIGITS
        or abs(number.adjusted()) > MAX_DIGITS
    ):
        return None
    return number


def date_of(value: object) -> date | None:
    """The day an ISO 8601 text stands for; a time after it is dropped; None when it is no date."""
    try:
        return date.fromisoformat(str(value or "").strip()[:10])
    except ValueError:
        return None


def text_of(value: object) -> str | None:
    """The text, or None where there is none."""
    return str(value) if value not in (None, "") else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something a person should know about a document; `code` is a stable identifier, `field` a path such as
    `lines.0.quantity`, `severity` one of SEVERITIES."""

    code: str
    message: str
    field: str | None = None
    severity: str = "warning"

    def to_json(self) -> Json:
        return {"code": self.code, "field": self.field, "severity": self.severity, "message": self.message}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(
            code=str(data["code"]),
            message=str(data.get("message") or ""),
            field=text_of(data.get("field")),
            severity=str(data.get("severity") or "warning"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Where a value stood. `text` is what stands there; the place is a page (from 1) with a box in points from the
    page's top left corner as a reader sees it; a path in an XML tree, to a component of an EDIFACT message
    (`/UNH[1]/QTY[2]/1.2`) or to a cell of a sheet; an offset in the source's text; or more than one of these."""

    text: str | None = None
    page: int | None = None
    box: Box | None = None
    path: str | None = None
    offset: int | None = None

    def to_json(self) -> Json:
        place: Json = {"page": self.page, "box": self.box, "path": self.path, "offset": self.offset}
        if self.box is not None:
            place["box"] = [round(edge, 1) for edge in self.box]
        return {key: value for key, value in {**place, "text": self.text}.items() if value is not None}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        box = data.get("box")
        return cls(
            text=data.get("text"),
            page=data.get("page"),
            box=(float(box[0]), float(box[1]), float(box[2]), float(box[3])) if box else None,
            path=data.get("path"),
            offset=data.get("offset"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One position. `unit` is the UN/ECE Rec 20 code where the printed unit is known, else the printed one;
    `price_base` is the quantity the unit price is for; `discount` and `tax_rate` are percentages."""

    pos: str | None = None
    seller_article: str | None = None
    buyer_article: str | None = None
    gtin: str | None = None
    description: str | None = None
    quantity: Decimal | None = None
    unit: str | None = None
    unit_price: Decimal | None = None
    price_base: Decimal | None = None
    discount: Decimal | None = None
    tax_rate: Decimal | None = None
    line_total: Decimal | None = None
    delivery_date: date | None = None
    order_line_ref: str | None = None

    def to_json(self) -> Json:
        return {item.name: _plain(getattr(self, item.name)) for item in fields(self)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(**{item.name: _typed(item.name, data.get(item.name)) for item in fields(cls)})


@dataclass(frozen=True, slots=True, kw_only=True)
class CanonicalDocument:
    """One order document in the words of extraction.md; what is unknown is None. Totals are positive as printed,
    `charges_total` and `allowances_total` are those of the document, not of its lines."""

    doc_type: str = "other"
    number: str | None = None
    issue_date: date | None = None
    order_reference: str | None = None
    order_references: tuple[str, ...] = ()
    customer_number: str | None = None
    delivery_note_reference: str | None = None
    seller_name: str | None = None
    seller_vat_id: str | None = None
    seller_iban: str | None = None
    seller_email: str | None = None
    buyer_name: str | None = None
    buyer_vat_id: str | None = None
    ship_to: str | None = None
    currency: str | None = None
    net_total: Decimal | None = None
    tax_total: Decimal | None = None
    gross_total: Decimal | None = None
    charges_total: Decimal | None = None
    allowances_total: Decimal | None = None
    payment_terms: str | None = None
    incoterm: str | None = None
    delivery_date: date | None = None
    lines: tuple[Line, ...] = ()
    language: str | None = None
    confidence: float = 0.0
    findings: tuple[Finding, ...] = field(default=())

    def to_json(self) -> Json:
        data = {item.name: _plain(getattr(self, item.name)) for item in fields(self)}
        data["order_references"] = list(self.order_references)
        data["lines"] = [line.to_json() for line in self.lines]
        data["confidence"] = round(self.confidence, 3)
        data["findings"] = [finding.to_json() for finding in self.findings]
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Reads what to_json wrote, and a person's corrections of it: a text that is no number or date where one is
        due becomes None, a missing name keeps its default."""
        nested: Json = {
            "doc_type": data.get("doc_type") if data.get("doc_type") in DOC_TYPES else "other",
            "order_references": tuple(str(item) for item in data.get("order_references") or ()),
            "lines": tuple(Line.from_json(line) for line in data.get("lines") or ()),
            "confidence": float(data.get("confidence") or 0.0),
            "findings": tuple(Finding.from_json(item) for item in data.get("findings") or ()),
        }
        plain = {
            item.name: _typed(item.name, data.get(item.name))
            for item in fields(cls)
            if item.name not in nested
        }
        return cls(**nested, **plain)


@dataclass(frozen=True, slots=True, kw_only=True)
class Extraction:
    """A document and where each of its values stood, by field path (`number`, `lines.0.quantity`)."""

    document: CanonicalDocument
    evidence: Mapping[str, Evidence] = field(default_factory=dict)
    profile: tuple[str, int] | None = None
    """Key and version of the supplier's profile it was read with."""

    def to_json(self) -> Json:
        """The canonical JSON, complete: the document's names and `evidence`."""
        return {
            **self.document.to_json(),
            "evidence": {path: evidence.to_json() for path, evidence in self.evidence.items()},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        evidence = {path: Evidence.from_json(item) for path, item in (data.get("evidence") or {}).items()}
        return cls(document=CanonicalDocument.from_json(data), evidence=evidence)


NUMBER_FIELDS: Final = frozenset(
    {"net_total", "tax_total", "gross_total", "charges_total", "allowances_total"}
    | {"quantity", "unit_price", "price_base", "discount", "tax_rate", "line_total"}
)
DATE_FIELDS: Final = frozenset({"issue_date", "delivery_date"})


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return number_text(value)
    return value.isoformat() if isinstance(value, date) else value


def _typed(name: str, value: object) -> Any:
    if name in NUMBER_FIELDS:
        return decimal_of(value)
    return date_of(value) if name in DATE_FIELDS else text_of(value)
