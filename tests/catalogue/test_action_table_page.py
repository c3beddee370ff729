"""The page for clinicians shows the knowledge as it is."""

from __future__ import annotations

from dataclasses import replace

from bot.action_table_page import COMMAND, PAGE, page
from bot.catalogue import load_catalogue


def test_the_page_is_up_to_date() -> None:
    """docs/action-table.md is what the knowledge gives; if not, it must be made anew."""
    made = page(load_catalogue().knowledge)
    assert PAGE.read_text(encoding="utf-8") == made, f"out of date: run `{COMMAND}`"


def test_the_page_shows_every_rule_disposition_sign_and_reference() -> None:
    """Nothing that decides is left out."""
    knowledge = load_catalogue().knowledge
    made = page(knowledge)
    for rule in knowledge.rules:
        assert f"| `{rule.id}` |" in made
        assert rule.reason in made
    for disposition in knowledge.dispositions.values():
        for line in (*disposition.actions, *disposition.meanwhile, *disposition.safety_net):
            assert line.text in made
    for question in knowledge.questions:
        assert question.ask in made
        for finding in question.signs:
            assert finding.label in made
    for reference in knowledge.references.values():
        assert f"| {reference.id} | {reference.kind} | {reference.title} |" in made
    for conflict in knowledge.conflicts:
        assert conflict.chosen in made


def test_a_condition_is_spelled_out() -> None:
    """Values, bounds and named conditions read as sentences."""
    made = page(load_catalogue().knowledge)
    assert "| worst pain 3 to 5 out of 10 |" in made
    assert "| worst pain 8 or more out of 10 |" in made
    assert "| symptom **and** how long 43 or more days |" in made
    either = "(injury in the last two weeks or injury: not sure)"
    assert f"| knee stuck now **and** {either} |" in made
    assert "- **two warning signs**: at least 2 of: " in made


def test_a_bar_in_a_text_does_not_break_the_table() -> None:
    """A vertical bar inside a cell is escaped."""
    knowledge = load_catalogue().knowledge
    first = replace(knowledge.rules[0], reason="hot | cold")
    made = page(replace(knowledge, rules=(first, *knowledge.rules[1:])))
    assert "| hot \\| cold |" in made
