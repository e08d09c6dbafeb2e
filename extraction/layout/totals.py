"""Document totals: labelled amounts, and the choice among them that adds up."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import combinations
from typing import Final

from extraction.layout.amounts import Amount, amounts_in
from extraction.layout.arithmetic import CENT, HIGHEST_RATE
from extraction.layout.columns import lists_totals
from extraction.layout.geometry import Page, Row, Segment, Word, printed
from extraction.layout.header_fields import labels_of
from extraction.layout.lexicon import Lexicon
from extraction.layout.numbers import NumberStyle, currency_of
from extraction.layout.tables import carries_over, is_imprint

NAMES: Final = frozenset(
    {"net_total", "sub_total", "tax_total", "gross_total", "charge", "allowance", "other_amount"}
)
_EXTRAS: Final = frozenset({"charge", "allowance"})
_TOLERANCE: Final = CENT * 2
# What speaks for a net total that the lines make together with a charge or a discount.
_AFTER: Final = 1.8
_MAX_EACH: Final = 12
_MAX_EXTRAS: Final = 4
_MAX_RATES: Final = 7
_MAX_POOL: Final = 10
_BELOW: Final = 2.0
_ROWS_BELOW: Final = 5
_LATER: Final = 0.1
_OVERLAP: Final = 0.2
# "MwSt. 19 % auf 100,00 EUR" is a label with its amount; with more words between, both are parts of a text.
_MAX_BETWEEN: Final = 4


@dataclass(frozen=True, slots=True)
class Labelled:
    """An amount with its label's meaning and how much speaks for the pair."""

    name: str
    amount: Amount
    score: float
    others: tuple[Amount, ...] = ()
    """The further amounts beside the label."""


@dataclass(slots=True)
class Totals:
    """The chosen totals with the printed amounts each is the sum of; `closes` when net and tax make gross."""

    values: dict[str, Decimal] = field(default_factory=dict)
    amounts: dict[str, tuple[Amount, ...]] = field(default_factory=dict)
    closes: bool = False
    guessed: bool = False
    """A charge or an allowance has a label we do not know."""

    def put(self, name: str, value: Decimal, amounts: Sequence[Amount]) -> None:
        self.values[name] = value
        self.amounts[name] = tuple(amounts)

    def drop(self, name: str) -> None:
        self.values.pop(name, None)
        self.amounts.pop(name, None)


def find_labelled(pages: Sequence[Page], taken: set[tuple[int, int]], lexicon: Lexicon) -> list[Labelled]:
    """Every labelled amount outside the tables."""
    found: list[Labelled] = []
    for page in pages:
        rows = [row for index, row in enumerate(page.rows) if (page.number, index) not in taken]
        rows = [
            row for row in rows if not is_imprint(row.words) and not carries_over(printed(row.words), lexicon)
        ]
        for number, row in enumerate(rows):
            wrapped = [
                other
                for other in rows[max(0, number - 1) : number + 2]
                if other is not row and _overlaps(row, other)
            ]
            found.extend(_of_row(row, rows[number + 1 : number + 1 + _ROWS_BELOW], wrapped, lexicon))
    return found


def _overlaps(row: Row, other: Row) -> bool:
    """Whether two rows are printed into each other: the lines of a cell beside one that has fewer."""
    return min(row.y1, other.y1) - max(row.y0, other.y0) > _OVERLAP * row.height


def _of_row(row: Row, below: Sequence[Row], wrapped: Sequence[Row], lexicon: Lexicon) -> Iterator[Labelled]:
    found = False
    for position, segment in enumerate(row.segments):
        for match, first, last in labels_of(segment, lexicon):
            names = [name for name in match.names if name in NAMES]
            if not names:
                continue
            leads = first == 0 or not any(char.isalnum() for char in segment.words[first - 1].text[-1:])
            score = 0.4 * (match.end - match.start) + leads + (0.5 if last + 1 < len(segment.words) else 0.0)
            amounts = [
                item for item in amounts_in(_right_of(row, position, last, lexicon)) if not item.is_rate
            ]
            # "12 rue du Port · 67000 Strasbourg": a text that happens to name a charge goes on after a number.
            if amounts and not leads and names[0] in _EXTRAS and _goes_on(row, amounts[-1]):
                continue
            beside = [word for other in wrapped for word in other.words if word.x0 > segment.x1]
            if not amounts and (cell := [item for item in amounts_in(beside) if not item.is_rate]):
                found = True
                yield Labelled(names[0], cell[-1], score)
            elif not amounts and (names[0] not in _EXTRAS or lists_totals(row, lexicon)):
                for number, amount in enumerate(_under(row, below, segment)):
                    # Of several rows the last is the sum of those above.
                    found = True
                    yield Labelled(names[0], amount, score - 0.5 + _LATER * number)
            elif amounts and _words_between(row, segment.words[last], amounts[-1]) <= _MAX_BETWEEN:
                found = True
                yield Labelled(names[0], amounts[-1], score, tuple(amounts[:-1]))
    segments = [item for item in row.segments if not currency_of(item.text)]
    if not found and len(segments) == 2:
        amounts = amounts_in(segments[1].words)
        if len(amounts) == 1 and not amounts[0].is_rate and not amounts_in(segments[0].words):
            yield Labelled("unknown", amounts[0], 0.0)


