"""From the positions of an approved document to what its table's columns mean."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from extraction.layout.amounts import amounts_in
from extraction.layout.columns import POSITION, Column, Header
from extraction.layout.geometry import Page, Row, Segment, Word, printed, text_of
from extraction.layout.lexicon import Lexicon, tokens_of
from extraction.layout.taught.columns import TaughtColumn, TaughtTable
from extraction.layout.taught.places import places_of, shape_of
from extraction.layout.taught.print import Print

Lines = Sequence[Mapping[str, Any]]

# The fields that may be a column's, as they usually stand from left to right.
_ROLES: Final = (
    "pos", "seller_article", "buyer_article", "gtin", "description", "order_line_ref", "delivery_date",
    "quantity", "unit", "unit_price", "price_base", "discount", "tax_rate", "line_total",
)  # fmt: skip
# What may stand below a position's own row with a label of its own.
_LABELLED: Final = frozenset(
    {"seller_article", "buyer_article", "gtin", "order_line_ref", "delivery_date", "discount"}
)
# This share of the positions must say the same.
_SHARE: Final = 0.6
# A unit's heading is so few words from the quantity's.
_BESIDE: Final = 2
# How far above the first position its heading may begin, in rows and in heights.
_ROWS_ABOVE: Final = 6
_GAP: Final = 4.0


def learn_table(pages: Sequence[Page], lines: Lines, lexicon: Lexicon) -> TaughtTable | None:
    """The table in which these positions stand; None where they or its heading are not found."""
    print_ = Print(pages)
    homes = _homes(print_, lines)
    if len(homes) < _SHARE * len(lines) or not homes:
        return None
    first = print_.rows[min(homes.values())]
    page = next(page for page in pages if page.number == first.page)
    heading = _heading(page, first)
    if heading is None:
        return None
    header = Header([Column([word]) for word in printed(heading.words)], 0, 0)
    header.fit([printed(print_.rows[index].words) for index in homes.values()])
    roles = _roles(header, print_, homes, lines, lexicon)
    columns = _columns(heading, header, roles)
    found = {column.role for column in columns}
    if not {"quantity", "line_total", "unit_price"} & found:
        return None
    return TaughtTable(columns, _position(lines), _labels(pages, print_, homes, lines, found))


def start_of_lines(pages: Sequence[Page], lines: Lines) -> float:
    """How far down the first page its positions begin."""
    print_ = Print(pages[:1])
    rows = [print_.rows[index] for index in _homes(print_, lines).values()]
    return min((row.y0 for row in rows), default=0.5 * pages[0].height)


def _homes(print_: Print, lines: Lines) -> dict[int, int]:
    """For each position the row on which most of its values stand: the rows in the positions' order, and as many
    values as can be had so."""
    best: list[tuple[int, dict[int, int]]] = [(0, {}) for _ in print_.rows] or [(0, {})]
    for number, line in enumerate(lines):
        values = [(role, str(line[role])) for role in _ROLES if line.get(role) is not None]
        made: list[tuple[int, dict[int, int]]] = []
        before: tuple[int, dict[int, int]] = (0, {})
        for index in range(len(print_.rows)):
            told = sum(print_.says(index, role, value) for role, value in values)
            here = (before[0] + told, {**before[1], number: index}) if told > 1 else best[index]
            before = best[index]
            options = [best[index], here, *made[-1:]]
            made.append(max(options, key=lambda option: option[0]))
        best = made
    return best[-1][1]


def _heading(page: Page, first: Row) -> Row | None:
    """The row above the first position that has the most texts beside one another and no amounts."""
    above = [row for row in page.rows if row.y1 <= first.y0 + 1][-_ROWS_ABOVE:]
    best: Row | None = None
    below = first
    for row in reversed(above):
        if below.y0 - row.y1 > _GAP * row.height:
            break
        below = row
        words = printed(row.words)
        if len(row.segments) < 2 or amounts_in(words) or not words:
            continue
        if best is None or len(row.segments) > len(best.segments):
            best = row
    return best


def _roles(
    header: Header, print_: Print, homes: Mapping[int, int], lines: Lines, lexicon: Lexicon
) -> dict[int, str]:
    """Which column has which field: the pairs that most positions bear out first; of two that are equal the one its
    heading speaks for, then the one further left."""
    counts: dict[tuple[str, int], int] = {}
    having: dict[str, int] = {}
    for number, index in homes.items():
        row = print_.rows[index]
        cells = header.split(printed(row.words))
        for role in _ROLES:
            if lines[number].get(role) is None:
                continue
            having[role] = having.get(role, 0) + 1
            hits = list(print_.find_in(row, role, str(lines[number][role])))
            for column, words in cells.items():
                if any(hit[0] in words for hit in hits):
                    counts[role, column] = counts.get((role, column), 0) + 1

    def key(pair: tuple[str, int]) -> tuple[float, bool, int, int]:
        role, column = pair
        names = lexicon.columns.exact(tokens_of(text_of(header.columns[column].words)))
        return -counts[pair] / having[role], role not in names, _ROLES.index(role), column

    roles: dict[int, str] = {}
    for role, column in sorted(counts, key=key):
        enough = counts[role, column] >= _SHARE * having[role]
        if enough and column not in roles and role not in roles.values():
            roles[column] = role
    unit = _unit_column(header, print_, homes, lines, roles)
    return roles if unit is None else {**roles, unit: "unit"}


def _unit_column(
    header: Header, print_: Print, homes: Mapping[int, int], lines: Lines, roles: Mapping[int, str]
) -> int | None:
    """The column nearest to the quantity's that stands for the units in words of its own: one for each unit."""
    quantity = next((column for column, role in roles.items() if role == "quantity"), None)
    if quantity is None or "unit" in roles.values():
        return None
    meant: dict[int, set[tuple[str, str]]] = {}
    others = set(roles)
    for number, index in homes.items():
        row = print_.rows[index]
        alone = {id(segment.words[0]): segment for segment in row.segments}
        for column, words in header.split(printed(row.words)).items():
            unit, segment = lines[number].get("unit"), alone.get(id(words[0]))
            if unit is None or segment is None or segment.words[-1] is not words[-1] or not _is_name(words):
                others.add(column)
            else:
                meant.setdefault(column, set()).add((text_of(words), unit))
    full = [
        column
        for column, pairs in meant.items()
        if column not in others
        and abs(column - quantity) <= _BESIDE
        and len({text for text, _ in pairs}) == len(pairs)
    ]
    return min(full, key=lambda column: abs(column - quantity), default=None)


