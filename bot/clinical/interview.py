"""Which question comes next: the first one, in order, that can still change the advice.

A question is asked only while some rule that leads above the present level is open and looks
at one of its findings.  So a person is never asked what cannot matter any more, and stopping
early gives the same disposition as asking everything (shown by `bot.proof`).
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.clinical.case import Case
from bot.clinical.decide import level_of, open_findings
from bot.clinical.model import Knowledge, Question, Sign


@dataclass(frozen=True)
class Ask:
    """A question to put to the person now.

    Attributes:
        question: what to ask.
        signs: for a checklist, the signs to offer: all, or a small group of those still open.
        in_group: True when the checklist was passed over and is taken in small steps.
        kind_only: the person already said that it is there; only the kind is asked.
    """

    question: Question
    signs: tuple[Sign, ...] = ()
    in_group: bool = False
    kind_only: bool = False


def next_question(case: Case, knowledge: Knowledge) -> Ask | None:
    """The next question, or None when the interview is over.

    At and above the level `stop_asking_at` nothing more is asked.  Below it the danger signs
    come first (they lead the order), then whatever can still raise the disposition.
    """
    level = level_of(knowledge, case)
    if level >= knowledge.level(knowledge.stop_asking_at):
        return None
    useful = open_findings(knowledge, case, level)
    for question in knowledge.interview_questions:
        if not useful.isdisjoint(question.findings):
            return ask(case, question)
    return None


def ask(case: Case, question: Question) -> Ask:
    """How to ask this question now, given what was said already."""
    if not question.signs:
        return Ask(question, kind_only=question.id in case.hints)
    unanswered = tuple(sign for sign in question.signs if sign.id not in case.answers)
    if question.id not in case.passed_over or question.ask_in_groups is None:
        return Ask(question, unanswered or question.signs)
    if not unanswered:
        return Ask(question, question.signs)
    first = min(sign.group for sign in unanswered)
    return Ask(question, tuple(s for s in unanswered if s.group == first), in_group=True)


def questions_left(case: Case, knowledge: Knowledge) -> int:
    """An upper bound on how many more questions can come, for the progress display."""
    level = level_of(knowledge, case)
    if level >= knowledge.level(knowledge.stop_asking_at):
        return 0
    useful = open_findings(knowledge, case, level)
    return sum(not useful.isdisjoint(q.findings) for q in knowledge.interview_questions)
