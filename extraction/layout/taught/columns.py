"""A layout's table of positions: its heading, what each column means, and what else stands in a position."""

import re
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any, Final, Self

from extraction.layout.columns import POSITION, Column, Header
from extraction.layout.geometry import Page, Row, Word, text_of
from extraction.layout.lexicon import Lexicon, Phrases, tokens_of

# How far a heading may stand from its place, in points, and the share of the headings a page must have.
_ASIDE: Final = 24.0
_KNOWN: Final = 0.8


@dataclass(frozen=True, slots=True)
class TaughtColumn:
    """A heading as printed, the middle of it, and the line field below it; empty where it is none of ours."""

    printed: str
    center: float
    role: str


@dataclass(frozen=True, slots=True)
class TaughtTable:
    """`position` is the shape of a position's number where it is none usually; `labels` are those of fields within a
    position, (role, printed); `strangers` are the first words of what stands among the positions and is none."""

    columns: tuple[TaughtColumn, ...] = ()
    position: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    strangers: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "columns": [[column.printed, round(column.center, 1), column.role] for column in self.columns],
            "position": self.position,
            "labels": [list(label) for label in self.labels],
            "strangers": list(self.strangers),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        return cls(
            columns=tuple(TaughtColumn(*column) for column in data["columns"]),
            position=data["position"],
            labels=tuple((role, printed) for role, printed in data["labels"]),
            strangers=tuple(data["strangers"]),
        )

    def headings(self, pages: Sequence[Page]) -> dict[int, dict[int, Header]]:
        """The table's headings by page and row; empty where the document has none."""
        found: dict[int, dict[int, Header]] = {}
        for page in pages:
            for index, row in enumerate(page.rows):
                header = self._heading(index, row)
                if header:
                    found.setdefault(page.number, {})[index] = header
        return found

    def _heading(self, index: int, row: Row) -> Header | None:
        columns = []
        for column in self.columns:
            words = _words(row, column)
            if words:
                role = column.role or None
                columns.append(Column(words, names=(role,) if role else (), role=role))
        if len(columns) < 2 or len(columns) < _KNOWN * len(self.columns):
            return None
        position = re.compile(pattern_of(self.position)) if self.position else POSITION
        return Header(columns, index, index, position=position, settled=True)

    def lexicon(self, known: Lexicon) -> Lexicon:
        """The lexicon with what this table calls the fields within a position."""
        if not self.labels:
            return known
        more = copy(known)
        more.columns = Phrases(
            dict(known.columns.meanings), dict(known.columns.longest), dict(known.columns.joined),
            set(known.columns.starts), known.columns.endings,
        )  # fmt: skip
        for role, label in self.labels:
            more.columns.meanings.pop(tokens_of(label), None)
            more.columns.add(label, role, extend=False)
        return more

    def is_stranger(self, cells: Mapping[str, Sequence[Word]]) -> bool:
        """Whether a row of the table is none of its positions."""
        tokens = tokens_of(text_of(cells.get("description", ())))
        return any(tokens[: len(start)] == start for start in map(tokens_of, self.strangers))


def _words(row: Row, column: TaughtColumn) -> list[Word]:
    """The words of a heading in the row, where it has them."""
    tokens = tokens_of(column.printed)
    for start in range(len(row.words)):
        run: list[Word] = []
        for word in row.words[start : start + len(tokens) + 1]:
            run.append(word)
            if tokens_of(text_of(run)) == tokens:
                middle = (run[0].x0 + run[-1].x1) / 2
                if abs(middle - column.center) <= _ASIDE:
                    return run
                break
    return []


def pattern_of(shape: str) -> str:
    """The regular expression of a shape: "A-9" is fulfilled by P-001."""
    parts = {"A": r"[^\W\d_]+", "9": r"\d+"}
    return "".join(parts.get(char, re.escape(char)) for char in shape)
