"""A tiny trained assistant for the tests of the runtime, in this process and as a server."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import requests

from bot.runtime import tensorflow_free

# Before anything in these tests imports Rasa.
tensorflow_free.install()

from bot.records import Records, Session, shared_records  # noqa: E402
from bot.runtime.turns import TurnPipeline  # noqa: E402
from bot.settings import PROJECT  # noqa: E402

SERVER_SECONDS = 60


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The test assistant with its model trained."""
    from bot.runtime.training import ensure_model

    folder = tmp_path_factory.mktemp("assistant") / "project"
    shutil.copytree(Path(__file__).parent / "project", folder)
    ensure_model(folder, say=lambda line: None)
    sys.path.insert(0, str(folder))
    return folder


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """The file of a database that is not there yet."""
    return tmp_path / "kneewise.db"


@pytest.fixture
def records(database: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Records]:
    """Records that the stores of this test use too."""
    url = f"sqlite:///{database}"
    monkeypatch.setenv("KNEEWISE_DATABASE", url)
    made = shared_records(url)
    yield made
    made.close()


@pytest.fixture
def pipeline(project: Path, records: Records) -> TurnPipeline:
    """A pipeline with the test assistant, ready."""
    from bot.runtime.agent import load_agent
    from bot.runtime.training import model_path

    made = TurnPipeline(records, {"riverside": "000"}.get)
    made.use(load_agent(model_path(project), project / "endpoints.yml"))
    return made


@pytest.fixture
def session(records: Records) -> Session:
    """Someone who may talk."""
    now = datetime.now(timezone.utc)
    return records.create_session(
        id="session-1",
        clinic="default",
        locale="en",
        channel="web",
        token_hash="0" * 64,
        created_at=now,
        expires_at=now + timedelta(days=1),
    )


class Server:
    """The test assistant as a server process.

    Attributes:
        process: the running server.
        url: where it listens.
        output: everything it has written so far.
    """

    def __init__(self, project: Path, database: Path, environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "serve.py"],
            cwd=project,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join([str(project), str(PROJECT)]),
                "KNEEWISE_DATABASE": f"sqlite:///{database}",
                "PORT": "0",
                **environment,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.output = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.url = self.await_that(self._listens)

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.output += line

    def _listens(self) -> str | None:
        found = re.search(r"listens on (http://\S+)", self.output)
        return found and found[1]

    def await_that(self, condition: Callable[[], Any]) -> Any:
        """Wait until the condition gives something true, and return it."""
        ends = time.monotonic() + SERVER_SECONDS
        while time.monotonic() < ends:
            value = condition()
            if value:
                return value
            assert self.process.poll() is None, self.output
            time.sleep(0.02)
        raise AssertionError(self.output)

    def await_ready(self) -> None:
        """Wait until the server says that it would answer."""
        self.await_that(lambda: requests.get(f"{self.url}/ready", timeout=30).status_code == 200)

    def await_output(self, text: str) -> None:
        """Wait until the server has written this."""
        self.await_that(lambda: text in self.output)

    def post(self, session: str, client_id: str, text: str) -> requests.Response:
        """Send one typed turn."""
        return requests.post(
            f"{self.url}/turn/{session}/{client_id}", data=text.encode(), timeout=30
        )

    def said(self, session: str) -> list[dict[str, Any]]:
        """The outbox of a session."""
        messages: list[dict[str, Any]] = requests.get(
            f"{self.url}/said/{session}", timeout=30
        ).json()
        return messages

    def stop(self) -> int:
        """Ask it to stop; returns its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(SERVER_SECONDS)
        self._reader.join(SERVER_SECONDS)
        return code


@pytest.fixture
def serve(project: Path, database: Path) -> Iterator[Callable[..., Server]]:
    """Starts servers on the test's database; whatever still runs at the end is ended."""
    started: list[Server] = []

    def start(**environment: str) -> Server:
        server = Server(project, database, environment)
        started.append(server)
        return server

    yield start
    for server in started:
        if server.process.poll() is None:
            server.process.kill()
            server.process.wait(SERVER_SECONDS)
