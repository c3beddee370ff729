"""Scores, lengths of time, times ago and ages, as people write them."""

from __future__ import annotations

from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.nlu.quantities import number, read_quantities
from bot.nlu.tokens import normalise

FRIDAY = date(2025, 11, 21)


def _found(text: str, today: date = FRIDAY) -> list[tuple[str, int]]:
    return [(q.kind, q.value) for q in read_quantities(normalise(text), today)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7/10", ("score", 7)),
        ("seven out of ten", ("score", 7)),
        ("a solid 7", ("score", 7)),
        ("pain is 7 or 8", ("score", 8)),
        ("6.5 out of 10", ("score", 7)),
        ("six and a half out of ten", ("score", 7)),
        ("11 out of 10", ("score", 10)),
        ("on a scale of 1-10 it's about a 6", ("score", 6)),
        ("for a week", ("duration", 7)),
        ("3 wks", ("duration", 21)),
        ("about a fortnight", ("duration", 14)),
        ("2-3 weeks", ("duration", 21)),
        ("two and a half months", ("duration", 75)),
        ("a year and a half", ("duration", 548)),
        ("since Tuesday", ("duration", 3)),
        ("since Friday", ("duration", 7)),
        ("on and off since March", ("duration", 265)),
        ("since 3rd November", ("duration", 18)),
        ("started 3 days ago", ("duration", 3)),
        ("rested for 2 weeks", ("span", 14)),
        ("yesterday", ("ago", 1)),
        ("3 months ago", ("ago", 90)),
        ("on Saturday", ("ago", 6)),
        ("I'm 57", ("age", 57)),
        ("my 13 year old", ("age", 13)),
        ("my son, 13,", ("age", 13)),
        ("aged fifty-six", ("age", 56)),
        ("34M here", ("age", 34)),
    ],
)
def test_a_quantity_is_read_with_its_kind(text: str, expected: tuple[str, int]) -> None:
    """Each way to write it gives this kind and number."""
    assert _found(text) == [expected]


@pytest.mark.parametrize(
    "text",
    ["race in 3 weeks", "I run 3 days a week", "I'm 5'10", "first 3 miles", "week 3 of c25k",
     "for 20 minutes", "it may be swollen", "march on", "scale of 0 to 10", "since I was twelve"],
)  # fmt: skip
def test_other_numbers_mean_nothing(text: str) -> None:
    """Distances, plans, heights and habits are no score, no duration and no age."""
    assert _found(text) == []


def test_since_a_month_that_is_still_to_come_means_last_year() -> None:
    """In November "since December" reaches back to December of the year before."""
    assert _found("since December") == [("duration", (FRIDAY - date(2024, 12, 1)).days)]


@given(st.integers(0, 99))
def test_a_number_in_digits_is_itself(value: int) -> None:
    """Digits are read as they stand."""
    assert number(str(value)) == value


@given(st.text(max_size=60))
def test_any_text_has_quantities_or_none(text: str) -> None:
    """No text raises, and no two quantities share a character."""
    found = read_quantities(normalise(text), FRIDAY)
    assert all(a.end <= b.start for a, b in pairwise(found))