def _goes_on(row: Row, amount: Amount) -> bool:
    """Whether more than a currency follows the amount, or the end of a bracket."""
    start = amount.words[-1].x0
    after = [word for word in row.words if word.x0 >= start]
    return any(word.text.endswith(")") or (_is_prose(word) and not currency_of(word.text)) for word in after)


def _words_between(row: Row, label: Word, amount: Amount) -> int:
    first = amount.words[0]
    between = [word for word in row.words if label.x1 <= word.x0 < first.x0]
    return sum(map(_is_prose, between))


def _right_of(row: Row, position: int, last: int, lexicon: Lexicon) -> list[Word]:
    """The words after a label, up to the next segment that begins with a label of its own."""
    words = list(row.segments[position].words[last + 1 :])
    for segment in row.segments[position + 1 :]:
        labels = labels_of(segment, lexicon)
        if labels and labels[0][1] == 0:
            break
        words += segment.words
    return words


def _under(row: Row, below: Sequence[Row], label: Segment) -> list[Amount]:
    """The amounts below a label, whatever stands beside them: the first right below it, each further one right below
    that."""
    found: list[Amount] = []
    bottom = row.y1
    for other in below:
        if other.y0 - bottom > _BELOW * row.height:
            break
        hits = [item for item in other.segments if min(item.x1, label.x1) - max(item.x0, label.x0) > 0]
        # An amount in a sentence is none of the totals.
        hits = [item for item in hits if sum(map(_is_prose, item.words)) <= _MAX_BETWEEN]
        amounts = [item for hit in hits for item in amounts_in(hit.words) if not item.is_rate]
        if hits and not amounts:
            break
        if amounts:
            found.append(amounts[-1])
            bottom = other.y1
    return found


def _is_prose(word: Word) -> bool:
    return len(word.text) > 2 and any(char.isalpha() for char in word.text)


def choose(labelled: Sequence[Labelled], style: NumberStyle, line_sum: Decimal | None) -> Totals:
    """The totals: what adds up beats what is merely labelled."""
    totals = Totals()
    _extras(labelled, style, totals)
    nets = _options(labelled, style, ("net_total", "sub_total"))
    taxes = _options(labelled, style, ("tax_total",))
    grosses = _options(labelled, style, ("gross_total",))
    extra = totals.values.get("charges_total", Decimal(0)) - totals.values.get("allowances_total", Decimal(0))
    changed = _changed(labelled, style, line_sum)
    best: tuple[float, tuple[_Option | None, _Option | None, _Option | None]] = (0.0, (None, None, None))
    for net in (*nets, None):
        for gross in (*grosses, None):
            for tax in (*taxes, *_tax_sums(taxes), None):
                score = _score(net, tax, gross, line_sum, extra)
                score += _AFTER if net and net.value in changed else 0.0
                if score > best[0]:
                    best = score, (net, tax, gross)
    net, tax, gross = best[1]
    for name, option in (("net_total", net), ("tax_total", tax), ("gross_total", gross)):
        if option is not None:
            totals.put(name, option.value, option.amounts)
    _balance(labelled, style, totals, line_sum)
    totals.closes = bool(net and tax and gross and abs(net.value + tax.value - gross.value) <= _TOLERANCE)
    return totals


@dataclass(frozen=True, slots=True)
class _Option:
    value: Decimal
    amounts: tuple[Amount, ...]
    score: float


def _options(labelled: Sequence[Labelled], style: NumberStyle, names: Sequence[str]) -> list[_Option]:
    found = []
    labels = {item.name for item in labelled}
    for item in labelled:
        if item.name in names:
            # Beside a net total a subtotal is what it says: the sum before charges.
            weight = item.score - (6.0 if names[0] in labels else 0.6) * names.index(item.name)
            for rank, value in enumerate(item.amount.values(style)):
                found.append(_Option(value, (item.amount,), weight - rank))
    return sorted(found, key=lambda option: -option.score)[:_MAX_EACH]


def _tax_sums(taxes: Sequence[_Option]) -> Iterator[_Option]:
    """Several rates on one document: what their amounts make together."""
    single = list({option.amounts[0].words[0]: option for option in reversed(taxes)}.values())[::-1][
        :_MAX_RATES
    ]
    for size in (2, 3):
        for group in combinations(single, size):
            amounts = tuple(amount for option in group for amount in option.amounts)
            if len({amount.words[0] for amount in amounts}) == size:
                total = sum((option.value for option in group), Decimal(0))
                yield _Option(total, amounts, min(option.score for option in group) - 1.0)


