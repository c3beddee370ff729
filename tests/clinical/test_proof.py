"""The proof notices what is wrong: knowledge and engine are broken on purpose, one by one.

The proof of the installed knowledge itself is `make proof`, which `make test` runs; here a small
part of the same knowledge is used, so that each mutation takes a moment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

import bot.clinical.decide
import bot.clinical.interview
import bot.interview_walk
import bot.proof
from bot.clinical.case import Answer, Case
from bot.clinical.interview import Ask
from bot.clinical.linter import lint
from bot.clinical.model import PRESENT, AnyOf, Knowledge, Question, Rule, Sign, Truth
from bot.interview_walk import Refuted
from bot.proof import Proof, Property, report, run


def _refuted(knowledge: Knowledge, name: str) -> str:
    """The counterexample to one property; the others are not tried."""
    with pytest.raises(Refuted) as refuted:
        getattr(Proof(knowledge), name)()
    return str(refuted.value)


def _rules(knowledge: Knowledge, change: Callable[[Rule], Rule | None]) -> Knowledge:
    changed = (change(rule) for rule in knowledge.rules)
    return replace(knowledge, rules=tuple(rule for rule in changed if rule is not None))


def _questions(knowledge: Knowledge, question_id: str, **changes: Any) -> Knowledge:
    return replace(
        knowledge,
        questions=tuple(
            replace(question, **changes) if question.id == question_id else question
            for question in knowledge.questions
        ),
    )


def test_the_unchanged_knowledge_is_proved(small: Knowledge) -> None:
    """Nothing fails, and each property says for how much it holds."""
    properties = list(Proof(small).properties())
    assert [one.counterexample for one in properties] == [None] * 8
    assert all(any(c.isdigit() for c in one.extent) for one in properties)


def test_a_danger_sign_lowered_is_found_by_the_proof_and_by_the_linter(small: Knowledge) -> None:
    """A danger sign that leads no further than "get assessed" is not one any more."""
    mutant = _rules(
        small, lambda r: replace(r, then="get_assessed") if r.findings == ("deformity",) else r
    )
    assert "deformity alone leads to level 3" in _refuted(mutant, "danger_signs_keep_their_level")
    assert "danger sign too low" in {one.kind for one in lint(mutant)}


def test_a_danger_sign_without_a_rule_is_found(small: Knowledge) -> None:
    """A sign that no rule looks at leads nowhere."""
    mutant = _rules(small, lambda r: None if "deep_wound" in r.findings else r)
    assert "deep_wound" in _refuted(mutant, "danger_signs_keep_their_level")


def test_unsure_of_a_danger_sign_as_a_no_is_found(small: Knowledge) -> None:
    """If "not sure" about a danger sign no longer counted as a yes."""
    mutant = _questions(small, "danger_signs", unsure_counts_as=None)
    found = _refuted(mutant, "unsure_never_reassures")
    assert "must count as present" in found


def test_unsure_below_the_best_answer_is_found(small: Knowledge) -> None:
    """A rule for "no swelling" makes "not sure" the milder answer."""
    row = Rule(
        "no_swelling",
        (AnyOf("swelling", {"swelling": frozenset({"none"})}),),
        "get_assessed",
        "-",
        ("P2",),
    )
    found = _refuted(replace(small, rules=(*small.rules, row)), "unsure_never_reassures")
    assert "not sure about swelling is better than none" in found


def test_a_gap_in_the_middle_of_an_order_is_found(small: Knowledge) -> None:
    """Without the row for severe pain, 8 would be milder than 7."""
    mutant = _rules(small, lambda r: None if r.id == "severe_pain" else r)
    found = _refuted(mutant, "worse_never_lowers")
    assert "pain_score from 7 to 8" in found


def test_a_milder_value_above_a_worse_one_is_found(small: Knowledge) -> None:
    """Swelling after runs must not be more urgent than swelling that stays."""
    mutant = _rules(
        small, lambda r: replace(r, then="same_day_care") if r.id == "swelling_after_runs" else r
    )
    found = _refuted(mutant, "worse_never_lowers")
    assert "swelling from after_runs to persistent" in found


def test_a_rule_for_being_an_adult_is_found(small: Knowledge) -> None:
    """Children and those over 55 must not come off better than the others."""
    row = Rule(
        "adult",
        (AnyOf("age_band", {"age_band": frozenset({"16_54"})}),),
        "same_day_care",
        "-",
        ("P2",),
    )
    mutant = replace(small, rules=(*small.rules, row))
    assert "rules name every value of age_band" in _refuted(mutant, "worse_never_lowers")


def test_a_question_dropped_from_the_interview_is_found(small: Knowledge) -> None:
    """If a finding that rules look at is never asked, stopping loses something."""
    mutant = _questions(small, "swelling", after_result=True)
    found = _refuted(mutant, "stopping_loses_nothing")
    assert "could still lead to level" in found


def test_two_dispositions_of_one_level_are_found(small: Knowledge) -> None:
    """A level must name one disposition."""
    twice = {
        **small.dispositions,
        "get_assessed": replace(small.dispositions["get_assessed"], level=2),
    }
    found = _refuted(replace(small, dispositions=twice), "one_disposition")
    assert "the same level" in found


def test_danger_signs_asked_last_are_found(small: Knowledge) -> None:
    """An emergency must be found within three questions."""
    last = tuple(sorted(small.questions, key=lambda q: (q.screen_first, q.order)))
    found = _refuted(replace(small, questions=last), "interview_ends")
    assert "an emergency by a danger sign can take" in found


def test_an_interview_that_grows_too_long_is_found(small: Knowledge) -> None:
    """Twelve ordinary questions are one more than the model allows."""
    more = tuple(
        Question(
            id=f"extra_{n}",
            order=1000 + n,
            input="checklist",
            ask="?",
            why="-",
            short="-",
            references=("P2",),
            signs=(Sign(f"extra_sign_{n}", "-", "-"),),
        )
        for n in range(6)
    )
    rules = tuple(
        Rule(
            f"extra_{n}",
            (AnyOf(f"extra_sign_{n}", {f"extra_sign_{n}": frozenset({PRESENT})}),),
            "same_day_care",
            "-",
            ("P2",),
        )
        for n in range(6)
    )
    mutant = replace(small, questions=(*small.questions, *more), rules=(*small.rules, *rules))
    found = _refuted(mutant, "interview_ends")
    assert "an interview can have 12 questions; allowed: 11" in found


def test_a_danger_sign_added_is_covered_without_a_change_here(small: Knowledge) -> None:
    """One more sign and its rule in the knowledge: more cases, and it is among those proved."""
    danger = small.question("danger_signs")
    more = _questions(
        small, "danger_signs", signs=(*danger.signs, Sign("new_sign", "-", "-", if_text="-"))
    )
    rule = Rule(
        "new_rule",
        (AnyOf("new_sign", {"new_sign": frozenset({PRESENT})}),),
        "emergency_department",
        "-",
        ("P2",),
    )
    grown = Proof(replace(more, rules=(*small.rules, rule)))
    assert grown.space.complete_cases == 3 * Proof(small).space.complete_cases
    properties = {one.name: one for one in grown.properties()}
    assert all(one.counterexample is None for one in properties.values())
    assert "10 signs" in properties["A danger sign keeps at least its level"].extent
    too_low = replace(more, rules=(*small.rules, replace(rule, then="get_assessed")))
    assert "new_sign" in _refuted(too_low, "danger_signs_keep_their_level")


# The engine broken


def test_free_text_that_lowers_is_found(small: Knowledge, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the latest word always stood, a remark could reassure."""

    def gullible(case: Case, _: Knowledge, finding: str, answer: Answer) -> Case:
        return case.with_answers({finding: answer})

    monkeypatch.setattr(bot.proof, "hear", gullible)
    assert "lowers the level" in _refuted(small, "free_text_only_raises")


