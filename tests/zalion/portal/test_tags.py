"""The design system's words: times, sizes, amounts, scales, and a tone for every state."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.template import Context, Template

from connectors.models import MailboxState, MessageState
from extraction.models import DocumentState, RunState
from zalion.portal import states, tags

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("distance", "words"),
    [
        (timedelta(seconds=5), "just now"),
        (timedelta(minutes=5), "5 min ago"),
        (timedelta(hours=3), "3 h ago"),
        (timedelta(days=2), "2 d ago"),
        (timedelta(days=40), "13 Oct"),
        (timedelta(days=400), "18 Oct 2025"),
        (timedelta(minutes=-9), "in 9 min"),
    ],
)
def test_a_time_is_said_as_people_say_it(distance: timedelta, words: str) -> None:
    assert tags.said(NOW - distance, NOW) == words


def test_sizes_and_amounts_are_written_for_reading() -> None:
    assert [tags.size(count) for count in (512, 4_200, 31_000_000, None)] == [
        "512 B",
        "4.2 kB",
        "31 MB",
        "0 B",
    ]
    assert [tags.money(text) for text in ("1525.1", "14661.11", "-3", "0.005", "n/a", None)] == [
        "1,525.10", "14,661.11", "-3.00", "0.005", "n/a", "",
    ]  # fmt: skip


@pytest.mark.parametrize(("highest", "top"), [(0, 4), (4, 4), (5, 6), (11, 20), (21, 40), (999, 1000)])
def test_a_scale_ends_on_a_number_people_count_in(highest: int, top: int) -> None:
    assert tags.scale_top(highest) == top


def test_every_state_has_a_tone() -> None:
    for kind in (MailboxState, MessageState, DocumentState, RunState):
        assert set(kind.values) <= states.TONES.keys()


def test_the_chart_says_its_numbers_in_words_too_and_carries_no_style() -> None:
    rows = [(date(2026, 11, day), (day, 0)) for day in range(1, 4)]
    made = Template('{% load portal %}{% bars "Per day" names rows %}').render(
        Context({"names": ("Mail", "Documents"), "rows": rows})
    )
    assert "style=" not in made
    assert '<th scope="row">3 November 2026</th><td>3</td><td>0</td>' in made
