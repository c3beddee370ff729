"""Danger signs: which are there, and whether something must be said at once."""

from __future__ import annotations

from bot.clinical.case import Case, counts_as
from bot.clinical.decide import level_of
from bot.clinical.model import PRESENT, Knowledge

#: From this level on there are no exercises, no plan and no small talk (clinical model).
URGENT_LEVEL = 5


def danger_signs_present(case: Case, knowledge: Knowledge) -> tuple[str, ...]:
    """The danger signs that count as there, "not sure" included, in the checklist's order."""
    return tuple(
        sign
        for question in knowledge.questions
        if question.screen_first
        for sign in question.findings
        if counts_as(question, case.value(sign)) == PRESENT
    )


def is_emergency(case: Case, knowledge: Knowledge) -> bool:
    """Whether the case is at a level where help comes before any further question."""
    return level_of(knowledge, case) >= knowledge.level(knowledge.stop_asking_at)


def is_urgent(case: Case, knowledge: Knowledge) -> bool:
    """Whether the case is at a level that must be seen today or sooner."""
    return level_of(knowledge, case) >= URGENT_LEVEL
