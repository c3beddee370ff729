"""The output channel: makes wire messages of what actions say and keeps them for the outbox.

A channel that fails while it sends makes Rasa drop the turn, and the person's answer with it.
This one sends nothing: it collects, and the messages leave only after they are in the outbox.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rasa.core.channels.channel import OutputChannel

from bot.runtime.turn_in_progress import TurnFailed, TurnInProgress


class Collector(OutputChannel):  # type: ignore[misc]  # Rasa is untyped
    """Collects the messages of one turn.

    Args:
        progress: the turn; messages are appended to it, a message that breaks the wire's rules
            marks it failed.
        channel: name of the channel that asked, so that responses written for one channel are
            chosen.
    """

    def __init__(self, progress: TurnInProgress, channel: str) -> None:
        self._progress = progress
        self._channel = channel

    def name(self) -> str:
        return self._channel

    async def send_response(self, recipient_id: str, message: Mapping[str, Any]) -> None:
        """Keep a message.  Never raises: what is wrong with it fails the turn when it is saved."""
        text = message.get("text")
        if text:
            self._progress.messages.append({"kind": "text", "text": text})
        custom = message.get("custom")
        if custom:
            if isinstance(custom, dict) and custom.get("kind") and "text" in custom:
                self._progress.messages.append(custom)
            else:
                self._progress.failure = TurnFailed("a message without kind or text")
        elif not text:
            self._progress.failure = TurnFailed("a message with nothing in it")
