"""From a document that a person corrected and approved to what its layout is to be read by. Runs in the child."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

from extraction.extractor import Hints, Source
from extraction.layout.dates import find_dates
from extraction.layout.document import Known, read_pages
from extraction.layout.geometry import Page, Word, text_of
from extraction.layout.lexicon import language_of, lexicon, tokens_of
from extraction.layout.numbers import NumberStyle, readings
from extraction.layout.splitting import pages_read
from extraction.layout.taught.fingerprint import FEWEST, layout_of
from extraction.layout.taught.places import KINDS, LABELLED, Place, places_of, value_of
from extraction.layout.taught.print import Print
from extraction.layout.taught.profile import Profile, choose
from extraction.layout.taught.tables import learn_table, start_of_lines
from extraction.paged import pages_of
from extraction.registry import LAYOUTS
from extraction.schemas import DATE_FIELDS, NUMBER_FIELDS, Json, date_of, decimal_of

# The same in each of a supplier's documents, known by their text wherever it stands.
_FIXED: Final = frozenset(
    {"seller_name", "seller_vat_id", "seller_iban", "seller_email", "buyer_name", "buyer_vat_id"}
)
# May be known without standing on the page. A bank account never: who changes one must show it.
_UNPRINTED: Final = frozenset({"seller_name", "buyer_name"})
_MEANT: Final = frozenset({"doc_type", "currency"})
_NO_LESSON: Final = frozenset({"lines", "findings", "confidence", "evidence", "language", "order_references"})
_MAX_PLACES: Final = 8


def teach_plain(payload: Mapping[str, Any]) -> Json:
    """Takes {"name", "content", "extractor", "approved": the canonical JSON as approved, "machine": as it was read,
    "hints": {"own_names", "sender_domain", "profiles"}}; gives {"base": the id of the profile that knew the layout, or
    None, "taught": the profile with what is new in it, or None where there is nothing to learn}.

    Raises UnreadableError.
    """
    hints = payload["hints"]
    known = Known.of(
        Hints(
            sender_domain=hints.get("sender_domain"),
            own_names=tuple(hints.get("own_names") or ()),
            profiles=tuple(hints.get("profiles") or ()),
        )
    )
    source = Source.of(str(payload["name"]), payload["content"])
    pages = pages_of(source, payload["extractor"]) if payload["extractor"] in LAYOUTS else []
    learned = teach(pages_read(pages, payload["machine"]), known, payload["approved"])
    return {
        "base": learned.key or None if learned else None,
        "taught": learned.to_json() if learned else None,
    }


def teach(pages: Sequence[Page], known: Known, approved: Json) -> Profile | None:
    """The profile of these pages' layout with what their approved document teaches, under the key of the one that is
    already known, if there is one; None where nothing is to be learned.

    A lesson is kept where reading the pages with it comes nearer to what was approved, so that what a person wrote
    that is not on the page, or in another document's way, is no lesson.
    """
    if not pages:
        return None
    base = choose(known.profiles, pages)
    common = base.layout.common(pages[0])
    if len(common.marks) < FEWEST:
        common = layout_of(pages[0], start_of_lines(pages, approved["lines"]))
    lesson = Lesson(pages, known, approved)
    if len(common.marks) < FEWEST:
        return None
    profile = lesson.pruned(replace(base, layout=common))
    if lesson.wrong(base):
        profile = _learned(lesson, profile)
    return profile if replace(profile, layout=base.layout) != base else None


def _learned(lesson: "Lesson", profile: Profile) -> Profile:
    steps = (
        Lesson.meanings,
        Lesson.dates,
        Lesson.numbers,
        Lesson.table,
        Lesson.strangers,
        Lesson.prices,
        Lesson.units,
    )
    for step in steps:
        # How dates and numbers are written shows where they stand, whether or not they were read wrong.
        profile = lesson.better(profile, step(lesson, profile), equal=step in (Lesson.dates, Lesson.numbers))
    for name in sorted(lesson.wrong(profile)):
        if not name.startswith("lines.") and name not in _NO_LESSON:
            profile = lesson.better(profile, lesson.header(profile, name))
    return profile


@dataclass(frozen=True)
class Lesson:
    """One approved document and its pages."""

    pages: Sequence[Page]
    known: Known
    approved: Json

    @cached_property
    def print(self) -> Print:
        return Print(self.pages)

    def read(self, profile: Profile) -> Json:
        found = read_pages(self.pages, replace(self.known, profiles=(profile,)))
        return found.extraction.document.to_json() if found else {"lines": []}

    def wrong(self, profile: Profile) -> set[str]:
        """The paths at which the pages, read with the profile, differ from what was approved."""
        return set(differences(self.read(profile), self.approved))

    def better(self, profile: Profile, other: Profile, *, equal: bool = False) -> Profile:
        """The other profile where it reads more as it was approved, or as much where that will do."""
        if other == profile:
            return profile
        gain = len(self.wrong(profile)) - len(self.wrong(other))
        return other if gain > 0 or (equal and gain == 0) else profile

    def pruned(self, profile: Profile) -> Profile:
        """The profile without what this document proves wrong: of several places the others remain, a lesson without
        any goes."""
        places = {}
        for name, known in profile.places.items():
            kept = tuple(place for place in known if self._agrees(profile, name, place) is not False)
            if any(self._agrees(profile, name, place) for place in kept) or kept == known:
                places[name] = kept
        said = self.approved
        absent = frozenset(name for name in profile.absent if said.get(name) is None)
        constants = {name: text for name, text in profile.constants.items() if said.get(name) == text}
        return replace(profile, places=places, absent=absent, constants=constants)

    def _agrees(self, profile: Profile, name: str, place: Place) -> bool | None:
        """Whether what stands at the place is what was approved; None where nothing does."""
        words = place.find(name, self.pages)
        style = profile.style(NumberStyle())
        value = value_of(name, words, style, month_first=bool(profile.month_first)) if words else None
        return None if value is None else same(name, str(value), self.approved.get(name))

    def meanings(self, profile: Profile) -> Profile:
        read = self.read(replace(profile, meanings={}))
        meant = {name: dict(known) for name, known in profile.meanings.items()}
        for name in _MEANT & self.wrong(profile):
            if self.approved.get(name) is not None:
                meant.setdefault(name, {})[read.get(name) or ""] = self.approved[name]
        return replace(profile, meanings=meant)

    def units(self, profile: Profile) -> Profile:
        """What is meant by a unit that is printed in the supplier's own way."""
        read, wanted = self.read(profile)["lines"], self.approved["lines"]
        if len(read) != len(wanted):
            return profile
        pairs = {(one["unit"], other["unit"]) for one, other in zip(read, wanted, strict=True)}
        units = dict(profile.meanings.get("unit", {}))
        units |= {one: other for one, other in pairs if one and other and one != other}
        return replace(profile, meanings={**profile.meanings, "unit": units}) if units else profile

    def dates(self, profile: Profile) -> Profile:
        """The order of day and month by which the dates that were read wrong are right."""
        votes = 0
        for name, value in self._wrong_values(profile, DATE_FIELDS):
            for words in self.print.find(name, value):
                for item in find_dates(text_of(words))[:1]:
                    day = date_of(value)
                    votes += (item.month_first == day) - (item.day_first == day)
        return replace(profile, month_first=votes > 0) if votes else profile

    def numbers(self, profile: Profile) -> Profile:
        """The decimal mark by which the numbers that were read wrong are right."""
        votes = {",": 0, ".": 0}
        for name, value in self._wrong_values(profile, NUMBER_FIELDS):
            for words in self.print.find(name, value):
                text = text_of(words)
                marks = {char for char in text if char in ",."}
                if len(readings(text)) < 2 or len(marks) != 1:
                    continue
                mark, other = (",", ".") if "," in marks else (".", ",")
                whole = abs(decimal_of(value) or 0) == max(map(abs, readings(text)))
                votes[other if whole else mark] += 1
        return (
            replace(profile, decimal_mark=max(votes, key=votes.__getitem__))
            if any(votes.values())
            else profile
        )

    def _wrong_values(self, profile: Profile, kind: frozenset[str]) -> Iterator[tuple[str, str]]:
        for path in sorted(self.wrong(profile)):
            value = _at(self.approved, path)
            if path.rpartition(".")[2] in kind and value is not None:
                yield path, str(value)

    def table(self, profile: Profile) -> Profile:
        if not any(path.startswith("lines.") for path in self.wrong(profile)) or not self.approved["lines"]:
            return profile
        words = [word.text for page in self.pages for row in page.rows for word in row.words]
        table = learn_table(self.pages, self.approved["lines"], lexicon(language_of(words)))
        if table is None:
            return profile
        return replace(profile, table=replace(table, strangers=profile.table.strangers))

    def strangers(self, profile: Profile) -> Profile:
        """What stands among the positions and is none, by its first words."""
        texts = {_opening(line) for line in self.approved["lines"]}
        others = {_opening(line) for line in self.read(profile)["lines"]} - texts - {""}
        if not others or any(text.startswith(other) for text in texts for other in others):
            return profile
        known = profile.table.strangers
        return replace(
            profile, table=replace(profile.table, strangers=(*known, *sorted(others - set(known))))
        )

    def prices(self, profile: Profile) -> Profile:
        """What the prices are for, where it is the same for all and nowhere said."""
        said = {line.get("price_base") for line in self.approved["lines"]} - {None}
        return replace(profile, price_base=decimal_of(said.pop())) if len(said) == 1 else profile

    def header(self, profile: Profile, name: str) -> Profile:
        """Where the field's value stands, in place of what was known of it."""
        value = self.approved.get(name)
        rest = replace(
            profile,
            places={key: places for key, places in profile.places.items() if key != name},
            absent=profile.absent - {name},
            constants={key: text for key, text in profile.constants.items() if key != name},
        )
        if value is None:
            return replace(rest, absent=rest.absent | {name})
        places = self._places(name, str(value))
        if places:
            return replace(rest, places={**rest.places, name: places})
        if name in _UNPRINTED:
            return replace(rest, constants={**rest.constants, name: str(value)})
        return rest

    def _places(self, name: str, value: str) -> tuple[Place, ...]:
        found = self.print.find(name, value)
        if name in _FIXED and found:
            return (Place(kind="text", printed=_printed(name, found[0], value)),)
        places = [place for words in found for place in places_of(name, self.pages, words)]
        if any(place.kind in LABELLED for place in places):
            places = [place for place in places if place.kind in LABELLED]
        return tuple(sorted(dict.fromkeys(places), key=lambda place: KINDS.index(place.kind))[:_MAX_PLACES])


