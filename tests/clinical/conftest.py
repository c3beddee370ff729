"""The installed knowledge, a small part of it, and cases written as on the wire."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from bot.catalogue import load_catalogue
from bot.clinical.case import Answer, Case, read_value
from bot.clinical.model import AnyOf, AtLeast, Condition, Knowledge, Rule

#: Questions whose rules show every feature of the table, in a space of a few thousand classes.
SMALL = (
    "danger_signs",
    "injury",
    "injury_signs",
    "age_band",
    "swelling",
    "pain_score",
    "background",
)

MakeCase = Callable[..., Case]


@pytest.fixture(scope="session")
def knowledge() -> Knowledge:
    """The knowledge that is installed."""
    return load_catalogue().knowledge


@pytest.fixture(scope="session")
def small(knowledge: Knowledge) -> Knowledge:
    """The installed knowledge as far as it looks at a few questions."""
    kept = {finding for name in SMALL for finding in knowledge.question(name).findings}
    return replace(
        knowledge,
        questions=tuple(question for question in knowledge.questions if question.id in SMALL),
        rules=tuple(rule for whole in knowledge.rules if (rule := _part_of(whole, kept))),
    )


def _part_of(rule: Rule, kept: set[str]) -> Rule | None:
    conditions: list[Condition] = []
    for condition in rule.when:
        if isinstance(condition, AtLeast):
            if not set(condition.of) <= kept:
                return None
            conditions.append(condition)
        else:
            accepts = {f: values for f, values in condition.accepts.items() if f in kept}
            if not accepts:
                return None
            conditions.append(AnyOf(condition.name, accepts))
    return replace(rule, when=tuple(conditions))


@pytest.fixture(scope="session")
def case_of(knowledge: Knowledge) -> MakeCase:
    """Makes a case from answers as on the wire: `case_of(danger_signs=["locked"])`."""

    def make(**answers: object) -> Case:
        case = Case()
        for finding, value in answers.items():
            values = read_value(knowledge, finding, value)
            case = case.with_answers({f: Answer(v, "asked") for f, v in values.items()})
        return case

    return make
