"""Which column is the quantity, which the price, which the total: as the headings say, and as the rows add up."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import product
from typing import Final

from extraction.layout.amounts import amounts_in
from extraction.layout.arithmetic import closing_readings
from extraction.layout.body import RawLine
from extraction.layout.columns import Column, Header
from extraction.layout.edges import AMOUNTS, NUMBERS
from extraction.layout.geometry import Word, text_of
from extraction.layout.lexicon import unit_code
from extraction.layout.numbers import NumberStyle, leading_number, ordered, readings

_ORDER: Final = ("quantity", "unit_price", "line_total")
_MAX_COLUMNS: Final = 6
# A heading that says so weighs as much as this share of the lines that close.
_KNOWN: Final = 0.25

Triple = tuple[int | None, int | None, int | None]


def number_options(words: Sequence[Word], style: NumberStyle) -> list[tuple[Decimal, list[Word]]]:
    """Every number a cell may mean with the words it stands in, the likeliest first."""
    found = [
        (value, list(amount.words))
        for amount in amounts_in(words)
        for value in amount.values(style)
        if not amount.is_rate
    ]
    if found:
        # "(R) 6,00 (A) 4,00": of marked values the last is the one in force.
        marked = words[0].text.startswith("(") and len(words[0].text) > 2 and words[0].text[1].isalpha()
        return list(reversed(found)) if marked else found
    lead = leading_number(text_of(words))[0]
    return [(value, list(words[:1])) for value in ordered(lead, style)]


def settle(headers: Sequence[Header], tables: Sequence[Sequence[RawLine]], style: NumberStyle) -> None:
    """Gives every column its role and every line its cells. The headings come first; where another choice among the
    columns they leave open closes more of the lines, that one is taken."""
    lines = [line for table in tables for line in table]
    columns = headers[0].columns
    _mend_unit(headers, lines)
    chosen = _named(headers[0]) if headers[0].settled else _choose(headers[0], lines, style)
    for name, index in zip(_ORDER, chosen, strict=True):
        for header in headers:
            for number, column in enumerate(header.columns):
                if number == index:
                    column.role = name
                elif column.role == name:
                    column.role = None
    if not any("unit" in line.cells for line in lines):
        _find_unit(columns, lines)
    for line in lines:
        for index, words in line.columns.items():
            role = columns[index].role
            if role:
                line.cells.setdefault(role, words)
        _part(line)
    _name_goods(lines)


def _mend_unit(headers: Sequence[Header], lines: Sequence[RawLine]) -> None:
    """Takes a column of units for that though its heading may mean a quantity as well ("Units"), and what was ordered
    for the quantity then."""
    counted = headers[0].index_of("quantity")
    cells = (
        [line.columns[counted] for line in lines if counted in line.columns] if counted is not None else []
    )
    if not cells or not all(unit_code(text_of(words)) for words in cells) or "unit" in headers[0].roles:
        return
    ordered = headers[0].index_of("other_quantity")
    for header in headers:
        for index, column in enumerate(header.columns):
            if index == counted:
                column.role = "unit"
            elif index == ordered:
                column.role = "quantity"


def _name_goods(lines: Sequence[RawLine]) -> None:
    """Takes what stands under "Article" for the descriptions where there are hardly others and it is texts."""
    named = [line.cells for line in lines if "seller_article" in line.cells]
    texts = sum(sum(word.text.isalpha() for word in cells["seller_article"]) > 1 for cells in named)
    described = sum("description" in cells for cells in named)
    if texts * 2 > len(named) > described * 2:
        for cells in named:
            cells["description"] = [*cells.pop("seller_article"), *cells.get("description", ())]


def _find_unit(columns: Sequence[Column], lines: Sequence[RawLine]) -> None:
    """Takes a column of nothing but units for the unit, whatever its heading."""
    for index, column in enumerate(columns):
        cells = [line.columns[index] for line in lines if index in line.columns]
        if column.role is None and cells and all(unit_code(text_of(words)) for words in cells):
            column.role = "unit"
            return


def _part(line: RawLine) -> None:
    """Tells a quantity from the unit it is printed with in one column: `4 Stück`."""
    cell = line.cells.get("unit", [])
    if "quantity" not in line.cells and len(cell) > 1 and readings(cell[0].text):
        line.cells["quantity"], line.cells["unit"] = cell[:1], cell[1:]


def _choose(header: Header, lines: Sequence[RawLine], style: NumberStyle) -> Triple:
    by_role = {column.role: index for index, column in enumerate(header.columns)}
    named = _named(header)
    values = [
        {index: [value for value, _ in number_options(words, style)] for index, words in line.columns.items()}
        for line in lines
    ]
    base, discount = by_role.get("price_base"), by_role.get("discount")
    if not lines or _closing(values, named, base, discount) == len(lines):
        return named
    quantities, prices, totals = (
        _open(header, name, index) for name, index in zip(_ORDER, named, strict=True)
    )
    triples: list[Triple] = [
        triple
        for triple in product(quantities, prices, totals)
        if None not in triple and len(set(triple)) == 3
    ]

    def worth(triple: Triple) -> float:
        closing = _closing(values, triple, base, discount) / len(lines)
        known = sum(
            index is not None and name in header.columns[index].names
            for name, index in zip(_ORDER, triple, strict=True)
        )
        return closing + _KNOWN * known

    best = max(triples, key=worth, default=named)
    return best if worth(best) > worth(named) and _closing(values, best, base, discount) else named


def _named(header: Header) -> Triple:
    """The columns that the headings name."""
    return header.index_of("quantity"), header.index_of("unit_price"), header.index_of("line_total")


def _open(header: Header, name: str, named: int | None) -> list[int | None]:
    """The columns that may be this one: the named, others with a like heading, and those with none we know."""
    others = [
        index
        for index, column in enumerate(header.columns)
        if index != named and (name in column.names or column.role is None or _is_double(column.names))
    ]
    return [named, *others[:_MAX_COLUMNS]]


def _is_double(names: Sequence[str]) -> bool:
    """Whether a heading speaks of an amount, though of another one than it turned out to be."""
    return bool(names) and names[0] in NUMBERS and bool(set(names) & AMOUNTS)


def _closing(
    values: Sequence[dict[int, list[Decimal]]], triple: Triple, base: int | None, discount: int | None
) -> int:
    """How many lines close when the columns are read so."""
    quantity, price, total = triple
    if quantity is None or price is None or total is None:
        return 0
    count = 0
    for line in values:
        bases = [value for value in line.get(base, []) if value > 0] if base is not None else []
        percents = line.get(discount, []) if discount is not None else []
        totals = [value for value in line.get(total, []) if value]
        if closing_readings(line.get(quantity, []), line.get(price, []), bases, percents, totals):
            count += 1
    return count
