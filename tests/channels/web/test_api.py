"""The API over the real assistant: sessions, turns, what is kept and what is erased."""

from __future__ import annotations

import json
import signal
import socket
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
import requests

MESSAGES = "/api/v1/messages"
Problem = Callable[[requests.Response, str], dict[str, Any]]


def history(client: Any, after: int = 0) -> list[dict[str, Any]]:
    response = client.request("GET", f"{MESSAGES}?after={after}")
    assert response.status_code == 200
    messages: list[dict[str, Any]] = response.json()["messages"]
    return messages


# -- sessions ---------------------------------------------------------------------------------


def test_a_session_begins_with_a_greeting_and_one_question(server: Any) -> None:
    """201 with token, end and messages; the cookie carries the same token."""
    response = requests.post(server.base + "/api/v1/sessions", timeout=10)
    assert response.status_code == 201
    body = response.json()
    assert set(body) == {"session", "token", "expires_at", "messages"}
    assert [message["seq"] for message in body["messages"]] == [1, 2, 3]
    assert [message["kind"] for message in body["messages"]] == ["text", "text", "question"]
    assert body["messages"][-1]["finding"] == "danger_signs"
    left = datetime.fromisoformat(body["expires_at"]) - datetime.now(timezone.utc)
    assert timedelta(days=29) < left <= timedelta(days=30)
    assert response.headers["Set-Cookie"].startswith(f"kneewise={body['token']}; Path=/; Max-Age=")


def test_a_clinics_session_has_its_greeting_and_time(new_client: Any, server: Any) -> None:
    """Riverside greets first; Harbour keeps data for 14 days only."""
    riverside = new_client("riverside")
    assert "Riverside" in riverside.messages[0]["text"]
    assert "999" in " ".join(message["text"] for message in riverside.messages)
    body = {"clinic": "harbour", "locale": "en-AU"}
    started = requests.post(server.base + "/api/v1/sessions", json=body, timeout=10).json()
    left = datetime.fromisoformat(started["expires_at"]) - datetime.now(timezone.utc)
    assert left <= timedelta(days=14)


def test_one_session_cannot_see_another(new_client: Any) -> None:
    """Each token opens its own."""
    one, other = new_client(), new_client()
    one.say("my knee is stiff when I wake up")
    assert one.id != other.id
    assert len(history(other)) == len(other.messages)
    assert "stiffness" not in other.case()["findings"]


# -- turns ------------------------------------------------------------------------------------


def test_a_reply_is_one_message_a_line_unless_json_is_asked_for(client: Any) -> None:
    """NDJSON by default and for */*; one object for application/json; the same either way."""
    turn = {"id": "1", "text": "hello"}
    lines = client.request("POST", MESSAGES, json=turn)
    assert lines.headers["Content-Type"] == "application/x-ndjson"
    messages = [json.loads(line) for line in lines.text.splitlines()]
    assert messages
    for accept, as_json in (
        ("application/json", True),
        ("application/json, */*;q=0.1", True),
        ("application/x-ndjson, application/json;q=0.5", False),
        ("*/*", False),
        ("text/html", False),
    ):
        response = client.request("POST", MESSAGES, json=turn, headers={"Accept": accept})
        assert response.headers["Content-Type"] == (
            "application/json" if as_json else "application/x-ndjson"
        )
        repeated = (
            response.json()["messages"]
            if as_json
            else [json.loads(line) for line in response.text.splitlines()]
        )
        assert repeated == messages


def test_a_tap_answers_the_question_and_shows_in_the_case(client: Any) -> None:
    """The next question comes last and alone; the case says how it was learnt."""
    messages = client.tap("danger_signs", [])
    assert [message["kind"] for message in messages].count("question") == 1
    assert messages[-1]["kind"] == "question"
    case = client.case()
    assert case["status"] == "open"
    assert case["open_question"] == messages[-1]["finding"]
    assert case["findings"]["danger_signs"]["value"] == []
    assert case["findings"]["danger_signs"]["learnt"] == "tapped"


