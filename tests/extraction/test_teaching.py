"""What one approved document teaches about its layout, and what it does not."""

from dataclasses import replace
from typing import Any

import pytest

from extraction.extractor import Hints
from extraction.layout.document import Known
from extraction.layout.taught.profile import PROFILE, Profile
from extraction.paged import pages_of
from extraction.reader import Source, read
from extraction.teaching import differences, same, teach
from tests.extraction.odd_papers import LAYOUTS, Odd, polish, works
from tests.extraction.paper import Paper

HINTS = Hints(sender_domain="supplier.example", own_names=("Acme Maschinenbau GmbH",))


def reading(pdf: bytes, *profiles: Profile) -> dict[str, Any]:
    """The first document of a file, read with these profiles."""
    known = tuple({"id": item.key, "version": 1, "taught": item.to_json()} for item in profiles)
    result = read("paper.pdf", pdf, replace(HINTS, profiles=known))
    return result.documents[0].to_json()


def corrected(read_: dict[str, Any], truth: dict[str, Any]) -> dict[str, Any]:
    """What the machine read with a person's corrections."""
    blank = dict.fromkeys(
        ("pos", "unit", "price_base", "discount", "tax_rate", "delivery_date", "order_line_ref")
    )
    blank |= dict.fromkeys(
        ("seller_article", "buyer_article", "gtin", "description", "quantity", "unit_price")
    )
    lines = truth.get("lines", read_["lines"])
    return {**read_, **truth, "lines": [{**blank, "line_total": None, **line} for line in lines]}


def taught(odd: Odd, *profiles: Profile) -> Profile | None:
    known = Known.of(HINTS)
    pages = pages_of(Source.of("paper.pdf", odd.pdf), "pdf")
    learned = teach(
        pages, replace(known, profiles=profiles), corrected(reading(odd.pdf, *profiles), odd.truth)
    )
    return replace(learned, key=learned.key or "p") if learned else None


def wrong(odd: Odd, *profiles: Profile) -> list[str]:
    found = reading(odd.pdf, *profiles)
    return sorted(differences(found, corrected(found, odd.truth)))


@pytest.mark.parametrize("make", LAYOUTS.values(), ids=LAYOUTS)
def test_a_correction_teaches_what_the_next_paper_of_the_layout_needs(make: Any) -> None:
    first, second = make(1), make(2)
    assert wrong(first)
    assert wrong(second)
    profile = taught(first)
    assert profile is not None
    assert wrong(second, profile) == []
    assert {item["code"] for item in reading(second.pdf, profile)["findings"]} <= {"order_reference_missing"}


def test_what_is_taught_about_one_layout_does_not_touch_another() -> None:
    profiles = [profile for make in LAYOUTS.values() if (profile := taught(make(1)))]
    assert len(profiles) == len(LAYOUTS)
    plain = Paper().pdf()
    assert reading(plain, *profiles) == reading(plain)
    for index, make in enumerate(LAYOUTS.values()):
        others = [profile for number, profile in enumerate(profiles) if number != index]
        assert reading(make(2).pdf, *others) == reading(make(2).pdf)


def test_a_layout_with_another_title_is_another_one() -> None:
    """An invoice from the same letterhead is not read by what was taught about the confirmations."""
    profile = taught(
        Odd(Paper(facts=(("Laufzettel", "F-1"), ("Belegtag", "03.02.2026"))).pdf(), {"number": "F-1"})
    )
    assert profile is not None
    again = Paper(facts=(("Laufzettel", "F-2"), ("Belegtag", "04.02.2026")))
    assert reading(again.pdf(), profile)["number"] == "F-2"
    invoice = replace(again, title="Rechnung")
    assert reading(invoice.pdf(), profile) == reading(invoice.pdf())


def test_a_value_that_is_not_on_the_page_is_no_lesson() -> None:
    """What the supplier got wrong is corrected in the document, and is nothing to be learned."""
    paper = Paper().pdf()
    truth = {"number": "ZZ-9", "net_total": "1.23", "seller_iban": "DE02120300000000202051"}
    assert taught(Odd(paper, truth)) is None


