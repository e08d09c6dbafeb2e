"""Labelled values in the texts of a position: "Your part no.: AM-1, ship date 3 May 2026"."""

from collections.abc import Sequence
from typing import Final

from extraction.layout.geometry import Word, printed, tokens_with_words
from extraction.layout.header_fields import dates_in
from extraction.layout.lexicon import Lexicon

_ROLES: Final = frozenset(
    {"buyer_article", "seller_article", "delivery_date", "gtin", "order_line_ref", "discount"}
)

_SHORT: Final = 4

Value = tuple[str, list[Word]]


def labelled_values(words: list[Word], lexicon: Lexicon) -> list[Value]:
    """The fields a text names with the words of their values; none where it does not begin with such a label."""
    tokens = tokens_with_words(words)
    names = [token for token, _ in tokens]
    found: list[Value] = []
    position = 0
    while position < len(tokens):
        end = position + 1
        for match in (lexicon.columns.at(names, position), lexicon.labels.at(names, position)):
            role = next((name for name in match.names if name in _ROLES), None) if match else None
            if match is None or role is None:
                continue
            last = tokens[match.end - 1][1]
            value = _value(role, words[: last + 1], words[last + 1 :])
            if value:
                found.append((role, value))
                end = match.end
                break
        if not found:
            return []
        position = end
    return found


def _value(role: str, label: Sequence[Word], after: Sequence[Word]) -> list[Word]:
    value = printed(after)
    if role == "delivery_date":
        return next(dates_in(value[:6]), []) if value else []
    if not value or not any(char.isdigit() for char in value[0].text):
        return []
    colon = label[-1].text.endswith(":") or after[0].text == ":"
    # "Material: 304 stainless" names no article.
    if len(value) > 1 and value[0].text.isdigit() and len(value[0].text) < _SHORT:
        return []
    # An article's number has the look of one; a word with a digit in a text has not, unless nothing follows it.
    return value[:1] if colon or len(value) == 1 or value[0].text[:1].isupper() else []
