"""What is kept about a conversation: the session, the inbox, the outbox, the dialogue."""

from bot.records.records import (
    IdReused,
    Records,
    RecordsUnavailable,
    Session,
    SessionGone,
    StoredEvents,
    Turn,
    shared_records,
)

__all__ = [
    "IdReused",
    "Records",
    "RecordsUnavailable",
    "Session",
    "SessionGone",
    "StoredEvents",
    "Turn",
    "shared_records",
]
