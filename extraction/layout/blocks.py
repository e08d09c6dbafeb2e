"""Positions without a table: each a block of labelled values, as in plain-text mails."""

from collections.abc import Sequence

from extraction.layout.body import RawLine
from extraction.layout.dates import find_dates
from extraction.layout.geometry import Page, Word, text_of, tokens_with_words
from extraction.layout.lexicon import Lexicon
from extraction.layout.numbers import leading_number, readings
from extraction.layout.tables import Tables

_ROLES = frozenset(
    {"pos", "seller_article", "buyer_article", "gtin", "description", "quantity", "unit", "unit_price"}
    | {"price_base", "discount", "line_total", "delivery_date", "order_line_ref"}
)


def read_blocks(pages: Sequence[Page], lexicon: Lexicon, tables: Tables) -> None:
    """Adds the positions printed as labelled values; a position begins where the label of its number, or a value it
    already has, comes (again)."""
    found: list[RawLine] = []
    rows: set[tuple[int, int]] = set()
    line: RawLine | None = None
    for page in pages:
        for index, row in enumerate(page.rows):
            pairs = _pairs(row.words, lexicon)
            opens = bool(pairs) and pairs[0][0] == "pos"
            if not opens and line is None:
                continue
            if opens:
                line = RawLine()
                found.append(line)
            if not pairs and line is not None:
                line = None
            for role, words in pairs:
                if line is not None:
                    line.cells.setdefault(role, words)
                    rows.add((page.number, index))
    complete = [item for item in found if item.has_number("quantity")]
    if complete:
        tables.lines.extend(complete)
        tables.rows |= rows


def _pairs(words: Sequence[Word], lexicon: Lexicon) -> list[tuple[str, list[Word]]]:
    """The labels of a row that end in a colon, each with the words up to the next."""
    tokens = tokens_with_words(words)
    names = [token for token, _ in tokens]
    hits: list[tuple[str, int, int]] = []
    position = 0
    while position < len(tokens):
        match = lexicon.columns.at(names, position)
        last = tokens[match.end - 1][1] if match else 0
        if match and set(match.names) & _ROLES:
            role = next(name for name in match.names if name in _ROLES)
            colon = words[last].text.endswith(":") or (last + 1 < len(words) and words[last + 1].text == ":")
            number_first = role == "pos" and not hits and _numbered(words, last)
            if colon or number_first:
                hits.append((role, tokens[match.start][1], last))
                position = match.end
                continue
        position += 1
    pairs: list[tuple[str, list[Word]]] = []
    for number, (role, _, last) in enumerate(hits):
        stop = hits[number + 1][1] if number + 1 < len(hits) else len(words)
        value = [word for word in words[last + 1 : stop] if any(char.isalnum() for char in word.text)]
        pairs.extend(_values(role, value))
    return pairs


def _numbered(words: Sequence[Word], last: int) -> bool:
    return (
        last + 1 < len(words)
        and words[last + 1].text.strip(":.").isdigit()
        and words[last + 1].text.endswith(":")
    )


def _values(role: str, words: list[Word]) -> list[tuple[str, list[Word]]]:
    if not words:
        return []
    if role == "pos":
        number = words[0].text.strip(":.)")
        if not number.isdigit():
            return []
        rest = words[1:]
        return [("pos", words[:1]), *([("description", rest)] if rest else [])]
    if role == "delivery_date":
        return [(role, words)] if find_dates(text_of(words)) else []
    if role in {"quantity", "unit_price", "line_total", "discount"}:
        return [(role, words)] if readings(leading_number(text_of(words))[0]) else []
    return [(role, words)]
