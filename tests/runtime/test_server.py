"""The server process: loads in the background, survives being killed, logs no health data."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from bot.records import Records
from bot.runtime.launcher import CannotListen, channels_named, listening_socket

from .conftest import Server

Serve = Callable[..., Server]


def test_a_killed_turn_is_answered_exactly_once(serve: Serve, database: Path) -> None:
    """Killed between taking a turn in and answering it, the next start answers it, once."""
    server = serve(DIE_ON="kill me")
    server.await_ready()
    assert server.post("s", "a", "it hurts").json()[0]["text"] == "it hurts"
    with pytest.raises(requests.ConnectionError):
        server.post("s", "b", "kill me")
    assert server.process.wait(10) == -9
    assert [turn.client_id for turn in Records(f"sqlite:///{database}").unanswered()] == ["b"]

    again = serve()
    again.await_output("answered 1 turns that were left unanswered")

    assert [message["text"] for message in again.said("s")] == ["it hurts", "it hurts | kill me"]
    assert again.post("s", "b", "kill me").json() == again.said("s")[1:]
    assert again.post("s", "c", "still").json()[0]["count"] == 3
    assert [message["seq"] for message in again.said("s")] == [1, 2, 3]


def test_a_turn_that_kills_every_start_is_given_up(serve: Serve) -> None:
    """A turn that ends the process each time does not keep the server down for ever."""
    server = serve(DIE_ON="kill me")
    server.await_ready()
    with pytest.raises(requests.ConnectionError):
        server.post("s", "a", "kill me")
    for _ in range(2):
        assert serve(DIE_ON="kill me").process.wait(60) == -9

    last = serve(DIE_ON="kill me")
    last.await_output("answered 1 turns that were left unanswered")

    assert "cannot check your answers" in last.said("s")[0]["text"]


def test_while_loading_it_listens_and_says_that_it_is_not_ready(serve: Serve) -> None:
    """From the first moment there is an answer: not ready, and no turn is taken."""
    server = serve()

    loading = requests.get(f"{server.url}/ready", timeout=30)
    refused = server.post("s", "a", "it hurts")

    assert (loading.status_code, loading.json()) == (503, {"assistant": False, "records": True})
    assert (refused.status_code, refused.json()) == (503, {"error": "NotReady"})
    server.await_ready()
    assert server.post("s", "a", "it hurts").json()[0]["count"] == 1


def test_rasas_own_routes_are_not_there(serve: Serve) -> None:
    """Nothing reads or drives a conversation but our channels."""
    server = serve()
    server.await_ready()

    for method, path in (
        ("POST", "/webhooks/rest/webhook"),
        ("GET", "/conversations/s/tracker"),
        ("POST", "/conversations/s/tracker/events"),
        ("POST", "/model/parse"),
        ("GET", "/status"),
        ("GET", "/domain"),
        ("GET", "/"),
    ):
        answer = requests.request(method, f"{server.url}{path}", json={}, timeout=30)
        assert answer.status_code == 404, path


def test_a_stop_lets_running_turns_end(serve: Serve) -> None:
    """Turns that were taken in before the stop are answered, and the process ends well."""
    server = serve()
    server.await_ready()
    answers: list[int] = []

    def talk(session: str) -> None:
        with contextlib.suppress(requests.ConnectionError):
            answers.extend(server.post(session, f"{n}", f"m{n}").status_code for n in range(200))

    talkers = [threading.Thread(target=talk, args=(f"s{n}",)) for n in range(4)]
    for talker in talkers:
        talker.start()
    server.await_that(lambda: len(answers) >= 20)
    code = server.stop()
    for talker in talkers:
        talker.join()

    assert code == 0
    assert set(answers) <= {200, 503}
    assert "ERROR" not in server.output
    assert "Traceback" not in server.output


def test_the_log_holds_nothing_that_people_say(serve: Serve) -> None:
    """Neither a good turn nor a failing one, whose exception quotes it, leaves its words."""
    server = serve()
    server.await_ready()
    server.post("s", "a", "zebraknee hurts")
    server.post("s", "b", "/zebraknee{")
    assert server.post("s", "c", "explode zebraknee").status_code == 503
    server.stop()

    assert "zebraknee" not in server.output
    assert "a turn failed" in server.output
    # Enough to find the fault: the type and the place.
    assert "ValueError" in server.output
    assert "runtime_test_actions/__init__.py" in server.output


def test_the_log_quotes_people_when_asked_to(serve: Serve) -> None:
    """For development the whole exception is written."""
    server = serve(KNEEWISE_LOG_CONVERSATIONS="1")
    server.await_ready()
    server.post("s", "c", "explode zebraknee")
    server.stop()

    assert "ValueError: explode zebraknee" in server.output


def test_an_assistant_that_cannot_be_loaded_leaves_a_server_that_says_why(
    project: Path, database: Path, tmp_path: Path
) -> None:
    """A mistyped store stops the assistant from ever being ready; the log names the mistake."""
    broken = tmp_path / "broken"
    broken.mkdir()
    for file in project.iterdir():
        (broken / file.name).symlink_to(file)
    (broken / "endpoints.yml").unlink()
    text = (project / "endpoints.yml").read_text()
    (broken / "endpoints.yml").write_text(text.replace("RecordsTrackerStore", "RecordTrackerStore"))
    (broken / "serve.py").unlink()
    (broken / "serve.py").write_text((project / "serve.py").read_text())

    server = Server(broken, database, {})
    try:
        server.await_output("the assistant could not be loaded")
        server.await_output("Correct tracker_store.type in endpoints.yml")
        assert requests.get(f"{server.url}/ready", timeout=30).status_code == 503
        assert server.post("s", "a", "it hurts").status_code == 503
    finally:
        server.stop()


def test_a_taken_port_is_named_with_a_way_out() -> None:
    """The message says which port, and how to choose another."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(CannotListen, match=rf"127\.0\.0\.1:{port}.*PORT={port + 1}"):
            listening_socket("127.0.0.1", port)


def test_a_channel_of_rasas_own_is_refused(tmp_path: Path) -> None:
    """Rasa's channels check nobody: naming one in credentials.yml is a mistake."""
    credentials = tmp_path / "credentials.yml"
    credentials.write_text("rest:\n")

    with pytest.raises(ValueError, match="rest"):
        channels_named(credentials)
