"""Rasa's own command line works in our environment as a Rasa developer knows it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from bot.records import Records
from bot.runtime.rasa_cli import STORIES, with_own_stories
from bot.settings import PROJECT


def _rasa(
    folder: Path, database: Path, *arguments: str, typed: str = ""
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bot.runtime.rasa_cli", *arguments],
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


@pytest.mark.parametrize(
    ("typed", "handed_on"),
    [
        (["test"], ["test", "--stories", STORIES]),
        (["test", "core", "--no-plot"], ["test", "core", "--no-plot", "--stories", STORIES]),
        (["test", "core", "-s", "mine"], ["test", "core", "-s", "mine"]),
        (["test", "--stories=mine"], ["test", "--stories=mine"]),
        (["test", "nlu"], ["test", "nlu"]),
        (["data", "validate"], ["data", "validate"]),
    ],
)
def test_tests_of_stories_are_ours_unless_others_are_named(
    typed: list[str], handed_on: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rasa would look for test stories in all of `tests` and find none."""
    monkeypatch.chdir(PROJECT)

    assert with_own_stories(typed) == handed_on


def test_our_test_stories_hold_and_would_fail_otherwise(database: Path, tmp_path: Path) -> None:
    """Each message of tests/rasa_stories is understood and acted on as it says there."""
    from bot.runtime.training import ensure_model

    common = ["test", "core", "--no-plot", "--fail-on-prediction-errors", "--out", str(tmp_path)]
    common += ["--model", str(ensure_model(PROJECT))]
    wrong = tmp_path / "test_wrong.yml"
    (right,) = (PROJECT / STORIES).glob("*.yml")
    wrong.write_text(right.read_text().replace("action: action_go_back", "action: action_skip"))

    holds = _rasa(PROJECT, database, *common)
    fails = _rasa(PROJECT, database, *common, "--stories", str(wrong))

    assert holds.returncode == 0, holds.stderr
    assert "Correct:          0 / 0" not in holds.stderr
    assert fails.returncode != 0


def test_validation_warns_of_nothing_that_is_meant_so(database: Path) -> None:
    """No library's deprecations; no response that an action says; no intent that nobody types."""
    told = _rasa(PROJECT, database, "data", "validate").stderr

    assert "Validating utterances" in told
    for noise in ("Deprecat", "is not used in any story or rule", "is listed in the domain file"):
        assert noise not in told


def test_validation_still_warns_of_what_nothing_says(
    project: Path, database: Path, tmp_path: Path
) -> None:
    """A response that neither a rule nor an action uses is told."""
    (tmp_path / "data").mkdir()
    for file in ("domain.yml", "config.yml", "endpoints.yml", "data/rules.yml"):
        (tmp_path / file).write_text((project / file).read_text())
    extra = "version: '3.1'\nresponses:\n  utter_nobody:\n    - text: Never said.\n"
    (tmp_path / "data" / "extra.yml").write_text(extra)

    ended = _rasa(tmp_path, database, "data", "validate", "--domain", ".")

    assert "The utterance 'utter_nobody' is not used" in ended.stderr
