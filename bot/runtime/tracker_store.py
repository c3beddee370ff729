"""Rasa's tracker store on the records: a turn in one transaction, and nothing fails open.

Rasa wraps every store in `FailSafeTrackerStore`. When a read fails it hands out an empty
conversation, which is then written over the real one; and a store whose class is mistyped in
endpoints.yml silently becomes one in memory. `install()` takes both away: an error is an error,
and only `RecordsTrackerStore` is accepted from endpoints.yml.

A long conversation makes every turn slower, because Rasa replays all of it several times a turn.
All that the rules need is the slots, so after `TURNS_PER_RASA_SESSION` turns the store opens a
new Rasa session that carries them over, and only that one is loaded.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from rasa.core.agent import Agent
from rasa.core.tracker_store import InMemoryTrackerStore, TrackerStore
from rasa.shared.core.constants import ACTION_LISTEN_NAME, ACTION_SESSION_START_NAME
from rasa.shared.core.events import (
    ActionExecuted,
    Event,
    SessionStarted,
    SlotSet,
    UserUttered,
    deserialise_events,
)
from rasa.shared.core.trackers import DialogueStateTracker

from bot.records import Records, StoredEvents, shared_records
from bot.runtime.turn_in_progress import TurnFailed, TurnInProgress, turn_in_progress
from bot.settings import settings_from

TURNS_PER_RASA_SESSION = 4

_KEPT_OF_PARSE_DATA = ("intent", "entities", "text")


class StoreMistyped(Exception):
    """endpoints.yml names no store of ours; Rasa would keep conversations in memory."""


class RecordsTrackerStore(TrackerStore):  # type: ignore[misc]  # Rasa is untyped
    """Keeps the dialogue in the records.

    Args:
        host: SQLAlchemy URL; the setting `KNEEWISE_DATABASE` when not given.
        domain: the model's domain.
        event_broker: nothing is published; endpoints.yml must not name one.

    Every method raises `RecordsUnavailable` when the database does.
    """

    def __init__(
        self,
        host: str | None = None,
        domain: Any = None,
        event_broker: Any = None,
        **_: Any,
    ) -> None:
        super().__init__(domain, event_broker)
        self.records: Records = shared_records(host or settings_from().database)

    async def retrieve(self, sender_id: str) -> DialogueStateTracker | None:
        """The conversation since its last Rasa session began; None when nothing is kept."""
        stored = self.records.current_events(sender_id)
        if not stored.events:
            return None
        return self._tracker(sender_id, stored.events, stored)

    async def retrieve_full_tracker(self, conversation_id: str) -> DialogueStateTracker | None:
        """The whole conversation, to look at: it cannot be saved."""
        events = self.records.all_events(conversation_id)
        if not events:
            return None
        return self._tracker(conversation_id, events, None)

    async def create_tracker(
        self, sender_id: str, append_action_listen: bool = True
    ) -> DialogueStateTracker:
        """An empty conversation, not saved yet: a turn is written once, at its end."""
        tracker = self.init_tracker(sender_id)
        if append_action_listen:
            tracker.update(ActionExecuted(ACTION_LISTEN_NAME))
        _remember(tracker, 0, StoredEvents((), 0, 0))
        return tracker

    async def save(self, tracker: DialogueStateTracker) -> None:
        """Write what is new, with the messages of the turn in progress and that it is answered.

        Raises:
            TurnFailed: the turn in progress failed, or did not end in an answer; nothing is
                written.
            SessionGone: the session was erased meanwhile; nothing is written.
        """
        progress = turn_in_progress.get()
        if progress is not None:
            _require_answer(progress, tracker)
        known, stored = _remembered(tracker, self.records)
        fresh = list(tracker.events)[known:]
        if not fresh and progress is None:
            return
        if _at_rest(tracker) and _user_turns(tracker) >= TURNS_PER_RASA_SESSION:
            fresh += _opening(tracker)
        rasa_session = stored.rasa_session
        numbered = []
        for event in fresh:
            if isinstance(event, ActionExecuted) and event.action_name == ACTION_SESSION_START_NAME:
                rasa_session += 1
            numbered.append((max(rasa_session, 1), _as_kept(event)))
        answer = self.records.commit_turn(
            tracker.sender_id,
            numbered,
            next_n=stored.next_n,
            turn=None if progress is None else progress.turn,
            messages=() if progress is None else progress.messages,
        )
        if progress is not None:
            progress.answer = answer
        _remember(
            tracker,
            len(tracker.events),
            StoredEvents((), max(rasa_session, 1), stored.next_n + len(numbered)),
        )

    async def keys(self) -> Iterable[str]:
        """Not offered: nobody lists people's conversations through Rasa."""
        raise NotImplementedError("conversations are not listed")

    def _tracker(
        self, sender_id: str, events: Iterable[dict[str, Any]], stored: StoredEvents | None
    ) -> DialogueStateTracker:
        tracker = self.init_tracker(sender_id)
        for event in deserialise_events(list(events)):
            tracker.update(event)
        if stored is not None:
            _remember(tracker, len(tracker.events), stored)
        return tracker