def _printed(name: str, words: Sequence[Word], value: str) -> str:
    return text_of(words) if name != "seller_name" else value


def _opening(line: Mapping[str, Any]) -> str:
    """The words a position begins with, up to the first with a digit."""
    words = str(line.get("description") or "").split()
    end = next((number for number, word in enumerate(words) if any(map(str.isdigit, word))), len(words))
    return " ".join(words[: min(end, 3)])


def _at(data: Json, path: str) -> object:
    parts = path.split(".")
    if parts[0] != "lines":
        return data.get(path)
    number = parts[1]
    lines = data["lines"]
    return lines[int(number)].get(parts[2]) if number.isdigit() and int(number) < len(lines) else None


def differences(read: Json, approved: Json) -> Iterator[str]:
    """The paths at which two documents differ; each line too few or too many counts for all its fields."""
    for name in approved.keys() - _NO_LESSON:
        if not same(name, read.get(name), approved[name]):
            yield name
    lines, wanted = read["lines"], approved["lines"]
    for index in range(max(len(lines), len(wanted))):
        one = lines[index] if index < len(lines) else {}
        other = wanted[index] if index < len(wanted) else {}
        for name in one.keys() | other.keys():
            if not same(name, one.get(name), other.get(name)):
                yield f"lines.{index}.{name}"


def same(name: str, one: object, other: object) -> bool:
    """Whether two values of a canonical JSON mean the same."""
    if one is None or other is None:
        return one == other
    if name.rpartition(".")[2] in NUMBER_FIELDS:
        return decimal_of(one) == decimal_of(other)
    return tokens_of(str(one)) == tokens_of(str(other))
