"""deploy/environment.sh: the environment is made once, and again only when it must be."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]


class Checkout:
    """A checkout whose lock files name no package, so that setting it up needs no network."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "bot").mkdir(parents=True)
        for name in ("pyproject.toml", ".python-version", "bot/__init__.py"):
            shutil.copy(PROJECT / name, folder / name)
        shutil.copytree(PROJECT / "deploy", folder / "deploy")
        (folder / "bot/cli.py").write_text(
            "import sys\ndef main(): print('kneewise got', sys.argv[1:])\n", encoding="utf-8"
        )
        (folder / "requirements.lock").write_text("# nothing\n", encoding="utf-8")
        (folder / "requirements-dev.lock").write_text("# nothing\n", encoding="utf-8")

    def set_up(self, *arguments: str) -> str:
        """What it prints."""
        done = subprocess.run(
            ["sh", "deploy/environment.sh", *arguments],
            cwd=self.folder,
            # No uv: a person may have only pip.
            env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "PYTHON": sys.executable},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @property
    def python(self) -> Path:
        return self.folder / ".venv/bin/python"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    checkout = Checkout(tmp_path_factory.mktemp("made") / "my checkout")
    assert "Making the environment" in checkout.set_up()
    return checkout


def test_the_command_is_installed(made: Checkout) -> None:
    """`kneewise` runs the checkout's own code from anywhere, whatever the checkout is called."""
    ran = subprocess.run(
        [str(made.folder / ".venv/bin/kneewise"), "run", "two words"],
        capture_output=True,
        text=True,
        check=True,
        cwd="/",
    )
    assert ran.stdout == "kneewise got ['run', 'two words']\n"


def test_a_second_start_skips_what_is_done(made: Checkout) -> None:
    """With nothing changed it does nothing and says nothing."""
    assert made.set_up() == ""


def test_development_packages_come_only_when_asked_for(made: Checkout) -> None:
    """`dev` adds the second lock file, once."""
    assert "requirements-dev.lock" in made.set_up("dev")
    assert made.set_up("dev") == ""


def test_a_changed_lock_file_installs_again(made: Checkout) -> None:
    """Whoever pulls a new lock file gets its packages at the next start."""
    (made.folder / "requirements.lock").write_text("# nothing more\n", encoding="utf-8")
    printed = made.set_up()
    assert "requirements.lock" in printed
    assert "Making the environment" not in printed
    assert made.set_up() == ""


def test_a_moved_checkout_gets_a_new_environment(made: Checkout, tmp_path: Path) -> None:
    """The scripts of an environment name its old place, so it is made anew."""
    moved = Checkout(tmp_path / "checkout")
    shutil.copytree(made.folder / ".venv", moved.folder / ".venv", symlinks=True)
    assert "Making the environment" in moved.set_up()


def test_an_environment_whose_python_is_gone_is_made_anew(made: Checkout, tmp_path: Path) -> None:
    """After pyenv removed the Python it was made with, the environment is made with another."""
    broken = Checkout(tmp_path / "checkout")
    shutil.copytree(made.folder / ".venv", broken.folder / ".venv", symlinks=True)
    (broken.folder / ".venv/place.stamp").write_text(str(broken.folder), encoding="utf-8")
    for name in ("python", "python3", "python3.10"):
        (broken.folder / ".venv/bin" / name).unlink()
        (broken.folder / ".venv/bin" / name).symlink_to("/nonexistent/python3.10")
    assert "Making the environment" in broken.set_up()
    assert broken.set_up() == ""