def _remember(tracker: Any, known: int, stored: StoredEvents) -> None:
    """Note on the tracker how many of its events are kept, and where the next one goes."""
    tracker.kept_in_records = (known, stored)


def _remembered(tracker: Any, records: Records) -> tuple[int, StoredEvents]:
    noted: tuple[int, StoredEvents] | None = getattr(tracker, "kept_in_records", None)
    if noted is None:
        # A tracker that did not come from this store (Rasa's tools make some): what is kept is
        # its beginning.
        stored = records.current_events(tracker.sender_id)
        noted = (len(stored.events), stored)
    return noted


def _require_answer(progress: TurnInProgress, tracker: Any) -> None:
    if progress.failure is not None:
        raise TurnFailed("a part of the turn failed") from progress.failure
    if not progress.messages:
        raise TurnFailed("no rule answered the turn")
    if not _at_rest(tracker):
        raise TurnFailed("the turn did not end in listening")


def _at_rest(tracker: Any) -> bool:
    return bool(tracker.latest_action_name == ACTION_LISTEN_NAME) and isinstance(
        tracker.events[-1], ActionExecuted
    )


def _user_turns(tracker: Any) -> int:
    return sum(isinstance(event, UserUttered) for event in tracker.events)


def _opening(tracker: Any) -> list[Event]:
    """The events that begin a new Rasa session with the slots as they are."""
    carried = [
        SlotSet(name, slot.value) for name, slot in tracker.slots.items() if slot.value is not None
    ]
    return [
        ActionExecuted(ACTION_SESSION_START_NAME),
        SessionStarted(),
        *carried,
        ActionExecuted(ACTION_LISTEN_NAME),
    ]


def _as_kept(event: Event) -> dict[str, Any]:
    """The event as Rasa writes it, without what nothing reads again.

    The messages stand in the outbox in full, and how sure the classifier was of every other
    intent matters only while the turn is answered.
    """
    kept: dict[str, Any] = event.as_dict()
    kept.setdefault("timestamp", time.time())
    if kept["event"] == "bot":
        kept["data"] = {}
    elif kept["event"] == "user":
        parsed = kept.get("parse_data", {})
        kept["parse_data"] = {name: parsed[name] for name in _KEPT_OF_PARSE_DATA if name in parsed}
    return kept


def _create_tracker_store(store: Any, domain: Any) -> TrackerStore:
    """The store of an agent: ours as it is, one in memory only where nobody asked for any."""
    if store is None:
        return InMemoryTrackerStore(domain)
    if not isinstance(store, RecordsTrackerStore):
        raise StoreMistyped(
            f"the tracker store is {type(store).__name__}, not {RecordsTrackerStore.__name__}: "
            "conversations would be lost. Correct tracker_store.type in endpoints.yml."
        )
    store.domain = domain
    return store


def install() -> None:
    """Fail closed from now on."""
    Agent._create_tracker_store = staticmethod(_create_tracker_store)
