"""The records keep everything of a turn or nothing, and forget for good."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from bot.records import IdReused, Records, RecordsUnavailable, SessionGone

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=timezone(timedelta(hours=2)))


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """The file of a database that is not there yet."""
    return tmp_path / "records" / "kneewise.db"


@pytest.fixture
def records(database: Path) -> Iterator[Records]:
    """New records in that file, with two sessions."""
    made = Records(f"sqlite:///{database}")
    _begin(made, "s1")
    _begin(made, "s2")
    yield made
    made.close()


def _begin(records: Records, session: str, days: int = 1) -> None:
    records.create_session(
        id=session,
        clinic="default",
        locale="en",
        channel="web",
        token_hash="0" * 64,
        created_at=NOW,
        expires_at=NOW + timedelta(days=days),
    )


def _event(n: int, text: str = "") -> dict[str, object]:
    return {"event": "user", "timestamp": float(n), "text": text}


def test_a_session_is_found_as_it_was_kept(records: Records) -> None:
    """A session's moments come back as the same instants, in UTC."""
    found = records.session("s1")

    assert found is not None
    assert (found.clinic, found.locale, found.channel) == ("default", "en", "web")
    assert found.created_at == NOW
    assert found.created_at.utcoffset() == timedelta(0)
    assert records.session("s3") is None


def test_a_moment_without_zone_is_refused(records: Records) -> None:
    """A naive moment would mean another instant on another machine."""
    with pytest.raises(ValueError, match="time zone"):
        records.receive("s1", "a", "text", {"text": "hi"}, {}, datetime(2026, 3, 1))  # noqa: DTZ001


def test_the_same_turn_twice_is_one_turn(records: Records) -> None:
    """A repeated id with the same content finds the turn that is already there."""
    first = records.receive("s1", "a", "text", {"text": "hi"}, {"channel": "web"}, NOW)
    again = records.receive("s1", "a", "text", {"text": "hi"}, {"channel": "web"}, NOW)

    assert again == first
    assert records.unanswered() == [first]


@pytest.mark.parametrize(
    ("kind", "payload"),
    [("text", {"text": "ho"}), ("answer", {"finding": "side", "value": "left"})],
)
def test_an_id_with_other_content_is_refused(
    records: Records, kind: str, payload: dict[str, str]
) -> None:
    """One id stands for one message of a session; another session may use it again."""
    records.receive("s1", "a", "text", {"text": "hi"}, {}, NOW)

    with pytest.raises(IdReused):
        records.receive("s1", "a", kind, payload, {}, NOW)
    records.receive("s2", "a", kind, payload, {}, NOW)


def test_messages_are_numbered_through_all_turns(records: Records) -> None:
    """Numbers go up by one over turns and messages of our own accord alike."""
    turn = records.receive("s1", "a", "text", {"text": "hi"}, {}, NOW)
    records.commit_turn(
        "s1", turn=turn, messages=[{"kind": "text", "seq": 9, "id": "9"}, {"kind": "question"}]
    )
    records.commit_turn("s1", messages=[{"kind": "text", "text": "How is it today?"}])

    said = records.messages("s1")

    assert [(m["seq"], m["kind"]) for m in said] == [(1, "text"), (2, "question"), (3, "text")]
    assert len({m["id"] for m in said}) == 3
    assert [m["seq"] for m in records.messages("s1", after=1, until=2)] == [2]
    assert records.messages("s2") == []
    answered = records.turn("s1", "a")
    assert answered is not None
    assert (answered.first_seq, answered.last_seq) == (1, 2)
    assert records.unanswered() == []


def test_unanswered_turns_come_oldest_first(records: Records) -> None:
    """Turns wait in the order in which they came in, of one session or of all."""
    for session, turn in (("s1", "a"), ("s2", "b"), ("s1", "c")):
        records.receive(session, turn, "text", {"text": turn}, {}, NOW)

    assert [turn.client_id for turn in records.unanswered()] == ["a", "b", "c"]
    assert [turn.client_id for turn in records.unanswered("s1")] == ["a", "c"]