def test_stopping_too_soon_is_found(small: Knowledge, monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that asks nothing once a result is urgent misses the worse."""
    real = bot.interview_walk.next_question

    def impatient(case: Case, knowledge: Knowledge) -> Ask | None:
        if bot.clinical.decide.level_of(knowledge, case) >= 5:
            return None
        return real(case, knowledge)

    monkeypatch.setattr(bot.interview_walk, "next_question", impatient)
    found = _refuted(small, "stopping_loses_nothing")
    assert "could still lead to level" in found


def test_a_condition_written_off_too_soon_is_found(
    small: Knowledge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If one denied finding settled an "any of", the others would never be asked."""
    real = bot.proof.judge

    def hasty(knowledge: Knowledge, case: Case, condition: Any) -> Truth:
        truth = real(knowledge, case, condition)
        return Truth.NO if truth is Truth.OPEN and case.answers else truth

    monkeypatch.setattr(bot.proof, "judge", hasty)
    assert "NO too soon" in _refuted(small, "stopping_loses_nothing")


def test_an_engine_that_goes_by_the_order_is_found(
    small: Knowledge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An engine that looks at the last answer only walks through the answers, and is caught."""
    real = bot.proof.reasons_of

    def last_first(knowledge: Knowledge, case: Case) -> Any:
        list(case.answers)
        return real(knowledge, case)

    monkeypatch.setattr(bot.proof, "reasons_of", last_first)
    assert "walks through the answers" in _refuted(small, "order_is_nothing")


# The report


def _two_properties() -> Iterator[Property]:
    yield Property("It holds", "12 cases", 0.1)
    yield Property("It does not", "", 0.1, "swelling none -> level 7")


def test_the_report_shows_the_counterexample() -> None:
    """One line a property; what fails is shown in findings, and the outcome is a failure."""
    lines: list[str] = []
    assert not report(_two_properties(), lines.append)
    assert lines == [
        "  holds   It holds: 12 cases (0.1 s)\n",
        "  FAILS   It does not: swelling none -> level 7\n",
    ]


def test_run_exits_by_the_outcome(
    small: Knowledge, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """0 and the number of cases when all holds, 1 when something does not."""
    installed = bot.proof.load_catalogue()
    monkeypatch.setattr(bot.proof, "load_catalogue", lambda: replace(installed, knowledge=small))
    assert run() == 0
    printed = capsys.readouterr().out
    assert printed.splitlines()[-1].startswith("proved: ")
    assert f"{Proof(small).space.complete_cases:,} cases" in printed
    broken = _questions(small, "danger_signs", unsure_counts_as=None)
    monkeypatch.setattr(bot.proof, "load_catalogue", lambda: replace(installed, knowledge=broken))
    assert run() == 1
    assert "FAILS" in capsys.readouterr().out
