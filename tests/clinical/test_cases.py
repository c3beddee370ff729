"""Every item of the clinical case files is one test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.clinical.case import Case
from bot.clinical.decide import decide
from bot.clinical.model import Knowledge

FOLDER = Path(__file__).parent.parent / "cases"
FILES = ("action_table", "danger_signs", "injury_age_background")
CASES = [
    pytest.param(case, id=case["name"])
    for name in FILES
    for case in yaml.safe_load((FOLDER / f"{name}.yaml").read_text())["cases"]
]


@pytest.mark.parametrize("item", CASES)
def test_the_case_is_decided_as_written(
    item: dict[str, Any], knowledge: Knowledge, case_of: Callable[..., Case]
) -> None:
    """The disposition, and exactly the rules named as reasons, most urgent first."""
    assert not item.keys() - {"name", "findings", "disposition", "within", "reasons", "references"}
    decision = decide(case_of(**item["findings"]), knowledge)
    assert decision.disposition.id == item["disposition"]
    assert {reason.rule.id for reason in decision.reasons} == set(item["reasons"])
    levels = [knowledge.level(reason.rule.then) for reason in decision.reasons]
    assert levels == sorted(levels, reverse=True)
    if "within" in item:
        assert decision.disposition.within == item["within"]
    if "references" in item:
        assert list(decision.reasons[0].rule.references) == item["references"]


def test_the_names_of_the_cases_are_different() -> None:
    """A sentence names one case only, in all files together."""
    names = [param.id for param in CASES]
    assert len(names) == len(set(names))


def test_every_rule_has_a_case(knowledge: Knowledge) -> None:
    """A rule that no case file mentions has not been tried.

    The rules of danger signs are tried one by one in test_screening.py, those of new signs too.
    """
    tried = {rule for param in CASES for rule in param.values[0]["reasons"]}
    asked_for = {
        rule.id for rule in knowledge.rules if knowledge.danger_signs.isdisjoint(rule.findings)
    }
    assert sorted(asked_for - tried) == []
