"""Rate limits: by session, by client address and by clinic.

They keep one client from starving the others; they are no defence against many. Counted in
this process's memory, in fixed windows.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

# A person taps at most about once a second; a whole clinic may share one address.
DEFAULT_LIMITS: Final[Mapping[str, str]] = {
    "session": "120/minute",
    "address": "1200/minute",
    "clinic": "12000/minute",
    "new_session": "120/minute",
}


@dataclass(frozen=True)
class Exceeded:
    """Which limit was passed, and in how many seconds there is room again (at least 1)."""

    scope: str
    limit: str
    retry_after: int


class RateLimits:
    """Counts requests against `limits`, a mapping of scope to `"COUNT/second|minute|hour|day"`.

    Scopes: `session`, `address` and `clinic` count messages and reads; `new_session` counts
    the sessions begun from one address.

    Raises:
        ValueError: a limit is not of that form, or its scope is unknown.
    """

    def __init__(self, limits: Mapping[str, str]) -> None:
        unknown = sorted(set(limits) - set(DEFAULT_LIMITS))
        if unknown:
            allowed = ", ".join(DEFAULT_LIMITS)
            raise ValueError(f"unknown rate limit {unknown[0]!r}; there are: {allowed}")
        self._items: dict[str, RateLimitItem] = {
            scope: parse(text) for scope, text in limits.items()
        }
        # The limiter holds its storage weakly.
        self._storage = MemoryStorage()
        self._limiter = FixedWindowRateLimiter(self._storage)

    def take(self, **scopes: str) -> Exceeded | None:
        """Count one request for each scope (`session="..."`), unless one of them is used up."""
        for scope, who in scopes.items():
            item = self._items.get(scope)
            if item is not None and not self._limiter.hit(item, scope, who):
                reset, _ = self._limiter.get_window_stats(item, scope, who)
                wait = max(1, math.ceil(reset - time.time()))
                return Exceeded(scope, str(item), wait)
        return None
