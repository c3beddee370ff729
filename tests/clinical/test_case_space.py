"""The reduction of all cases to classes loses nothing: it is compared with the engine."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bot.case_space
from bot.case_space import CaseSpace, SpaceTooLarge, kinds_of
from bot.clinical.case import Answer, Case
from bot.clinical.decide import decide, level_of
from bot.clinical.model import UNKNOWN, AtLeast, Knowledge, Rule


@pytest.fixture(scope="module")
def space(knowledge: Knowledge) -> CaseSpace:
    return CaseSpace(knowledge)


def _random_case(knowledge: Knowledge, chance: random.Random, open_share: float) -> Case:
    answers = {}
    for question in knowledge.interview_questions:
        for finding in question.findings:
            if chance.random() < open_share:
                continue
            if question.number is not None:
                highest = chance.choice([question.number.maximum, 60, 12])
                highest = min(highest, question.number.maximum)
                value = chance.choice([UNKNOWN, chance.randint(0, highest)])
            else:
                value = chance.choice(list(knowledge.all_values(finding)))
            answers[finding] = Answer(value, "asked")
    return Case(answers)


@pytest.mark.parametrize("open_share", [0.0, 0.3, 0.8])
def test_the_level_of_a_raw_case_is_that_of_its_place(
    knowledge: Knowledge, space: CaseSpace, open_share: float
) -> None:
    """2,000 raw cases each: fully answered, partly and barely."""
    chance = random.Random(7)  # noqa: S311 - repeatable samples, no secret
    seen = set()
    for _ in range(2000):
        case = _random_case(knowledge, chance, open_share)
        level = level_of(knowledge, case)
        assert space.levels[space.place_of(case)] == level, case
        seen.add(level)
    if open_share > 0.5:
        assert len(seen) >= 6


def test_the_level_of_quiet_cases_is_that_of_their_place(
    knowledge: Knowledge, space: CaseSpace
) -> None:
    """Cases with two or three findings out of the ordinary, so that the lower levels show."""
    chance = random.Random(11)  # noqa: S311 - repeatable samples, no secret
    findings = [f for question in knowledge.interview_questions for f in question.findings]
    seen = set()
    for _ in range(3000):
        answers = {
            finding: Answer(
                chance.choice([*itertools.islice(knowledge.all_values(finding), 60)]), "asked"
            )
            for finding in chance.sample(findings, chance.randint(1, 3))
        }
        level = level_of(knowledge, Case(answers))
        assert space.levels[space.place_of(Case(answers))] == level
        seen.add(level)
    assert seen == set(range(8))


def test_a_decision_and_its_place_agree(knowledge: Knowledge, space: CaseSpace) -> None:
    """The array agrees with `decide`, which the assistant uses, not only with its inner part."""
    chance = random.Random(3)  # noqa: S311 - repeatable samples, no secret
    for _ in range(150):
        case = _random_case(knowledge, chance, 0.7)
        assert decide(case, knowledge).disposition.level == space.levels[space.place_of(case)]


def _in_which_it_fires(knowledge: Knowledge, rule: Rule) -> dict[str, Answer]:
    answers = {}
    for condition in rule.when:
        if isinstance(condition, AtLeast):
            answers |= {
                sign: Answer("present", "asked") for sign in condition.of[: condition.count]
            }
        else:
            finding, accepted = next(iter(condition.accepts.items()))
            value = next(v for v in knowledge.all_values(finding) if v in accepted)
            answers[finding] = Answer(value, "asked")
    return answers


def test_every_pair_of_rules_together(knowledge: Knowledge, space: CaseSpace) -> None:
    """For each two rules a case in which both fire as far as their findings allow."""
    levels = []
    for one, other in itertools.product(knowledge.rules, repeat=2):
        case = Case(_in_which_it_fires(knowledge, one) | _in_which_it_fires(knowledge, other))
        level = level_of(knowledge, case)
        assert space.levels[space.place_of(case)] == level, (one.id, other.id)
        assert level >= knowledge.level(other.then)
        levels.append(level)
    assert len(levels) == len(knowledge.rules) ** 2


def test_every_class_alone(knowledge: Knowledge, space: CaseSpace) -> None:
    """An example of each class stands in the class it is an example of, at its level."""
    for axis in space.axes:
        assert len(axis.classes) > 1, axis.question.id
        for number, one in enumerate(axis.classes):
            case = Case(axis.answers_of(one.kinds))
            assert axis.class_in(case) == number
            assert level_of(knowledge, case) == one.level
            assert space.levels[space.place_of(case)] == one.level


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_answers_of_one_class_are_interchangeable(
    knowledge: Knowledge, space: CaseSpace, data: st.DataObject
) -> None:
    """Swapping an answer for another of its class changes no level, whatever else is answered."""
    axis = data.draw(st.sampled_from(space.axes))
    chance = data.draw(st.randoms(use_true_random=False))
    rest = _random_case(knowledge, chance, 0.75).without(axis.question.findings)
    raw = [
        {
            f: Answer(data.draw(st.sampled_from(_some(knowledge, f))), "asked")
            for f in axis.question.findings
        }
        for _ in range(2)
    ]
    first, second = (rest.with_answers(one) for one in raw)
    if axis.class_in(first) == axis.class_in(second):
        assert level_of(knowledge, first) == level_of(knowledge, second)
    like_first = axis.answers_of(axis.classes[axis.class_in(first)].kinds)
    assert level_of(knowledge, rest.with_answers(like_first)) == level_of(knowledge, first)


def _some(knowledge: Knowledge, finding: str) -> list[object]:
    values = list(knowledge.all_values(finding))
    return values if len(values) < 50 else [*values[:50], *values[-3:]]


def test_every_value_of_a_finding_is_in_one_kind(knowledge: Knowledge) -> None:
    """No value is left out, none is counted twice; "no answer" has a kind too."""
    for question in knowledge.interview_questions:
        for finding in question.findings:
            kinds = kinds_of(knowledge, finding)
            sorted_in = [value for group in kinds.values for value in group]
            assert sorted(map(str, sorted_in)) == sorted(map(str, knowledge.all_values(finding)))
            assert None in kinds.kind_of


def test_durations_fall_into_three_kinds(knowledge: Knowledge) -> None:
    """Under two days, two days to six weeks, longer: nothing else tells 36,501 numbers apart."""
    kinds = kinds_of(knowledge, "duration_days")
    numbers = [[v for v in group if isinstance(v, int)] for group in kinds.values]
    assert sorted((min(group), max(group)) for group in numbers) == [(0, 1), (2, 42), (43, 36500)]


def test_the_number_of_cases_is_the_product_of_all_answers(
    knowledge: Knowledge, space: CaseSpace
) -> None:
    """The classes together stand for every fully answered case, each counted once."""
    product = 1
    for question in knowledge.interview_questions:
        for finding in question.findings:
            product *= len(list(knowledge.all_values(finding)))
    assert space.complete_cases == product
    assert space.all_cases > product > 10**20


def test_a_new_rule_over_two_questions_is_seen(small: Knowledge) -> None:
    """A rule added to the knowledge changes the array just as it changes the engine."""
    rule = next(rule for rule in small.rules if rule.id == "recent_injury_at_55_plus")
    raised = replace(small, rules=(*small.rules, replace(rule, id="new", then="call_emergency")))
    case = Case({"injury": Answer("recent", "asked"), "age_band": Answer("55_plus", "asked")})
    before, after = CaseSpace(small), CaseSpace(raised)
    assert before.levels[before.place_of(case)] == 5
    assert after.levels[after.place_of(case)] == 7
    assert (after.levels >= before.levels).all()


def test_the_highest_of_a_selection_is_that_of_its_completions(small: Knowledge) -> None:
    """A partly answered case: the highest level among all that its open answers can make of it."""
    space = CaseSpace(small)
    chance = random.Random(5)  # noqa: S311 - repeatable samples, no secret
    for _ in range(10):
        case = _random_case(small, chance, 0.15)
        open_findings = [f for q in small.questions for f in q.findings if f not in case.answers][
            :6
        ]
        case = case.with_answers(
            {
                f: Answer(0 if f == "pain_score" else next(iter(small.all_values(f))), "asked")
                for q in small.questions
                for f in q.findings
                if f not in case.answers and f not in open_findings
            }
        )
        highest = max(
            level_of(
                small,
                case.with_answers(
                    {f: Answer(v, "asked") for f, v in zip(open_findings, values, strict=True)}
                ),
            )
            for values in itertools.product(*(list(small.all_values(f)) for f in open_findings))
        )
        assert space.highest(space.completions(case)) == highest


def test_a_space_that_does_not_fit_is_refused(
    small: Knowledge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Too many combinations raise an error that says so, instead of filling the memory."""
    monkeypatch.setattr(bot.case_space, "MOST_CELLS", 1000)
    with pytest.raises(SpaceTooLarge, match="at most 1,000 fit"):
        CaseSpace(small)


def test_a_rule_below_the_disposition_without_rules_is_refused(small: Knowledge) -> None:
    """A rule may not lead lower than what is said when no rule fires: it could never be seen."""
    with pytest.raises(ValueError, match="otherwise"):
        CaseSpace(replace(small, otherwise="see_specialist"))
