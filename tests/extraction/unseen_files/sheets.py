"""Sheets of unseen suppliers: CSV, XLSX and XLS."""

import random
import struct
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from xml.sax.saxutils import escape

from tests.extraction.unseen_files.orders import Item, Order, Specimen
from tests.extraction.workbooks import MAIN, Value, reference, xlsx

EPOCH = date(1899, 12, 30)
# Formats of Excel by their place in the styles: money in euros, a date in letters, a count with its unit.
FORMATS = {
    "money": '#,##0.00\\ "€"',
    "day": "dd/mm/yyyy;@",
    "count": '#,##0\\ "Stk"',
    "long": "[$-407]d. mmmm yyyy",
}
STYLES = (
    f'<?xml version="1.0"?><styleSheet xmlns="{MAIN}"><numFmts count="4">'
    + "".join(
        f'<numFmt numFmtId="{164 + n}" formatCode="{escape(code, {chr(34): "&quot;"})}"/>'
        for n, code in enumerate(FORMATS.values())
    )
    + '</numFmts><cellXfs count="5"><xf numFmtId="0"/>'
    + "".join(f'<xf numFmtId="{164 + n}" applyNumberFormat="1"/>' for n in range(len(FORMATS)))
    + "</cellXfs></styleSheet>"
)


class Formula(float):
    """A number that a formula gave and the file keeps."""


class Native:
    """A cell of a number or a day, with the name of its format."""

    def __init__(self, value: Decimal | date, style: str = "") -> None:
        self.number = float((value - EPOCH).days if isinstance(value, date) else value)
        self.style = style or ("day" if isinstance(value, date) else "")


Cells = list[list[Any]]


def sheet(seed: int) -> Specimen:
    """One file."""
    rng = random.Random(f"sheet {seed}")
    order = Order(rng)
    kind = rng.choice(["csv", "csv", "xlsx", "xlsx", "xls"])
    native = kind != "csv" and rng.random() < 0.7
    order.traits.append(kind + ("-native" if native else ""))
    rows = _Rows(order, native=native).made()
    name = f"sheet.{kind}"
    if kind == "csv":
        return Specimen(name, _csv(order, rows), order.truth(), order.traits)
    if kind == "xls":
        return Specimen(name, xls(order.words["sheets"][0], rows), order.truth(), order.traits)
    return Specimen(name, _book(order, rows), order.truth(), order.traits)


