"""`kneewise bench`: starts each server, measures it, prints the figures and writes them down."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from bench import servers, stock
from bench.conversation import WentWrong, check
from bench.measure import late_turns, load
from bench.report import (
    Figures,
    Round,
    circumstances,
    disturbance,
    document,
    median_of,
    tables,
    targets,
)
from bot.runtime.training import ensure_model
from bot.settings import PROJECT

AT_ONCE = (1, 8, 32)

QUIET = 0.1
"""A round counts when anything else took at most this share of the machine's cores."""

ATTEMPTS = 3
"""How often a round is measured before the quietest attempt has to do."""


async def measure(server: servers.Server, seconds: float, repeats: int) -> Round:
    """One server from its start to its end."""
    began = time.perf_counter()
    used = servers.busy_seconds() - time.process_time()
    running = await server.start()
    try:
        if server.name != "Sanic echo":
            await check(server.speaker_of(running.url))
        megabytes_first = running.megabytes()
        late = await late_turns(running.url, server.speaker_of, repeats)
        loads = [await load(running.url, server.speaker_of, count, seconds) for count in AT_ONCE]
        others = servers.busy_seconds() - running.processor_seconds() - time.process_time() - used
        others /= (time.perf_counter() - began) * (os.cpu_count() or 1)
        return Round(
            running.cold_start, megabytes_first, running.megabytes(), loads, late, max(others, 0.0)
        )
    finally:
        server.stop()


def quiet_round(server: servers.Server, seconds: float, repeats: int) -> tuple[Round, list[Round]]:
    """A round in which nothing else took much of the machine, and those that were not quiet.

    Only the others' load decides whether a round counts, never what was measured in it. When no
    attempt is quiet, the quietest counts; the report then says that it was disturbed.
    """
    attempts: list[Round] = []
    for _ in range(ATTEMPTS):
        # A file changed since the last round must not make training part of the start.
        ensure_model()
        attempts.append(asyncio.run(measure(server, seconds, repeats)))
        others = attempts[-1].others
        if others <= QUIET:
            break
        print(f"  not counted if it can be helped: others took {others:.0%} of the machine")
    counted = min(attempts, key=lambda one: one.others)
    return counted, [one for one in attempts if one is not counted]


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="kneewise bench",
        description="Measure Kneewise beside stock Rasa and a bare echo server.",
        epilog="Close what else runs. With the defaults it takes about 15 minutes, and 5 more the "
        "first time.",
    )
    parser.add_argument("--rounds", type=int, default=3, help="how often all is measured [3]")
    parser.add_argument("--seconds", type=float, default=8, help="length of each load [8]")
    parser.add_argument("--repeats", type=int, default=3, help="long conversations a round [3]")
    parser.add_argument("--without-stock", action="store_true", help="leave stock Rasa out")
    parser.add_argument(
        "--write",
        type=Path,
        default=PROJECT / "docs" / "benchmarks.md",
        metavar="FILE",
        help="where the figures are written [docs/benchmarks.md]",
    )
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure as the options say; returns the exit code.

    Args:
        arguments: as typed after `kneewise bench`; those of this process when None.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    options = _options(arguments)
    without_stock = "asked for with --without-stock." if options.without_stock else None
    compared = [servers.kneewise(), servers.echo()]
    if not without_stock:
        try:
            stock.install()
            compared.insert(1, servers.stock(stock.train()))
        except stock.NoStock as error:
            print(error, file=sys.stderr)
            without_stock = "it could not be installed or trained on this machine."
    left_out = 0
    rounds: dict[str, list[Round]] = {server.name: [] for server in compared}
    try:
        for number in range(1, options.rounds + 1):
            for server in compared:
                print(f"Round {number} of {options.rounds}: {server.name}", flush=True)
                counted, disturbed = quiet_round(server, options.seconds, options.repeats)
                rounds[server.name].append(counted)
                left_out += len(disturbed)
    except (servers.DidNotStart, WentWrong) as error:
        print(f"kneewise bench: {error}", file=sys.stderr)
        return 1
    figures: dict[str, Figures] = {name: median_of(of) for name, of in rounds.items()}
    command = " ".join(["kneewise bench", *arguments]).strip()
    told = circumstances(options.rounds, options.seconds, command, stock.LOCK)
    told += disturbance(figures, left_out, QUIET)
    print("\n".join(["", *targets(figures), "", *tables(figures)]))
    options.write.write_text(document(figures, told, without_stock), encoding="utf-8")
    print(f"\nWritten to {options.write}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