def test_an_emergency_in_the_first_message_is_answered_in_its_reply(new_client: Any) -> None:
    """Short of breath with a swollen calf: call the clinic's number, and no question after."""
    client = new_client("riverside")
    messages = client.say("I'm short of breath and my calf is swollen")
    assessment = next(m for m in messages if m["kind"] == "assessment")
    assert assessment["disposition"] == "call_emergency"
    assert assessment["contact"]["phone"] == "999"
    assert all(message["kind"] != "question" for message in messages)
    assert client.case()["assessment"]["disposition"] == "call_emergency"


def test_the_same_id_again_gives_the_first_reply_and_changes_nothing(client: Any) -> None:
    """However often, for text and for taps."""
    for content in (
        {"text": "my knee is stiff"},
        {"answer": {"finding": "injury", "value": "none"}},
    ):
        client_id = uuid.uuid4().hex
        first = client.turn(content, client_id).json()
        before = (history(client), client.case())
        for _ in range(3):
            assert client.turn(content, client_id).json() == first
        assert (history(client), client.case()) == before


def test_the_same_id_with_other_content_is_refused_and_the_first_is_kept(
    client: Any, problem: Problem
) -> None:
    """409 for another text or a tap; the first reply is still there."""
    first = client.turn({"text": "my knee is stiff"}, "same").json()
    problem(client.turn({"text": "my knee is fine"}, "same"), "id-reused")
    tap = {"answer": {"finding": "stiffness", "value": "none"}}
    problem(client.turn(tap, "same"), "id-reused")
    assert client.turn({"text": "my knee is stiff"}, "same").json() == first


def test_one_id_sent_many_times_at_once_is_one_turn(client: Any) -> None:
    """An impatient client gets one reply, many times."""
    with ThreadPoolExecutor(16) as pool:
        content = {"text": "my knee is stiff"}
        replies = list(pool.map(lambda _: client.turn(content, "once").json(), range(16)))
    assert all(reply == replies[0] for reply in replies)
    assert len(history(client, after=3)) == len(replies[0]["messages"])


def test_messages_of_one_session_at_once_are_all_answered_in_sequence(client: Any) -> None:
    """No reply is lost or numbered twice."""
    texts = ["hello", "are you a robot?", "why do you ask?", "thanks", "what can you do?"]
    with ThreadPoolExecutor(5) as pool:
        replies = list(pool.map(lambda text: client.turn({"text": text}).json(), texts))
    sent = sorted(message["seq"] for reply in replies for message in reply["messages"])
    assert sent == [message["seq"] for message in history(client, after=3)]
    assert sent == list(range(4, 4 + len(sent)))


@pytest.mark.parametrize(
    "text",
    [
        "/restart",
        "/session_start",
        "/start_session",
        "/start_over",
        '/answer{"finding": "danger_signs", "value": []}',
        '/inform{"case": null}',
        "/EXTERNAL_reminder",
        "/",
        "🙂",
        "🦵🔥",
        "?",
        "a\x01\x02\x7f",
        "a" * 2000,
        "<script>alert(1)</script>",
        "{{ 7 * 7 }} {text} %s ${x}",
        "'; DROP TABLE messages; --",
        "\u202eeenk ym",
    ],
    ids=lambda text: ascii(text[:20]),
)
def test_odd_text_is_text_like_any_other(client: Any, text: str) -> None:
    """Answered with the open question again; nothing that was said is lost."""
    client.tap("danger_signs", [])
    before = client.case()
    messages = client.say(text)
    assert messages[-1]["kind"] == "question"
    after = client.case()
    assert after["open_question"] == before["open_question"]
    assert after["findings"] == before["findings"]