class _Rows:
    """The rows of the sheet with the positions."""

    def __init__(self, order: Order, *, native: bool) -> None:
        self.order = order
        self.native = native
        self.names = order.layout()
        self.sign = order.has(0.2)

    def made(self) -> Cells:
        order = self.order
        shape = order.trait("above", "above", "repeated", "repeated", "beside", "one-cell")
        # Without a title, columns under our order's number are the answer to it.
        if shape == "repeated" and order.kind != "order":
            return self._repeated()
        rows: Cells = [[order.seller]] if order.has(0.6) else []
        if rows:
            order.printed.add("seller_name")
        if order.has(0.3) and rows:
            vat = order.pick("vat_id")
            rows += [
                [order.words["address"][0]],
                [order.words["address"][1]],
                [f"{vat}: {order.words['vat']}"],
            ]
            order.printed.add("seller_vat_id")
        rows += [[]] * order.rng.randrange(2)
        rows.append([order.pick("titles")])
        rows += self._header(shape)
        rows += [[]] * order.rng.randrange(3)
        rows += self._table()
        rows += [[]] * order.rng.randrange(2)
        rows += self._sums()
        if order.has(0.3):
            rows += [[], [order.pick("note")], [order.pick("closing")]]
        return rows

    def _header(self, shape: str) -> Cells:
        order = self.order
        pairs: list[tuple[str, Any]] = order.header()
        if self.native:
            pairs = [
                (label, Native(order.date, order.rng.choice(["day", "long"])))
                if value == order.day(order.date)
                else (label, value)
                for label, value in pairs
            ]
        colon = order.rng.choice(["", ":"])
        if shape == "one-cell":
            return [
                [f"{label}: {order.day(order.date) if isinstance(value, Native) else value}"]
                for label, value in pairs
            ]
        if shape == "beside":
            return [[cell for label, value in pairs for cell in (label + colon, value, None)]]
        gap = [None] * order.rng.randrange(2)
        return [[label + colon, *gap, value] for label, value in pairs]

    def _table(self) -> Cells:
        order = self.order
        heads: list[Any] = [*order.heads(self.names)]
        names = list(self.names)
        rows: Cells = [heads]
        shift = [None] if order.has(0.15) else []
        if "unit" in names and order.has(0.2):
            order.traits.append("unit-in-quantity")
            at = names.index("unit")
            names.remove("unit")
            heads.pop(at)
        if order.has(0.12) and not shift:
            order.traits.append("two-rows")
            rows = [
                [head.split()[0] for head in heads],
                [" ".join(head.split()[1:]) or None for head in heads],
            ]
        for number, item in enumerate(order.items):
            rows.append([self._cell(item, name, joined="unit" not in names) for name in names])
            if order.has(0.1):
                rows.append([])
            if order.has(0.05) and "description" in names:
                order.traits.append("groups")
                rows.append([order.pick("group")])
            if order.has(0.08) and number and "description" in names:
                rows.append([None] * names.index("description") + [order.pick("note")])
        self.width = len(names)
        return [shift + row if row else row for row in rows]

    def _cell(self, item: Item, name: str, *, joined: bool) -> Any:
        order = self.order
        if name == "quantity" and joined and "unit" in self.names:
            return f"{order.count(item.quantity)} {item.unit}"
        if not self.native:
            text = order.cells(item)[name]
            return order.money(item.line_total) if name == "total" and self.sign else text
        values: dict[str, Any] = {
            "pos": Native(Decimal(item.pos)),
            "quantity": Native(item.quantity),
            "price": Native(item.unit_price, "money"),
            "base": Native(Decimal(item.price_base)),
            "discount": Native(Decimal(item.discount)),
            "vat_rate": Native(Decimal(order.rate)),
            "total": Formula(item.line_total) if order.has(0.5) else Native(item.line_total, "money"),
            "due": Native(item.delivery_date),
        }
        found = values.get(name, order.cells(item)[name])
        return found or None

    def _sums(self) -> Cells:
        order = self.order
        if order.has(0.35):
            return []
        rows: Cells = []
        pad = [None] * (self.width - 2) if order.has(0.7) else []
        for field_name, label, value in order.sums():
            text = order.amount(value)
            if field_name == "gross_total" and not self.native:
                text = f"{text} {order.currency}"
                order.printed.add("currency")
            rows.append([*pad, label, Native(value, "money") if self.native else text])
        return rows

    def _repeated(self) -> Cells:
        """The document's own fields in columns, the same on every row."""
        order = self.order
        fields = {
            "number": (order.pick("number"), order.number),
            "order_reference": (order.pick("reference"), order.reference),
        }
        if order.kind == "order_confirmation" and order.has(0.4):
            fields.pop("number")
        day: Any = Native(order.date) if self.native else order.day(order.date)
        if order.has(0.4) and "due" in self.names:
            fields["issue_date"] = (order.words["date"][0], day)
        if order.has(0.3):
            fields["currency"] = (order.words["currency_label"], order.currency)
        heads = order.heads(self.names)
        taken = set(heads)
        more = [(label, value) for label, value in fields.values()]
        if taken & {label for label, _ in more}:
            return _Rows._repeated(self)
        order.printed |= set(fields)
        front = order.has(0.8)
        rows: Cells = [
            [label for label, _ in more] + heads if front else heads + [label for label, _ in more]
        ]
        for item in order.items:
            cells = [self._cell(item, name, joined=False) for name in self.names]
            values = [value for _, value in more]
            rows.append([*values, *cells] if front else [*cells, *values])
        return rows


def _csv(order: Order, rows: Cells) -> bytes:
    mark = order.rng.choice([";", ";", ",", "\t", "|"])
    order.traits.append({"\t": "tab", ",": "comma", ";": "semicolon", "|": "pipe"}[mark])
    width = max(len(row) for row in rows)
    filled = order.has(0.5)
    quoted = order.has(0.2)
    lines = []
    for row in rows:
        cells = ["" if cell is None else str(cell) for cell in row]
        cells += [""] * (width - len(cells)) if filled else []
        lines.append(mark.join(_quoted(order, cell, mark, always=quoted) for cell in cells))
    text = order.rng.choice(["\r\n", "\n"]).join(lines) + "\r\n"
    encoding = order.trait("utf-8", "utf-8-sig", "cp1252", "utf-16")
    text = text.replace("\u202f", "\u00a0") if encoding == "cp1252" else text
    return text.encode(encoding, errors="replace")


def _quoted(order: Order, cell: str, mark: str, *, always: bool) -> str:
    if len(cell) > 25 and order.has(0.1) and " " in cell:
        cell = "\n".join(cell.rsplit(" ", 1))
    needed = always or mark in cell or '"' in cell or "\n" in cell
    return '"' + cell.replace('"', '""') + '"' if needed else cell


def _book(order: Order, rows: Cells) -> bytes:
    main, notes, lookup = order.words["sheets"]
    more: dict[str, Sequence[Sequence[Value]] | str] = {
        notes: [[order.pick("closing")], [], [order.pick("note")]]
    }
    sheets: dict[str, Sequence[Sequence[Value]] | str] = {main: _sheet(rows, merged=order.has(0.3))}
    hidden = []
    if order.has(0.4):
        sheets = {**more, **sheets} if order.has(0.4) else {**sheets, **more}
    if order.has(0.3):
        order.traits.append("hidden")
        sheets[lookup] = [["Artikel", "Menge", "Preis", "Betrag"], ["X-1", 77, 1.5, 115.5]]
        hidden.append(lookup)
    return xlsx(sheets, hidden=hidden, more={"xl/styles.xml": STYLES.encode()})