def test_the_suppliers_name_may_be_known_without_being_printed() -> None:
    profile = taught(works(1))
    assert profile is not None
    found = reading(works(2).pdf, profile)
    assert found["evidence"]["seller_name"] == {"path": PROFILE, "text": "Hammerwerk Sued"}


def test_values_by_profile_keep_the_place_they_stand_at() -> None:
    profile = taught(polish(1))
    assert profile is not None
    found = reading(polish(2).pdf, profile)
    assert found["evidence"]["number"]["text"] == found["number"]
    assert found["evidence"]["number"]["box"][0] == pytest.approx(450, abs=2)


def test_a_currency_and_a_unit_can_mean_something_else() -> None:
    paper = Paper(totals=(("Nettobetrag", "15.064,00 $"), ("Gesamtbetrag", "15.064,00 $")))
    read_ = reading(paper.pdf())
    assert read_["currency"] == "USD"
    lines = [{**line, "unit": "SET"} for line in read_["lines"]]
    profile = taught(Odd(paper.pdf(), {"currency": "CAD", "lines": lines}))
    assert profile is not None
    found = reading(paper.pdf(), profile)
    assert (found["currency"], {line["unit"] for line in found["lines"]}) == ("CAD", {"SET"})
    euros = replace(paper, totals=(("Nettobetrag", "15.064,00 €"),))
    assert reading(euros.pdf(), profile)["currency"] == "EUR"


def test_a_date_that_has_only_one_reading_outweighs_the_taught_order() -> None:
    facts = (("AB-Nr.:", "F-2041"), ("Datum:", "03/02/2026"), ("Ihre Bestellung:", "4500077"))
    paper = Paper(facts=facts)
    profile = taught(Odd(paper.pdf(), {"issue_date": "2026-03-02"}))
    assert profile is not None
    assert reading(paper.pdf(), profile)["issue_date"] == "2026-03-02"
    other = replace(paper, facts=(*facts, ("Lieferdatum:", "25/03/2026")))
    found = reading(other.pdf(), profile)
    assert found["issue_date"] == "2026-02-03"
    assert "profile_date_order" in {item["code"] for item in found["findings"]}


def test_a_lesson_that_a_later_document_proves_wrong_is_replaced() -> None:
    profile = taught(polish(1))
    assert profile is not None
    second = polish(2)
    meant = replace(second, truth={**second.truth, "number": second.truth["order_reference"]})
    again = taught(meant, profile)
    assert again is not None
    assert reading(polish(3).pdf, again)["number"] == polish(3).truth["order_reference"]


def test_places_that_disagree_are_told_and_the_wrong_one_is_dropped() -> None:
    profile = taught(polish(1))
    assert profile is not None
    (right,) = profile.places["number"]
    (other,) = profile.places["order_reference"]
    torn = replace(profile, places={**profile.places, "number": (right, other)})
    second = polish(2)
    found = reading(second.pdf, torn)
    assert found["number"] == second.truth["number"]
    assert {"profile_unsure"} == {item["code"] for item in found["findings"] if item["field"] == "number"}
    settled = taught(second, torn)
    assert settled is not None
    assert settled.places["number"] == (right,)


def test_a_value_that_left_its_place_is_told() -> None:
    facts = (("Laufzettel", "F-1"), ("Belegtag", "03.02.2026"))
    profile = taught(Odd(Paper(facts=facts).pdf(), {"number": "F-1"}))
    assert profile is not None
    moved = reading(Paper(facts=(("AB-Nr.:", "F-2"), *facts[1:])).pdf(), profile)
    assert moved["number"] == "F-2"
    assert "profile_place_empty" in {item["code"] for item in moved["findings"]}


def test_nothing_is_learned_twice() -> None:
    profile = taught(polish(1))
    assert profile is not None
    assert taught(polish(2), profile) is None


def test_a_profile_says_the_same_after_it_was_stored() -> None:
    for make in LAYOUTS.values():
        profile = taught(make(1))
        assert profile is not None
        assert Profile.from_json("p", 1, profile.to_json()) == replace(profile, version=1)


def test_numbers_and_texts_are_the_same_however_they_are_written() -> None:
    assert same("lines.0.quantity", "7.50", "7.5")
    assert same("seller_name", "Muster  GmbH", "Muster GmbH")
    assert not same("number", "4711", "4712")
    assert not same("number", None, "4712")
