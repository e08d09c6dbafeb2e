"""Blind search: exact words and numbers are found, and the table shows none."""

from uuid import uuid4

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from zalion.tenancy.context import work
from zalion.tenancy.models import Tenant
from zalion.vault import index
from zalion.vault.models import SearchToken

from .conftest import ADA, OTTO

pytestmark = pytest.mark.database

KIND = "connectors.message"


def found(query: str, kind: str = KIND) -> set:
    return {row["object_id"] for row in index.search(kind, query)}


def test_4711_finds_ab_4711_2024(at_acme: Tenant) -> None:
    mail, other = uuid4(), uuid4()
    index.index_many(KIND, {mail: ["Order AB-4711/2024", "Müller GmbH", None], other: ["Order AB-4712/2024"]})
    for query in (
        "4711",
        "AB-4711/2024",
        "ab 4711",
        "AB4711",
        "4711/2024",
        "müller",
        "MÜLLER order",
        "ａｂ-4711",
    ):
        assert found(query) == {mail}, query
    assert found("order 2024") == {mail, other}


def test_an_address_is_found_by_itself_and_by_its_domain(at_acme: Tenant) -> None:
    mail, other = uuid4(), uuid4()
    index.index_many(KIND, {mail: ["Orders <info@stahl-werk.example>"], other: ["info@werk.example stahl"]})
    for query in ("info@stahl-werk.example", "stahl-werk.example", "@stahl-werk.example"):
        assert found(query) == {mail}, query


def test_digit_runs_of_four_and_more_are_words_of_their_own() -> None:
    assert {"po4711x", "4711"} <= index.tokens("PO4711x")
    assert "471" not in index.tokens("PO471x")
    assert index.tokens("AB-4711/2024") == {"ab", "4711", "2024", "ab4711", "47112024", "ab47112024"}
    assert "strasse" in index.tokens("Straße")


def test_a_query_needs_all_its_words(at_acme: Tenant) -> None:
    index.index(KIND, uuid4(), ["confirmation of screws"])
    assert found("screws bolts") == set()
    assert found("crews") == set()


@pytest.mark.parametrize("query", ["", "  ", "-- !!"])
def test_a_query_without_a_word_finds_nothing(at_acme: Tenant, query: str) -> None:
    index.index(KIND, uuid4(), ["text"])
    assert found(query) == set()


@given(text=st.text(max_size=60))
def test_whatever_was_written_its_words_are_found_as_written(text: str) -> None:
    words = index.tokens(text)
    for word in text.split():
        assert set(index._query_words(word)) <= words


def test_a_hostile_subject_is_bounded(at_acme: Tenant) -> None:
    mail = uuid4()
    index.index(KIND, mail, [" ".join(f"w{n}" for n in range(10_000)), "a." * 50_000])
    assert SearchToken.objects.count() <= index.WORDS_PER_OBJECT


def test_tenants_and_kinds_do_not_find_each_others(acme: Tenant, borealis: Tenant) -> None:
    with work(acme.pk, ADA):
        index.index(KIND, uuid4(), ["screws"])
        assert found("screws", "extraction.document") == set()
    with work(borealis.pk, OTTO):
        assert found("screws") == set()
        index.index(KIND, uuid4(), ["screws"])
        index.index("extraction.document", uuid4(), ["screws"])
    shown = {bytes(row.token) for row in SearchToken.across_tenants.all()}
    assert len(shown) == 3
    assert all(len(token) == 16 for token in shown)


def test_indexing_again_replaces_and_forgetting_removes(at_acme: Tenant) -> None:
    mail = uuid4()
    index.index(KIND, mail, ["screws"])
    index.index(KIND, mail, ["bolts", "bolts"])
    assert (found("screws"), found("bolts")) == (set(), {mail})
    assert index.forget(KIND, [mail]) == 1
    assert found("bolts") == set()


def test_a_page_of_200_mails_is_a_few_statements(at_acme: Tenant, django_assert_max_num_queries) -> None:
    page = {uuid4(): [f"Order {n} of steel", f"supplier{n}@example.org"] for n in range(200)}
    index.index(KIND, uuid4(), ["the key is opened"])
    with django_assert_max_num_queries(24 if connection.vendor == "sqlite" else 6):
        index.index_many(KIND, page)


def test_equality_tokens_are_equal_for_equal_values_of_one_tenant(acme: Tenant, borealis: Tenant) -> None:
    with work(acme.pk, ADA):
        ours = index.token("message-id", "<1@example.org>")
        assert ours == index.token("message-id", "<1@example.org>")
        assert ours != index.token("message-id", "<1@EXAMPLE.org>")
        assert ours != index.token("number", "<1@example.org>")
        content = index.content_hmac(b"content")
        assert content == index.content_hmac(b"content")
    with work(borealis.pk, OTTO):
        assert ours != index.token("message-id", "<1@example.org>")
        assert content != index.content_hmac(b"content")
