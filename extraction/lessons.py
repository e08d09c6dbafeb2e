"""What a supplier profile has learned, in sentences for people."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from extraction.forms import HEADER_GROUPS, LINE_COLUMNS
from extraction.layout.taught.places import LABELLED

_FIELDS: Final = {name: label for _, fields in HEADER_GROUPS for name, label in fields}
_CELLS: Final = dict(LINE_COLUMNS)
_BESIDE: Final = {"inline": "after", "right": "to the right of", "below": "below"}


@dataclass(frozen=True, slots=True)
class Lesson:
    """One thing that was learned: what it is about, and what."""

    subject: str
    words: str


def lessons(taught: Mapping[str, Any]) -> list[Lesson]:
    """Everything a profile teaches, in the order of the review page."""
    order = [*_FIELDS.values(), *_CELLS.values()]
    found = [*_header(taught), *_table(taught["table"]), *_ways(taught)]
    return sorted(found, key=lambda item: order.index(item.subject) if item.subject in order else len(order))


def new_in(taught: Mapping[str, Any], before: Mapping[str, Any] | None) -> list[Lesson]:
    """What a version teaches that the one before it did not."""
    known = lessons(before) if before else []
    return [lesson for lesson in lessons(taught) if lesson not in known]


def _header(taught: Mapping[str, Any]) -> Iterator[Lesson]:
    for name, places in taught["places"].items():
        yield Lesson(_FIELDS.get(name, name), f"{_either([_place(place) for place in places])}.")
    for name in taught["absent"]:
        yield Lesson(_FIELDS.get(name, name), "This layout has none, whatever looks like one.")
    for name, value in taught["constants"].items():
        yield Lesson(_FIELDS.get(name, name), f"Always “{value}”, which the page does not print.")
    for name, meant in taught["meanings"].items():
        for read, value in meant.items():
            words = (
                f"What reads like “{_plain(read)}” is “{_plain(value)}”."
                if read
                else f"It is “{_plain(value)}”."
            )
            yield Lesson(_FIELDS.get(name) or _CELLS.get(name, name), words)


def _table(table: Mapping[str, Any]) -> Iterator[Lesson]:
    for printed, _, role in table["columns"]:
        if role:
            yield Lesson(_CELLS[role], f"The column “{printed}”.")
    for role, printed in table["labels"]:
        yield Lesson(_CELLS[role], f"After “{printed}” within a line.")
    if table["position"]:
        yield Lesson(
            _CELLS["pos"], f"Numbered like {table['position'].replace('A', 'ABC').replace('9', '123')}."
        )
    for printed in table["strangers"]:
        yield Lesson("Lines", f"“{printed} …” is none.")


def _ways(taught: Mapping[str, Any]) -> Iterator[Lesson]:
    if taught["month_first"] is not None:
        yield Lesson("Dates", f"The {'month' if taught['month_first'] else 'day'} comes first.")
    if taught["decimal_mark"]:
        mark = "comma" if taught["decimal_mark"] == "," else "point"
        yield Lesson("Numbers", f"Decimals follow a {mark}.")
    if taught["price_base"]:
        yield Lesson(
            _CELLS["price_base"], f"Prices are for {taught['price_base']} where nothing else adds up."
        )


def _place(place: Mapping[str, Any]) -> str:
    if place["kind"] in LABELLED:
        return f"{_BESIDE[place['kind']]} “{place['printed']}”"
    return (
        f"always “{place['printed']}”"
        if place["kind"] == "text"
        else "at its place in the head of the first page"
    )


def _either(places: Sequence[str]) -> str:
    text = ", or ".join(dict.fromkeys(places))
    return text[:1].upper() + text[1:]


def _plain(code: str) -> str:
    return code.replace("_", " ")
