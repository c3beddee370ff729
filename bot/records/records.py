"""Reading and writing the records, each call in one database transaction.

What has been answered is on the disk before the answer leaves (SQLite's `synchronous=FULL`, 0.2 to
1 ms); the inbox alone is written without that wait.

Every method raises `RecordsUnavailable` on any error of the database. A failed read is never an
empty answer: a conversation that cannot be read must not look like a new one.

The methods are synchronous and short (well under a millisecond on SQLite); the caller serialises
the turns of one session. Two processes on one database are safe too: the number of the next event
is the primary key, so whoever was second fails and tries again on what the first one wrote.
"""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from functools import cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine, make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import QueuePool

from bot.records.schema import events, messages, metadata, sessions, turns

BUSY_SECONDS = 5
"""How long a write waits for another process's write before it counts as a failure."""

Json = dict[str, Any]


class RecordsUnavailable(Exception):
    """The database could not be read or written; nothing was changed."""


class IdReused(Exception):
    """A turn came with the id of an earlier turn of the same session and other content."""

    def __init__(self, client_id: str) -> None:
        super().__init__(f"the id {client_id!r} was already used for another message")
        self.client_id = client_id


class SessionGone(Exception):
    """There is no such session (any more); nothing was kept."""


@dataclass(frozen=True)
class Session:
    """Someone who may talk to the assistant.

    Attributes:
        id: unguessable, opens nothing without the token.
        clinic: id of the clinic whose wording and contacts apply.
        locale: BCP 47 language tag.
        channel: `web`, `telegram`, ...
        token_hash: SHA-256 of the token, hexadecimal; the token itself is not kept.
        created_at, expires_at: with time zone, in UTC.
    """

    id: str
    clinic: str
    locale: str
    channel: str
    token_hash: str
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True)
class Turn:
    """One message of a person, as received.

    Attributes:
        number: order of receipt over all sessions.
        session: id of the session.
        client_id: the client's own id of the message.
        kind: `text` | `answer` | `start`.
        payload: `{"text": ...}` | `{"finding": ..., "value": ...}` | `{}`.
        metadata: what the channel knew about it (channel, clinic, now).
        received_at: with time zone, in UTC.
        attempts: how many times answering it has failed.
        answered_at: None while the answer is owed.
        first_seq, last_seq: the numbers of the first and last message of the answer.
    """

    number: int
    session: str
    client_id: str
    kind: str
    payload: Json
    metadata: Json
    received_at: datetime
    attempts: int
    answered_at: datetime | None = None
    first_seq: int | None = None
    last_seq: int | None = None


@dataclass(frozen=True)
class StoredEvents:
    """The events of the last Rasa session of a conversation.

    Attributes:
        events: in the order in which they happened, as Rasa's own dictionaries.
        rasa_session: number of that Rasa session, from 1; 0 when nothing is stored.
        next_n: the number that the next event must get.
    """

    events: tuple[Json, ...]
    rasa_session: int
    next_n: int