def test_failed_attempts_are_counted(records: Records) -> None:
    """The count survives in the database and in the turn that is handed back."""
    turn = records.receive("s1", "a", "text", {"text": "hi"}, {}, NOW)

    assert records.attempt(turn).attempts == 1
    (kept,) = records.unanswered()
    assert kept.attempts == 1


def test_only_the_last_rasa_session_is_read(records: Records) -> None:
    """Earlier Rasa sessions stay for the export but are not loaded with a turn."""
    records.commit_turn("s1", [(1, _event(1)), (1, _event(2))], next_n=0)
    records.commit_turn("s1", [(2, _event(3))], next_n=2)

    current = records.current_events("s1")

    assert [event["timestamp"] for event in current.events] == [3.0]
    assert (current.rasa_session, current.next_n) == (2, 3)
    assert [event["timestamp"] for event in records.all_events("s1")] == [1.0, 2.0, 3.0]


def test_reading_the_last_rasa_session_does_not_slow_down_with_the_others(
    records: Records,
) -> None:
    """The events come straight from an index in their order: earlier ones are never visited."""
    from bot.records.records import _CURRENT_EVENTS

    with records._engine.connect() as connection:
        plan = connection.exec_driver_sql(
            f"EXPLAIN QUERY PLAN {_CURRENT_EVENTS.compile(records._engine)}", ("s1", "s1")
        ).all()

    steps = " / ".join(step[-1] for step in plan)
    assert "events_by_rasa_session (session=? AND rasa_session=?)" in steps
    assert "SCAN" not in steps
    assert "TEMP B-TREE" not in steps


def test_two_writers_on_the_same_state_cannot_both_win(records: Records) -> None:
    """Whoever writes second on what both had read fails, and leaves nothing behind."""
    records.commit_turn("s1", [(1, _event(1))], next_n=0)
    turn = records.receive("s1", "a", "text", {"text": "hi"}, {}, NOW)

    with pytest.raises(RecordsUnavailable):
        records.commit_turn(
            "s1", [(1, _event(9))], next_n=0, turn=turn, messages=[{"kind": "text"}]
        )

    assert [event["timestamp"] for event in records.all_events("s1")] == [1.0]
    assert records.messages("s1") == []
    assert records.unanswered() == [turn]


def test_a_turn_is_answered_once(records: Records) -> None:
    """A second answer to the same turn is refused as a whole."""
    turn = records.receive("s1", "a", "text", {"text": "hi"}, {}, NOW)
    records.commit_turn("s1", turn=turn, messages=[{"kind": "text", "text": "one"}])

    with pytest.raises(SessionGone):
        records.commit_turn("s1", turn=turn, messages=[{"kind": "text", "text": "two"}])

    assert [message["text"] for message in records.messages("s1")] == ["one"]


def test_an_erased_session_does_not_come_back(records: Records) -> None:
    """An answer that is ready only after the erasure is dropped with everything else."""
    turn = records.receive("s1", "a", "text", {"text": "hi"}, {}, NOW)
    records.erase("s1")

    with pytest.raises(SessionGone):
        records.commit_turn(
            "s1", [(1, _event(1))], next_n=0, turn=turn, messages=[{"kind": "text"}]
        )

    assert records.export("s1") is None
    assert records.all_events("s1") == []


def test_nothing_is_kept_for_a_session_that_is_not_there(records: Records) -> None:
    """Neither a turn nor a message of our own accord brings a session back."""
    with pytest.raises(SessionGone):
        records.receive("s3", "a", "text", {"text": "hi"}, {}, NOW)
    with pytest.raises(SessionGone):
        records.commit_turn("s3", messages=[{"kind": "text", "text": "How is it today?"}])

    assert records.unanswered() == []
    assert records.messages("s3") == []


def test_erasing_leaves_no_byte_in_the_files(records: Records, database: Path) -> None:
    """After the erasure no file of the database holds what was said; other sessions stay."""
    for session in ("s1", "s2"):
        secret = f"knee-of-{session} " * 2000
        turn = records.receive(session, "a", "text", {"text": secret}, {}, NOW)
        records.commit_turn(
            session,
            [(1, _event(1, secret))],
            next_n=0,
            turn=turn,
            messages=[{"kind": "text", "text": secret}],
        )
    # Closing moves everything from the log into the database's own file.
    records.close()
    assert b"knee-of-s1" in database.read_bytes()

    records.erase("s1")

    assert b"knee-of-s1" not in _all_bytes(database)
    assert b"knee-of-s2" in _all_bytes(database)
    assert records.session("s2") is not None


