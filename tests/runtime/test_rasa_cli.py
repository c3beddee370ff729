"""Rasa's own command line works in our environment as a Rasa developer knows it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

from bot.records import Records
from bot.settings import PROJECT


def _rasa(
    folder: Path, database: Path, *arguments: str, typed: str = ""
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "bot.runtime.rasa_cli", *arguments],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(PROJECT),
            "KNEEWISE_DATABASE": f"sqlite:///{database}",
        },
        input=typed,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def _free_port() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])


def test_data_validate_runs_without_tensorflow(project: Path, database: Path) -> None:
    """The check of the training data ends well."""
    ended = _rasa(project, database, "data", "validate")

    assert ended.returncode == 0, ended.stderr
    assert "No story structure conflicts found" in ended.stdout + ended.stderr


def test_shell_talks_with_our_actions_and_our_store(project: Path, database: Path) -> None:
    """`rasa shell` runs actions without an action server, and the dialogue is in the records."""
    ended = _rasa(
        project, database, "shell", "--port", _free_port(), typed="it hurts\n/greet\n/stop\n"
    )

    assert ended.returncode == 0, ended.stderr
    assert '"text": "it hurts"' in ended.stdout
    # In the shell a developer may give an intent.
    assert "Hello." in ended.stdout
    with Records(f"sqlite:///{database}")._engine.connect() as connection:
        (events,) = connection.exec_driver_sql("SELECT count(*) FROM events").one()
    assert events > 5


def test_shell_does_not_start_with_a_mistyped_store(
    project: Path, database: Path, tmp_path: Path
) -> None:
    """The mistake is named, and nothing is kept in memory instead."""
    endpoints = tmp_path / "mistyped.yml"
    text = (project / "endpoints.yml").read_text()
    endpoints.write_text(text.replace("RecordsTrackerStore", "RecordTrackerStore"))

    ended = _rasa(
        project,
        database,
        "shell",
        "--port",
        _free_port(),
        "--endpoints",
        str(endpoints),
        typed="it hurts\n/stop\n",
    )

    assert "Correct tracker_store.type in endpoints.yml" in ended.stderr + ended.stdout
    assert '"text": "it hurts"' not in ended.stdout


def test_bad_usage_ends_with_rasas_own_code(project: Path, database: Path) -> None:
    """What is typed wrongly is told as Rasa tells it."""
    ended = _rasa(project, database, "shel")

    assert ended.returncode == 2
    assert "invalid choice" in ended.stderr
