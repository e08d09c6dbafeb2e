"""The words suppliers print, per language, read from the data files in lexicons/."""

import re
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Final

LANGUAGES: Final = ("de", "en", "fr", "it", "es", "nl")

Tokens = tuple[str, ...]

_NUMBER_WORDS: Final = frozenset(
    {"nr", "no", "num", "number", "nummer", "numero", "nro", "nbr", "nos", "nrs", "numeros", "#"}
)
_NUMBER_SIGN: Final = re.compile(r"\b[Nn][.]?\s?[°º]|№|(?<!\S)[Nn][.]:?(?!\S)")
# Shorter phrases are too easily found by chance when words are joined.
_JOINED: Final = 6
_PIECES: Final = re.compile(r"[a-z0-9]+|[%#]")


# What a paper prints comes again on it and on those of its supplier; of what a thousand others print, little. A larger
# memory makes a process that reads for days twice as large and no faster.
@lru_cache(maxsize=8192)
def tokens_of(text: str) -> Tokens:
    """The comparable form of a printed text: lower case without accents or punctuation, and every way to write
    "number", alone or at the end of a word, as the one token `no`."""
    plain = _NUMBER_SIGN.sub(" nr ", text)
    plain = unicodedata.normalize("NFKD", plain.replace("ß", "ss"))
    plain = "".join(char for char in plain if not unicodedata.combining(char)).lower()
    tokens: list[str] = []
    for piece in _PIECES.findall(plain):
        if piece in _NUMBER_WORDS:
            tokens.append("no")
        elif len(piece) > 8 and piece.endswith("nummer"):
            tokens += [piece[:-6], "no"]
        elif len(piece) > 4 and piece.endswith("nr") and piece.isalpha():
            tokens += [piece[:-2], "no"]
        else:
            tokens.append(piece)
    return tuple(tokens)


@dataclass(frozen=True, slots=True)
class Match:
    """A known label at tokens start to end (exclusive), and what it may stand for."""

    start: int
    end: int
    names: tuple[str, ...]


@dataclass(slots=True)
class Phrases:
    """Printed phrases and their meanings, found by longest match. A phrase is found joined as well as apart, and what
    ends a compound stands for its kind: with the ending `rechnung`, "Baurechnung" is found as "Rechnung"."""

    meanings: dict[Tokens, tuple[str, ...]] = field(default_factory=dict)
    longest: dict[str, int] = field(default_factory=dict)
    joined: dict[str, tuple[str, ...]] = field(default_factory=dict)
    starts: set[str] = field(default_factory=set)
    endings: tuple[str, ...] = ()

    def add(self, phrase: str, name: str, *, extend: bool) -> None:
        tokens = tokens_of(phrase)
        if not tokens:
            return
        known = self.meanings.get(tokens, ())
        if name in known or (known and not extend):
            return
        self.meanings[tokens] = (*known, name)
        self.longest[tokens[0]] = max(self.longest.get(tokens[0], 0), len(tokens))
        whole = "".join(tokens)
        if len(whole) > _JOINED:
            self.joined.setdefault(whole, self.meanings[tokens])
            self.starts.add(whole[:4])

    def begins(self, text: str) -> bool:
        """Whether a phrase may begin with this word: cheap, and never wrong where it says no."""
        tokens = tokens_of(text)
        return bool(tokens) and (tokens[0] in self.longest or tokens[0][:4] in self.starts)

    def at(self, tokens: Sequence[str], start: int) -> Match | None:
        """The longest phrase that begins at this token."""
        first = tokens[start]
        match = self._direct(tokens, start, first) if first in self.longest else None
        if first[:4] in self.starts and (joined := self._joined(tokens, start)):
            # "Beleg-Datum" is "Belegdatum" rather than a "Beleg".
            match = joined if match is None or joined.end > match.end else match
        if match is None and self.endings and first.endswith(self.endings):
            ending = next(item for item in self.endings if first.endswith(item))
            known = first != ending and ending in self.longest
            return self._direct(tokens, start, ending) if known else None
        return match

    def _direct(self, tokens: Sequence[str], start: int, first: str) -> Match | None:
        for length in range(min(self.longest[first], len(tokens) - start), 0, -1):
            names = self.meanings.get((first, *tokens[start + 1 : start + length]))
            if names:
                return Match(start, start + length, names)
        return None

    def _joined(self, tokens: Sequence[str], start: int) -> Match | None:
        for length in range(min(3, len(tokens) - start), 0, -1):
            names = self.joined.get("".join(tokens[start : start + length]))
            if names:
                return Match(start, start + length, names)
        return None

    def exact(self, tokens: Tokens) -> tuple[str, ...]:
        return self.meanings.get(tokens, ())


@dataclass(slots=True)
class Lexicon:
    """One language's phrases first; the other languages fill in what it does not use itself."""

    language: str
    labels: Phrases = field(default_factory=Phrases)
    columns: Phrases = field(default_factory=Phrases)
    doc_types: Phrases = field(default_factory=Phrases)
    carry_over: Phrases = field(default_factory=Phrases)
    table_end: Phrases = field(default_factory=Phrases)
    column_words: frozenset[str] = frozenset()


