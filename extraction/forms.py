"""What people type and hand up: a document's fields turned into changes of it, and the form for uploads."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from django import forms
from django.core.files.uploadedfile import UploadedFile

from connectors.models import Mailbox
from extraction.layout import dates, numbers
from extraction.layout.lexicon import unit_name
from extraction.schemas import (
    DATE_FIELDS,
    DOC_TYPES,
    NUMBER_FIELDS,
    SEVERITIES,
    date_of,
    decimal_of,
    number_text,
)

HEADER_GROUPS: Final = (
    (
        "Document",
        (
            ("doc_type", "Kind"),
            ("number", "Number"),
            ("issue_date", "Date"),
            ("order_reference", "Our order"),
            ("customer_number", "Customer no."),
            ("delivery_note_reference", "Delivery note"),
        ),
    ),
    (
        "Parties",
        (
            ("seller_name", "Supplier"),
            ("seller_vat_id", "Supplier VAT ID"),
            ("seller_iban", "Supplier IBAN"),
            ("seller_email", "Supplier e-mail"),
            ("buyer_name", "Buyer"),
            ("buyer_vat_id", "Buyer VAT ID"),
            ("ship_to", "Ship to"),
        ),
    ),
    (
        "Terms and totals",
        (
            ("currency", "Currency"),
            ("delivery_date", "Delivery date"),
            ("payment_terms", "Payment terms"),
            ("incoterm", "Incoterm"),
            ("net_total", "Net"),
            ("charges_total", "Charges"),
            ("allowances_total", "Allowances"),
            ("tax_total", "Tax"),
            ("gross_total", "Gross"),
        ),
    ),
)
LINE_COLUMNS: Final = (
    ("pos", "Pos"),
    ("seller_article", "Their article"),
    ("description", "Description"),
    ("quantity", "Quantity"),
    ("unit", "Unit"),
    ("unit_price", "Price"),
    ("price_base", "Per"),
    ("line_total", "Total"),
    ("delivery_date", "Delivery"),
    ("buyer_article", "Our article"),
    ("discount", "Disc. %"),
    ("tax_rate", "Tax %"),
    ("order_line_ref", "Order line"),
    ("gtin", "GTIN"),
)
MONEY: Final = frozenset(
    {"net_total", "charges_total", "allowances_total", "tax_total", "gross_total", "unit_price", "line_total"}
)
HEADER_NAMES: Final = frozenset(name for _, fields in HEADER_GROUPS for name, _ in fields)
LINE_NAMES: Final = frozenset(name for name, _ in LINE_COLUMNS)
# Columns that are shown though no line has a value in them.
ALWAYS_SHOWN: Final = frozenset(
    {"pos", "seller_article", "description", "quantity", "unit", "unit_price", "line_total"}
)
NEW_LINES: Final = "lines.+"


@dataclass(frozen=True, slots=True)
class Cell:
    """One field as the page shows it: what it says, what was stored, where it stood, what is wrong with it."""

    path: str
    name: str
    label: str
    value: str
    saved: str
    kind: str
    place: Mapping[str, Any] | None
    findings: list[Mapping[str, Any]]
    error: str
    machine: str | None

    @property
    def corrected(self) -> bool:
        return self.machine is not None and _plain(self.machine) != _plain(self.saved)

    @property
    def long(self) -> bool:
        """Whether it may run over several lines."""
        return self.name in {"ship_to", "payment_terms", "description"}

    @property
    def wide(self) -> bool:
        return self.long or self.name in {"seller_name", "buyer_name"}

    @property
    def meaning(self) -> str:
        """What a code stands for, where people would have to look it up."""
        return unit_name(self.value) if self.name == "unit" else ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A document's fields as the page shows them, with what was typed laid over what is stored."""

    current: Mapping[str, Any]
    machine: Mapping[str, Any]
    typed: Mapping[str, Any] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)

    def groups(self) -> Iterator[tuple[str, list[Cell]]]:
        for title, fields in HEADER_GROUPS:
            yield title, [self._cell(name, name, label, self.current, self.machine) for name, label in fields]

    def columns(self) -> list[tuple[str, str, bool]]:
        """Name, label, and whether the column is shown without asking."""
        refused = {path.rpartition(".")[2] for path in self.errors if path.startswith("lines.")}
        lines = self.current.get("lines") or []
        return [
            (name, label, name in ALWAYS_SHOWN or name in refused or any(line.get(name) for line in lines))
            for name, label in LINE_COLUMNS
        ]

    def lines(self) -> Iterator[tuple[int, bool, list[Cell], list[Mapping[str, Any]]]]:
        """Number, whether it is marked to be dropped, cells and findings about the whole of each line."""
        read = self.machine.get("lines") or []
        lines = self.current.get("lines") or []
        for number, line in enumerate(lines):
            # Once lines were added or dropped, the numbers no longer say which was read as which.
            source = read[number] if len(read) == len(lines) else None
            prefix = f"lines.{number}"
            cells = [
                self._cell(f"{prefix}.{name}", name, label, line, source) for name, label in LINE_COLUMNS
            ]
            yield number, self.typed.get(prefix, "") is None, cells, self._about_line(number)

    def added(self) -> list[list[Cell]]:
        """Lines that were typed anew and are not stored yet."""
        return [
            [
                Cell(
                    f"{NEW_LINES}.{number}.{name}", name, label, str(line.get(name) or ""), "", _kind(name), None, [],
                    self.errors.get(f"{NEW_LINES}.{name}", ""), None,
                )
                for name, label in LINE_COLUMNS
            ]
            for number, line in enumerate(self.typed.get(NEW_LINES) or [])
        ]  # fmt: skip

    def blank(self) -> list[Cell]:
        """The cells of a line that does not exist yet, for the page's template of one."""
        return [
            Cell(f"{NEW_LINES}.#.{name}", name, label, "", "", _kind(name), None, [], "", None)
            for name, label in LINE_COLUMNS
        ]

    def refusals(self) -> list[tuple[str, str]]:
        """What was not saved, each with the name that its field has on the page."""
        return [(label_of(path), words) for path, words in self.errors.items()]

    def loose_findings(self) -> list[tuple[str, list[str]]]:
        """Findings about the whole document, or about a field that the page does not show, the worst first."""
        lines = range(len(self.current.get("lines") or []))
        shown = (
            HEADER_NAMES
            | {f"lines.{n}" for n in lines}
            | {f"lines.{n}.{c}" for n in lines for c in LINE_NAMES}
        )
        loose = [finding for finding in self.current.get("findings", []) if finding.get("field") not in shown]
        by_severity = [
            (severity, [str(finding["message"]) for finding in loose if finding["severity"] == severity])
            for severity in reversed(SEVERITIES)
        ]
        return [(severity, words) for severity, words in by_severity if words]

    def _about_line(self, number: int) -> list[Mapping[str, Any]]:
        return [f for f in self.current.get("findings", []) if f.get("field") == f"lines.{number}"]

    def _cell(
        self, path: str, name: str, label: str, stored: Mapping[str, Any], read: Mapping[str, Any] | None
    ) -> Cell:
        saved = _written(name, stored.get(name))
        return Cell(
            path=path,
            name=name,
            label=label,
            value=str(self.typed[path] or "") if path in self.typed else saved,
            saved=saved,
            kind=_kind(name),
            place=self.current.get("evidence", {}).get(path),
            findings=[f for f in self.current.get("findings", []) if f.get("field") == path],
            error=self.errors.get(path, ""),
            machine=None if read is None else _written(name, read.get(name)),
        )


