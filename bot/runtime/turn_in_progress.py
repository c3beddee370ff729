"""The turn that the current task is answering.

Rasa hands a tracker store nothing but the tracker. The store must know which turn of the inbox
the tracker's new events answer and which messages go with them, so that all of it is written in
one transaction.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from bot.records import Turn


class TurnFailed(Exception):
    """The turn could not be answered as it should be; nothing of it may be saved."""


@dataclass
class TurnInProgress:
    """A turn and what has come of it so far.

    Attributes:
        turn: as it stands in the inbox.
        messages: wire messages made so far, without `seq` and `id`.
        failure: set when a part of the turn failed although Rasa carries on; the turn is then not
            saved.
        answer: the numbered messages once everything is written; None before.
    """

    turn: Turn
    messages: list[dict[str, Any]] = field(default_factory=list)
    failure: Exception | None = None
    answer: list[dict[str, Any]] | None = None


turn_in_progress: ContextVar[TurnInProgress | None] = ContextVar("turn_in_progress", default=None)