@pytest.mark.parametrize(
    ("body", "slug"),
    [
        (b'{"id": "b"', "malformed"),
        (b'{"id": "b", "text": ""}', "malformed"),
        (b'{"id": "b", "text": "a\\u0000b"}', "malformed"),
        (b'{"id": "b", "text": "\\udc00"}', "malformed"),
        (json.dumps({"id": "b", "text": "x" * 3000}).encode(), "too-large"),
        (b"x" * 10 * 2**20, "too-large"),
        (b'{"id": "b", "answer": {"finding": "knee", "value": "x"}}', "unanswerable"),
        (b'{"id": "b", "answer": {"finding": "swelling", "value": "x"}}', "unanswerable"),
    ],
    ids=["json", "empty", "NUL", "surrogate", "3000 characters", "10 MB", "finding", "value"],
)
def test_a_refused_message_leaves_everything_as_it_was(
    client: Any, problem: Problem, body: bytes, slug: str
) -> None:
    """Its id is still free, and the conversation goes on where it was."""
    client.tap("danger_signs", [])
    before = (history(client), client.case())
    headers = {"Content-Type": "application/json"}
    problem(client.request("POST", MESSAGES, data=body, headers=headers), slug)
    assert (history(client), client.case()) == before
    good = {"text": "my knee is stiff"}
    assert client.turn(good, "b").status_code == 200


# -- reading on -------------------------------------------------------------------------------


def test_history_is_what_was_said_after_a_number(client: Any) -> None:
    """All of it from 0; nothing after the last; as lines if asked for."""
    client.say("hello")
    messages = history(client)
    assert [message["seq"] for message in messages] == list(range(1, len(messages) + 1))
    assert history(client, after=2) == messages[2:]
    assert history(client, after=messages[-1]["seq"]) == []
    lines = client.request("GET", MESSAGES, headers={"Accept": "application/x-ndjson"})
    assert [json.loads(line) for line in lines.text.splitlines()] == messages


def test_a_long_poll_ends_when_something_is_said(client: Any) -> None:
    """At once for what is there, when it comes for what is not, empty when time is up."""
    began = time.monotonic()
    assert client.request("GET", f"{MESSAGES}?after=0&wait=20").json()["messages"]
    assert time.monotonic() - began < 5
    last = history(client)[-1]["seq"]
    assert client.request("GET", f"{MESSAGES}?after={last}&wait=0.5").json() == {"messages": []}
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(client.request, "GET", f"{MESSAGES}?after={last}&wait=20")
        time.sleep(0.5)
        began = time.monotonic()
        said = client.say("hello")
        assert waiting.result().json()["messages"] == said
        assert time.monotonic() - began < 5