def doc_types() -> list[tuple[str, str]]:
    return [(kind, kind.replace("_", " ").capitalize()) for kind in DOC_TYPES]


def changes_of(
    posted: Mapping[str, str], dropped: Collection[str], current: Mapping[str, Any]
) -> dict[str, Any]:
    """What ``posted`` changes in ``current``, by path; empty when it says the same. ``dropped`` are line numbers."""
    changes: dict[str, Any] = {}
    for name in HEADER_NAMES & posted.keys():
        _compare(changes, name, posted[name], current.get(name))
    for number, line in enumerate(current.get("lines") or []):
        if str(number) in dropped:
            changes[f"lines.{number}"] = None
            continue
        for name in LINE_NAMES:
            path = f"lines.{number}.{name}"
            if path in posted:
                _compare(changes, path, posted[path], line.get(name))
    added: dict[str, dict[str, str]] = {}
    for key, value in posted.items():
        if key.startswith(f"{NEW_LINES}.") and value.strip():
            which, _, name = key.removeprefix(f"{NEW_LINES}.").partition(".")
            if name in LINE_NAMES:
                added.setdefault(which, {})[name] = _understood(name, value)
    if added:
        changes[NEW_LINES] = list(added.values())
    return changes


def still_typed(changes: Mapping[str, Any], meanwhile: Iterable[Mapping[str, Any] | None]) -> dict[str, Any]:
    """Of ``changes`` to a document as it is now, those a person typed before others changed it.

    A page that is out of date sends back old values as well. ``meanwhile`` are the changes of others, oldest
    first. Once they added or dropped lines, the line numbers of the page mean other lines: entries there are let go.
    """
    before: dict[str, Any] = {}
    for act in meanwhile:
        for path, change in (act or {}).items():
            before.setdefault(path, change["from"])
    moved = any(path.startswith("lines.") and path.count(".") == 1 for path in before)
    return {
        path: value
        for path, value in changes.items()
        if not (moved and path.startswith("lines."))
        and not (
            path in before and _plain(value) in (_plain(before[path]), _plain(_shown_as(path, before[path])))
        )
    }


