"""From a message in the inbox to an answer in the outbox.

A turn is written down before it is worked on, worked on while its session is locked, and written
down with its answer in one transaction. A crash before that leaves it unanswered: it is answered
at the next start, or when the session speaks again. A crash after it leaves the answer in the
outbox. Either way a person's answer counts exactly once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from bot.records import Records, RecordsUnavailable, Session, SessionGone, Turn
from bot.runtime.turn_in_progress import TurnFailed, TurnInProgress, turn_in_progress

logger = logging.getLogger(__name__)

ATTEMPTS = 3
"""How often a turn may fail before it is answered with `cannot_check_text`."""

Json = dict[str, Any]


class NotReady(Exception):
    """The assistant is still loading, failed to load, or is stopping; nothing was written."""


class TurnKept(Exception):
    """The turn failed, but it is in the inbox: sending it again with the same id tries again."""


def cannot_check_text(emergency_number: str | None) -> str:
    """What a person is told when the assistant fails at their message again and again.

    It stands here and not with the responses, because it must work when the model does not. It
    must never read as if all were well: whoever has a danger sign is sent to help.

    Args:
        emergency_number: the clinic's; None names the usual ones.
    """
    number = emergency_number or "your emergency number (112, 911 or 999)"
    return (
        "Something went wrong on our side and I cannot check your answers right now. "
        f"If you have chest pain or cannot get your breath, call {number} now. "
        "If your knee is hot and swollen, looks out of place or is stuck, if you cannot put weight "
        "on it, or if your foot is numb or cold, go to an emergency department now. "
        "If your calf is swollen and sore, see a doctor today. "
        "If you have none of these, please try again later or ask a doctor or physiotherapist."
    )


class TurnPipeline:
    """Takes the turns of all sessions, one at a time for each session.

    Args:
        records: where turns and answers are kept.
        emergency_number: gives a clinic's emergency number, None for the usual ones.

    `use(agent)` makes it ready; until then every turn raises `NotReady`.
    """

    def __init__(
        self,
        records: Records,
        emergency_number: Callable[[str], str | None] = lambda clinic: None,
    ) -> None:
        self.records = records
        self._emergency_number = emergency_number
        self._agent: Any = None
        self._stopping = False
        self._running: set[asyncio.Task[Any]] = set()
        self._waiting: dict[str, set[asyncio.Event]] = {}

    # -- life ----------------------------------------------------------------------------------

    def use(self, agent: Any) -> None:
        """Answer turns with this agent (a loaded `rasa.core.agent.Agent`) from now on."""
        self._agent = agent

    @property
    def ready(self) -> bool:
        """Whether a turn would be taken."""
        return self._agent is not None and not self._stopping

    async def recover(self) -> int:
        """Answer the turns that a crash or a stop left unanswered, oldest first; returns how many.

        Each counts as a failed attempt first: a turn that ends the process must not do so at
            every start.
        """
        owed = self.records.unanswered()
        answered = 0
        for turn in owed:
            self.records.attempt(turn)
            try:
                await self._apart(self._settle(turn.session, turn.client_id))
                answered += 1
            except (TurnKept, SessionGone) as error:
                logger.warning("an unanswered turn could not be answered: %s", type(error).__name__)
        return answered

    async def stop(self, seconds: float = 10) -> None:
        """Take no more turns and let those under way end, for at most so many seconds."""
        self._stopping = True
        for waiting in self._waiting.values():
            for event in waiting:
                event.set()
        if self._running:
            await asyncio.wait(set(self._running), timeout=seconds)

    # -- turns ---------------------------------------------------------------------------------

    async def take(
        self,
        session: Session,
        client_id: str,
        *,
        text: str | None = None,
        answer: Mapping[str, Any] | None = None,
        start: bool = False,
        now: datetime | None = None,
    ) -> list[Json]:
        """Take one turn and give its answer; the same id again gives the first answer again.

        Args:
            session: who speaks.
            client_id: the client's own id of the message.
            text: what was typed; never a command, whatever it begins with.
            answer: `{"finding": ..., "value": ...}`, checked by the channel.
            start: True for the first turn of a session, which nobody typed.
            now: with time zone; the clock's when not given.

        Returns:
            wire messages with `seq` and `id`.

        Raises:
            NotReady: loading or stopping; nothing was written.
            IdReused: the id came before with other content.
            TurnKept: answering failed; the turn is kept.
            RecordsUnavailable: the database failed; sending the turn again is safe.
            SessionGone: the session was erased meanwhile.
            ValueError: not exactly one of text, answer and start.
        """
        kind, payload = _content(text, answer, start)
        if not self.ready:
            raise NotReady
        moment = now or datetime.now(timezone.utc)
        metadata = {
            "channel": session.channel,
            "clinic": session.clinic,
            "now": moment.isoformat(),
        }

        async def receive_and_settle() -> list[Json]:
            async with self._agent.lock_store.lock(session.id):
                turn = self.records.receive(session.id, client_id, kind, payload, metadata, moment)
                return await self._settle_locked(turn)

        return await self._apart(receive_and_settle())

    async def say(self, session: str, messages: Sequence[Mapping[str, Any]]) -> list[Json]:
        """Put messages of our own accord (a check-in) into the outbox; returns them numbered."""
        numbered = self.records.commit_turn(session, messages=messages)
        self._wake(session)
        return numbered

    async def wait(self, session: str, after: int, seconds: float) -> list[Json]:
        """The messages above `after`; when there are none, wait for one for so many seconds."""
        event = asyncio.Event()
        waiting = self._waiting.setdefault(session, set())
        waiting.add(event)
        try:
            found = self.records.messages(session, after)
            if found or self._stopping:
                return found
            try:
                await asyncio.wait_for(event.wait(), seconds)
            except asyncio.TimeoutError:
                return []
            return self.records.messages(session, after)
        finally:
            waiting.discard(event)
            if not waiting:
                self._waiting.pop(session, None)

    def case(self, session: str) -> Json | None:
        """The value of the slot `case` as it is kept; None before the first turn."""
        for event in reversed(self.records.current_events(session).events):
            if event["event"] == "slot" and event["name"] == "case":
                value: Json | None = event["value"]
                return value
        return None

    async def erase(self, session: str) -> None:
        """Erase a session for good, after the turn under way."""
        if self._agent is None:
            self.records.erase(session)
        else:
            async with self._agent.lock_store.lock(session):
                self.records.erase(session)
        self._wake(session)

    # -- inside --------------------------------------------------------------------------------

    async def _apart(self, work: Coroutine[Any, Any, list[Json]]) -> list[Json]:
        """Run work to its end even when the client hangs up."""
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        # Read, so that asyncio does not report it once more when the client has hung up.
        if not task.cancelled():
            task.exception()

    async def _settle(self, session: str, client_id: str) -> list[Json]:
        async with self._agent.lock_store.lock(session):
            turn = self.records.turn(session, client_id)
            if turn is None:
                raise SessionGone(session)
            return await self._settle_locked(turn)

    async def _settle_locked(self, turn: Turn) -> list[Json]:
        """The answer of a turn, after those of the session's turns before it."""
        if turn.answered_at is not None:
            return self._answer_of(turn)
        for owed in self.records.unanswered(turn.session):
            if owed.number < turn.number:
                await self._answer(owed)
        return await self._answer(turn)

    def _answer_of(self, turn: Turn) -> list[Json]:
        if turn.first_seq is None or turn.last_seq is None:
            return []
        return self.records.messages(turn.session, turn.first_seq - 1, turn.last_seq)

    async def _answer(self, turn: Turn) -> list[Json]:
        if turn.attempts >= ATTEMPTS:
            return self._give_up(turn)
        progress = TurnInProgress(turn)
        token = turn_in_progress.set(progress)
        try:
            answer = await self._run(progress)
        except (RecordsUnavailable, SessionGone):
            raise
        except Exception as error:
            # What is in the text of another exception may be what the person said.
            reason = str(error) if isinstance(error, TurnFailed) else type(error).__name__
            logger.exception("a turn failed: %s", reason)
            turn = self.records.attempt(turn)
            if turn.attempts >= ATTEMPTS:
                return self._give_up(turn)
            raise TurnKept from error
        finally:
            turn_in_progress.reset(token)
        self._wake(turn.session)
        return answer

    async def _run(self, progress: TurnInProgress) -> list[Json]:
        await self._agent.processor.handle_message(_user_message(progress))
        if progress.answer is None:
            raise TurnFailed("the turn was not saved")
        return progress.answer

    def _give_up(self, turn: Turn) -> list[Json]:
        """Answer a turn that cannot be answered, so that it does not block its session for ever."""
        number = self._emergency_number(str(turn.metadata.get("clinic", "")))
        answer = self.records.commit_turn(
            turn.session,
            turn=turn,
            messages=[{"kind": "text", "text": cannot_check_text(number)}],
        )
        self._wake(turn.session)
        return answer

    def _wake(self, session: str) -> None:
        for event in self._waiting.get(session, ()):
            event.set()


def _content(text: str | None, answer: Mapping[str, Any] | None, start: bool) -> tuple[str, Json]:
    if (text is not None) + (answer is not None) + start != 1:
        raise ValueError("a turn is a text, an answer or a start: exactly one of them")
    if text is not None:
        return "text", {"text": text}
    if answer is not None:
        return "answer", {"finding": answer["finding"], "value": answer["value"]}
    return "start", {}


def _user_message(progress: TurnInProgress) -> Any:
    from rasa.core.channels.channel import UserMessage

    from bot.runtime.collector import Collector

    turn = progress.turn
    metadata = dict(turn.metadata)
    channel = str(metadata["channel"])
    text, parsed = "", None
    if turn.kind == "text":
        text = turn.payload["text"]
    elif turn.kind == "answer":
        parsed = _parsed("answer")
        metadata["answer"] = turn.payload
    else:
        parsed = _parsed("start_session")
    return UserMessage(
        text,
        output_channel=Collector(progress, channel),
        sender_id=turn.session,
        parse_data=parsed,
        input_channel=channel,
        message_id=turn.client_id,
        metadata=metadata,
    )


def _parsed(intent: str) -> Json:
    return {"text": "", "intent": {"name": intent, "confidence": 1.0}, "entities": []}