def _score(
    net: _Option | None,
    tax: _Option | None,
    gross: _Option | None,
    line_sum: Decimal | None,
    extra: Decimal,
) -> float:
    score = sum(1.0 + 0.3 * option.score for option in (net, tax, gross) if option)
    if net and tax and gross:
        gap = gross.value - net.value - tax.value
        score += 4.0 if abs(gap) <= _TOLERANCE else 3.0 if abs(gap - extra) <= _TOLERANCE else 0.0
    elif net and gross:
        score += 0.5 if net.value <= gross.value else -1.0
    if net and line_sum is not None:
        score += (
            1.5 if min(abs(net.value - line_sum), abs(net.value - line_sum - extra)) <= _TOLERANCE else 0.0
        )
    taxed = net.value if net else gross.value - tax.value if gross and tax else None
    if tax and taxed is not None and abs(tax.value) > abs(taxed) * HIGHEST_RATE:
        score -= 6.0
    if line_sum and gross and not gross.value:
        score -= 3.0
    return score


def _changed(labelled: Sequence[Labelled], style: NumberStyle, line_sum: Decimal | None) -> set[Decimal]:
    """What the lines make together with charges or discounts that are printed: a net total is after these, whatever
    the sum before them is called."""
    if not line_sum:
        return set()
    pool = _pool(labelled, style)
    pairs = (pair for pair in combinations(pool, 2) if pair[0][2] is not pair[1][2])
    return {
        line_sum + sum((sign * value for sign, value, _ in group), Decimal(0))
        for group in (*((item,) for item in pool), *pairs)
    }


def _balance(
    labelled: Sequence[Labelled], style: NumberStyle, totals: Totals, line_sum: Decimal | None
) -> None:
    """Chooses the charges and allowances that lead from the lines to the net total, where all that are labelled do
    not: some pages print each and their sum, some a charge under a label we do not know ("Legierungszuschlag")."""
    net = totals.values.get("net_total")
    if net is None or line_sum is None:
        return
    extra = totals.values.get("charges_total", Decimal(0)) - totals.values.get("allowances_total", Decimal(0))
    missing = net - line_sum
    # The bare sum may be the net total already, with the charges among the lines.
    if abs(missing - extra) <= _TOLERANCE or (abs(missing) <= _TOLERANCE and not _doubled(totals, style)):
        return
    pool = _pool(labelled, style)
    for size in range(min(_MAX_EXTRAS, len(pool)) + 1):
        for group in combinations(pool, size):
            if abs(sum((sign * value for sign, value, _ in group), Decimal(0)) - missing) <= _TOLERANCE:
                _set_extras(totals, group)
                known = {item.amount.words[0] for item in labelled if item.name in _EXTRAS}
                totals.guessed = any(amount.words[0] not in known for _, _, amount in group)
                return


Extra = tuple[int, Decimal, Amount]


def _doubled(totals: Totals, style: NumberStyle) -> bool:
    return any(
        len({amount.values(style)[0] for amount in totals.amounts.get(name, ())})
        < len(totals.amounts.get(name, ()))
        for name in ("charges_total", "allowances_total")
    )


def _pool(labelled: Sequence[Labelled], style: NumberStyle) -> list[Extra]:
    """What may be a charge (1) or an allowance (-1), each printed amount once a way, the labelled before the rest."""
    signs = {"charge": (1,), "allowance": (-1,), "unknown": (1, -1)}
    pool: dict[tuple[int, Word], Extra] = {}
    for item in sorted(labelled, key=lambda item: item.name == "unknown"):
        for amount in (item.amount, *item.others):
            for sign in signs.get(item.name, ()):
                value = next(iter(amount.values(style)), Decimal(0))
                if value:
                    pool.setdefault((sign, amount.words[0]), (sign, abs(value), amount))
    return list(pool.values())[:_MAX_POOL]


def _set_extras(totals: Totals, group: Sequence[Extra]) -> None:
    for sign, name in ((1, "charges_total"), (-1, "allowances_total")):
        chosen = [(value, amount) for item, value, amount in group if item == sign]
        if chosen:
            value = sum((value for value, _ in chosen), Decimal(0))
            totals.put(name, value, [amount for _, amount in chosen])
        else:
            totals.drop(name)


def _extras(labelled: Sequence[Labelled], style: NumberStyle, totals: Totals) -> None:
    for name, field_name in (("charge", "charges_total"), ("allowance", "allowances_total")):
        seen = {item.amount.words[0]: item.amount for item in labelled if item.name == name}
        amounts = [amount for amount in seen.values() if amount.values(style)]
        if amounts:
            value = sum((abs(amount.values(style)[0]) for amount in amounts), Decimal(0))
            totals.put(field_name, value, amounts)
