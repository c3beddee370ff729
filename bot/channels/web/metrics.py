"""What an operator can watch at GET /metrics, in Prometheus text.

Counts and times only: no session, no address, nothing a person wrote.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from bot.channels.web.problems import KINDS, ProblemKind

# Seconds; fine near the 10 ms a turn is meant to take.
_BUCKETS = (0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class Metrics:
    """The counters of one running server."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._turns = Counter(
            "kneewise_turns",
            "Turns answered, by what the person sent.",
            ["kind"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            "kneewise_turn_seconds",
            "Seconds from a whole request to its whole reply.",
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._problems = Counter(
            "kneewise_problems",
            "Requests that ended in a problem, by its type.",
            ["type", "status"],
            registry=self._registry,
        )
        self._assessments = Counter(
            "kneewise_assessments",
            "Assessments given, by disposition.",
            ["disposition"],
            registry=self._registry,
        )
        # Every kind starts at 0, so that a first problem shows as an increase.
        for kind in KINDS.values():
            self._problems.labels(kind.slug, str(kind.status))
        for turn in ("text", "answer", "start"):
            self._turns.labels(turn)

    def turn(self, kind: str, seconds: float) -> None:
        """A turn of `kind` (text, answer or start) was answered in `seconds`."""
        self._turns.labels(kind).inc()
        self._seconds.observe(seconds)

    def assessment(self, disposition: str) -> None:
        self._assessments.labels(disposition).inc()

    def problem(self, kind: ProblemKind) -> None:
        self._problems.labels(kind.slug, str(kind.status)).inc()

    def text(self) -> bytes:
        """The Prometheus text exposition, UTF-8."""
        return generate_latest(self._registry)
