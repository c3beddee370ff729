"""A turn is answered once, in order, as a whole, or not at all."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from pathlib import Path

import pytest

from bot.records import IdReused, Records, RecordsUnavailable, Session, SessionGone
from bot.runtime.tracker_store import TURNS_PER_RASA_SESSION
from bot.runtime.turns import NotReady, TurnKept, TurnPipeline, cannot_check_text


def test_a_start_a_text_and_a_tap_are_answered(pipeline: TurnPipeline, session: Session) -> None:
    """The three kinds of turn reach the actions, with the slot kept between them."""

    async def talk() -> list[list[str]]:
        said = [
            await pipeline.take(session, "a", start=True),
            await pipeline.take(session, "b", text="it hurts"),
            await pipeline.take(session, "c", answer={"finding": "side", "value": "left"}),
            await pipeline.take(session, "d", text="hello"),
        ]
        return [[message["text"] for message in messages] for messages in said]

    assert asyncio.run(talk()) == [["Tell me."], ["it hurts"], ["it hurts | side=left"], ["Hello."]]
    assert pipeline.case(session.id) == {"heard": ["it hurts", "side=left"]}


@pytest.mark.parametrize("text", ["/restart", "/greet", "/greet{}", "/session_start", "/back"])
def test_typed_commands_are_text(pipeline: TurnPipeline, session: Session, text: str) -> None:
    """What a person types is never taken for one of Rasa's commands."""

    async def talk() -> str:
        await pipeline.take(session, "a", text="it hurts")
        return str((await pipeline.take(session, "b", text=text))[0]["text"])

    assert asyncio.run(talk()) == f"it hurts | {text}"


def test_the_same_turn_again_gives_the_same_answer(
    pipeline: TurnPipeline, session: Session, records: Records
) -> None:
    """A repeated turn changes nothing, even long after and while it is being answered."""

    async def talk() -> None:
        first, meanwhile = await asyncio.gather(
            pipeline.take(session, "a", text="it hurts"),
            pipeline.take(session, "a", text="it hurts"),
        )
        await pipeline.take(session, "b", text="more")
        assert await pipeline.take(session, "a", text="it hurts") == first == meanwhile

    asyncio.run(talk())

    assert pipeline.case(session.id) == {"heard": ["it hurts", "more"]}
    assert len(records.messages(session.id)) == 2


def test_an_id_with_another_text_is_refused(
    pipeline: TurnPipeline, session: Session, records: Records
) -> None:
    """The first message keeps its id; the second is not taken in."""

    async def talk() -> None:
        await pipeline.take(session, "a", text="it hurts")
        with pytest.raises(IdReused):
            await pipeline.take(session, "a", text="it does not")

    asyncio.run(talk())

    assert len(records.messages(session.id)) == 1


def test_quick_messages_are_answered_in_order_at_once(
    pipeline: TurnPipeline, session: Session
) -> None:
    """Four messages sent together are answered one after the other without waiting."""

    async def talk() -> tuple[list[int], float]:
        await pipeline.take(session, "warm", text="warm")
        began = time.monotonic()
        said = await asyncio.gather(
            *(pipeline.take(session, f"t{n}", text=f"m{n}") for n in range(4))
        )
        return [messages[0]["count"] for messages in said], time.monotonic() - began

    counts, seconds = asyncio.run(talk())

    assert counts == [2, 3, 4, 5]
    # Rasa's own locks would take three seconds.
    assert seconds < 0.9
    assert pipeline.case(session.id) == {"heard": ["warm", "m0", "m1", "m2", "m3"]}


def test_a_turn_with_no_kind_or_two_is_a_mistake(pipeline: TurnPipeline, session: Session) -> None:
    """The caller says exactly what kind of turn it is."""

    async def talk() -> None:
        with pytest.raises(ValueError, match="exactly one"):
            await pipeline.take(session, "a")
        with pytest.raises(ValueError, match="exactly one"):
            await pipeline.take(session, "a", text="hi", start=True)

    asyncio.run(talk())


def test_before_the_agent_is_loaded_nothing_is_taken(records: Records, session: Session) -> None:
    """A turn that would not be answered is not taken in either."""
    pipeline = TurnPipeline(records)

    with pytest.raises(NotReady):
        asyncio.run(pipeline.take(session, "a", text="hi"))

    assert records.unanswered() == []


