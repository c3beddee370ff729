"""The command line `kneewise`: its help, its exit codes, and what it says when things go wrong."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from bot.cli import kneewise
from bot.settings import known_variables

PROJECT = Path(__file__).resolve().parents[1]
README = (PROJECT / "README.md").read_text(encoding="utf-8")
MAKEFILE = (PROJECT / "Makefile").read_text(encoding="utf-8")


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The real command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "bot.cli", *arguments],
        cwd=PROJECT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_help_imports_nothing_that_is_slow() -> None:
    """`kneewise --help` answers at once, because it loads no Rasa, spaCy, Sanic or HTTP client."""
    script = (
        "import sys\n"
        "from bot.cli import main\n"
        "try:\n    main(['--help'])\n"
        "except SystemExit as ended:\n    assert not ended.code\n"
        "print('LOADED', sorted({'rasa','spacy','sanic','requests','sqlalchemy','numpy'}"
        " & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert done.stdout.endswith("LOADED []\n")


@pytest.mark.parametrize("command", sorted(kneewise.commands))
def test_every_command_is_explained(command: str) -> None:
    """Each command has a help text, and its line in README.md."""
    assert kneewise.commands[command].get_short_help_str(200)
    assert f"| `kneewise {command}` |" in README


@pytest.mark.parametrize("command", sorted(set(kneewise.commands) - {"rasa", "bench", "eval"}))
def test_help_of_every_command(command: str) -> None:
    """`--help` ends well and fits a page of 100 columns."""
    done = CliRunner().invoke(kneewise, [command, "--help"])
    assert done.exit_code == 0
    assert done.output.startswith("Usage: ")
    assert max(map(len, done.output.splitlines())) <= 100


@pytest.mark.parametrize("variable", sorted(known_variables()))
def test_every_setting_is_documented(variable: str) -> None:
    """Whoever adds a setting writes its line into README.md."""
    assert f"| `{variable}` |" in README


def test_only_real_settings_are_documented() -> None:
    """README.md names no setting that does not exist."""
    assert set(re.findall(r"`(KNEEWISE_[A-Z_]*[A-Z])`", README)) <= set(known_variables())


def test_every_make_target_is_listed() -> None:
    """`make` alone lists every target, and README.md names no other."""
    targets = set(re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)[0].split())
    assert targets == set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))
    assert targets - {"help"} == set(re.findall(r'@echo "make ([a-z]+) ', MAKEFILE))
    assert set(re.findall(r"`make ([a-z]+)", README)) <= targets


def test_make_clean_leaves_conversations(tmp_path: Path) -> None:
    """What can be made again goes, reports of Rasa among it; what people said stays."""
    shutil.copy(PROJECT / "Makefile", tmp_path)
    for file in ("results/report.json", "models/a.tar.gz", "graph.html", "var/kneewise.db"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).touch()
    subprocess.run(["make", "-s", "clean"], cwd=tmp_path, check=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["Makefile", "var"]
    assert (tmp_path / "var" / "kneewise.db").exists()


def test_links_of_the_readme_lead_somewhere() -> None:
    """Every file that README.md links or shows is there, but for what `make bench` writes."""
    linked = set(re.findall(r"\]\(([^)#:]+)", README))
    assert {"docs/integrators.md", "docs/action-table.md", "docs/images/assessment.png"} <= linked
    for name in linked - {"docs/benchmarks.md"}:
        assert (PROJECT / name).is_file(), name


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["frobnicate"], "No such command 'frobnicate'"),
        (["run", "--port", "knee"], "'knee' is not a valid integer"),
        (["run", "--port", "70000"], "70000 is not in the range"),
        (["run", "--no-such"], "No such option"),
        (["lint", "one-too-many"], "unexpected extra argument"),
    ],
)
def test_bad_usage_says_so_and_exits_2(arguments: list[str], says: str) -> None:
    """A command that is not understood does nothing, says why in a line, and exits 2."""
    done = run(*arguments)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_mistyped_setting_stops_the_start() -> None:
    """An unknown KNEEWISE_ name is refused with the known ones, exit code 2."""
    done = run("run", KNEEWISE_RATELIMIT="off")
    assert done.returncode == 2
    assert "KNEEWISE_RATELIMIT" in done.stderr
    assert "KNEEWISE_RATE_LIMIT" in done.stderr
    assert "Traceback" not in done.stderr


def test_busy_port_says_what_to_do() -> None:
    """When the port is taken the start ends with the address and a command that works."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run("run", "--port", str(port))
    assert done.returncode == 1
    assert f"127.0.0.1:{port}" in done.stderr
    assert "make run PORT=" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the assistant whose knowledge may be broken; it has no model."""
    folder = tmp_path_factory.mktemp("checkout") / "kneewise"
    left_out = shutil.ignore_patterns("__pycache__")
    for name in ("bot", "actions", "data"):
        shutil.copytree(PROJECT / name, folder / name, ignore=left_out)
    for file in PROJECT.glob("*.yml"):
        shutil.copy(file, folder)
    shutil.copy(PROJECT / "requirements.lock", folder)
    return folder


@pytest.mark.parametrize("command", ["run", "train", "lint", "proof"])
@pytest.mark.parametrize(
    ("file", "right", "wrong", "says"),
    [
        ("bot/knowledge/findings/danger_signs.yaml", "{fever}", "{fevr}", "names {fevr}"),
        ("bot/knowledge/dispositions.yaml", "headline:", "headlin:", "unknown key 'headlin'"),
        ("bot/knowledge/language.yaml", "concepts:", "concepts: [", "is not YAML"),
        ("bot/clinics/riverside.yaml", "Europe/London", "Europe/Londn", "Europe/Londn"),
    ],
)
def test_mistake_in_a_knowledge_file_is_one_line(
    checkout: Path, command: str, file: str, right: str, wrong: str, says: str
) -> None:
    """Every command that needs the files names file and line, without a trace, and ends with 1."""
    path = checkout / file
    before = path.read_text(encoding="utf-8")
    at = before.index(right)
    path.write_text(before[:at] + wrong + before[at + len(right) :], encoding="utf-8")
    try:
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "bot.cli",
                command,
                *(["--port", "0"] if command == "run" else []),
            ],
            cwd=checkout,
            env={**os.environ, "PYTHONPATH": str(checkout)},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    finally:
        path.write_text(before, encoding="utf-8")
    assert done.returncode == 1, done.stderr
    assert "listens" not in done.stdout
    assert len(done.stderr.splitlines()) == 1, done.stderr
    # A YAML file that stops in the middle is found wrong at a later line.
    named = re.match(rf"{re.escape(file)}:(\d+): ", done.stderr)
    assert named, done.stderr
    assert int(named[1]) >= before[:at].count("\n") + 1
    assert says in done.stderr


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("sqlite:////no/such/folder/kneewise.db", "mkdir -p /no/such/folder"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("oracles://db", "cannot be used"),
        ("mysql://me:secret@db", "cannot be used"),
    ],
)
def test_database_that_cannot_be_used_is_one_line(url: str, says: str) -> None:
    """A folder that is not there, or no file, stops the start with one line, and makes nothing."""
    done = run("run", "--port", "0", KNEEWISE_DATABASE=url)
    assert done.returncode == 1, done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert url.replace("secret", "***") in done.stderr
    assert says in done.stderr
    assert not Path("/no").exists()


def test_start_and_stop_are_told(tmp_path: Path) -> None:
    """It says when it listens, then when it answers, and after Ctrl-C that it has stopped."""
    said = []
    with subprocess.Popen(
        [sys.executable, "-m", "bot.cli", "run", "--port", "0"],
        cwd=PROJECT,
        env={**os.environ, "KNEEWISE_DATABASE": f"sqlite:///{tmp_path / 'kneewise.db'}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as server:
        for line in server.stdout or ():
            said.append(line)
            if "ready" in line:
                server.send_signal(signal.SIGINT)
    assert server.returncode == 0
    assert [line for line in said if line.startswith("Kneewise ")] == said[-3:]
    assert re.fullmatch(
        r"Kneewise listens on http://127\.0\.0\.1:\d+ \(stop it with Ctrl-C\)\n"
        r"Kneewise is ready after \d+\.\d s\.\n"
        r"Kneewise has stopped\.\n",
        "".join(said[-3:]),
    )


def test_knowledge_files_are_in_order() -> None:
    """`kneewise lint` finds nothing to mend in the knowledge as it is."""
    done = run("lint")
    assert (done.returncode, done.stderr) == (0, "")


def test_rasa_gets_its_own_arguments() -> None:
    """`kneewise rasa --version` is answered by Rasa, not by us; its exit code comes through."""
    done = run("rasa", "--version")
    assert done.returncode == 0
    assert "3.6.21" in done.stdout
    assert run("rasa", "no-such-command").returncode == 2
