"""What is measured, on a server that runs: load, and what a turn costs late in a conversation."""

from __future__ import annotations

import asyncio
import statistics
import time
from dataclasses import dataclass

from bench.conversation import AGAIN, SCRIPT, SpeakerOf, talking

LATE_TURNS = (10, 50, 200)


@dataclass(frozen=True)
class Load:
    """Of some conversations at once: milliseconds a turn, and turns a second of all together."""

    conversations: int
    turns: int
    p50: float
    p99: float
    per_second: float


async def load(url: str, speaker_of: SpeakerOf, conversations: int, seconds: float) -> Load:
    """Holds that many conversations at once, each the script again and again in a new session.

    The greeting of a session counts as a turn: the server works for it. Turns that had not ended
    when the time was over are not counted.
    """
    end = time.perf_counter() + seconds
    took: list[float] = []

    async def person() -> None:
        while time.perf_counter() < end:
            async with talking(speaker_of(url)) as speaker:
                for text in (None, *SCRIPT):
                    began = time.perf_counter()
                    await (speaker.begin() if text is None else speaker.say(text))
                    ended = time.perf_counter()
                    if ended > end:
                        break
                    took.append((ended - began) * 1000)

    await asyncio.gather(*(person() for _ in range(conversations)))
    took.sort()
    return Load(
        conversations,
        len(took),
        statistics.median(took),
        took[min(len(took) - 1, int(len(took) * 0.99))],
        len(took) / seconds,
    )


async def late_turns(url: str, speaker_of: SpeakerOf, repeats: int) -> dict[int, float]:
    """Milliseconds a turn around turn 10, 50 and 200 of one long conversation.

    Turns differ in what they do, so around each of them one whole round of the conversation is
    taken: ten turns and "start over". Of each turn the median of the repeats counts, of the
    round the mean.
    """
    round_of_turns = (*SCRIPT, AGAIN)
    half = len(round_of_turns) // 2
    last = max(LATE_TURNS) + half
    runs: list[list[float]] = []
    for _ in range(repeats):
        took = []
        async with talking(speaker_of(url)) as speaker:
            await speaker.begin()
            for turn in range(last):
                began = time.perf_counter()
                await speaker.say(round_of_turns[turn % len(round_of_turns)])
                took.append((time.perf_counter() - began) * 1000)
        runs.append(took)
    typical = [statistics.median(turns) for turns in zip(*runs, strict=True)]
    return {late: statistics.fmean(typical[late - 1 - half : late + half]) for late in LATE_TURNS}
