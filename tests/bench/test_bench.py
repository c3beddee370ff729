"""The benchmark: its client, its conversation and its report. What it measures is no test."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from bench import servers
from bench.__main__ import quiet_round
from bench.conversation import EchoSpeaker, WentWrong, check
from bench.http import Connection
from bench.measure import Load, late_turns, load
from bench.report import Round, disturbance, document, median_of, targets
from bot.runtime.training import ensure_model

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


async def served(answer: bytes, use: Callable[[str], Awaitable[object]]) -> object:
    """What `use` makes of a server that gives this answer to each request on a connection."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
                await reader.readexactly(length)
                writer.write(answer)
                await writer.drain()
        except asyncio.IncompleteReadError:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        return await use(f"http://127.0.0.1:{port}")


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (ANSWER + b"Content-Length: 4\r\n\r\ntrue", b"true"),
        (ANSWER + b"content-length: 0\r\n\r\n", b""),
        (
            ANSWER
            + b"Transfer-Encoding: chunked\r\n\r\n3;x=y\r\n{}\n\r\nA\r\n0123456789\r\n0\r\n\r\n",
            b"{}\n0123456789",
        ),
    ],
)
def test_answers_are_read_to_their_end(answer: bytes, body: bytes) -> None:
    """Of whatever length and framing; the next request on the connection gets its own answer."""

    async def twice(url: str) -> list[tuple[int, bytes]]:
        connection = Connection(url)
        try:
            return [await connection.post("/", {}) for _ in range(2)]
        finally:
            await connection.close()

    assert asyncio.run(served(answer, twice)) == [(200, body)] * 2


def test_a_refused_turn_is_no_quick_turn() -> None:
    """An answer that is an error stops the measuring: it must not count as a fast one."""
    refused = b"HTTP/1.1 429 Too Many\r\nContent-Length: 2\r\n\r\n{}"
    with pytest.raises(WentWrong, match="429"):
        asyncio.run(served(refused, lambda url: load(url, EchoSpeaker, 2, 1)))


def test_kneewise_holds_the_conversation_that_is_measured() -> None:
    """The script brings its result in its last turn and not before, on the server as delivered."""
    ensure_model()

    async def hold() -> None:
        server = servers.kneewise()
        running = await server.start()
        try:
            await check(server.speaker_of(running.url))
            assert running.megabytes() > 50
            assert running.processor_seconds() > 0
        finally:
            server.stop()
        assert not list(running._processes())

    asyncio.run(hold())


def test_a_server_that_does_not_understand_is_not_measured() -> None:
    """An echo is quick, but brings no assessment."""

    async def hold() -> None:
        server = servers.echo()
        running = await server.start()
        try:
            assert set(await late_turns(running.url, server.speaker_of, 1)) == {10, 50, 200}
            await check(server.speaker_of(running.url))
        finally:
            server.stop()

    with pytest.raises(WentWrong, match="turn 10"):
        asyncio.run(hold())


def test_a_server_that_ends_at_once_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its last lines are in the message."""
    monkeypatch.setenv("KNEEWISE_NO_SUCH_SETTING", "1")
    with pytest.raises(servers.DidNotStart, match="KNEEWISE_NO_SUCH_SETTING"):
        asyncio.run(servers.kneewise().start())


def one_round(factor: float) -> Round:
    loads = [Load(count, 100, 4 * factor, 9 * factor, 200 / factor) for count in (1, 8, 32)]
    return Round(3 * factor, 240, 250, loads, {10: 5, 50: 5, 200: 5 * factor}, 0.01 * factor)


def test_the_median_of_the_rounds_counts() -> None:
    """One disturbed round of three shows nowhere but in what is said of the others' load."""
    figures = median_of([one_round(1), one_round(50), one_round(1)])
    assert figures.cold_start == 3
    assert figures.loads[32].per_second == 200
    assert figures.others == 0.01
    assert figures.others_worst == 0.5


def test_report_says_what_does_not_hold() -> None:
    """Each target has its line; one that is missed says so."""
    good, bad = median_of([one_round(1)]), median_of([one_round(10)])
    held = targets({"Kneewise": good, "Stock Rasa": bad})
    assert len(held) == 7
    assert not [line for line in held if "does not hold" in line]
    missed = targets({"Kneewise": bad, "Stock Rasa": good})
    assert len([line for line in missed if "does not hold" in line]) == 4


def test_disturbed_figures_say_so() -> None:
    """Figures taken while something else was busy are marked; quiet ones are not."""
    quiet, busy = median_of([one_round(1)]), median_of([one_round(1), one_round(50), one_round(1)])
    assert "**Disturbed**" not in "".join(disturbance({"Kneewise": quiet}, 0, 0.1))
    assert "**Disturbed**" in "".join(disturbance({"Kneewise": quiet, "echo": busy}, 4, 0.1))


def test_a_disturbed_round_is_measured_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first quiet attempt counts; without one, the quietest of three."""
    monkeypatch.setattr("bench.__main__.ensure_model", lambda: None)

    def attempts(*factors: float) -> tuple[Round, list[Round]]:
        rounds = iter([one_round(factor) for factor in factors])

        async def measured(*_: object) -> Round:
            return next(rounds)

        monkeypatch.setattr("bench.__main__.measure", measured)
        return quiet_round(servers.echo(), 1, 1)

    assert attempts(1) == (one_round(1), [])
    assert attempts(50, 1) == (one_round(1), [one_round(50)])
    assert attempts(50, 20, 30) == (one_round(20), [one_round(50), one_round(30)])


def test_report_without_stock_says_so(tmp_path: Path) -> None:
    """A missing comparison is named in the document, not passed over."""
    figures = {"Kneewise": median_of([one_round(1)]), "Sanic echo": median_of([one_round(0.1)])}
    text = document(figures, ["- told"], "it could not be installed.")
    assert "Stock Rasa was left out: it could not be installed." in text
    assert "Kneewise : Sanic echo" in text
