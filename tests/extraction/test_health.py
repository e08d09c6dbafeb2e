"""Whoever looks after the server sees whether scans can be read, and in which languages."""

import pytest

from extraction import health
from extraction.extractors.ocr import tesseract


def test_a_server_without_tesseract_says_which_packages_bring_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tesseract, "PROGRAM", "tesseract-that-is-not-there")
    tesseract.languages.cache_clear()
    told = health.text_recognition()
    tesseract.languages.cache_clear()
    assert told.state == "warning"
    assert "tesseract-ocr-deu" in told.detail


def test_the_languages_of_scans_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tesseract, "languages", lambda: ("eng", "deu", "fra", "ita", "spa"))
    told = health.text_recognition()
    assert told.state == "ok"
    assert told.detail == (
        "Scans are read in English, German, French, Italian and Spanish. Dutch could be installed."
    )
