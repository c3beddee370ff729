"""A lock per conversation that wakes the next in line at once.

Rasa's own lock stores look once a second whether it is their turn (`rasa/core/lock_store.py`,
`_acquire_lock`): of four quick messages the last waits three seconds. An asyncio lock hands over
at once and in order of arrival. It works within one process; several processes on one database
are kept apart by the records.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from rasa.core.lock_store import LockStore


class AsyncioLockStore(LockStore):  # type: ignore[misc]  # Rasa is untyped
    """Locks that live in this process.

    Args:
        endpoint_config: what endpoints.yml says; nothing in it is used.
    """

    def __init__(self, endpoint_config: Any = None) -> None:
        self._locks: dict[str, tuple[asyncio.Lock, int]] = {}

    @asynccontextmanager
    async def lock(
        self, conversation_id: str, lock_lifetime: float = 0, wait_time_in_seconds: float = 0
    ) -> AsyncGenerator[asyncio.Lock, None]:
        """Hold the conversation; the times in Rasa's signature do not apply to it."""
        lock, holders = self._locks.get(conversation_id, (asyncio.Lock(), 0))
        self._locks[conversation_id] = (lock, holders + 1)
        try:
            async with lock:
                yield lock
        finally:
            lock, holders = self._locks[conversation_id]
            if holders == 1:
                del self._locks[conversation_id]
            else:
                self._locks[conversation_id] = (lock, holders - 1)
