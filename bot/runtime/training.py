"""A model that is never older than what it is made from.

The model's file is named by a hash over everything it is made from, so a model is current when
the file with the right name is there. Training runs in a process of its own: what it allocates
would stay with the server for ever.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bot.catalogue import KNOWLEDGE_FOLDER, Catalogue, load_catalogue
from bot.settings import PROJECT
from bot.yaml_file import KnowledgeError

SOURCES = (
    "config.yml",
    "domain.yml",
    "data",
    "bot/knowledge",
    "bot/nlu",
    "bot/catalogue.py",
    "requirements.lock",
)
"""What a model is made from, relative to the project; folders with everything in them."""

_IGNORED = ("__pycache__", ".pytest_cache", ".mypy_cache")


class TrainingFailed(Exception):
    """The assistant could not be trained; the message ends in what Rasa said."""


def _files(project: Path) -> Iterator[Path]:
    for source in SOURCES:
        path = project / source
        if path.is_dir():
            yield from sorted(
                file
                for file in path.rglob("*")
                if file.is_file() and not set(_IGNORED) & set(file.parts)
            )
        elif path.exists():
            yield path


def model_path(project: Path = PROJECT) -> Path:
    """Where the model made from the project's files as they are now belongs, there or not."""
    digest = hashlib.sha256(f"python {sys.version_info[0]}.{sys.version_info[1]}".encode())
    for file in _files(project):
        digest.update(f"\0{file.relative_to(project).as_posix()}\0".encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return project / "models" / f"kneewise-{digest.hexdigest()[:16]}.tar.gz"


def checked_catalogue() -> Catalogue:
    """The knowledge, after everything that is written in it was read: also each phrase.

    Raises:
        KnowledgeError: the first mistake, with file and line.
    """
    from bot.nlu.reading import Reader

    catalogue = load_catalogue()
    if catalogue.language is None:
        raise KnowledgeError(KNOWLEDGE_FOLDER / "language.yaml", 1, "is missing")
    Reader(catalogue)
    return catalogue


def ensure_model(
    project: Path = PROJECT, *, force: bool = False, say: Callable[[str], None] = print
) -> Path:
    """The model made from the project's files, trained now if need be; older ones are removed.

    Args:
        project: the folder with config.yml, domain.yml and data/.
        force: train even when the model is current.
        say: gets the lines for the person who waits.

    Raises:
        KnowledgeError: a mistake in the knowledge files. Rasa does not read the phrases while it
            trains, so without this check they would be found wrong only when the model is loaded.
        TrainingFailed: with what Rasa said.
    """
    path = model_path(project)
    if path.exists() and not force:
        return path
    if project == PROJECT:
        checked_catalogue()
    say("Training the assistant (first start, or its files changed): about 15 s ...")
    began = time.monotonic()
    path.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix="training-") as folder:
        ended = subprocess.run(  # noqa: S603  # our own module, with paths of our own
            [sys.executable, "-m", "bot.runtime.training", str(project), folder, path.name],
            cwd=project,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(
                    [str(project), str(PROJECT), os.environ.get("PYTHONPATH", "")]
                ),
                "RASA_TELEMETRY_ENABLED": "false",
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
        made = Path(folder) / path.name
        if ended.returncode != 0 or not made.exists():
            raise TrainingFailed(f"Training failed.\n{ended.stdout.strip()}")
        # In one step: another process that starts now sees the whole model or none.
        made.replace(path)
    for older in path.parent.glob("kneewise-*.tar.gz"):
        if older != path:
            older.unlink(missing_ok=True)
    say(f"done in {time.monotonic() - began:.1f} s")
    return path


def _train(project: Path, folder: str, name: str) -> int:
    """Train in this process; returns Rasa's own exit code."""
    from bot.runtime import tensorflow_free

    tensorflow_free.install()

    from rasa.model_training import train

    result = train(
        domain=str(project / "domain.yml"),
        config=str(project / "config.yml"),
        training_files=[str(project / "data")],
        output=folder,
        fixed_model_name=name.removesuffix(".tar.gz"),
        # Rasa's cache does not see the knowledge files that our components read while they train.
        force_training=True,
    )
    return int(result.code)


if __name__ == "__main__":
    sys.exit(_train(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))
