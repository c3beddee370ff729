"""The dialogue as it is kept in the slot `case`: the clinical case and where the talk stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.clinical.case import Case

SLOT = "case"
VERSION = 1

#: What is open between two turns: a question, the summary to be confirmed, or nothing.
ASKING, CONFIRMING, ASSESSED, STOPPED = "asking", "confirming", "assessed", "stopped"


class UnreadableCase(ValueError):
    """The slot holds something that this version cannot read; never taken as an empty case."""


@dataclass
class Dialogue:
    """Where a conversation stands.

    Attributes:
        case: the findings so far.
        stage: asking, confirming (the summary), assessed or stopped.
        open_question: id of the question that was asked last and is still open.
        trail: ids of the questions answered, oldest first, for "back".
        changing: id of a question that was answered and is asked again; its answer stands until
            it is replaced.
        assessment: the last assessment as it went over the wire.
        misses: messages in a row that could not be understood.
        noticed: level up to which an urgent finding was already spoken of during the interview.
    """

    case: Case = field(default_factory=Case)
    stage: str = ASKING
    open_question: str | None = None
    trail: list[str] = field(default_factory=list)
    changing: str | None = None
    assessment: dict[str, Any] | None = None
    misses: int = 0
    noticed: int = 0

    def to_json(self) -> dict[str, Any]:
        return {
            "version": VERSION,
            "stage": self.stage,
            "open_question": self.open_question,
            "case": self.case.to_json(),
            "trail": list(self.trail),
            "changing": self.changing,
            "assessment": self.assessment,
            "misses": self.misses,
            "noticed": self.noticed,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | None) -> Dialogue:
        """The dialogue in a slot; an empty slot is a new dialogue.

        Raises:
            UnreadableCase: the slot is of another version or damaged.  Starting afresh would
                lose what the person said, danger signs included.
        """
        if data is None:
            return cls()
        if not isinstance(data, Mapping) or data.get("version") != VERSION:
            raise UnreadableCase("the slot 'case' is not of a version that can be read")
        try:
            return cls(
                case=Case.from_json(data["case"]),
                stage=data["stage"],
                open_question=data["open_question"],
                trail=list(data["trail"]),
                changing=data["changing"],
                assessment=data["assessment"],
                misses=data["misses"],
                noticed=data["noticed"],
            )
        except (KeyError, TypeError, ValueError) as error:
            raise UnreadableCase(f"the slot 'case' is damaged: {error!r}") from error
