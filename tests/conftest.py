"""The real server as a subprocess, and a client that talks to it as an integrator would."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

START_SECONDS = 120
"""Training (when the assistant's files changed) and loading, on a slow machine."""

_LISTENS = re.compile(r"listens on (http://\S+)")


class Server:
    """A server process on a free loopback port, its output kept in `log`.

    `base` is its address, `database` its SQLite file.
    """

    def __init__(self, command: list[str], database: Path, environment: dict[str, str]) -> None:
        self.database = database
        self.log: list[str] = []
        self._command = command
        self._environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("KNEEWISE_")},
            "KNEEWISE_DATABASE": f"sqlite:///{database}",
            **environment,
        }
        self.start()

    def start(self) -> None:
        """Start the process (again, on the same database) and wait until it listens."""
        self._listens = threading.Event()
        self.base = ""
        self.process = subprocess.Popen(
            self._command,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        threading.Thread(target=self._read, args=(self.process,), daemon=True).start()
        assert self._listens.wait(START_SECONDS), "\n".join(self.log)
        assert self.base, "\n".join(self.log)

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self.log.append(line.rstrip())
            if found := _LISTENS.search(line):
                self.base = found[1]
                self._listens.set()
        self._listens.set()

    def wait_ready(self) -> None:
        """Wait until a first message would be answered."""
        until = time.monotonic() + START_SECONDS
        while requests.get(self.base + "/readyz", timeout=10).status_code != 200:
            assert time.monotonic() < until, "\n".join(self.log)
            assert self.process.poll() is None, "\n".join(self.log)
            time.sleep(0.1)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Client:
    """A session over HTTP, held by its token.

    The methods of a turn give the reply's messages and fail on any problem; `request` gives
    the response as it is.
    """

    def __init__(self, base: str, clinic: str | None = None) -> None:
        self.base = base
        body = {"clinic": clinic} if clinic else {}
        response = requests.post(base + "/api/v1/sessions", json=body, timeout=30)
        assert response.status_code == 201, response.text
        started = response.json()
        self.id: str = started["session"]
        self.token: str = started["token"]
        self.messages: list[dict[str, Any]] = started["messages"]

    def request(self, method: str, path: str, **more: Any) -> requests.Response:
        """One call with the session's token; `headers` are added to it."""
        headers = {"Authorization": f"Bearer {self.token}", **more.pop("headers", {})}
        timeout = more.pop("timeout", 30)
        return requests.request(method, self.base + path, headers=headers, timeout=timeout, **more)

    def turn(self, content: dict[str, Any], client_id: str | None = None) -> requests.Response:
        """Send `{"text": ...}` or `{"answer": ...}` and ask for JSON."""
        return self.request(
            "POST",
            "/api/v1/messages",
            json={"id": client_id or uuid.uuid4().hex, **content},
            headers={"Accept": "application/json"},
        )

    def say(self, text: str) -> list[dict[str, Any]]:
        return self._messages(self.turn({"text": text}))

    def tap(self, finding: str, value: Any) -> list[dict[str, Any]]:
        return self._messages(self.turn({"answer": {"finding": finding, "value": value}}))

    def _messages(self, response: requests.Response) -> list[dict[str, Any]]:
        assert response.status_code == 200, response.text
        self.messages = response.json()["messages"]
        return self.messages

    def case(self) -> dict[str, Any]:
        response = self.request("GET", "/api/v1/case")
        assert response.status_code == 200, response.text
        case: dict[str, Any] = response.json()
        return case


@pytest.fixture(scope="session")
def start_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Server]]:
    """Starts servers (`command=` replaces `kneewise run`) that are stopped at the end."""
    servers: list[Server] = []

    def start(command: list[str] | None = None, **environment: str) -> Server:
        command = command or [sys.executable, "-m", "bot.cli", "run", "--port", "0"]
        database = tmp_path_factory.mktemp("server") / "kneewise.db"
        servers.append(Server(command, database, environment))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(scope="session")
def server(start_server: Callable[..., Server]) -> Server:
    """The product's server, ready, without rate limits; shared by the tests."""
    server = start_server(KNEEWISE_RATE_LIMIT="off")
    server.wait_ready()
    return server


@pytest.fixture
def new_client(server: Server) -> Callable[..., Client]:
    """Starts a session with the shared server: `new_client(clinic=None)`."""

    def start(clinic: str | None = None) -> Client:
        return Client(server.base, clinic)

    return start


@pytest.fixture
def client(server: Server) -> Client:
    """A new session with the shared server."""
    return Client(server.base)


def _problem(response: requests.Response, slug: str) -> dict[str, Any]:
    from bot.channels.web.problems import KINDS

    kind = KINDS[slug]
    assert response.status_code == kind.status, response.text
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.headers["Cache-Control"] == "no-store"
    document: dict[str, Any] = response.json()
    assert document["type"] == kind.type
    assert document["status"] == kind.status
    assert document["title"]
    assert document["detail"]
    assert "Traceback" not in response.text
    return document


@pytest.fixture(scope="session")
def problem() -> Callable[[requests.Response, str], dict[str, Any]]:
    """Checks that a response is the documented problem, and gives its document."""
    return _problem