def _dump(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def _stamp(moment: datetime) -> str:
    """ISO 8601 in UTC at a fixed width.

    Raises:
        ValueError: the moment has no time zone.
    """
    if moment.tzinfo is None:
        raise ValueError("a moment needs a time zone")
    return moment.astimezone(timezone.utc).isoformat(timespec="microseconds")


def _fingerprint(kind: str, payload: Mapping[str, Any]) -> str:
    content = json.dumps([kind, payload], sort_keys=True)
    return hashlib.sha256(content.encode("ascii")).hexdigest()


# Statements are built once: building one costs more than SQLite needs to run it.
_SESSION = sa.select(sessions).where(sessions.c.id == sa.bindparam("id"))
_NEW_SESSION = sa.insert(sessions)
_EXPIRED = sa.select(sessions.c.id).where(sessions.c.expires_at < sa.bindparam("moment"))
_TURN = sa.select(turns).where(
    turns.c.session == sa.bindparam("session"), turns.c.client_id == sa.bindparam("client_id")
)
_SESSION_AND_TURN = (
    sa.select(sessions.c.id, turns)
    .outerjoin(
        turns,
        sa.and_(turns.c.session == sessions.c.id, turns.c.client_id == sa.bindparam("client_id")),
    )
    .where(sessions.c.id == sa.bindparam("session"))
)
_NEW_TURN = sa.insert(turns)
_UNANSWERED = sa.select(turns).where(turns.c.answered_at.is_(None)).order_by(turns.c.number)
_UNANSWERED_OF = _UNANSWERED.where(turns.c.session == sa.bindparam("session"))
_TURNS_OF = (
    sa.select(turns).where(turns.c.session == sa.bindparam("session")).order_by(turns.c.number)
)
_ATTEMPT = (
    sa.update(turns)
    .where(turns.c.number == sa.bindparam("turn"))
    .values(attempts=turns.c.attempts + 1)
)
_ANSWERED = (
    sa.update(turns)
    .where(turns.c.number == sa.bindparam("turn"), turns.c.answered_at.is_(None))
    .values(
        answered_at=sa.bindparam("at"),
        first_seq=sa.bindparam("first"),
        last_seq=sa.bindparam("last"),
    )
)
_LAST_SEQ = sa.select(sa.func.max(messages.c.seq)).where(
    messages.c.session == sa.bindparam("session")
)
_NEW_MESSAGE = sa.insert(messages)
_MESSAGES = (
    sa.select(messages.c.body)
    .where(
        messages.c.session == sa.bindparam("session"),
        messages.c.seq > sa.bindparam("after"),
        messages.c.seq <= sa.bindparam("until"),
    )
    .order_by(messages.c.seq)
)
_NEW_EVENT = sa.insert(events)
_LAST_RASA_SESSION = (
    sa.select(sa.func.max(events.c.rasa_session))
    .where(events.c.session == sa.bindparam("session"))
    .scalar_subquery()
)
_CURRENT_EVENTS = (
    sa.select(events.c.n, events.c.rasa_session, events.c.event)
    .where(events.c.session == sa.bindparam("session"), events.c.rasa_session == _LAST_RASA_SESSION)
    .order_by(events.c.n)
)
_ALL_EVENTS = (
    sa.select(events.c.event)
    .where(events.c.session == sa.bindparam("session"))
    .order_by(events.c.n)
)
_ERASE = tuple(
    sa.delete(table).where(column == sa.bindparam("session"))
    for table, column in (
        (events, events.c.session),
        (messages, messages.c.session),
        (turns, turns.c.session),
        (sessions, sessions.c.id),
    )
)
_HIGHEST_SEQ = 2**31 - 1


class Records:
    """The records in one database.

    Args:
        url: SQLAlchemy URL, `sqlite:////var/lib/kneewise/kneewise.db` for one. The folder of a
            SQLite file is made when it is missing; folder and file can be read by their owner
            only.

    Raises:
        RecordsUnavailable: the database cannot be opened.
        ValueError: the URL is not one of SQLAlchemy's, or is SQLite in memory (nothing would be
            kept).
    """

    def __init__(self, url: str) -> None:
        try:
            parsed = make_url(url)
        except SQLAlchemyError as error:
            raise ValueError(f"{url!r} is not a database URL: {error}") from None
        self._sqlite = parsed.get_backend_name() == "sqlite"
        if self._sqlite:
            if not parsed.database or parsed.database == ":memory:":
                raise ValueError("a SQLite database needs a file: sqlite:///path/to/kneewise.db")
            _private_file(parsed.database)
        try:
            self._engine = _sqlite_engine(url) if self._sqlite else _other_engine(url)
            metadata.create_all(self._engine)
        except (SQLAlchemyError, OSError) as error:
            raise RecordsUnavailable(str(error)) from error

    # -- the two ways to the database ----------------------------------------------------------

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        try:
            with self._engine.connect() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise RecordsUnavailable(_without_values(error)) from error

    @contextmanager
    def _writing(self, *, to_disk: bool = True) -> Iterator[Connection]:
        """A transaction; with `to_disk` a power cut after its end cannot undo it."""
        try:
            with self._engine.connect() as connection:
                synchronous = "FULL" if to_disk else "NORMAL"
                writing = connection.execution_options(kneewise_synchronous=synchronous)
                with writing.begin():
                    yield writing
        except SQLAlchemyError as error:
            raise RecordsUnavailable(_without_values(error)) from error

    def check(self) -> None:
        """Make sure that the database can be read and written.

        Raises:
            RecordsUnavailable: it cannot.
        """
        with self._writing() as connection:
            connection.execute(_SESSION, {"id": ""})

    def close(self) -> None:
        """Close every connection; the object opens new ones when it is used again."""
        self._engine.dispose()

    # -- sessions ------------------------------------------------------------------------------

    def create_session(
        self,
        *,
        id: str,  # noqa: A002  # the name of the column
        clinic: str,
        locale: str,
        channel: str,
        token_hash: str,
        created_at: datetime,
        expires_at: datetime,
    ) -> Session:
        """Keep a new session.  The moments need a time zone."""
        with self._writing() as connection:
            connection.execute(
                _NEW_SESSION,
                {
                    "id": id,
                    "clinic": clinic,
                    "locale": locale,
                    "channel": channel,
                    "token_hash": token_hash,
                    "created_at": _stamp(created_at),
                    "expires_at": _stamp(expires_at),
                },
            )
        return Session(
            id=id,
            clinic=clinic,
            locale=locale,
            channel=channel,
            token_hash=token_hash,
            created_at=created_at.astimezone(timezone.utc),
            expires_at=expires_at.astimezone(timezone.utc),
        )

    def session(self, session: str) -> Session | None:
        """The session, expired or not; None when there is none (or it was erased)."""
        with self._reading() as connection:
            row = connection.execute(_SESSION, {"id": session}).mappings().first()
        if row is None:
            return None
        return Session(
            **{
                **row,
                "created_at": datetime.fromisoformat(row["created_at"]),
                "expires_at": datetime.fromisoformat(row["expires_at"]),
            }
        )

    def erase(self, session: str) -> None:
        """Delete every row about a session, for good.

        On SQLite the freed bytes are overwritten (`secure_delete`) and the write-ahead log is
        emptied, so that nothing of the conversation is left in the files. Erasing what does not
        exist is no error.
        """
        self._erase([session])

    def erase_expired(self, now: datetime) -> int:
        """Erase every session whose time is over; returns how many."""
        with self._reading() as connection:
            ids = list(connection.execute(_EXPIRED, {"moment": _stamp(now)}).scalars())
        if ids:
            self._erase(ids)
        return len(ids)

    def _erase(self, ids: Sequence[str]) -> None:
        with self._writing() as connection:
            for statement in _ERASE:
                connection.execute(statement, [{"session": session} for session in ids])
        if self._sqlite:
            with self._reading() as connection:
                busy, *_ = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
            if busy:
                raise RecordsUnavailable(
                    "the rows are deleted, but another process reads the database: "
                    "its log could not be emptied"
                )

    # -- the inbox -----------------------------------------------------------------------------

    def turn(self, session: str, client_id: str) -> Turn | None:
        """The turn with the client's id, or None when it never came in."""
        with self._reading() as connection:
            row = (
                connection.execute(_TURN, {"session": session, "client_id": client_id})
                .mappings()
                .first()
            )
        return None if row is None else _turn(row)

    def receive(
        self,
        session: str,
        client_id: str,
        kind: str,
        payload: Mapping[str, Any],
        metadata: Mapping[str, Any],
        now: datetime,
    ) -> Turn:
        """Write a turn to the inbox, or find the one that came with this id before.

        It survives the end of the process, but not a power cut before the answer is written: until
        then the client has no answer and sends it again.

        Raises:
            IdReused: the id came before with other content.
            SessionGone: there is no such session.
        """
        fingerprint = _fingerprint(kind, payload)
        key = {"session": session, "client_id": client_id}
        with self._writing(to_disk=False) as connection:
            row = connection.execute(_SESSION_AND_TURN, key).mappings().first()
            if row is None:
                raise SessionGone(session)
            if row["number"] is not None:
                if row["fingerprint"] != fingerprint:
                    raise IdReused(client_id)
                return _turn(row)
            result = connection.execute(
                _NEW_TURN,
                {
                    **key,
                    "kind": kind,
                    "payload": _dump(payload),
                    "fingerprint": fingerprint,
                    "metadata": _dump(metadata),
                    "received_at": _stamp(now),
                    "attempts": 0,
                },
            )
            return Turn(
                number=int(result.inserted_primary_key[0]),
                session=session,
                client_id=client_id,
                kind=kind,
                payload=dict(payload),
                metadata=dict(metadata),
                received_at=now.astimezone(timezone.utc),
                attempts=0,
            )

    def unanswered(self, session: str | None = None) -> list[Turn]:
        """The turns that wait for an answer, oldest first: of one session, or of all."""
        with self._reading() as connection:
            if session is None:
                result = connection.execute(_UNANSWERED)
            else:
                result = connection.execute(_UNANSWERED_OF, {"session": session})
            return [_turn(row) for row in result.mappings()]

    def attempt(self, turn: Turn) -> Turn:
        """Count one failed try at answering a turn; returns it with the new count."""
        with self._writing() as connection:
            connection.execute(_ATTEMPT, {"turn": turn.number})
        return replace(turn, attempts=turn.attempts + 1)

    # -- the dialogue and the outbox -----------------------------------------------------------

    def commit_turn(
        self,
        session: str,
        new_events: Sequence[tuple[int, Mapping[str, Any]]] = (),
        *,
        next_n: int = 0,
        turn: Turn | None = None,
        messages: Sequence[Mapping[str, Any]] = (),
        now: datetime | None = None,
    ) -> list[Json]:
        """Write what a turn brought, all or nothing: events, messages, and that it is answered.

        Args:
            session: id of the session (any conversation id when there is no turn).
            new_events: (number of the Rasa session, event) in order; each event has a `timestamp`.
            next_n: number of the first of them, from `current_events` of the state it was
                computed on.
            turn: the turn that is answered; None for a message of our own accord.
            messages: wire messages without `seq` and `id`.
            now: the time of the answer, with time zone; the clock's when not given.

        Returns:
            the messages with `seq` and `id`.

        Raises:
            SessionGone: there is no such session, or the turn is not in the inbox any more or was
                answered already by another process.
            RecordsUnavailable: also when another process wrote events in between.
        """
        stamp = _stamp(now or datetime.now(timezone.utc))
        with self._writing() as connection:
            last = 0
            if messages:
                if turn is None and not connection.execute(_SESSION, {"id": session}).first():
                    raise SessionGone(session)
                last = connection.execute(_LAST_SEQ, {"session": session}).scalar() or 0
            numbered = [
                {"seq": last + place, "id": uuid.uuid4().hex} | _unnumbered(message)
                for place, message in enumerate(messages, start=1)
            ]
            if turn is not None:
                first_seq = numbered[0]["seq"] if numbered else None
                last_seq = numbered[-1]["seq"] if numbered else None
                result = connection.execute(
                    _ANSWERED,
                    {"turn": turn.number, "at": stamp, "first": first_seq, "last": last_seq},
                )
                if result.rowcount != 1:
                    raise SessionGone(session)
            if numbered:
                connection.execute(
                    _NEW_MESSAGE,
                    [
                        {
                            "session": session,
                            "seq": message["seq"],
                            "client_id": None if turn is None else turn.client_id,
                            "body": _dump(message),
                            "created_at": stamp,
                        }
                        for message in numbered
                    ],
                )
            if new_events:
                connection.execute(
                    _NEW_EVENT,
                    [
                        {
                            "session": session,
                            "n": n,
                            "rasa_session": rasa_session,
                            "event": _dump(event),
                            "timestamp": event["timestamp"],
                        }
                        for n, (rasa_session, event) in enumerate(new_events, start=next_n)
                    ],
                )
        return numbered

    def messages(self, session: str, after: int = 0, until: int | None = None) -> list[Json]:
        """What was said back, by number: those above `after`, up to and with `until`."""
        with self._reading() as connection:
            bodies = connection.execute(
                _MESSAGES,
                {
                    "session": session,
                    "after": min(after, _HIGHEST_SEQ),
                    "until": _HIGHEST_SEQ if until is None else until,
                },
            ).scalars()
            return [json.loads(body) for body in bodies]

    def current_events(self, session: str) -> StoredEvents:
        """The events since the last Rasa session began."""
        with self._reading() as connection:
            rows = connection.execute(_CURRENT_EVENTS, {"session": session}).all()
        if not rows:
            return StoredEvents((), 0, 0)
        return StoredEvents(
            events=tuple(json.loads(event) for _, _, event in rows),
            rasa_session=rows[-1][1],
            next_n=rows[-1][0] + 1,
        )

    def all_events(self, session: str) -> list[Json]:
        """The whole dialogue, over all its Rasa sessions."""
        with self._reading() as connection:
            return [
                json.loads(event)
                for event in connection.execute(_ALL_EVENTS, {"session": session}).scalars()
            ]

    def export(self, session: str) -> Json | None:
        """Everything held about a session, but the hash of its token; None when there is none.

        Returns:
            `{"session": {...}, "turns": [...], "messages": [...], "events": [...]}`, times as ISO
            8601 text.
        """
        with self._reading() as connection:
            row = connection.execute(_SESSION, {"id": session}).mappings().first()
            if row is None:
                return None
            about = {name: value for name, value in row.items() if name != "token_hash"}
            received = connection.execute(_TURNS_OF, {"session": session}).mappings().all()
        return {
            "session": about,
            "turns": [
                {
                    "id": turn["client_id"],
                    "kind": turn["kind"],
                    **json.loads(turn["payload"]),
                    "metadata": json.loads(turn["metadata"]),
                    "received_at": turn["received_at"],
                    "answered_at": turn["answered_at"],
                    "first_seq": turn["first_seq"],
                    "last_seq": turn["last_seq"],
                }
                for turn in received
            ],
            "messages": self.messages(session),
            "events": self.all_events(session),
        }


@cache
def shared_records(url: str) -> Records:
    """The records of this process for a database: everyone who asks gets the same object."""
    return Records(url)


def _unnumbered(message: Mapping[str, Any]) -> Json:
    return {name: value for name, value in message.items() if name not in ("seq", "id")}


def _turn(row: Mapping[str, Any]) -> Turn:
    answered_at = row["answered_at"]
    return Turn(
        number=row["number"],
        session=row["session"],
        client_id=row["client_id"],
        kind=row["kind"],
        payload=json.loads(row["payload"]),
        metadata=json.loads(row["metadata"]),
        received_at=datetime.fromisoformat(row["received_at"]),
        attempts=row["attempts"],
        answered_at=None if answered_at is None else datetime.fromisoformat(answered_at),
        first_seq=row["first_seq"],
        last_seq=row["last_seq"],
    )


def _without_values(error: SQLAlchemyError) -> str:
    """The error in words without the statement's values: those are what a person said."""
    return str(getattr(error, "orig", None) or type(error).__name__)


def _private_file(path: str) -> None:
    """Make folder and file so that only their owner can read them."""
    try:
        Path(path).resolve().parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise RecordsUnavailable(f"{path} cannot be opened: {error.strerror}") from error


# In both, hide_parameters keeps what a person said out of error messages and logs.


def _other_engine(url: str) -> Engine:
    return sa.create_engine(url, hide_parameters=True, future=True)


def _sqlite_engine(url: str) -> Engine:
    # The pool keeps connections open: opening a file for every statement costs more than the
    # statement. hide_parameters keeps what a person said out of error messages and logs.
    engine = sa.create_engine(
        url,
        poolclass=QueuePool,
        connect_args={"check_same_thread": False, "timeout": BUSY_SECONDS},
        hide_parameters=True,
        future=True,
    )

    @sa.event.listens_for(engine, "connect")  # type: ignore[untyped-decorator]
    def connect(connection: Any, _: Any) -> None:
        # The driver must not open transactions of its own: it opens them late, and a read that
        # becomes a write then fails at once instead of waiting.
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "secure_delete=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")  # type: ignore[untyped-decorator]
    def begin(connection: Connection) -> None:
        synchronous = connection.get_execution_options().get("kneewise_synchronous")
        if synchronous is not None:
            connection.exec_driver_sql(f"PRAGMA synchronous={synchronous}")
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine
