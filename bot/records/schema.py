"""The tables of the records, in SQLAlchemy Core.

`sessions` is who may talk, `turns` the inbox (what came in, answered or not), `messages` the
outbox (what was said back, numbered), `events` the dialogue as Rasa keeps it. `events` has no
foreign key: `kneewise rasa shell` keeps a dialogue without a session of the API.

Times are ISO 8601 text in UTC with microseconds, so that text order is time order on every
database. JSON is text in pure ASCII: a lone surrogate or a NUL in what somebody typed stays
storable everywhere.
"""

from __future__ import annotations

from sqlalchemy import Column, Float, Index, Integer, MetaData, String, Table, Text

metadata = MetaData()

sessions = Table(
    "sessions",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("clinic", String(64), nullable=False),
    Column("locale", String(35), nullable=False),
    Column("channel", String(32), nullable=False),
    Column("token_hash", String(64), nullable=False),
    Column("created_at", String(32), nullable=False),
    Column("expires_at", String(32), nullable=False),
    Index("sessions_by_expiry", "expires_at"),
)

turns = Table(
    "turns",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("session", String(64), nullable=False),
    Column("client_id", String(128), nullable=False),
    Column("kind", String(8), nullable=False),
    Column("payload", Text, nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("metadata", Text, nullable=False),
    Column("received_at", String(32), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("answered_at", String(32)),
    Column("first_seq", Integer),
    Column("last_seq", Integer),
    Index("turns_by_client_id", "session", "client_id", unique=True),
    Index("turns_by_answer", "answered_at", "session"),
)

messages = Table(
    "messages",
    metadata,
    Column("session", String(64), primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("client_id", String(128)),
    Column("body", Text, nullable=False),
    Column("created_at", String(32), nullable=False),
)

events = Table(
    "events",
    metadata,
    Column("session", String(255), primary_key=True),
    Column("n", Integer, primary_key=True, autoincrement=False),
    Column("rasa_session", Integer, nullable=False),
    Column("event", Text, nullable=False),
    Column("timestamp", Float, nullable=False),
    Index("events_by_rasa_session", "session", "rasa_session", "n"),
)
