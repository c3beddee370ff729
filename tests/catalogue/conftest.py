"""A copy of the knowledge files in which one thing can be changed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.catalogue import CLINICS_FOLDER, KNOWLEDGE_FOLDER, Catalogue, load_catalogue


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of `bot/knowledge` of the test's own."""
    return Path(shutil.copytree(KNOWLEDGE_FOLDER, tmp_path / "knowledge"))


@pytest.fixture
def change(folder: Path) -> Callable[[str, str, str], int]:
    """Replaces text in one file of the copy; the line in which the text began."""

    def in_file(name: str, old: str, new: str) -> int:
        path = folder / name
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {name}"
        path.write_text(text.replace(old, new), encoding="utf-8")
        return text[: text.index(old)].count("\n") + 1

    return in_file


@pytest.fixture
def load(folder: Path) -> Callable[[], Catalogue]:
    """Reads the copy, past the cache."""
    return lambda: load_catalogue.__wrapped__(folder, CLINICS_FOLDER)
