"""The contract test of every Extractor: subclass it in the extractor's tests and fill in the samples."""

import random
from abc import ABC, abstractmethod
from contextlib import suppress
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from extraction.extractor import Extractor, Source, UnreadableError
from extraction.grounding import ungrounded
from extraction.registry import EXTRACTORS, load
from extraction.schemas import DOC_TYPES, SEVERITIES, Extraction

STRANGERS = [
    b"",
    b"\x00" * 64,
    b"\x89PNG\r\n\x1a\n" + b"x" * 90,
    b"PK\x03\x04" + b"x" * 90,
    b"MZ" + b"\x00" * 90,
]


class ExtractorContract(ABC):
    """What every extractor promises, on samples of its own."""

    key: str

    @abstractmethod
    def samples(self) -> dict[str, tuple[bytes, dict[str, Any]]]:
        """Name -> a file the extractor reads, and fields of its first document as canonical JSON (a subset)."""

    @abstractmethod
    def broken(self) -> dict[str, tuple[bytes, str]]:
        """Name -> a file the extractor takes and cannot read, and the code it says so with."""

    @property
    def extractor(self) -> Extractor:
        return load(self.key)

    def sources(self) -> list[Source]:
        return [Source.of(name, content) for name, (content, _) in self.samples().items()]

    def test_it_is_registered_under_its_own_key(self) -> None:
        assert self.key in EXTRACTORS
        assert self.extractor.key == self.key
        assert self.extractor.version

    def test_it_takes_its_samples_and_declines_strangers(self) -> None:
        assert all(isinstance(self.extractor.score(source), int) for source in self.sources())
        assert all(self.extractor.score(Source.of("stranger", content)) is None for content in STRANGERS)

    def test_it_reads_the_fields_of_its_samples(self) -> None:
        for name, (content, expected) in self.samples().items():
            found = self.extractor.extract(Source.of(name, content))[0].document.to_json()
            for field, value in expected.items():
                if field == "lines":
                    rows = [{key: row[key] for key in value[0]} for row in found["lines"]]
                    assert rows == value, name
                else:
                    assert found[field] == value, f"{name}: {field}"

    def test_every_value_stands_where_its_evidence_says(self) -> None:
        for source in self.sources():
            for extraction in self.extractor.extract(source):
                assert extraction.evidence
                assert not list(ungrounded(extraction)), source.name
                for evidence in extraction.evidence.values():
                    assert evidence.path or evidence.offset is not None or (evidence.page and evidence.box)

    def test_what_it_gives_is_well_formed_and_survives_json(self) -> None:
        for source in self.sources():
            for extraction in self.extractor.extract(source):
                document = extraction.document
                assert document.doc_type in DOC_TYPES
                assert 0 <= document.confidence <= 1
                assert all(finding.severity in SEVERITIES for finding in document.findings)
                numbers = [document.net_total, *(line.quantity for line in document.lines)]
                assert all(
                    number is None or (type(number) is Decimal and number.is_finite()) for number in numbers
                )
                assert document.issue_date is None or type(document.issue_date) is date
                assert Extraction.from_json(extraction.to_json()).to_json() == extraction.to_json()

    def test_the_same_bytes_give_the_same_result(self) -> None:
        for source in self.sources():
            first, second = ([item.to_json() for item in self.extractor.extract(source)] for _ in range(2))
            assert first == second

    def test_what_is_broken_is_said_with_a_code(self) -> None:
        for name, (content, code) in self.broken().items():
            source = Source.of(name, content)
            assert self.extractor.score(source) is not None, name
            with pytest.raises(UnreadableError) as caught:
                self.extractor.extract(source)
            assert caught.value.code == code
            assert caught.value.message

    def test_cut_and_mangled_samples_raise_nothing_else(self) -> None:
        chance = random.Random(7)
        for source in self.sources():
            for share in (0.1, 0.5, 0.9, 0.99):
                self._survives(source.name, source.content[: int(len(source.content) * share)])
            for _ in range(8):
                mangled = bytearray(source.content)
                for _ in range(5):
                    mangled[chance.randrange(len(mangled))] = chance.randrange(256)
                self._survives(source.name, bytes(mangled))

    def _survives(self, name: str, content: bytes) -> None:
        source = Source.of(name, content)
        if self.extractor.score(source) is None:
            return
        with suppress(UnreadableError):
            self.extractor.extract(source)