def _shown_as(path: str, value: Any) -> str:
    return _written(path.rpartition(".")[2], value)


def _compare(changes: dict[str, Any], path: str, typed: str, stored: Any) -> None:
    # A browser folds the line ends of a value, and the page pads amounts; neither is a change.
    if _plain(typed) in (_plain(stored), _plain(_shown_as(path, stored))):
        return
    understood = _understood(path.rpartition(".")[2], typed)
    if _plain(understood) not in (_plain(stored), _plain(_shown_as(path, stored))):
        changes[path] = understood or None


def _understood(name: str, typed: str) -> str:
    """A number or a date as it is stored, where the paper's way of writing it can be read in one way only."""
    text = typed.strip()
    if name in NUMBER_FIELDS and decimal_of(text) is None:
        found = set(numbers.readings(text))
        return number_text(found.pop()) if len(found) == 1 else text
    if name in DATE_FIELDS and date_of(text) is None:
        days = {
            date.read(month_first=False) for date in dates.find_dates(text) if _has_one_reading(date, text)
        }
        day = days.pop() if len(days) == 1 else None
        return day.isoformat() if day else text
    return text


def _has_one_reading(date: dates.DateText, text: str) -> bool:
    """Whether the date is all of the text and its order of day and month is certain: points put the day first."""
    whole = (date.start, date.end) == (0, len(text))
    return whole and (
        "." in text or None in (date.day_first, date.month_first) or date.day_first == date.month_first
    )


def label_of(path: str) -> str:
    """The name that a field has on the page; ``lines.0.unit_price`` is Line 1, Price."""
    header = {name: label for _, fields in HEADER_GROUPS for name, label in fields}
    if path in header:
        return header[path]
    _, number, name = [*path.split("."), "", ""][:3]
    place = f"Line {int(number) + 1}" if number.isdigit() else "New line"
    return f"{place}, {dict(LINE_COLUMNS)[name]}" if name in LINE_NAMES else place


def _written(name: str, value: Any) -> str:
    """A stored value as the page writes it: amounts of money with at least two decimals."""
    text = str(value or "")
    whole, _, cents = text.partition(".")
    return f"{whole}.{cents.ljust(2, '0')}" if name in MONEY and text else text


def _plain(value: Any) -> str:
    return " ".join(str(value or "").split())


def _kind(name: str) -> str:
    if name == "doc_type":
        return "choice"
    if name in NUMBER_FIELDS:
        return "number"
    return "date" if name in DATE_FIELDS else "text"


class _Files(forms.ClearableFileInput):
    allow_multiple_selected = True


class _FilesField(forms.FileField):
    """One file or several; cleaned to a list of them. What is in them is looked at one by one later."""

    widget = _Files

    def clean(self, data: Any, initial: Any = None) -> Any:
        given = data if isinstance(data, list | tuple) else [data] if data else []
        if not given:
            raise forms.ValidationError(self.error_messages["required"], code="required")
        return given


class UploadForm(forms.Form):
    """Files to take in, and the mailbox whose they are."""

    mailbox = forms.ModelChoiceField(
        queryset=Mailbox.objects.all(),
        widget=forms.Select(attrs={"class": "select"}),
        empty_label="Choose a mailbox",
        help_text="They are kept under this mailbox’s retention, in its folder for uploads.",
    )
    chosen = _FilesField(label="Files", widget=_Files(attrs={"class": "input"}))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        mailboxes = list(Mailbox.objects.values_list("pk", flat=True)[:2])
        if len(mailboxes) == 1:
            self.fields["mailbox"].initial = mailboxes[0]

    def uploads(self) -> "list[UploadedFile[bytes]]":
        found: list[UploadedFile[bytes]] = self.cleaned_data["chosen"]
        return found
