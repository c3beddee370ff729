"""Whole conversations against the real assistant: real model, rules, actions, stores and pipeline.

Each item of `tests/cases/conversations.yaml` is one test, named by its sentence.  A turn is
something said (`say`), tapped (`tap`) or the start; the other keys are what must follow.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import yaml

from actions.views import case_view
from bot.records import shared_records

CASES = Path(__file__).parent.parent / "cases" / "conversations.yaml"
EXPECTATIONS = {
    "asks", "assessment", "says", "says_not", "kinds", "offers", "summary", "nothing_open",
    "case","status", "case_lacks",
}  # fmt: skip


class Talk:
    """One session with the assistant."""

    def __init__(self, pipeline: Any, loop: asyncio.AbstractEventLoop, clinic: str) -> None:
        now = datetime(2026, 11, 21, 10, 0, tzinfo=timezone.utc)
        self.now = now
        self.pipeline = pipeline
        self.loop = loop
        self.session = pipeline.records.create_session(
            id=uuid.uuid4().hex,
            clinic=clinic,
            locale="en",
            channel="test",
            token_hash=uuid.uuid4().hex,
            created_at=now,
            expires_at=datetime.now(timezone.utc) + timedelta(days=1),
        )
        self.messages: list[dict[str, Any]] = []
        self.take(start=True)

    def take(self, **turn: Any) -> list[dict[str, Any]]:
        self.messages = self.loop.run_until_complete(
            self.pipeline.take(self.session, uuid.uuid4().hex, now=self.now, **turn)
        )
        return self.messages

    def say(self, text: str) -> list[dict[str, Any]]:
        return self.take(text=text)

    def tap(self, finding: str, value: Any) -> list[dict[str, Any]]:
        return self.take(answer={"finding": finding, "value": value})

    @property
    def text(self) -> str:
        return "\n".join(message["text"] for message in self.messages)

    def one(self, kind: str) -> dict[str, Any] | None:
        found = [message for message in self.messages if message["kind"] == kind]
        assert len(found) <= 1, f"{len(found)} messages of kind {kind} in one turn"
        return found[0] if found else None

    @property
    def asked(self) -> str | None:
        question = self.one("question")
        if question is not None:
            assert self.messages[-1] is question, "the question is not the last message"
        return question["finding"] if question else None

    def case(self) -> dict[str, Any]:
        return case_view(self.pipeline.case(self.session.id))


@pytest.fixture(scope="session")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


@pytest.fixture(scope="session")
def pipeline(
    tmp_path_factory: pytest.TempPathFactory, loop: asyncio.AbstractEventLoop
) -> Iterator[Any]:
    """The assistant as the server runs it, on a database of its own, without HTTP."""
    from bot.runtime import tensorflow_free
    from bot.runtime.training import ensure_model
    from bot.runtime.turns import TurnPipeline
    from bot.settings import PROJECT

    database = f"sqlite:///{tmp_path_factory.mktemp('conversations') / 'test.db'}"
    patch = pytest.MonkeyPatch()
    patch.setenv("KNEEWISE_DATABASE", database)
    tensorflow_free.install()
    from bot.runtime.agent import load_agent

    agent = load_agent(ensure_model(PROJECT), PROJECT / "endpoints.yml")
    pipeline = TurnPipeline(shared_records(database))
    pipeline.use(agent)
    yield pipeline
    patch.undo()


def cases() -> list[Any]:
    loaded = yaml.safe_load(CASES.read_text(encoding="utf-8"))
    return [pytest.param(case, id=case["name"]) for case in loaded]


@pytest.mark.parametrize("case", cases())
def test_conversation(case: dict[str, Any], pipeline: Any, loop: asyncio.AbstractEventLoop) -> None:
    """The assistant answers each turn of the conversation as the case says."""
    talk = Talk(pipeline, loop, case.get("clinic", "default"))
    for number, turn in enumerate(case["turns"], start=1):
        where = f"turn {number} {turn}"
        unknown = turn.keys() - EXPECTATIONS - {"start", "say", "tap"}
        assert not unknown, f"{where}: unknown keys {unknown}"
        if "say" in turn:
            talk.say(turn["say"])
        elif "tap" in turn:
            ((finding, value),) = turn["tap"].items()
            talk.tap(finding, value)
        where = f"{where}\n--- answered:\n{talk.text}\n--- case: {talk.case()['findings']}"
        check_messages(talk, turn, where)
        check_case(talk.case(), turn, where)


def check_messages(talk: Talk, turn: dict[str, Any], where: str) -> None:
    """What the assistant said in this turn is what the case expects."""
    assessment = talk.one("assessment")
    given = assessment["disposition"] if assessment else None
    assert given == turn.get("assessment"), where
    if "asks" in turn:
        assert talk.asked == turn["asks"], where
    for words in _list(turn.get("says", [])):
        assert words.lower() in talk.text.lower(), f"does not say {words!r}: {where}"
    for words in _list(turn.get("says_not", [])):
        assert words.lower() not in talk.text.lower(), f"says {words!r}: {where}"
    if "kinds" in turn:
        assert [message["kind"] for message in talk.messages] == turn["kinds"], where
    if "offers" in turn:
        question = talk.one("question")
        assert question is not None, where
        assert set(turn["offers"]) <= {choice["value"] for choice in question["choices"]}, where
    if turn.get("summary"):
        assert talk.one("summary") is not None, where
    if turn.get("summary") or turn.get("nothing_open"):
        assert talk.asked is None, where


def check_case(view: dict[str, Any], turn: dict[str, Any], where: str) -> None:
    """The case as a client sees it is what the case expects."""
    if "status" in turn:
        assert view["status"] == turn["status"], where
    for finding, value in turn.get("case", {}).items():
        assert finding in view["findings"], f"{finding} is not known: {where}"
        assert view["findings"][finding]["value"] == value, f"{finding}: {where}"
    for finding in turn.get("case_lacks", []):
        assert finding not in view["findings"], f"{finding} is known: {where}"


def _list(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
