"""The conversation that is measured, and how each server is spoken to.

Every server gets the same sentences. That a conversation went as it should is checked: a server
that answers fast because it does not understand would not be a comparison.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timezone
from typing import Protocol

from bench.http import Connection

SCRIPT = (
    "My knee is a bit stiff since yesterday, it eases as I move. No injury, no swelling.",
    "none of these",
    "I'm 34",
    "can I run with pain?",
    "no",
    "2",
    "none of these",
    "not yet",
    "none of these",
    "yes",
)
"""Ten turns: an opening, the questions with one interruption (the fourth), summary, result."""

RESULT = "reduce_intensity"
"""What the tenth turn must bring."""

AGAIN = "start over"
"""Begins the next triage of a long conversation."""


class WentWrong(Exception):
    """A server did not answer as the conversation needs; the message says where."""


class Speaker(Protocol):
    """One person's conversation with one server."""

    async def begin(self) -> None:
        """Starts the conversation: a session, and the greeting."""

    async def say(self, text: str) -> bytes:
        """One turn; gives the body of the reply."""

    async def close(self) -> None:
        """Leaves."""


SpeakerOf = Callable[[str], Speaker]
"""Makes a speaker for the server at a URL."""


async def _ask(connection: Connection, path: str, body: object, *headers: str) -> bytes:
    status, received = await connection.post(path, body, headers)
    if status not in (200, 201):
        raise WentWrong(f"POST {path} answered {status}: {received[:300]!r}")
    return received


class KneewiseSpeaker:
    """Over our own API: a session, then messages with a bearer token."""

    def __init__(self, url: str) -> None:
        self._connection = Connection(url)
        self._token = ""

    async def begin(self) -> None:
        received = await _ask(self._connection, "/api/v1/sessions", {})
        self._token = json.loads(received)["token"]

    async def say(self, text: str) -> bytes:
        return await _ask(
            self._connection,
            "/api/v1/messages",
            {"id": str(uuid.uuid4()), "text": text},
            f"Authorization: Bearer {self._token}",
        )

    async def close(self) -> None:
        await self._connection.close()


class StockSpeaker:
    """Over Rasa's REST channel; the metadata holds what our own channel gives the actions."""

    def __init__(self, url: str) -> None:
        self._connection = Connection(url)
        self._sender = uuid.uuid4().hex

    async def begin(self) -> None:
        await self.say("/start_session")

    async def say(self, text: str) -> bytes:
        now = datetime.now(timezone.utc).isoformat()
        return await _ask(
            self._connection,
            "/webhooks/rest/webhook",
            {
                "sender": self._sender,
                "message": text,
                "metadata": {"channel": "web", "clinic": "default", "now": now},
            },
        )

    async def close(self) -> None:
        await self._connection.close()


class EchoSpeaker:
    """A POST that comes back as it is: what the web server and this client cost alone."""

    def __init__(self, url: str) -> None:
        self._connection = Connection(url)

    async def begin(self) -> None:
        await self.say("hello")

    async def say(self, text: str) -> bytes:
        return await _ask(self._connection, "/echo", {"id": str(uuid.uuid4()), "text": text})

    async def close(self) -> None:
        await self._connection.close()


@asynccontextmanager
async def talking(speaker: Speaker) -> AsyncIterator[Speaker]:
    """Leaves at the end, however the conversation went."""
    try:
        yield speaker
    finally:
        await speaker.close()


async def check(speaker: Speaker) -> None:
    """One conversation, turn by turn, for its outcome.

    Raises:
        WentWrong: the tenth turn does not bring the expected result, or an earlier one does.
    """
    async with talking(speaker):
        await speaker.begin()
        for turn, text in enumerate(SCRIPT, start=1):
            reply = await speaker.say(text)
            brings = b'"assessment"' in reply
            if brings != (turn == len(SCRIPT)):
                raise WentWrong(f"turn {turn} ({text!r}) was answered with {reply[:600]!r}")
    if RESULT.encode() not in reply:
        raise WentWrong(f"the result is not {RESULT}: {reply[:600]!r}")
