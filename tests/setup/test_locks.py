"""The lock files: exact, hashed, without addresses, and what is installed."""

from __future__ import annotations

import ast
import re
import sys
from importlib.metadata import distributions
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
LOCKS = ("requirements.lock", "requirements-dev.lock", "bench/stock.lock")


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def locked(lock: str) -> dict[str, str]:
    """Version by package."""
    text = (PROJECT / lock).read_text(encoding="utf-8")
    return {
        canonical(found[1]): found[2]
        for found in re.finditer(r"^([A-Za-z0-9._-]+)==([^ ;\\\n]+)", text, re.MULTILINE)
    }


def direct(requirements: str) -> set[str]:
    lines = (PROJECT / requirements).read_text(encoding="utf-8").splitlines()
    names = (re.match(r"[A-Za-z0-9._-]+", line) for line in lines if not line.startswith("#"))
    return {canonical(name[0]) for name in names if name}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_is_pinned_and_hashed(lock: str) -> None:
    """Each requirement is `name==version` followed by at least one SHA-256."""
    text = (PROJECT / lock).read_text(encoding="utf-8").replace("\\\n", " ")
    requirements = [line for line in text.splitlines() if line and line[0] not in "# "]
    assert len(requirements) > 20
    for requirement in requirements:
        assert re.match(r"[a-z0-9.-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", requirement), requirement


@pytest.mark.parametrize("lock", LOCKS)
def test_no_lock_file_holds_an_address(lock: str) -> None:
    """Where packages come from is the machine's own business."""
    text = (PROJECT / lock).read_text(encoding="utf-8")
    assert not re.search(r"\w://|--(extra-)?index|--find-links|(^|\s)@ ", text)


def test_tensorflow_is_not_needed() -> None:
    """Nothing of TensorFlow is in what runs."""
    assert not [name for name in locked("requirements.lock") if re.match("tensorflow|keras", name)]


@pytest.mark.parametrize(
    ("requirements", "lock"),
    [("requirements.in", "requirements.lock"), ("requirements-dev.in", "requirements-dev.lock")],
)
def test_every_direct_requirement_is_locked(requirements: str, lock: str) -> None:
    """Whoever adds a requirement runs `make lock`."""
    assert direct(requirements) <= set(locked(lock))


def test_both_locks_agree() -> None:
    """A package that runs and also serves a check has one version."""
    run, check = locked("requirements.lock"), locked("requirements-dev.lock")
    assert {name: run[name] for name in run.keys() & check} == {
        name: check[name] for name in run.keys() & check
    }


def test_the_environment_is_what_the_locks_say() -> None:
    """Every locked package is installed in the version that is locked."""
    wanted = {**locked("requirements.lock"), **locked("requirements-dev.lock")}
    installed = {canonical(one.metadata["Name"]): one.version for one in distributions()}
    assert {name: installed.get(name) for name in wanted} == wanted


def test_every_direct_requirement_has_its_reason() -> None:
    """docs/decisions/dependencies.md says of each direct requirement why it is there."""
    text = (PROJECT / "docs/decisions/dependencies.md").read_text(encoding="utf-8").lower()
    told = {canonical(name) for name in re.findall(r"^\| `([^`]+)`", text, re.MULTILINE)}
    assert direct("requirements.in") | direct("requirements-dev.in") == told


def test_every_import_is_a_direct_requirement() -> None:
    """What is imported is asked for, and what is asked for is imported."""
    imported = set()
    for folder in ("bot", "actions"):
        for file in (PROJECT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    imported |= {name.name for name in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    imported.add(node.module)
    foreign = {name.split(".")[0] for name in imported} - sys.stdlib_module_names
    owners = {
        name: canonical(one.metadata["Name"])
        for one in distributions()
        for name in re.findall(r"^(\w+)(?:\.py,|/)", one.read_text("RECORD") or "", re.MULTILINE)
    }
    needed = {owners[name] for name in foreign - {"bot", "actions", "bench"}}
    # These two only build what comes as source.
    assert needed == direct("requirements.in") - {"setuptools", "wheel"}
