"""From a case to a disposition: reasons, counterfactuals, what is still open."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.clinical.case import Answer, Case
from bot.clinical.decide import (
    decide,
    judge,
    judge_rule,
    level_of,
    open_findings,
    open_rules,
    reasons_of,
)
from bot.clinical.model import UNKNOWN, AtLeast, Knowledge, Truth, Value

MakeCase = Callable[..., Case]


def _values(knowledge: Knowledge, finding: str) -> list[Value]:
    if finding == "duration_days":
        return [0, 1, 2, 41, 42, 43, 100, 36500, UNKNOWN]
    return list(knowledge.all_values(finding))


@st.composite
def _cases(draw: st.DrawFn, knowledge: Knowledge) -> Case:
    findings = [f for question in knowledge.questions for f in question.findings]
    chosen = draw(st.lists(st.sampled_from(findings), unique=True, max_size=12))
    return Case({f: Answer(draw(st.sampled_from(_values(knowledge, f))), "asked") for f in chosen})


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_the_most_urgent_rule_that_fires_decides(knowledge: Knowledge, data: st.DataObject) -> None:
    """Hit policy priority: no rule that fires leads higher, all of them are kept as reasons."""
    case = data.draw(_cases(knowledge))
    decision = decide(case, knowledge)
    fired = [r for r in knowledge.rules if judge_rule(knowledge, case, r) is Truth.YES]
    assert {reason.rule.id for reason in decision.reasons} == {rule.id for rule in fired}
    levels = [knowledge.level(rule.then) for rule in fired]
    assert decision.disposition.level == max(levels, default=0)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_reason_names_the_findings_that_made_it_fire(
    knowledge: Knowledge, data: st.DataObject
) -> None:
    """The findings of a reason alone make its rule fire, and each was answered."""
    case = data.draw(_cases(knowledge))
    for reason in reasons_of(knowledge, case):
        assert reason.findings
        behind = Case({finding: case.answers[finding] for finding in reason.findings})
        assert judge_rule(knowledge, behind, reason.rule) is Truth.YES


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_a_counterfactual_comes_true(knowledge: Knowledge, data: st.DataObject) -> None:
    """Making the change that a counterfactual names leads to the disposition it names."""
    case = data.draw(_cases(knowledge))
    decision = decide(case, knowledge)
    assert len(decision.counterfactuals) <= knowledge.counterfactuals
    levels = [knowledge.level(one.disposition) for one in decision.counterfactuals]
    assert levels == sorted(set(levels))
    for one in decision.counterfactuals:
        changed = case.with_answers({one.finding: Answer(one.value, "asked")})
        assert decide(changed, knowledge).disposition.id == one.disposition
        assert knowledge.level(one.disposition) > decision.disposition.level


def test_at_the_top_there_is_no_counterfactual(knowledge: Knowledge, case_of: MakeCase) -> None:
    """Nothing leads higher than the emergency call."""
    decision = decide(case_of(danger_signs=["chest_pain_or_breathless"]), knowledge)
    assert decision.counterfactuals == ()


def test_mild_stiffness_shows_what_would_lead_higher(
    knowledge: Knowledge, case_of: MakeCase
) -> None:
    """An ordinary case shows as many counterfactuals as the table asks for, nearest first."""
    decision = decide(case_of(danger_signs=[], stiffness="mild"), knowledge)
    found = [one.disposition for one in decision.counterfactuals]
    assert found == ["switch_activity", "get_assessed", "see_specialist", "same_day_care"]


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_a_final_decision_cannot_be_raised_by_open_answers(
    knowledge: Knowledge, data: st.DataObject
) -> None:
    """Whatever is answered next, a final decision below the stopping level stays."""
    case = data.draw(_cases(knowledge))
    decision = decide(case, knowledge)
    if not decision.final or decision.disposition.level >= 6:
        return
    still_open = [
        f for q in knowledge.interview_questions for f in q.findings if f not in case.answers
    ]
    more = {
        f: Answer(data.draw(st.sampled_from(_values(knowledge, f))), "said") for f in still_open
    }
    assert level_of(knowledge, case.with_answers(more)) == decision.disposition.level


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_the_decision_does_not_depend_on_the_order_of_the_answers(
    knowledge: Knowledge, data: st.DataObject
) -> None:
    """The same answers in another order give an equal decision, reasons in the same order."""
    case = data.draw(_cases(knowledge))
    shuffled = Case(dict(data.draw(st.permutations(list(case.answers.items())))))
    assert decide(shuffled, knowledge) == decide(case, knowledge)


def test_an_empty_case_is_decided_but_not_final(knowledge: Knowledge) -> None:
    """Without any finding the mildest disposition is given, and said to be provisional."""
    decision = decide(Case(), knowledge)
    assert (decision.disposition.id, decision.reasons) == ("keep_running", ())
    assert not decision.final


def test_a_condition_is_open_until_it_is_settled(knowledge: Knowledge, case_of: MakeCase) -> None:
    """A symptom is open while one of them is unanswered, and cannot hold once all are denied."""
    symptom = knowledge.derived["symptom"]
    assert judge(knowledge, Case(), symptom) is Truth.OPEN
    most = case_of(swelling="none", sharp_pain="none", stiffness="none", warning_signs=[])
    assert judge(knowledge, most, symptom) is Truth.OPEN
    with_score = most.with_answers({"pain_score": Answer(0, "asked")})
    assert judge(knowledge, with_score, symptom) is Truth.NO
    assert judge(knowledge, case_of(pain_score=1), symptom) is Truth.YES
    assert judge(knowledge, case_of(swelling="after_runs"), symptom) is Truth.YES


def test_a_count_of_signs_is_open_while_enough_are_unanswered(
    knowledge: Knowledge, case_of: MakeCase
) -> None:
    """Two of four: one there and one open is open; three denied cannot reach two any more."""
    two = knowledge.derived["two_warning_signs"]
    assert isinstance(two, AtLeast)
    first, second, third, fourth = two.of
    assert judge(knowledge, case_of(**{first: "present"}), two) is Truth.OPEN
    assert judge(knowledge, case_of(**{first: "present", second: "present"}), two) is Truth.YES
    denied = dict.fromkeys((second, third, fourth), "absent")
    assert judge(knowledge, case_of(**denied), two) is Truth.NO
    assert judge(knowledge, case_of(**{first: "unknown", **denied}), two) is Truth.NO


def test_what_is_open_tells_how_many_signs_are_missing(
    knowledge: Knowledge, case_of: MakeCase
) -> None:
    """One sign denied or there: the same signs are open, but not the same number is needed."""
    two = knowledge.derived["two_warning_signs"]
    assert isinstance(two, AtLeast)
    parts = {}
    for value in ("present", "absent"):
        case = case_of(**{two.of[0]: value})
        parts[value] = next(
            part for rule, part in open_rules(knowledge, case, 2) if rule.id == "two_warning_signs"
        )
    assert parts["present"] != parts["absent"]


def test_a_rule_that_another_makes_needless_is_not_waited_for(
    knowledge: Knowledge, case_of: MakeCase
) -> None:
    """Of rules at one level, the one that needs only a part of another's open answers is kept."""
    case = case_of(danger_signs=[], injury="recent")
    kept = {rule.id for rule, _ in open_rules(knowledge, case, 4)}
    assert "pop_then_swelling_after_recent_injury" in kept
    assert "gives_way_after_injury" not in kept


def test_open_findings_are_only_those_that_can_still_raise(
    knowledge: Knowledge, case_of: MakeCase
) -> None:
    """Without an injury its signs are no longer open; at level 5 the pain score is not."""
    assert "cannot_bend_90" in open_findings(knowledge, Case(), 0)
    assert "cannot_bend_90" not in open_findings(knowledge, case_of(injury="none"), 0)
    assert "pain_score" in open_findings(knowledge, Case(), 0)
    assert "pain_score" not in open_findings(knowledge, Case(), 5)


def test_a_rule_added_to_the_table_can_only_raise(knowledge: Knowledge) -> None:
    """Priority as hit policy: a further rule never lowers a decision."""
    mildest = replace(knowledge.rules[0], id="further", then="keep_running")
    more = replace(knowledge, rules=(*knowledge.rules, mildest))
    for rule in knowledge.rules:
        finding = rule.findings[0]
        for value in _values(knowledge, finding):
            case = Case({finding: Answer(value, "asked")})
            assert level_of(more, case) >= level_of(knowledge, case)
