"""Mistakes in the action table that the linter names, each with its place."""

from __future__ import annotations

from dataclasses import replace

from bot.clinical.linter import can_fire, covers, implies, lint
from bot.clinical.model import PRESENT, AnyOf, AtLeast, Knowledge, Rule


def _with(knowledge: Knowledge, *rules: Rule) -> Knowledge:
    return replace(knowledge, rules=(*knowledge.rules, *rules))


def _found(knowledge: Knowledge) -> list[tuple[str, str]]:
    return [(one.kind, one.where) for one in lint(knowledge)]


def _rule(knowledge: Knowledge, rule_id: str) -> Rule:
    return next(rule for rule in knowledge.rules if rule.id == rule_id)


def test_the_installed_table_is_clean(knowledge: Knowledge) -> None:
    """No lint is left in the knowledge that is installed."""
    assert lint(knowledge) == []


def test_a_shadowed_row_is_named_with_its_place(knowledge: Knowledge) -> None:
    """A row that a more urgent one always accompanies never decides."""
    row = replace(
        _rule(knowledge, "persistent_swelling"),
        id="milder",
        then="switch_activity",
        origin="action_table.yaml:999",
    )
    found = lint(_with(knowledge, row))
    assert [(one.kind, one.where) for one in found] == [("shadowed", "action_table.yaml:999")]
    assert "persistent_swelling" in str(found[0])


def test_of_two_equal_rows_the_later_one_is_too_much(knowledge: Knowledge) -> None:
    """The first stays, the copy is reported."""
    row = replace(_rule(knowledge, "mild_stiffness"), id="again", origin="action_table.yaml:998")
    assert _found(_with(knowledge, row)) == [("shadowed", "action_table.yaml:998")]


def test_a_narrower_row_below_a_wider_one_is_shadowed(knowledge: Knowledge) -> None:
    """A row with one condition more and no higher level never decides."""
    wide = _rule(knowledge, "severe_pain")
    more = AnyOf("stiffness", {"stiffness": frozenset({"lasting"})})
    row = replace(wide, id="narrow", when=(*wide.when, more), origin="action_table.yaml:997")
    assert _found(_with(knowledge, row)) == [("shadowed", "action_table.yaml:997")]


def test_a_row_kept_on_purpose_says_why(knowledge: Knowledge) -> None:
    """With `kept_because` a shadowed row passes; without it the same row is reported."""
    kept = _rule(knowledge, "gives_way_after_injury")
    assert kept.kept_because
    rules = tuple(
        replace(rule, kept_because=None) if rule is kept else rule for rule in knowledge.rules
    )
    assert _found(replace(knowledge, rules=rules)) == [("shadowed", kept.origin)]


def test_a_needless_note_is_reported(knowledge: Knowledge) -> None:
    """`kept_because` on a row that decides is out of date."""
    row = replace(_rule(knowledge, "persistent_swelling"), kept_because="it was shadowed once")
    rules = tuple(row if rule.id == row.id else rule for rule in knowledge.rules)
    assert _found(replace(knowledge, rules=rules)) == [("needless note", row.origin)]


def test_a_row_that_can_never_fire_is_reported(knowledge: Knowledge) -> None:
    """Two conditions that exclude each other."""
    row = Rule(
        id="impossible",
        when=(
            AnyOf("injury", {"injury": frozenset({"none"})}),
            AnyOf("injury", {"injury": frozenset({"recent"})}),
        ),
        then="call_emergency",
        reason="-",
        references=("P2",),
        origin="action_table.yaml:996",
    )
    assert not can_fire(row)
    assert ("unreachable", "action_table.yaml:996") in _found(_with(knowledge, row))


def test_a_danger_sign_that_leads_too_low_is_reported(knowledge: Knowledge) -> None:
    """Every danger sign alone must lead to level 5 or above."""
    rules = tuple(
        replace(rule, then="see_specialist") if rule.findings == ("deformity",) else rule
        for rule in knowledge.rules
    )
    assert ("danger sign too low", "deformity") in _found(replace(knowledge, rules=rules))


def test_a_danger_sign_without_a_rule_of_its_own_is_reported(knowledge: Knowledge) -> None:
    """A rule that needs more than the sign is not enough."""
    rules = tuple(rule for rule in knowledge.rules if rule.id != "locked_knee")
    assert ("danger sign too low", "locked") in _found(replace(knowledge, rules=rules))


def test_a_question_that_no_rule_looks_at_is_reported(knowledge: Knowledge) -> None:
    """Asking what changes nothing wastes a person's time."""
    rules = tuple(rule for rule in knowledge.rules if "self_care_tried" not in rule.findings)
    assert ("never asked", "self_care_tried") in _found(replace(knowledge, rules=rules))


def test_a_disposition_that_nothing_leads_to_is_reported(knowledge: Knowledge) -> None:
    """A disposition without a rule cannot be reached."""
    rules = tuple(rule for rule in knowledge.rules if rule.then != "see_specialist")
    assert ("unused", "see_specialist") in _found(replace(knowledge, rules=rules))


def test_a_derived_condition_that_no_rule_uses_is_reported(knowledge: Knowledge) -> None:
    """A name for a condition that stands nowhere."""
    rules = tuple(rule for rule in knowledge.rules if rule.id != "symptom_not_ruled_out")
    assert ("unused", "symptom_unclear") in _found(replace(knowledge, rules=rules))


def test_a_value_without_words_for_the_counterfactual_is_reported(knowledge: Knowledge) -> None:
    """A value that alone changes the level needs its "if" text."""
    questions = tuple(
        replace(q, choices=tuple(replace(c, if_text=None) for c in q.choices))
        if q.id == "sharp_pain"
        else q
        for q in knowledge.questions
    )
    found = _found(replace(knowledge, questions=questions))
    assert {kind for kind, _ in found} == {"no words"}
    assert len(found) == 2


def test_a_condition_implies_a_wider_one_only() -> None:
    """A set of values implies each set that contains it; a count implies a smaller count."""
    recent = AnyOf("injury", {"injury": frozenset({"recent"})})
    wider = AnyOf("injury", {"injury": frozenset({"recent", "unknown"})})
    assert implies(recent, wider)
    assert not implies(wider, recent)
    two, three = AtLeast("two", 2, ("a", "b", "c")), AtLeast("three", 3, ("a", "b", "c"))
    assert implies(three, two)
    assert not implies(two, three)
    either = AnyOf("either", {"a": frozenset({PRESENT}), "b": frozenset({PRESENT})})
    assert implies(two, either)
    assert not implies(AtLeast("two", 2, ("a", "c", "d")), either)
    assert not implies(either, two)


def test_a_rule_covers_one_that_needs_more() -> None:
    """A rule fires whenever one with further conditions does, not the other way round."""
    swollen = AnyOf("swelling", {"swelling": frozenset({"persistent"})})
    hurt = AnyOf("injury", {"injury": frozenset({"recent"})})
    wide = Rule("wide", (swollen,), "switch_activity", "-", ("P2",))
    narrow = Rule("narrow", (swollen, hurt), "switch_activity", "-", ("P2",))
    assert covers(wide, narrow)
    assert not covers(narrow, wide)
