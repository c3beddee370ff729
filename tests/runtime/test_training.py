"""The model is trained exactly when what it is made from has changed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bot.runtime.training import TrainingFailed, ensure_model, model_path


@pytest.fixture
def copy(project: Path, tmp_path: Path) -> Path:
    """The trained test assistant in a folder that may be changed."""
    folder = tmp_path / "project"
    shutil.copytree(project, folder)
    return folder


def test_a_current_model_is_not_trained_again(copy: Path) -> None:
    """A second start finds the model and says nothing."""
    before = model_path(copy).stat().st_mtime_ns
    said: list[str] = []

    assert ensure_model(copy, say=said.append) == model_path(copy)

    assert said == []
    assert model_path(copy).stat().st_mtime_ns == before


def test_a_changed_rule_is_trained_with_a_line_of_progress(copy: Path) -> None:
    """What is trained is the changed assistant; the old model goes."""
    rules = copy / "data" / "rules.yml"
    rules.write_text(rules.read_text().replace("- hello", "- hello\n      - good morning"))
    said: list[str] = []

    path = ensure_model(copy, say=said.append)

    assert list(path.parent.iterdir()) == [path]
    assert said[0].startswith("Training the assistant")
    assert said[1].startswith("done in ")


@pytest.mark.parametrize(
    "source",
    ["config.yml", "domain.yml", "data/new.yml", "bot/knowledge/a.yaml", "bot/nlu/a.py"],
)
def test_whatever_a_model_is_made_from_counts(copy: Path, source: str) -> None:
    """A new or changed file in any of the sources asks for another model."""
    before = model_path(copy)
    file = copy / source
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as text:
        text.write("# changed\n")

    assert model_path(copy) != before


def test_what_a_model_is_not_made_from_does_not_count(copy: Path) -> None:
    """Actions, endpoints and Python's caches need no training."""
    before = model_path(copy)
    (copy / "endpoints.yml").write_text("")
    (copy / "data" / "__pycache__").mkdir()
    (copy / "data" / "__pycache__" / "a.pyc").write_text("")

    assert model_path(copy) == before


def test_a_mistake_in_a_rule_is_told_in_rasas_words(copy: Path) -> None:
    """A rule with an action that does not exist ends the training, and leaves the old model."""
    old = model_path(copy)
    rules = copy / "data" / "rules.yml"
    rules.write_text(rules.read_text().replace("action: utter_greet", "action: utter_gret"))

    with pytest.raises(TrainingFailed, match="utter_gret"):
        ensure_model(copy, say=lambda line: None)

    assert list(old.parent.iterdir()) == [old]
