"""Whole interviews: the opening message goes through the real assistant, taps answer the rest.

The opening is taken by the real pipeline (model, rules, actions, stores); the case it leaves is
then completed by the engine, question by question, with the person's true answers.  A wrong
reading is not put right in the summary, as a person could: the figures are on the safe side.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from pathlib import Path
from types import TracebackType
from typing import Any

from rasa.core.channels.channel import UserMessage

from actions.state import Dialogue
from bot.catalogue import load_catalogue
from bot.clinical.case import Answer, Case
from bot.clinical.decide import level_of
from bot.clinical.interview import Ask, next_question
from bot.clinical.model import ABSENT, PRESENT, UNKNOWN, Knowledge
from bot.evaluation.cases import Utterance, Vignette
from bot.records import shared_records
from bot.runtime.agent import load_agent
from bot.runtime.training import ensure_model
from bot.runtime.turns import TurnPipeline
from bot.settings import PROJECT


@dataclass(frozen=True)
class Interview:
    """How an interview went.

    Attributes:
        level: of the disposition given, 0 to 7.
        true_level: of the disposition worked out by hand.
        asked: ids of the questions, in order.
        again: stated findings that were asked again all the same.
        at_once: the opening message alone led to this level.
    """

    level: int
    true_level: int
    asked: tuple[str, ...]
    again: tuple[str, ...]
    at_once: int


class Assistant:
    """The assistant as the server runs it, on a database that is removed at the end."""

    def __enter__(self) -> Assistant:
        self.knowledge: Knowledge = load_catalogue().knowledge
        self._folder = tempfile.TemporaryDirectory(prefix="kneewise-eval-")
        database = f"sqlite:///{Path(self._folder.name) / 'evaluation.db'}"
        before = os.environ.get("KNEEWISE_DATABASE")
        os.environ["KNEEWISE_DATABASE"] = database
        try:
            self.agent = load_agent(ensure_model(PROJECT), PROJECT / "endpoints.yml")
        finally:
            if before is None:
                del os.environ["KNEEWISE_DATABASE"]
            else:
                os.environ["KNEEWISE_DATABASE"] = before
        self._records = shared_records(database)
        self._pipeline = TurnPipeline(self._records)
        self._pipeline.use(self.agent)
        self._loop = asyncio.new_event_loop()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.run_until_complete(self._pipeline.stop())
        self._loop.close()
        self._records.close()
        self._folder.cleanup()

    def parse(self, text: str, today: date) -> dict[str, Any]:
        """Intent and entities of a message, as Rasa hands them on."""
        message = UserMessage(text=text, metadata={"now": _moment(today).isoformat()})
        parsed: dict[str, Any] = self._loop.run_until_complete(
            self.agent.processor.parse_message(message)
        )
        return parsed

    def opening(self, text: str, today: date) -> Case:
        """The case after the greeting and this first message."""
        session = self._begin(today)
        self._take(session, today, text=text)
        return self._case(session)

    def answering(self, utterance: Utterance) -> tuple[Case, str | None]:
        """The case after the utterance answers its open question, and what is open then."""
        session = self._begin(utterance.today)
        self._take(
            session,
            utterance.today,
            answer={"finding": "change", "value": utterance.open_question},
        )
        self._take(session, utterance.today, text=utterance.text)
        dialogue = Dialogue.from_json(self._pipeline.case(session.id))
        return dialogue.case, dialogue.open_question

    def _begin(self, today: date) -> Any:
        session = self._records.create_session(
            id=uuid.uuid4().hex,
            clinic="default",
            locale="en",
            channel="test",
            token_hash=uuid.uuid4().hex,
            created_at=_moment(today),
            expires_at=datetime.now(timezone.utc) + timedelta(days=1),
        )
        self._take(session, today, start=True)
        return session

    def _take(self, session: Any, today: date, **turn: Any) -> None:
        self._loop.run_until_complete(
            self._pipeline.take(session, uuid.uuid4().hex, now=_moment(today), **turn)
        )

    def _case(self, session: Any) -> Case:
        return Dialogue.from_json(self._pipeline.case(session.id)).case


def _moment(today: date) -> datetime:
    return datetime.combine(today, time(10), timezone.utc)


def interview(assistant: Assistant, vignette: Vignette, text: str | None = None) -> Interview:
    """Holds the whole interview with a vignette's person.

    Args:
        text: the opening message, where it is not the vignette's own.
    """
    knowledge = assistant.knowledge
    case = assistant.opening(text or vignette.text, vignette.today)
    at_once = level_of(knowledge, case)
    asked: list[str] = []
    again: list[str] = []
    while (following := next_question(case, knowledge)) is not None:
        asked.append(following.question.id)
        again.extend(_said_before(following, vignette.states))
        case = case.with_answers(_answer(following, vignette.rest))
    return Interview(
        level=level_of(knowledge, case),
        true_level=knowledge.level(vignette.disposition),
        asked=tuple(asked),
        again=tuple(again),
        at_once=at_once,
    )


def _said_before(following: Ask, states: Mapping[str, Any]) -> list[str]:
    """The findings of a question that the opening message has answered.

    Not those whose kind was not said, and not a danger sign that was denied: their list is
    always asked.
    """
    if following.question.screen_first:
        return [sign.id for sign in following.signs if states.get(sign.id) == PRESENT]
    findings = [sign.id for sign in following.signs] or [following.question.id]
    return [one for one in findings if states.get(one) not in (None, "unspecified", UNKNOWN)]


def _answer(following: Ask, rest: Mapping[str, Any]) -> dict[str, Answer]:
    value = rest[following.question.id]
    if not following.signs:
        return {following.question.id: Answer(value, "tapped")}
    return {
        sign.id: Answer(PRESENT if sign.id in value else ABSENT, "tapped")
        for sign in following.signs
    }