def _sheet(rows: Cells, *, merged: bool) -> str:
    styles = {name: number for number, name in enumerate(FORMATS, start=1)}
    made = ""
    for number, row in enumerate(rows):
        cells = ""
        for column, value in enumerate(row):
            at = reference(number, column)
            if isinstance(value, Formula):
                cells += f'<c r="{at}" s="1"><f>E{number}*F{number}</f><v>{float(value)!r}</v></c>'
            elif isinstance(value, Native):
                cells += f'<c r="{at}" s="{styles.get(value.style, 0)}"><v>{value.number!r}</v></c>'
            elif value is not None:
                cells += (
                    f'<c r="{at}" t="inlineStr"><is><t xml:space="preserve">{escape(str(value))}</t></is></c>'
                )
        made += f'<row r="{number + 1}">{cells}</row>'
    tail = (
        '<mergeCells count="1"><mergeCell ref="A1:D1"/></mergeCells>' if merged and rows[0][1:] == [] else ""
    )
    return f'<?xml version="1.0"?><worksheet xmlns="{MAIN}"><sheetData>{made}</sheetData>{tail}</worksheet>'


def xls(name: str, rows: Cells) -> bytes:
    """A workbook of Excel 97 (MS-XLS) with one sheet, in its compound file (MS-CFB)."""
    sheet_part = _record(0x0809, struct.pack("<4H2I", 0x0600, 0x0010, 0x0DBB, 0x07CC, 0, 6))
    for number, row in enumerate(rows):
        for column, value in enumerate(row):
            at = struct.pack("<2H", number, column)
            if isinstance(value, Formula):
                tokens = b"\x1f" + struct.pack("<d", float(value))
                sheet_part += _record(
                    0x0006, at + struct.pack("<HdHIH", 0, float(value), 0, 0, len(tokens)) + tokens
                )
            elif isinstance(value, Native):
                is_day = value.style in {"day", "long"}
                sheet_part += _record(0x0203, at + struct.pack("<Hd", 1 if is_day else 0, value.number))
            elif value is not None:
                text = str(value)
                sheet_part += _record(
                    0x0204, at + struct.pack("<HHB", 0, len(text), 1) + text.encode("utf-16-le")
                )
    sheet_part += _record(0x000A, b"")
    start = _record(0x0809, struct.pack("<4H2I", 0x0600, 0x0005, 0x0DBB, 0x07CC, 0, 6)) + _record(
        0x0042, struct.pack("<H", 1200)
    )
    start += b"".join(_record(0x00E0, struct.pack("<2H", 0, style) + bytes(16)) for style in (0, 14))
    shown = struct.pack("<BB", len(name), 0) + name.encode("latin-1")
    globals_size = len(start) + 4 + 6 + len(shown) + 4
    start += _record(0x0085, struct.pack("<IH", globals_size, 0) + shown) + _record(0x000A, b"")
    return _compound("Workbook", start + sheet_part)


def _record(kind: int, data: bytes) -> bytes:
    return struct.pack("<2H", kind, len(data)) + data


def _compound(name: str, stream: bytes) -> bytes:
    """One stream in a compound file of 512-byte sectors: directory, stream, then the table of sectors."""
    stream = stream.ljust(max(4096, -(-len(stream) // 512) * 512), b"\0")
    used = len(stream) // 512
    tables = -(-(used + 2) // 127)
    end, free = 0xFFFFFFFE, 0xFFFFFFFF
    chain = [end, *range(2, used + 1), end, *[0xFFFFFFFD] * tables]
    chain += [free] * (tables * 128 - len(chain))
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<5H6x", 0x3E, 3, 0xFFFE, 9, 6)
    header += struct.pack("<IIIIIIIII", 0, tables, 0, 0, 4096, end, 0, end, 0)
    header += struct.pack("<109I", *(used + 1 + number if number < tables else free for number in range(109)))
    directory = (
        _entry("Root Entry", 5, 1, end, 0)
        + _entry(name, 2, free, 1, len(stream))
        + _entry("", 0, free, 0, 0) * 2
    )
    return header + directory + stream + struct.pack(f"<{len(chain)}I", *chain)


def _entry(name: str, kind: int, child: int, start: int, size: int) -> bytes:
    text = (name + "\0").encode("utf-16-le") if name else b""
    none = 0xFFFFFFFF
    return text.ljust(64, b"\0") + struct.pack(
        "<HBB3I36xIQ", len(text), kind, 1, none, none, child, start, size
    )