def _is_name(words: Sequence[Word]) -> bool:
    return not any(char.isdigit() for word in words for char in word.text)


def _columns(heading: Row, header: Header, roles: Mapping[int, str]) -> tuple[TaughtColumn, ...]:
    """The headings, the words of one together again."""
    groups: list[tuple[list[Word], str]] = []
    segments = {id(word): segment for segment in heading.segments for word in segment.words}
    last: Segment | None = None
    for index, column in enumerate(header.columns):
        role, segment = roles.get(index, ""), segments[id(column.words[0])]
        if groups and segment is last and (not role or not groups[-1][1]):
            words, known = groups[-1]
            groups[-1] = ([*words, *column.words], known or role)
        else:
            groups.append((list(column.words), role))
        last = segment
    return tuple(
        TaughtColumn(text_of(words), round((words[0].x0 + words[-1].x1) / 2, 1), role)
        for words, role in groups
    )


def _position(lines: Lines) -> str:
    """The shape of the positions' numbers, where it is not the usual one and all have the same."""
    numbers = [str(line["pos"]) for line in lines if line.get("pos")]
    shapes = {shape_of(number) for number in numbers}
    usual = all(POSITION.fullmatch(number) for number in numbers)
    return "" if usual or len(shapes) != 1 else shapes.pop()


def _labels(
    pages: Sequence[Page], print_: Print, homes: Mapping[int, int], lines: Lines, taken: set[str]
) -> tuple[tuple[str, str], ...]:
    """The labels of the fields that stand below most positions' own rows."""
    order = sorted(homes.items())
    ends = [*(index for _, index in order[1:]), min(order[-1][1] + _ROWS_ABOVE, len(print_.rows))]
    votes: dict[tuple[str, str], int] = {}
    having: dict[str, int] = {}
    for (number, start), end in zip(order, ends, strict=True):
        for role in _LABELLED - taken:
            if lines[number].get(role) is None:
                continue
            having[role] = having.get(role, 0) + 1
            labels = {
                place.printed
                for row in print_.rows[start + 1 : end]
                for words in print_.find_in(row, role, str(lines[number][role]))
                for place in places_of(role, pages, words)
                if place.kind in {"inline", "right"}
            }
            for label in labels:
                votes[role, label] = votes.get((role, label), 0) + 1
    return tuple(sorted(pair for pair, count in votes.items() if count >= _SHARE * having[pair[0]]))
