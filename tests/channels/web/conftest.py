"""A server without its assistant, and sessions on it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from bot.channels.web.tokens import Token, new_token
from bot.records import Records

BARE_SERVER = str(Path(__file__).parent / "bare_server.py")


@pytest.fixture(scope="session")
def bare_server(start_server: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The server while its assistant is loading, for ever; rate limits off."""
    empty = str(tmp_path_factory.mktemp("empty"))
    return start_server([sys.executable, BARE_SERVER, empty], KNEEWISE_RATE_LIMIT="off")


@pytest.fixture(scope="session")
def limited_server(
    start_server: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> Any:
    """Such a server with small rate limits, behind a trusted proxy and an https address."""
    empty = str(tmp_path_factory.mktemp("empty"))
    limits = ["session=3/hour", "address=5/hour", "clinic=4/hour", "new_session=2/hour"]
    return start_server(
        [sys.executable, BARE_SERVER, empty, *limits],
        KNEEWISE_TRUSTED_PROXIES="127.0.0.1",
        KNEEWISE_PUBLIC_URL="https://knee.example",
    )


@pytest.fixture
def stored_session() -> Callable[..., Token]:
    """Puts a session into a server's database, as if it had begun there."""

    def store(server: Any, clinic: str = "default", *, days: float = 1) -> Token:
        token, now = new_token(), datetime.now(timezone.utc)
        Records(f"sqlite:///{server.database}").create_session(
            id=token.session,
            clinic=clinic,
            locale="en",
            channel="web",
            token_hash=token.secret_hash,
            created_at=now,
            expires_at=now + timedelta(days=days),
        )
        return token

    return store


@pytest.fixture
def bearer(bare_server: Any, stored_session: Callable[..., Token]) -> dict[str, str]:
    """The Authorization header of a new session on the server without its assistant."""
    return {"Authorization": f"Bearer {stored_session(bare_server)}"}
