"""The walk through all interviews: its states lose nothing, and it notices what goes wrong."""

from __future__ import annotations

import itertools
import random
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

import bot.interview_walk
from bot.case_space import CaseSpace
from bot.clinical.case import Answer, Case
from bot.clinical.decide import level_of
from bot.clinical.interview import Ask, next_question
from bot.clinical.model import UNKNOWN, Knowledge
from bot.interview_walk import OrderSeen, Refuted, Walk, blindfolded, follow_ups


@pytest.fixture(scope="module")
def walk(small: Knowledge) -> Walk:
    return Walk(CaseSpace(small))


def _some_values(knowledge: Knowledge, finding: str) -> list[Any]:
    if finding == "duration_days":
        return [0, 1, 2, 42, 43, 400, UNKNOWN]
    return list(knowledge.all_values(finding))


def _random_case(knowledge: Knowledge, chance: random.Random) -> Case:
    findings = [f for question in knowledge.interview_questions for f in question.findings]
    return Case(
        {
            finding: Answer(chance.choice(_some_values(knowledge, finding)), "asked")
            for finding in chance.sample(findings, chance.randint(0, len(findings)))
            # Mostly mild values, or every case would be an emergency.
            if chance.random() < 0.8
        }
    )


def test_cases_in_one_state_are_asked_the_same_and_stay_together(
    small: Knowledge, walk: Walk
) -> None:
    """Different cases in one state get the same next question and go on to the same state."""
    chance = random.Random(23)  # noqa: S311 - repeatable samples, no secret
    together: defaultdict[object, list[Case]] = defaultdict(list)
    quiet = Case({f: Answer("absent", "asked") for f in small.question("danger_signs").findings})
    for _ in range(3000):
        case = _random_case(small, chance)
        if chance.random() < 0.7:
            case = case.with_answers(quiet.answers)
        if level_of(small, case) < 6:
            together[walk.state_of(case)].append(case)
    compared = 0
    for cases in together.values():
        for one, other in itertools.pairwise(cases):
            if one.answers == other.answers:
                continue
            first, second = next_question(one, small), next_question(other, small)
            assert (first.question if first else None) == (second.question if second else None)
            if first is None:
                continue
            for _ in range(4):
                answers = {
                    f: Answer(chance.choice(_some_values(small, f)), "asked")
                    for f in first.question.findings
                    if f not in one.answers and f not in other.answers
                }
                if len(answers) < len(first.question.findings):
                    continue
                after = [walk.state_of(c.with_answers(answers)) for c in (one, other)]
                assert after[0] == after[1]
                compared += 1
    assert compared > 300


def test_every_random_interview_is_in_the_walk(small: Knowledge, walk: Walk) -> None:
    """Interviews with random raw answers only come to states that the walk has visited."""
    chance = random.Random(29)  # noqa: S311 - repeatable samples, no secret
    for _ in range(300):
        case = Case()
        while (ask := next_question(case, small)) is not None:
            assert walk.state_of(case) in walk._visits
            offered = [sign.id for sign in ask.signs] or [ask.question.id]
            case = case.with_answers(
                {f: Answer(chance.choice(_some_values(small, f)[:2]), "asked") for f in offered}
            )


def test_the_longest_way_is_found(small: Knowledge, walk: Walk) -> None:
    """No random interview is longer than the longest that the walk knows; one is as long."""
    chance = random.Random(31)  # noqa: S311 - repeatable samples, no secret
    longest = 0
    for _ in range(1500):
        case, asked = Case(), 0
        while (ask := next_question(case, small)) is not None:
            asked += 1
            offered = [sign.id for sign in ask.signs] or [ask.question.id]
            case = case.with_answers(
                {f: Answer(chance.choice(_some_values(small, f)[:2]), "asked") for f in offered}
            )
        longest = max(longest, asked)
    assert longest <= max(walk.longest.values())
    assert max(walk.longest.values()) == 7


def test_questions_that_an_answer_rules_out_are_follow_ups(knowledge: Knowledge) -> None:
    """The signs of an injury need an injury, the limp needs a child; no other question waits."""
    assert follow_ups(CaseSpace(knowledge)) == {"injury_signs", "limp_or_hip_pain"}


def test_a_danger_sign_is_reached_in_two_questions_at_most(walk: Walk) -> None:
    """The checklist, and for a locked knee the injury."""
    assert walk.longest_to_danger == 2


def test_small_groups_are_counted(small: Knowledge, walk: Walk) -> None:
    """As many further questions as there are groups of danger signs."""
    groups = {sign.group for sign in small.question("danger_signs").signs}
    assert walk.in_small_steps == len(groups)


def test_a_blindfolded_case_can_be_looked_up_only(small: Knowledge) -> None:
    """Looking a finding up works; walking through the answers, counting or copying raises."""
    case = blindfolded(Case({"injury": Answer("none", "asked")}))
    assert case.value("injury") == "none"
    assert case.value("swelling") is None
    for look in (len, list, dict):
        with pytest.raises(OrderSeen):
            look(case.answers)
    with pytest.raises(OrderSeen):
        case.with_answers({"swelling": Answer("none", "asked")})
    assert isinstance(case.answers, Mapping)


def test_an_engine_that_asks_again_is_refuted(
    small: Knowledge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An interview that puts an answered question once more does not pass."""

    def forgetful(case: Case, knowledge: Knowledge) -> Ask | None:
        ask = next_question(case, knowledge)
        return ask and replace(ask, question=small.question("injury"), signs=())

    monkeypatch.setattr(bot.interview_walk, "next_question", forgetful)
    with pytest.raises(Refuted, match="injury is asked again"):
        Walk(CaseSpace(small))


def test_an_engine_that_does_not_come_forward_is_refuted(
    small: Knowledge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If an answer left as much open as before, the interview might not end."""
    real: Callable[..., Any] = bot.interview_walk.open_rules
    at_start = real(small, Case(), 0)
    monkeypatch.setattr(bot.interview_walk, "open_rules", lambda *_: at_start)
    with pytest.raises(Refuted, match="as much open as before"):
        Walk(CaseSpace(small))
