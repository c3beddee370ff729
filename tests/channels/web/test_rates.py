"""Rate limits count each client apart and say when there is room again."""

from __future__ import annotations

import time

import pytest

from bot.channels.web.rates import RateLimits


def test_a_limit_lets_its_number_through_and_then_says_when() -> None:
    """Each scope and client has a count of its own."""
    rates = RateLimits({"session": "2/hour"})
    assert rates.take(session="a") is None
    assert rates.take(session="a") is None
    exceeded = rates.take(session="a")
    assert exceeded is not None
    assert exceeded.scope == "session"
    assert 1 <= exceeded.retry_after <= 3601
    assert rates.take(session="b") is None


def test_scopes_without_a_limit_are_free() -> None:
    """An installation can leave a scope out."""
    rates = RateLimits({"session": "1/hour"})
    assert all(rates.take(address="a", clinic="c") is None for _ in range(100))


def test_there_is_room_again_after_the_window() -> None:
    """The count starts anew."""
    rates = RateLimits({"session": "1/second"})
    assert rates.take(session="a") is None
    assert rates.take(session="a") is not None
    time.sleep(1.1)
    assert rates.take(session="a") is None


@pytest.mark.parametrize(
    ("limits", "says"), [({"person": "1/hour"}, "person"), ({"session": "many"}, "many")]
)
def test_a_limit_that_cannot_be_read_is_refused(limits: dict[str, str], says: str) -> None:
    """A slip must not pass for no limit."""
    with pytest.raises(ValueError, match=says):
        RateLimits(limits)
