"""deploy/find-python.sh: which Python 3.10 the environment is made with."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
SCRIPT = PROJECT / "deploy" / "find-python.sh"


class Machine:
    """A made-up home, pyenv root and PATH. Only what is put there can be found."""

    def __init__(self, root: Path) -> None:
        self.home = root / "home"
        self.pyenv = root / "pyenv"
        self.tools = root / "tools"
        for folder in (self.home, self.pyenv, self.tools):
            folder.mkdir()
        for tool in ("sh", "dirname", "grep", "ls", "sed", "sort"):
            found = shutil.which(tool)
            assert found, tool
            (self.tools / tool).symlink_to(found)
        self.path: list[Path] = [self.tools]

    def find(self, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", str(SCRIPT)],
            env={
                "HOME": str(self.home),
                "PATH": ":".join(str(folder) for folder in self.path),
                **environment,
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def command(file: Path, script: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    file.chmod(0o755)
    return file


def working(file: Path) -> Path:
    """The Python that runs this test, under another name."""
    return command(file, f'exec "{sys.executable}" "$@"')


def other_version(file: Path) -> Path:
    return command(file, "echo 3.11")


def broken(file: Path) -> Path:
    """As pyenv's shim behaves when its version is not switched on."""
    return command(file, 'echo "pyenv: python3.10: command not found" >&2\nexit 127')


def test_pyenv_comes_first(machine: Machine) -> None:
    """A Python of pyenv is taken although another one is on PATH."""
    wanted = working(machine.pyenv / "versions/3.10.13/bin/python")
    machine.path.append(working(machine.home / "bin/python3.10").parent)
    assert machine.find(PYENV_ROOT=str(machine.pyenv)).stdout == f"{wanted}\n"


def test_pyenv_in_home_is_found_without_its_variable(machine: Machine) -> None:
    """~/.pyenv is looked at even when PYENV_ROOT is not set and no shim is on PATH."""
    wanted = working(machine.home / ".pyenv/versions/3.10.4/bin/python")
    other_version(machine.home / ".pyenv/versions/3.11.7/bin/python")
    assert machine.find().stdout == f"{wanted}\n"


def test_newest_patch_release_of_pyenv_is_taken(machine: Machine) -> None:
    """3.10.13 is newer than 3.10.9, and 3.100.1 is no 3.10."""
    working(machine.pyenv / "versions/3.10.9/bin/python")
    working(machine.pyenv / "versions/3.100.1/bin/python")
    wanted = working(machine.pyenv / "versions/3.10.13/bin/python")
    assert machine.find(PYENV_ROOT=str(machine.pyenv)).stdout == f"{wanted}\n"


def test_broken_pyenv_version_is_passed_over(machine: Machine) -> None:
    """A version that pyenv lists but that does not run is no reason to give up."""
    broken(machine.pyenv / "versions/3.10.13/bin/python")
    wanted = working(machine.pyenv / "versions/3.10.2/bin/python")
    assert machine.find(PYENV_ROOT=str(machine.pyenv)).stdout == f"{wanted}\n"


def test_failing_shim_on_path_is_passed_over(machine: Machine) -> None:
    """Behind a python3.10 that fails, the next one on PATH is tried."""
    machine.path.insert(0, broken(machine.pyenv / "shims/python3.10").parent)
    wanted = working(machine.home / "bin/python3.10")
    machine.path.append(wanted.parent)
    assert machine.find().stdout == f"{wanted}\n"


def test_python3_on_path_counts_when_it_is_3_10(machine: Machine) -> None:
    """A Debian or Ubuntu whose python3 is 3.10 needs nothing else."""
    machine.path.insert(0, other_version(machine.home / "new/python3").parent)
    wanted = working(machine.home / "old/python3")
    machine.path.append(wanted.parent)
    assert machine.find().stdout == f"{wanted}\n"


def test_python_of_uv_is_the_last_resort(machine: Machine) -> None:
    """A Python that uv installed is found where uv keeps it."""
    wanted = working(
        machine.home / ".local/share/uv/python/cpython-3.10.13-linux-x86_64-gnu/bin/python3.10"
    )
    assert machine.find().stdout == f"{wanted}\n"


def test_python_variable_decides(machine: Machine) -> None:
    """PYTHON names the interpreter, before all others."""
    working(machine.pyenv / "versions/3.10.13/bin/python")
    wanted = working(machine.home / "my/python")
    found = machine.find(PYENV_ROOT=str(machine.pyenv), PYTHON=str(wanted))
    assert found.stdout == f"{wanted}\n"


def test_wrong_python_variable_is_an_error_not_a_guess(machine: Machine) -> None:
    """With PYTHON set to another version nothing else is taken in its place."""
    working(machine.pyenv / "versions/3.10.13/bin/python")
    wrong = other_version(machine.home / "my/python")
    found = machine.find(PYENV_ROOT=str(machine.pyenv), PYTHON=str(wrong))
    assert found.returncode == 1
    assert found.stdout == ""
    assert len(found.stderr.splitlines()) == 2
    assert str(wrong) in found.stderr


def test_nothing_found_says_what_to_install_in_two_lines(machine: Machine) -> None:
    """Without any Python 3.10 two lines say what to install, and the exit code is 1."""
    machine.path.insert(0, other_version(machine.home / "bin/python3").parent)
    found = machine.find()
    assert found.returncode == 1
    assert found.stdout == ""
    lines = found.stderr.splitlines()
    assert len(lines) == 2
    assert "3.10" in lines[0]
    assert "pyenv install 3.10" in lines[1]


def test_a_python_without_venv_is_not_taken(machine: Machine) -> None:
    """Debian's python3 without python3-venv cannot make the environment, so the search goes on."""
    without = command(
        machine.home / "bin/python3.10",
        'case "$2" in *ensurepip*) echo "No module named ensurepip" >&2; exit 1;; esac\necho 3.10',
    )
    machine.path.insert(0, without.parent)
    wanted = working(machine.home / ".local/share/uv/python/cpython-3.10.2/bin/python3.10")
    assert machine.find().stdout == f"{wanted}\n"


def test_it_finds_one_here() -> None:
    """On the machine of this test, as it is, a Python 3.10 that runs is found."""
    found = subprocess.run(
        ["sh", str(SCRIPT)], capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    version = subprocess.run(
        [found.stdout.strip(), "--version"], capture_output=True, text=True, check=True
    )
    assert version.stdout.startswith("Python 3.10.")