def _all_bytes(database: Path) -> bytes:
    return b"".join(file.read_bytes() for file in database.parent.iterdir())


def test_expired_sessions_are_erased(records: Records) -> None:
    """Only sessions whose time is over go."""
    _begin(records, "old", days=1)
    _begin(records, "new", days=3)

    assert records.erase_expired(NOW + timedelta(days=2)) == 3

    assert records.session("old") is None
    assert records.session("new") is not None


def test_the_export_holds_everything_but_the_token(records: Records) -> None:
    """What was said, what was answered and the dialogue, with times as text."""
    turn = records.receive("s1", "a", "text", {"text": "hi"}, {"channel": "web"}, NOW)
    records.commit_turn(
        "s1", [(1, _event(1, "hi"))], next_n=0, turn=turn, messages=[{"kind": "text", "text": "yo"}]
    )

    held = records.export("s1")

    assert held is not None
    assert held["session"]["created_at"] == "2026-03-01T07:30:00.000000+00:00"
    assert "token_hash" not in held["session"]
    assert held["turns"][0]["text"] == "hi"
    assert held["messages"][0]["text"] == "yo"
    assert held["events"] == [_event(1, "hi")]


@pytest.mark.parametrize("text", ["\x00", "\ud800 half a pair", "\U0001f9b5" * 50, "\r\n\t\\\"'"])
def test_any_text_can_be_kept(records: Records, text: str) -> None:
    """What a database cannot hold as text, such as NUL or half a surrogate pair, is kept too."""
    turn = records.receive("s1", "a", "text", {"text": text}, {}, NOW)
    records.commit_turn("s1", turn=turn, messages=[{"kind": "text", "text": text}])

    kept = records.turn("s1", "a")
    assert kept is not None
    assert kept.payload == {"text": text}
    assert records.messages("s1")[0]["text"] == text


def test_a_failed_read_is_an_error(records: Records, database: Path) -> None:
    """A table that cannot be read never looks like a conversation that has not begun."""
    records.commit_turn("s1", [(1, _event(1))], next_n=0)
    with sqlite3.connect(database) as other:
        other.execute("ALTER TABLE events RENAME TO hidden")

    with pytest.raises(RecordsUnavailable):
        records.current_events("s1")


def test_an_error_names_no_values(records: Records, database: Path) -> None:
    """What a person said is in no error message: those are logged."""
    with sqlite3.connect(database) as other:
        other.execute("ALTER TABLE turns RENAME TO hidden")

    with pytest.raises(RecordsUnavailable) as caught:
        records.receive("s1", "a", "text", {"text": "my secret knee"}, {}, NOW)

    assert "secret" not in str(caught.value)


def test_the_check_sees_a_database_that_cannot_be_written(
    records: Records, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading alone is not enough to answer a turn."""
    records.check()
    records.close()
    monkeypatch.setattr("bot.records.records.BUSY_SECONDS", 0)
    impatient = Records(f"sqlite:///{database}")
    with sqlite3.connect(database) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(RecordsUnavailable, match="locked"):
            impatient.check()
        other.rollback()
    impatient.check()
    impatient.close()


def test_only_the_owner_can_read_the_file(records: Records, database: Path) -> None:
    """Health data is not for other users of the machine."""
    assert stat.S_IMODE(database.stat().st_mode) == 0o600
    assert stat.S_IMODE(database.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "kneewise.db"])
def test_a_database_that_keeps_nothing_is_refused(url: str) -> None:
    """A database in memory would lose every conversation at the next start."""
    with pytest.raises(ValueError, match="database"):
        Records(url)


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    """A file in the place of the folder stops the start with a message."""
    (tmp_path / "taken").write_text("")

    with pytest.raises(RecordsUnavailable, match="cannot be opened"):
        Records(f"sqlite:///{tmp_path / 'taken' / 'kneewise.db'}")
