"""Positions written out: "10 Stk Kugelhahn 1/2\" zu 2,50 EUR, gesamt 25,00 EUR", one on each line of a letter."""

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final

from extraction.layout.amounts import Amount, amounts_in
from extraction.layout.arithmetic import closing_readings
from extraction.layout.body import RawLine
from extraction.layout.geometry import Page, Row, Word, printed, text_of
from extraction.layout.lexicon import Lexicon, tokens_of, unit_code
from extraction.layout.numbers import CURRENCY_SIGNS, NumberStyle, currency_of, readings
from extraction.layout.sublines import labelled_values
from extraction.layout.tables import Tables

# A line that says more is a text.
_LONGEST: Final = 40
_BULLET: Final = re.compile(r"[-–—*•·▪●o>]|\(?\d{1,3}[.)]")
_TIMES: Final = re.compile(r"[x×*]", re.IGNORECASE)
_COUNT: Final = re.compile(r"(\d[\d.,'’]*)[x×]", re.IGNORECASE)
# A price and a total.
_BOTH: Final = 2
# What stands before a price, and between a price and its total.
_AT: Final = frozenset(
    ["a", "at", "zu", "zum", "je", "fur", "for", "per", "pour", "por", "voor", "tegen", "each", "da"]
)
_OF: Final = frozenset({"of", "de", "di", "van", "von"})
_SUM: Final = frozenset(
    ["gesamt", "total", "totale", "totaal", "summe", "somme", "sum", "net", "netto", "importe"]
)
_EACH: Final = frozenset(["each", "je", "pro", "per", "chacun", "cad", "cada", "uno", "una", "pce", "stuk"])
_ARTICLE: Final = re.compile(r"(?=.*\d)(?=.*[A-Z-])[A-Z\d][A-Z\d./-]{2,}|\d{5,}|\d{3}\.\d{3,4}")


def read_sentences(pages: Sequence[Page], lexicon: Lexicon, style: NumberStyle, tables: Tables) -> None:
    """Adds the positions that are a line each, beginning with how many of what; priced where any is."""
    found = [
        ((page.number, index), line)
        for page in pages
        for index, row in enumerate(page.rows)
        if (line := _line(row, lexicon, style)) is not None
    ]
    priced = [item for item in found if "unit_price" in item[1].cells]
    # Without a price only a list of at least two says that it is no sentence of the letter.
    chosen = priced or (found if len(found) > 1 else [])
    tables.lines += [line for _, line in chosen]
    tables.rows |= {spot for spot, _ in chosen}


def _line(row: Row, lexicon: Lexicon, style: NumberStyle) -> RawLine | None:
    words = list(row.words[:_LONGEST])
    if len(words) > 1 and _BULLET.fullmatch(words[0].text):
        words = words[1:]
    quantity, rest = _quantity(words)
    if not quantity or len(rest) < 2:
        return None
    line = RawLine({"quantity": quantity})
    unit = rest[0]
    known = quantity[-1].text != quantity[-1].text.rstrip("xX×")
    if unit_code(unit.text.rstrip(".,")):
        line.cells["unit"] = [unit]
        rest, known = rest[1:], True
    elif _TIMES.fullmatch(unit.text):
        rest, known = rest[1:], True
    text, amounts = _priced(rest, style, quantity)
    # Without a known unit only a total that is right says that it is a position.
    if not known and len(amounts) < _BOTH:
        return None
    for role, amount in zip(("unit_price", "line_total"), amounts, strict=False):
        line.cells[role] = list(amount.words)
    _describe(line, text, lexicon)
    return line if "description" in line.cells else None


def _quantity(words: Sequence[Word]) -> tuple[list[Word], Sequence[Word]]:
    """The number a line begins with, its groups together, and what follows."""
    amounts = amounts_in(words[:3])
    first = amounts[0] if amounts and amounts[0].words[0] is words[0] else None
    if first and not first.is_rate and not currency_of(first.text):
        return list(first.words), words[len(first.words) :]
    if words and _COUNT.fullmatch(words[0].text):
        return [words[0]], words[1:]
    return [], words


def _priced(
    words: Sequence[Word], style: NumberStyle, quantity: Sequence[Word]
) -> tuple[Sequence[Word], Sequence[Amount]]:
    """The text before the price, the price, and the total where one is there that quantity and price make."""
    amounts = [amount for amount in amounts_in(words) if not amount.is_rate]
    for first, second in pairwise(amounts[-2:]):
        counts = readings(text_of(quantity).rstrip("xX×"))
        closing = closing_readings(counts, first.values(style), [], [], second.values(style))
        if closing is not None:
            return _before(words, first), (first, second)
    for amount in reversed(amounts):
        before = _before(words, amount)
        index = words.index(amount.words[-1]) + 1
        beside = [
            amount.text,
            *(word.text for word in words[index : index + 1]),
            *(word.text for word in before[-1:]),
        ]
        money = any(currency_of(text) for text in beside)
        if money and (
            _ends_in(before, _AT) or before[-1].text in {"@", "à", *CURRENCY_SIGNS} or index + 2 >= len(words)
        ):
            return before, (amount,)
    return (words, ())


def _before(words: Sequence[Word], amount: Amount) -> Sequence[Word]:
    return words[: words.index(amount.words[0])]


def _ends_in(words: Sequence[Word], known: frozenset[str]) -> bool:
    tokens = tokens_of(words[-1].text) if words else ()
    return bool(tokens) and tokens[-1] in known


def _describe(line: RawLine, words: Sequence[Word], lexicon: Lexicon) -> None:
    """The description and the article's number, without the words around the price."""
    text = list(printed(words))
    while text and (
        _ends_in(text, _AT | _SUM | _EACH) or not tokens_of(text[-1].text) or currency_of(text[-1].text)
    ):
        text.pop()
    if text and text[0].text.lower() in _OF:
        text = text[1:]
    opened = next((index for index, word in enumerate(text) if word.text.startswith("(")), None)
    if opened:
        for role, value in labelled_values(_bare(text[opened:]), lexicon):
            if role in {"seller_article", "buyer_article"}:
                line.cells[role] = value
                text = text[:opened]
    if "seller_article" not in line.cells and len(text) > 1 and _ARTICLE.fullmatch(text[0].text):
        line.cells["seller_article"] = text[:1]
        text = text[1:]
    if any(len(word.text) > 2 and any(map(str.isalpha, word.text)) for word in text):
        line.cells["description"] = text


def _bare(words: Sequence[Word]) -> list[Word]:
    """The words without the brackets around them."""
    return [replace(word, text=word.text.strip("(),")) for word in words if word.text.strip("(),")]
