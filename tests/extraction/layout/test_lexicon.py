"""The language files are well-formed and cover what the reader asks of them."""

import tomllib
from pathlib import Path

import pytest

import extraction.layout.lexicon as module
from extraction.layout.lexicon import LANGUAGES, language_of, lexicon, tokens_of, unit_code
from extraction.schemas import DOC_TYPES

FOLDER = Path(module.__file__).with_name("lexicons")


def test_every_file_is_a_language_and_every_language_has_its_file() -> None:
    assert sorted(path.stem for path in FOLDER.iterdir()) == sorted(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_names_every_field(language: str) -> None:
    data = tomllib.loads((FOLDER / f"{language}.toml").read_text(encoding="utf-8"))
    english = tomllib.loads((FOLDER / "en.toml").read_text(encoding="utf-8"))
    assert data["language"] == language
    assert len(data["months"]) == 12
    assert set(data["doc_type"]) == set(DOC_TYPES) - {"receipt", "other"}
    assert set(data["columns"]) == set(english["columns"])
    assert set(english["labels"]) - set(data["labels"]) <= {"number_order_change"}
    assert data["carry_over"]
    assert data["table_end"]


@pytest.mark.parametrize("text", ["AB-Nr.", "ab nr", "AB Nummer", "AB#", "AB n°", "AB No."])
def test_every_way_to_write_number_is_one(text: str) -> None:
    assert tokens_of(text) == ("ab", "no")


def test_a_longer_phrase_in_two_words_beats_its_first_word() -> None:
    labels = lexicon("de").labels
    for text in ("Beleg-Datum", "Beleg Datum", "Belegdatum"):
        match = labels.at(tokens_of(text), 0)
        assert match
        assert match.names == ("issue_date",)


def test_a_languages_own_meaning_comes_before_that_of_another() -> None:
    assert lexicon("fr").labels.exact(tokens_of("Transport")) == ("charge",)
    assert lexicon("nl").carry_over.exact(tokens_of("Transport"))


def test_the_language_is_told_by_its_common_words_and_labels() -> None:
    assert (
        language_of(["Wir", "danken", "für", "Ihren", "Auftrag", "und", "bestätigen", "die", "Bestellung"])
        == "de"
    )
    assert language_of(["Nous", "vous", "remercions", "de", "votre", "commande"]) == "fr"
    assert language_of([]) == "en"


def test_printed_units_become_codes() -> None:
    assert [unit_code(text) for text in ("Stk.", "pcs", "m²", "lfm", "xyz")] == [
        "H87",
        "H87",
        "MTK",
        "MTR",
        None,
    ]
