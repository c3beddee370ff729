"""Stock Rasa for the comparison: an environment of its own with TensorFlow, and a trained model.

It gets our domain, rules and actions; the rest is as `rasa init` sets it up.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import tempfile
from pathlib import Path

from bot.settings import PROJECT

WORK = PROJECT / "bench" / ".work"
STOCK_PYTHON = WORK / "stock" / "bin" / "python"
LOCK = PROJECT / "bench" / "stock.lock"
CONFIG = PROJECT / "bench" / "stock_config.yml"
MADE_FROM = ("domain.yml", "data", "bot/nlu", "bot/knowledge", "bench/stock_config.yml")


class NoStock(Exception):
    """Stock Rasa cannot be installed or trained here; the message says why."""


def _run(*command: str, **environment: str) -> None:
    done = subprocess.run(
        command,
        cwd=PROJECT,
        env={**os.environ, "RASA_TELEMETRY_ENABLED": "false", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        last = "\n".join(done.stdout.splitlines()[-15:])
        raise NoStock(f"{' '.join(command[:6])} ... failed:\n{last}")


def install() -> None:
    """Makes the environment, unless it is there: 2.5 GB, some minutes.

    Raises:
        NoStock: with what pip said.
    """
    stamp = WORK / "stock" / "stock.stamp"
    wanted = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    print("Installing stock Rasa with TensorFlow into bench/.work (2.5 GB; only the first time)")
    WORK.mkdir(parents=True, exist_ok=True)
    _run("sh", "-c", f'"$(sh deploy/find-python.sh)" -m venv --clear "{WORK / "stock"}"')
    # The builder of the packages that come as source goes first, so that none is downloaded.
    builders = re.findall(
        r"^(?:setuptools|wheel)==.*?[^\\]$", LOCK.read_text(), re.MULTILINE | re.DOTALL
    )
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as first:
        first.write("\n".join(builders) + "\n")
        first.flush()
        for requirements in (first.name, str(LOCK)):
            _run(
                str(STOCK_PYTHON), "-m", "pip", "install", "--quiet", "--no-deps",
                "--require-hashes", "--no-build-isolation", "-r", requirements,
            )  # fmt: skip
    stamp.write_text(wanted)


def train() -> Path:
    """The model for stock Rasa, trained unless one of the same files is there: two minutes.

    Raises:
        NoStock: with what Rasa said.
    """
    digest = hashlib.sha256(LOCK.read_bytes())
    for source in MADE_FROM:
        path = PROJECT / source
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and file.suffix in (".yml", ".yaml", ".py"):
                digest.update(file.read_bytes())
    model = WORK / "models" / f"stock-{digest.hexdigest()[:16]}.tar.gz"
    if not model.exists():
        print("Training stock Rasa with DIET (about two minutes)")
        _run(
            str(STOCK_PYTHON), "-m", "rasa", "train",
            "--config", str(CONFIG), "--domain", "domain.yml", "--data", "data",
            "--out", str(model.parent), "--fixed-model-name", model.name.removesuffix(".tar.gz"),
            PYTHONPATH=str(PROJECT),
        )  # fmt: skip
        for older in model.parent.glob("stock-*.tar.gz"):
            if older != model:
                older.unlink()
    return model


def write_endpoints(folder: Path, actions_port: int) -> tuple[Path, Path]:
    """endpoints.yml and credentials.yml: the action server, the REST channel, stores in memory."""
    endpoints, credentials = folder / "endpoints.yml", folder / "credentials.yml"
    endpoints.write_text(
        f"action_endpoint:\n  url: http://127.0.0.1:{actions_port}/webhook\n", encoding="utf-8"
    )
    credentials.write_text("rest:\n", encoding="utf-8")
    return endpoints, credentials
