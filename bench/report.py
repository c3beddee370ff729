"""Puts the figures of all rounds into tables, for the terminal and for docs/benchmarks.md."""

from __future__ import annotations

import os
import platform
import re
import statistics
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path

from bench.conversation import SCRIPT
from bench.measure import LATE_TURNS, Load
from bot.settings import PROJECT


@dataclass(frozen=True)
class Round:
    """One server, measured once from its start to its end.

    Attributes:
        cold_start: seconds to the first answer.
        megabytes_first: its memory at the first answer.
        megabytes: its memory after all loads.
        loads: by rising number of conversations.
        late: milliseconds a turn by turn.
        others: the share of the machine's cores, 0-1, that neither server nor client used but
            something else did while it was measured.
    """

    cold_start: float
    megabytes_first: float
    megabytes: float
    loads: Sequence[Load]
    late: Mapping[int, float]
    others: float


@dataclass(frozen=True)
class Figures:
    """The median over the rounds of one server."""

    cold_start: float
    megabytes_first: float
    megabytes: float
    loads: Mapping[int, Load]
    late: Mapping[int, float]
    others: float
    others_worst: float


def median_of(rounds: Sequence[Round]) -> Figures:
    """Each figure by itself: the median, so that one disturbed round does not show."""

    def middle(value: Callable[[Round], float]) -> float:
        return statistics.median(value(one) for one in rounds)

    loads = {}
    for number, load in enumerate(rounds[0].loads):
        same = [one.loads[number] for one in rounds]
        loads[load.conversations] = Load(
            load.conversations,
            sum(one.turns for one in same),
            statistics.median(one.p50 for one in same),
            statistics.median(one.p99 for one in same),
            statistics.median(one.per_second for one in same),
        )
    return Figures(
        middle(lambda one: one.cold_start),
        middle(lambda one: one.megabytes_first),
        middle(lambda one: one.megabytes),
        loads,
        {turn: statistics.median(one.late[turn] for one in rounds) for turn in rounds[0].late},
        middle(lambda one: one.others),
        max(one.others for one in rounds),
    )


def _number(value: float) -> str:
    return f"{value:.1f}" if value < 100 else f"{value:.0f}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [
        "| " + " | ".join(head) + " |",
        "|" + "---|" * len(head),
        *("| " + " | ".join(row) + " |" for row in rows),
    ]


def tables(figures: Mapping[str, Figures]) -> list[str]:
    """The Markdown lines of all figures, and of their ratios."""
    names = list(figures)
    counts = list(next(iter(figures.values())).loads)
    lines = ["## Start and memory", ""]
    lines += _table(
        ["", "cold start to first answer", "memory then", "memory after the load", "others' load"],
        [
            [
                name,
                f"{one.cold_start:.1f} s",
                f"{one.megabytes_first:.0f} MB",
                f"{one.megabytes:.0f} MB",
                f"{one.others:.0%}, worst {one.others_worst:.0%}",
            ]
            for name, one in figures.items()
        ],
    )
    lines += ["", "## Conversations at once", "", "p50 / p99 of a turn in ms, turns a second.", ""]
    lines += _table(
        ["", *(f"{count} at once" for count in counts)],
        [[name, *(_load(one.loads[count]) for count in counts)] for name, one in figures.items()],
    )
    lines += ["", "## Late in a conversation", "", "A turn in ms, one conversation, no other.", ""]
    lines += _table(
        ["", *(f"turn {turn}" for turn in LATE_TURNS), f"turn {LATE_TURNS[-1]} : {LATE_TURNS[0]}"],
        [
            [
                name,
                *(_number(one.late[turn]) for turn in LATE_TURNS),
                f"{one.late[LATE_TURNS[-1]] / one.late[LATE_TURNS[0]]:.2f}",
            ]
            for name, one in figures.items()
        ],
    )
    lines += ["", "## Ratios", ""]
    ours = figures[names[0]]
    rows = []
    for name in names[1:]:
        other = figures[name]
        rows.append(
            [
                f"{names[0]} : {name}",
                f"{ours.cold_start / other.cold_start:.2f}",
                f"{ours.megabytes / other.megabytes:.2f}",
                *(f"{ours.loads[c].p50 / other.loads[c].p50:.2f}" for c in counts),
                *(f"{ours.loads[c].per_second / other.loads[c].per_second:.2f}" for c in counts),
            ]
        )
    lines += _table(
        [
            "",
            "cold start",
            "memory",
            *(f"p50 at {count}" for count in counts),
            *(f"turns/s at {count}" for count in counts),
        ],
        rows,
    )
    return lines