@pytest.mark.parametrize("text", ["explode", "kaboom"])
def test_a_failed_action_leaves_no_half_answer(
    pipeline: TurnPipeline, session: Session, records: Records, text: str
) -> None:
    """An action that fails, after it or another one spoke, is not half heard: the turn waits."""

    async def talk() -> None:
        await pipeline.take(session, "a", text="it hurts")
        with pytest.raises(TurnKept):
            await pipeline.take(session, "b", text=text)

    asyncio.run(talk())

    assert [message["text"] for message in records.messages(session.id)] == ["it hurts"]
    assert pipeline.case(session.id) == {"heard": ["it hurts"]}
    (waiting,) = records.unanswered()
    assert (waiting.client_id, waiting.attempts) == ("b", 1)


@pytest.mark.parametrize("text", ["explode", "kaboom", "silence"])
def test_a_turn_that_always_fails_does_not_block_the_session(
    pipeline: TurnPipeline, session: Session, text: str
) -> None:
    """After three failures the person is told so and sent to help; the talk goes on after it."""

    async def talk() -> tuple[str, str]:
        for _ in range(2):
            with pytest.raises(TurnKept):
                await pipeline.take(session, "a", text=text)
        told = await pipeline.take(session, "a", text=text)
        after = await pipeline.take(session, "b", text="it hurts")
        return told[0]["text"], after[0]["text"]

    assert asyncio.run(talk()) == (cannot_check_text(None), "it hurts")


def test_a_waiting_turn_is_answered_before_a_new_one(
    pipeline: TurnPipeline, session: Session, records: Records
) -> None:
    """A turn that came in and was not answered is answered first when its session speaks again."""
    metadata = {"channel": "web", "clinic": "default", "now": session.created_at.isoformat()}
    records.receive(session.id, "a", "text", {"text": "first"}, metadata, session.created_at)

    said = asyncio.run(pipeline.take(session, "b", text="second"))

    assert said[0]["text"] == "first | second"
    assert [message["seq"] for message in records.messages(session.id)] == [1, 2]


def test_waiting_turns_are_answered_at_the_start(
    pipeline: TurnPipeline, session: Session, records: Records
) -> None:
    """Turns that a crash left behind are answered; one that keeps crashing is given up."""
    metadata = {"channel": "web", "clinic": "riverside", "now": session.created_at.isoformat()}
    for client_id, text in (("a", "it hurts"), ("b", "badly")):
        records.receive(session.id, client_id, "text", {"text": text}, metadata, session.created_at)
    (first, second) = records.unanswered()
    records.attempt(records.attempt(second))

    assert asyncio.run(pipeline.recover()) == 2

    assert [message["text"] for message in records.messages(session.id)] == [
        "it hurts",
        cannot_check_text("000"),
    ]
    assert records.unanswered() == []
    assert first.attempts == 0


def test_the_last_message_names_the_clinics_emergency_number() -> None:
    """Whoever cannot be checked is sent to help, with the number that applies."""
    assert "call 000 now" in cannot_check_text("000")
    assert "112, 911 or 999" in cannot_check_text(None)


def test_a_read_error_overwrites_nothing(
    pipeline: TurnPipeline, session: Session, records: Records, database: Path
) -> None:
    """While the dialogue cannot be read no turn is answered; afterwards it goes on where it was."""

    async def talk() -> str:
        await pipeline.take(session, "a", text="it hurts")
        _execute(database, "ALTER TABLE events RENAME TO hidden")
        with pytest.raises(RecordsUnavailable):
            await pipeline.take(session, "b", text="badly")
        _execute(database, "ALTER TABLE hidden RENAME TO events")
        return str((await pipeline.take(session, "b", text="badly"))[0]["text"])

    assert asyncio.run(talk()) == "it hurts | badly"
    assert records.unanswered() == []