def test_a_client_that_hangs_up_finds_the_reply_later(client: Any, server: Any) -> None:
    """The turn runs to its end without anyone to hear it."""
    host, port = server.base.removeprefix("http://").split(":")
    last = history(client)[-1]["seq"]
    body = json.dumps({"id": "gone", "text": "my knee is stiff"}).encode()
    head = (
        f"POST {MESSAGES} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {client.token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(head.encode() + body)
    found = client.request("GET", f"{MESSAGES}?after={last}&wait=20").json()["messages"]
    assert found
    assert client.turn({"text": "my knee is stiff"}, "gone").json()["messages"] == found


def test_a_killed_server_goes_on_where_it_was(
    start_server: Callable[..., Any], new_client: Any, problem: Problem
) -> None:
    """After kill -9: while it loads again it says so; then history, case and ids are as before."""
    server = start_server(KNEEWISE_RATE_LIMIT="off")
    server.wait_ready()
    client = type(new_client())(server.base)
    reply = client.turn({"text": "my knee is stiff"}, "kept").json()
    before = (history(client), client.case())
    server.stop(signal.SIGKILL)
    server.start()
    client.base = server.base
    loading = client.turn({"text": "hello"}, "early")
    if loading.status_code != 200:
        problem(loading, "unavailable")
        assert int(loading.headers["Retry-After"]) >= 1
        assert (history(client), client.case()) == before
    server.wait_ready()
    assert client.turn({"text": "my knee is stiff"}, "kept").json() == reply
    assert client.turn({"text": "hello"}, "early").status_code == 200
    server.stop()


# -- what is held -----------------------------------------------------------------------------


@pytest.mark.parametrize("download", ["plan.pdf", "plan.ics", "summary.pdf", "diary.svg", "fhir"])
def test_downloads_are_not_there_yet(client: Any, problem: Problem, download: str) -> None:
    """404 that says so, to those who may ask."""
    problem(client.request("GET", f"/api/v1/case/{download}"), "not-yet")


def test_the_export_holds_what_was_said_and_no_secret(client: Any) -> None:
    """Both sides of the conversation, as a file; not the token or its hash."""
    client.say("my left knee is stiff in the morning")
    response = client.request("GET", "/api/v1/export")
    assert response.headers["Content-Disposition"].startswith("attachment;")
    held = response.json()
    assert "my left knee is stiff in the morning" in [turn.get("text") for turn in held["turns"]]
    assert held["messages"] == history(client)
    assert held["session"]["id"] == client.id
    secret = client.token.partition(".")[2]
    assert secret not in response.text
    assert "token_hash" not in response.text


def test_deleting_erases_every_byte_and_shuts_the_session(
    client: Any, server: Any, problem: Problem
) -> None:
    """204; the token opens nothing; the words are in none of the database's files."""
    words = f"my knee went pop at {uuid.uuid4().hex}"
    client.say(words)
    files = [server.database, server.database.with_name(server.database.name + "-wal")]
    assert any(words.encode() in file.read_bytes() for file in files)
    response = client.request("DELETE", "/api/v1/session")
    assert response.status_code == 204
    assert response.content == b""
    assert "Max-Age=0" in response.headers["Set-Cookie"]
    assert not any(words.encode() in file.read_bytes() for file in files if file.exists())
    problem(client.turn({"text": "hello"}), "no-session")
    problem(client.request("DELETE", "/api/v1/session"), "no-session")
    problem(client.request("GET", "/api/v1/export"), "no-session")


def test_deleting_while_messages_come_in_leaves_nothing(client: Any, server: Any) -> None:
    """Whatever is under way or queued behind the deletion is erased or refused."""
    words = f"my knee is stiff at {uuid.uuid4().hex}"
    with ThreadPoolExecutor(9) as pool:
        early = [pool.submit(client.turn, {"text": words}) for _ in range(4)]
        deleted = pool.submit(client.request, "DELETE", "/api/v1/session")
        late = [pool.submit(client.turn, {"text": words}) for _ in range(4)]
        assert deleted.result().status_code == 204
        assert {turn.result().status_code for turn in early + late} <= {200, 401}
    files = [server.database, server.database.with_name(server.database.name + "-wal")]
    assert not any(words.encode() in file.read_bytes() for file in files if file.exists())


# -- watching it ------------------------------------------------------------------------------


def test_a_ready_server_says_so(server: Any) -> None:
    """200 with its checks."""
    response = requests.get(server.base + "/readyz", timeout=10)
    assert response.status_code == 200
    assert response.json() == {"status": "ready", "checks": {"assistant": True, "records": True}}


def metric(server: Any, name: str) -> float:
    text = requests.get(server.base + "/metrics", timeout=10).text
    return sum(
        float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(name)
    )


def test_metrics_count_turns_problems_and_dispositions(server: Any, client: Any) -> None:
    """Each once, a repeated assessment not again."""
    names = (
        'kneewise_turns_total{kind="text"}',
        "kneewise_turn_seconds_count",
        'kneewise_problems_total{status="409",type="id-reused"}',
        'kneewise_assessments_total{disposition="emergency_department"}',
    )
    before = [metric(server, name) for name in names]
    for _ in range(2):
        client.turn({"answer": {"finding": "danger_signs", "value": ["locked", "deformity"]}}, "a")
    client.turn({"text": "hello"}, "b")
    client.turn({"text": "hello again"}, "b")
    after = [metric(server, name) for name in names]
    assert [b - a for a, b in zip(before, after, strict=True)] == [1, 3, 1, 1]


def test_metrics_hold_no_ids_and_no_words(server: Any, client: Any) -> None:
    """Neither the session, nor what was said, nor an address."""
    client.say("my knee is stiff at unicorn hill")
    text = requests.get(server.base + "/metrics", timeout=10).text
    assert "kneewise_turns_total" in text
    for private in (client.id, client.token, "unicorn", "127.0.0.1"):
        assert private not in text


def test_the_log_holds_nothing_that_was_said(server: Any, client: Any) -> None:
    """Unless KNEEWISE_LOG_CONVERSATIONS asks for it."""
    client.say("my knee is stiff at dragon hill")
    client.tap("danger_signs", [])
    time.sleep(0.5)
    assert not any("dragon" in line for line in server.log)
