"""Answers in context: what a short message does when a certain question is open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.clinical.case import Case
from bot.clinical.model import ABSENT, PRESENT, UNKNOWN, Knowledge
from bot.evaluation.cases import Utterance
from bot.evaluation.figures import Share
from bot.evaluation.talks import Assistant
from bot.nlu.reading import UNSPECIFIED


@dataclass
class AnswerScore:
    """What became of the answers.

    Attributes:
        right: taken as the case says.
        asked_again: nothing was taken where something was said: it costs a turn.
        wrong: something else was taken, or news beside the answer was lost.
        mistakes: (question, text, expected, taken), one an answer that is not right.
    """

    right: Share = field(default_factory=lambda: Share(0, 0))
    asked_again: Share = field(default_factory=lambda: Share(0, 0))
    wrong: Share = field(default_factory=lambda: Share(0, 0))
    mistakes: list[tuple[str, str, Any, Any]] = field(default_factory=list)


def score_answers(assistant: Assistant, cases: Sequence[Utterance]) -> AnswerScore:
    """Says each utterance that has an open question to the real assistant."""
    counts = {"right": 0, "asked_again": 0, "wrong": 0}
    mistakes = []
    answers = [case for case in cases if case.open_question is not None]
    for case in answers:
        after, still_open = assistant.answering(case)
        taken = _taken(after, assistant.knowledge, str(case.open_question), still_open)
        news = all(_holds(after, finding, value) for finding, value in case.states.items())
        right = _same(taken, case.answer) and news
        kind = "right" if right else "asked_again" if taken is None else "wrong"
        counts[kind] += 1
        if kind != "right":
            mistakes.append((str(case.open_question), case.text, case.answer, taken))
    shares = {kind: Share(count, len(answers)) for kind, count in counts.items()}
    return AnswerScore(
        right=shares["right"],
        asked_again=shares["asked_again"],
        wrong=shares["wrong"],
        mistakes=mistakes,
    )


def _taken(case: Case, knowledge: Knowledge, name: str, still_open: str | None) -> Any:
    """The answer that the case holds for the question, in wire form; None while it is open."""
    question = knowledge.question(name)
    if not question.signs:
        return UNSPECIFIED if name in case.hints else case.value(name)
    values = {sign.id: case.value(sign.id) for sign in question.signs}
    if question.id in case.passed_over or set(values.values()) == {UNKNOWN}:
        return UNKNOWN
    found = [sign for sign, value in values.items() if value in (PRESENT, UNKNOWN)]
    if not found and None in values.values():
        return None
    return found


def _holds(case: Case, finding: str, value: Any) -> bool:
    """Whether the case holds news; a danger sign that is denied is asked about all the same."""
    if value == UNSPECIFIED:
        return finding in case.hints or case.value(finding) is not None
    return value in (case.value(finding), ABSENT)


def _same(taken: Any, expected: Any) -> bool:
    if isinstance(expected, list):
        return isinstance(taken, list) and set(taken) == set(expected)
    return bool(taken == expected)