@pytest.mark.parametrize("table", ["events", "messages"])
def test_dialogue_and_answer_are_written_together(
    pipeline: TurnPipeline, session: Session, records: Records, database: Path, table: str
) -> None:
    """When one of them cannot be written, the other is not, and the turn still waits."""

    async def talk() -> None:
        await pipeline.take(session, "a", text="it hurts")
        _execute(
            database,
            f"CREATE TRIGGER full BEFORE INSERT ON {table} "
            "BEGIN SELECT RAISE(ABORT, 'disk full'); END",
        )
        with pytest.raises(RecordsUnavailable, match="disk full"):
            await pipeline.take(session, "b", text="badly")

    asyncio.run(talk())

    assert [message["text"] for message in records.messages(session.id)] == ["it hurts"]
    assert pipeline.case(session.id) == {"heard": ["it hurts"]}
    assert [turn.client_id for turn in records.unanswered()] == ["b"]
    _execute(database, "DROP TRIGGER full")
    said = asyncio.run(pipeline.take(session, "b", text="badly"))
    assert said[0]["text"] == "it hurts | badly"


def _execute(database: Path, statement: str) -> None:
    with sqlite3.connect(database) as other:
        other.execute(statement)


def test_a_long_talk_stays_short_to_load(
    pipeline: TurnPipeline, session: Session, records: Records
) -> None:
    """A turn loads the same few events at turn 200 as at turn 10; the slot is carried along."""
    loaded = []

    async def talk() -> None:
        for n in range(200):
            await pipeline.take(session, f"t{n}", text=f"m{n}")
            loaded.append(len(records.current_events(session.id).events))

    asyncio.run(talk())

    assert max(loaded[10:]) == max(loaded[: 2 * TURNS_PER_RASA_SESSION])
    assert loaded[199] <= max(loaded[:10])
    case = pipeline.case(session.id)
    assert case is not None
    assert case["heard"] == [f"m{n}" for n in range(200)]


def test_actions_can_see_the_dialogue(pipeline: TurnPipeline, session: Session) -> None:
    """An action that looks at the events gets them, although they are made only then."""

    async def talk() -> int:
        await pipeline.take(session, "a", text="it hurts")
        return int((await pipeline.take(session, "b", text="count events"))[0]["events"])

    assert asyncio.run(talk()) > 5


def test_a_client_that_hangs_up_is_answered_all_the_same(
    pipeline: TurnPipeline, session: Session, records: Records
) -> None:
    """A turn that was taken in is finished even when nobody waits for it any more."""

    async def talk() -> None:
        asking = asyncio.create_task(pipeline.take(session, "a", text="it hurts"))
        await asyncio.sleep(0)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await pipeline.stop()
        with pytest.raises(NotReady):
            await pipeline.take(session, "b", text="badly")

    asyncio.run(talk())

    assert [message["text"] for message in records.messages(session.id)] == ["it hurts"]


@pytest.mark.parametrize("steps", range(4))
def test_erasing_around_a_turn_leaves_nothing(
    pipeline: TurnPipeline, session: Session, records: Records, steps: int
) -> None:
    """Wherever the erasure falls, the turn is answered before it or refused after it."""

    async def talk() -> None:
        asking = asyncio.create_task(pipeline.take(session, "a", text="it hurts"))
        for _ in range(steps):
            await asyncio.sleep(0)
        await pipeline.erase(session.id)
        with contextlib.suppress(SessionGone):
            assert (await asking)[0]["text"] == "it hurts"

    asyncio.run(talk())

    assert records.export(session.id) is None
    assert records.all_events(session.id) == []
    assert records.messages(session.id) == []
    assert records.unanswered() == []


def test_waiting_ends_with_the_next_message(pipeline: TurnPipeline, session: Session) -> None:
    """A long poll gives what is there at once, wakes for what comes, and ends empty."""

    async def talk() -> None:
        await pipeline.take(session, "a", text="it hurts")
        assert [m["seq"] for m in await pipeline.wait(session.id, 0, 5)] == [1]

        waiting = asyncio.create_task(pipeline.wait(session.id, 1, 5))
        await asyncio.sleep(0)
        await pipeline.say(session.id, [{"kind": "text", "text": "How is it today?"}])
        assert [m["text"] for m in await waiting] == ["How is it today?"]

        assert await pipeline.wait(session.id, 2, 0.01) == []

    asyncio.run(talk())
