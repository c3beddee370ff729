"""Starts and stops the servers that are measured, each on a free loopback port."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from bench.conversation import (
    SCRIPT,
    EchoSpeaker,
    KneewiseSpeaker,
    SpeakerOf,
    StockSpeaker,
    WentWrong,
    talking,
)
from bench.stock import STOCK_PYTHON, write_endpoints
from bot.settings import PROJECT

START_SECONDS = 180.0


class DidNotStart(Exception):
    """A server gave no first answer; the message holds its last lines."""


@dataclass
class Running:
    """A server that has given its first answer.

    Attributes:
        url: of it.
        cold_start: seconds from the start of its processes to the first answer to a message.
        groups: the process group of each of its processes.
    """

    url: str
    cold_start: float
    groups: Sequence[int]

    def megabytes(self) -> float:
        """Resident memory of all its processes now, in MB (10^6 bytes)."""
        return (
            sum(int(fields[21]) for fields in self._processes()) * os.sysconf("SC_PAGESIZE") / 1e6
        )

    def processor_seconds(self) -> float:
        """What all its processes have used of the processor since they began."""
        ticks = sum(int(fields[11]) + int(fields[12]) for fields in self._processes())
        return ticks / os.sysconf("SC_CLK_TCK")

    def _processes(self) -> Iterator[Sequence[str]]:
        """Of each of its processes what /proc/<pid>/stat tells, from the state on."""
        for process in Path("/proc").glob("[0-9]*"):
            try:
                # The name before it may hold anything, spaces and brackets too.
                fields = (process / "stat").read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                # It ended while we looked.
                continue
            if int(fields[2]) in self.groups:
                yield fields


@dataclass
class Server:
    """One of the servers that are compared, as a context that starts and stops it.

    Args:
        name: as it is called in the report.
        speaker_of: makes a conversation with it.
        commands: from its port and a folder of its own, the processes that make it up.
        environment: added to that of this process, from that folder.
    """

    name: str
    speaker_of: SpeakerOf
    commands: Callable[[int, Path], Sequence[Sequence[str]]]
    environment: Callable[[Path], Mapping[str, str]] = lambda folder: {}
    _stack: ExitStack = field(default_factory=ExitStack)

    async def start(self) -> Running:
        """Starts its processes and waits for the first answer.

        Raises:
            DidNotStart: one of them ended, or there was no answer in time.
        """
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        port = free_port()
        commands = self.commands(port, folder)
        log = self._stack.enter_context((folder / "log").open("w+", encoding="utf-8"))
        began = time.perf_counter()
        processes = [
            subprocess.Popen(
                command,
                cwd=PROJECT,
                env={**os.environ, **self.environment(folder)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            for command in commands
        ]
        for process in processes:
            self._stack.callback(_end, process)
        url = f"http://127.0.0.1:{port}"
        while time.perf_counter() - began < START_SECONDS:
            if any(process.poll() is not None for process in processes):
                break
            if await self._answers(url):
                groups = [process.pid for process in processes]
                return Running(url, time.perf_counter() - began, groups)
            await asyncio.sleep(0.02)
        log.seek(0)
        lines = log.read().splitlines()[-15:]
        self.stop()
        raise DidNotStart("\n".join([f"{self.name} did not start. Its last lines:", *lines]))

    async def _answers(self, url: str) -> bool:
        try:
            async with talking(self.speaker_of(url)) as speaker:
                await speaker.begin()
                # Stock Rasa answers with an empty list while its actions are not up yet.
                return len(await speaker.say(SCRIPT[0])) > len("[]")
        except (OSError, EOFError, WentWrong):
            return False

    def stop(self) -> None:
        """Ends its processes, and removes its folder."""
        self._stack.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def busy_seconds() -> float:
    """What everything on this machine has used of its cores since it began, idle time left out."""
    user, nice, system, _idle, _waiting, interrupts, soft, stolen = map(
        int, Path("/proc/stat").read_text().split(maxsplit=9)[1:9]
    )
    used = user + nice + system + interrupts + soft + stolen
    return used / os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def kneewise() -> Server:
    """`kneewise run` as delivered, with its database on disk; only the rate limits are off."""
    return Server(
        "Kneewise",
        KneewiseSpeaker,
        lambda port, folder: [
            [sys.executable, "-m", "bot.cli", "run", "--host", "127.0.0.1", "--port", str(port)]
        ],
        lambda folder: {
            "KNEEWISE_RATE_LIMIT": "off",
            "KNEEWISE_DATABASE": f"sqlite:///{folder / 'kneewise.db'}",
        },
    )


def stock(model: Path) -> Server:
    """`rasa run` and `rasa run actions` as Rasa delivers them, conversations in memory."""

    def commands(port: int, folder: Path) -> Sequence[Sequence[str]]:
        actions_port = free_port()
        endpoints, credentials = write_endpoints(folder, actions_port)
        rasa = [str(STOCK_PYTHON), "-m", "rasa", "run"]
        return [
            [*rasa, "actions", "--actions", "actions", "--port", str(actions_port)],
            [
                *rasa,
                *("--model", str(model), "--endpoints", str(endpoints)),
                *("--credentials", str(credentials)),
                *("--interface", "127.0.0.1", "--port", str(port)),
            ],
        ]

    return Server(
        "Stock Rasa",
        StockSpeaker,
        commands,
        lambda folder: {"PYTHONPATH": str(PROJECT), "RASA_TELEMETRY_ENABLED": "false"},
    )


def echo() -> Server:
    """A bare Sanic server."""
    return Server(
        "Sanic echo",
        EchoSpeaker,
        lambda port, folder: [[sys.executable, "-m", "bench.echo", str(port)]],
    )