def _load(load: Load) -> str:
    return f"{_number(load.p50)} / {_number(load.p99)}, {load.per_second:.0f}/s"


def targets(figures: Mapping[str, Figures]) -> list[str]:
    """The Markdown lines of what the project asks of itself, and whether it holds."""
    ours, stock = figures["Kneewise"], figures.get("Stock Rasa")
    most = max(ours.loads)
    rows = [
        ("a turn alone, p50", "< 10 ms", ours.loads[1].p50, ours.loads[1].p50 < 10),
        ("cold start to first answer", "< 8 s", ours.cold_start, ours.cold_start < 8),
        ("memory", "< 350 MB", ours.megabytes, ours.megabytes < 350),
        (
            "turn 200 against turn 10",
            "<= 1.5 times",
            late := ours.late[LATE_TURNS[-1]] / ours.late[LATE_TURNS[0]],
            late <= 1.5,
        ),
    ]
    if stock:
        times = ours.loads[most].per_second / stock.loads[most].per_second
        rows.append((f"turns/s at {most}, against stock", ">= 4 times", times, times >= 4))
    return _table(
        ["", "asked", "measured", ""],
        [
            [what, asked, f"{got:.2f}", "holds" if holds else "**does not hold**"]
            for what, asked, got, holds in rows
        ],
    )


def circumstances(rounds: int, seconds: float, command: str, stock_lock: Path) -> list[str]:
    """The Markdown lines of where, when and on what it was measured."""
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    memory = os.sysconf("SC_PAGESIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=PROJECT, capture_output=True, text=True, check=False,
    ).stdout.strip()  # fmt: skip
    stock = dict(re.findall(r"^(rasa|tensorflow)==(\S+)", stock_lock.read_text(), re.MULTILINE))
    text = f"""\
- Measured {datetime.now(timezone.utc):%Y-%m-%d} with `{command}` at commit {commit or "unknown"};
  {rounds} rounds in turn, medians; each load {seconds:.0f} s.
- Machine: {cpu[1] if cpu else platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GB,
  {platform.system()} {platform.release()}.
- Python {platform.python_version()}, rasa {version("rasa")}, sanic {version("sanic")},
  spaCy {version("spacy")}; stock: rasa {stock["rasa"]}, tensorflow {stock["tensorflow"]}.
- The load comes from one process on the same machine, so client and server share its cores: trust
  the ratios more than the figures. "Others' load" is the share of the cores that anything else on
  the machine took, in the middle and in the worst of the rounds that count.
"""
    return text.splitlines()


def disturbance(figures: Mapping[str, Figures], left_out: int, quiet: float) -> list[str]:
    """The Markdown lines on rounds that something else disturbed.

    Args:
        figures: by server.
        left_out: how many rounds were measured again because others took more than `quiet`.
        quiet: the share of the machine, 0-1, that others may take.
    """
    again = f"- A round in which others took more than {quiet:.0%} was measured again, whatever it"
    lines = [f"{again} gave: {left_out} times."]
    if max(one.others_worst for one in figures.values()) > quiet:
        lines.append(
            "- **Disturbed**: for at least one round no quiet time was found. Measure again."
        )
    return lines


def document(figures: Mapping[str, Figures], told: Sequence[str], without_stock: str | None) -> str:
    """All of docs/benchmarks.md."""
    sentences = "\n".join(f"{number}. {text}" for number, text in enumerate(SCRIPT, start=1))
    left_out = f"Stock Rasa was left out: {without_stock}\n\n" if without_stock else ""
    return f"""\
# Benchmarks

Written by `make bench`. Do not edit.

{_lines(told)}

**Kneewise** is `kneewise run` as delivered: every turn is on disk before it is answered.
**Stock Rasa** is `rasa run` with `rasa run actions` and the DIET pipeline of `rasa init`, with our
domain, rules, actions and reader, over its REST channel, conversations in memory only.
**Sanic echo** is the same web server sending back what it gets: the floor under every figure.

{left_out}## What is asked of it

{_lines(targets(figures))}

{_lines(tables(figures))}

## The conversation

A greeting and ten turns, typed; the fourth is an interruption, the tenth brings the result. A
server that does not get there is not measured.

{sentences}
"""


def _lines(lines: Sequence[str]) -> str:
    return "\n".join(lines)
