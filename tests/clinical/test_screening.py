"""Danger signs: each one there is, the ones added later included."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable

import pytest

from bot.catalogue import load_catalogue
from bot.clinical.case import Answer, Case, hear, read_value
from bot.clinical.decide import decide, level_of
from bot.clinical.interview import next_question
from bot.clinical.model import PRESENT, UNKNOWN, Knowledge
from bot.clinical.screening import URGENT_LEVEL, danger_signs_present, is_emergency, is_urgent

SIGNS = sorted(load_catalogue().knowledge.danger_signs)


@pytest.mark.parametrize("sign", SIGNS)
def test_a_danger_sign_alone_is_urgent(knowledge: Knowledge, sign: str) -> None:
    """Alone it leads to level 5 or above, and the reason names it."""
    case = Case({sign: Answer(PRESENT, "said")})
    decision = decide(case, knowledge)
    assert decision.disposition.level >= URGENT_LEVEL
    assert decision.reasons[0].findings == (sign,)
    assert danger_signs_present(case, knowledge) == (sign,)
    assert is_urgent(case, knowledge)


@pytest.mark.parametrize("sign", SIGNS)
def test_not_sure_about_a_danger_sign_is_a_yes(knowledge: Knowledge, sign: str) -> None:
    """Not sure gives the same reasons as a yes, and counts as present."""
    yes, unsure = (Case({sign: Answer(v, "tapped")}) for v in (PRESENT, UNKNOWN))
    assert decide(yes, knowledge) == decide(unsure, knowledge)
    assert danger_signs_present(unsure, knowledge) == (sign,)


@pytest.mark.parametrize("sign", SIGNS)
def test_a_danger_sign_keeps_its_level_whatever_else_is_there(
    knowledge: Knowledge, sign: str
) -> None:
    """300 cases of other answers, the good and the bad: none takes it lower."""
    alone = level_of(knowledge, Case({sign: Answer(PRESENT, "said")}))
    chance = random.Random(sign)  # noqa: S311 - repeatable samples, no secret
    others = [f for q in knowledge.interview_questions for f in q.findings if f != sign]
    for _ in range(300):
        answers = {
            finding: Answer(
                chance.choice([*itertools.islice(knowledge.all_values(finding), 50)]), "asked"
            )
            for finding in chance.sample(others, chance.randint(1, len(others)))
        }
        assert level_of(knowledge, Case(answers | {sign: Answer(PRESENT, "said")})) >= alone


@pytest.mark.parametrize("sign", SIGNS)
def test_a_danger_sign_is_in_the_first_checklist(knowledge: Knowledge, sign: str) -> None:
    """The first question of an interview offers it, with words to read."""
    ask = next_question(Case(), knowledge)
    assert ask is not None
    assert sign in {one.id for one in ask.signs}
    assert all(one.label and one.if_text for one in ask.signs)


@pytest.mark.parametrize("sign", SIGNS)
def test_a_danger_sign_is_never_taken_as_absent_from_free_text(
    knowledge: Knowledge, sign: str
) -> None:
    """A denied danger sign in passing is not an answer to the checklist, nor takes a yes back."""
    assert hear(Case(), knowledge, sign, Answer("absent", "said")) == Case()
    there = Case({sign: Answer(PRESENT, "tapped")})
    assert hear(there, knowledge, sign, Answer("absent", "said")) == there


def test_an_emergency_begins_at_the_level_where_asking_stops(
    knowledge: Knowledge, case_of: Callable[..., Case]
) -> None:
    """Seen today is urgent but no emergency; the emergency department is both."""
    locked = case_of(danger_signs=["locked"], injury="none")
    assert (is_urgent(locked, knowledge), is_emergency(locked, knowledge)) == (True, False)
    wound = case_of(danger_signs=["deep_wound"])
    assert (is_urgent(wound, knowledge), is_emergency(wound, knowledge)) == (True, True)
    stiff = case_of(stiffness="mild")
    assert (is_urgent(stiff, knowledge), is_emergency(stiff, knowledge)) == (False, False)


def test_no_danger_sign_is_present_in_an_empty_or_denied_checklist(knowledge: Knowledge) -> None:
    """None of these means none; unanswered means none so far."""
    denied = {f: Answer(v, "tapped") for f, v in read_value(knowledge, "danger_signs", []).items()}
    assert danger_signs_present(Case(denied), knowledge) == ()
    assert danger_signs_present(Case(), knowledge) == ()