@cache
def _data(language: str) -> dict[str, Any]:
    path = Path(__file__).with_name("lexicons") / f"{language}.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))


@cache
def lexicon(language: str) -> Lexicon:
    """The lexicon led by this language."""
    made = Lexicon(language)
    words: set[str] = {"%", "eur", "usd", "gbp", "chf"}
    for name in (language, *(other for other in LANGUAGES if other != language)):
        data = _data(name)
        own = name == language
        # Dutch carries sums over as "Transport", which is a charge in French.
        carried = [phrase for phrase in data["carry_over"] if own or not made.labels.exact(tokens_of(phrase))]
        _fill(made.carry_over, {"carry_over": carried}, own=own)
        for phrases, group in (
            (made.labels, "labels"),
            (made.columns, "columns"),
            (made.doc_types, "doc_type"),
        ):
            _fill(phrases, data[group], own=own)
        _fill(made.table_end, {"table_end": data["table_end"]}, own=own)
        words |= {
            token for phrases in data["columns"].values() for phrase in phrases for token in tokens_of(phrase)
        }
    endings = tuple(tokens_of(word)[0] for name in LANGUAGES for word in _data(name).get("compounds", ()))
    made.labels.endings = made.doc_types.endings = endings
    made.column_words = frozenset(words)
    return made


def _fill(phrases: Phrases, data: dict[str, list[str]], *, own: bool) -> None:
    taken = frozenset() if own else frozenset(phrases.meanings)
    for name, printed in data.items():
        for phrase in printed:
            if tokens_of(phrase) not in taken:
                phrases.add(phrase, name, extend=True)


@cache
def _vocabulary(language: str) -> tuple[frozenset[str], frozenset[str]]:
    data = _data(language)
    groups = ("labels", "columns", "doc_type")
    printed = (phrase for group in groups for phrases in data[group].values() for phrase in phrases)
    labels = frozenset(token for phrase in printed for token in tokens_of(phrase) if len(token) > 3)
    return frozenset(token for word in data["common"] for token in tokens_of(word)), labels


@cache
def _speakers() -> dict[str, tuple[tuple[str, bool, bool], ...]]:
    """For each token the languages that know it: whether it is one of their common words, and one of their labels."""
    found: dict[str, list[tuple[str, bool, bool]]] = {}
    for language in ("en", *(name for name in LANGUAGES if name != "en")):
        common, labels = _vocabulary(language)
        for token in common | labels:
            found.setdefault(token, []).append((language, token in common, token in labels))
    return {token: tuple(languages) for token, languages in found.items()}


def language_of(words: Iterable[str]) -> str:
    """The language most of the words belong to; English when none is known."""
    speakers = _speakers()
    seen: dict[str, int] = {}
    for text, times in Counter(words).items():
        for token in tokens_of(text):
            if token in speakers:
                seen[token] = seen.get(token, 0) + times
    scores = dict.fromkeys(("en", *LANGUAGES), 0.0)
    for token, times in seen.items():
        for language, is_common, is_label in speakers[token]:
            scores[language] += min(times, 3) * is_common + 1.5 * is_label
    return max(scores, key=lambda language: scores[language])


@cache
def month_names() -> dict[str, int]:
    """Month names and short forms of every language, as tokens."""
    names: dict[str, int] = {}
    for language in LANGUAGES:
        for number, forms in enumerate(_data(language)["months"], start=1):
            for form in forms:
                names.setdefault(tokens_of(form)[0], number)
    return names


@cache
def salutations() -> frozenset[Tokens]:
    """What stands over a name in an address, in every language."""
    return frozenset(tokens_of(word) for name in LANGUAGES for word in _data(name)["salutations"])


@cache
def week_words() -> frozenset[str]:
    return frozenset(tokens_of(word)[0] for language in LANGUAGES for word in _data(language)["week"])


@cache
def _units() -> dict[str, str]:
    units: dict[str, str] = {}
    for language in LANGUAGES:
        for code, printed in _data(language)["units"].items():
            units.setdefault(code.lower(), code)
            for form in printed:
                units.setdefault(unit_key(form), code)
    return units


def unit_key(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text).lower()
    return re.sub(r"[^a-zäöüßéèàùçñ0-9/%]", "", plain)


def unit_code(text: str) -> str | None:
    """The UN/ECE Rec 20 or 21 code of a printed unit; None when it is not known."""
    return _units().get(unit_key(text))


def unit_name(code: str) -> str:
    """The English word for a unit's code; empty when the lexicon has none, or the code is the word."""
    printed = _data("en")["units"].get(code, ())
    return next((word for word in printed if word.lower() != code.lower()), "")


def unit_known(unit: str) -> bool:
    """Whether a unit is a code of UN/ECE Rec 20 or 21, by its shape, or a printed unit of the lexicons. The lists
    have thousands of codes; two or three capitals and digits are taken for one."""
    return bool(re.fullmatch(r"[A-Z0-9]{2,3}", unit)) or unit_code(unit) is not None
