"""Domain, rules, actions and responses fit together: nothing is missing, nothing is left over."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

import actions
from actions.base import TurnAction
from bot.settings import PROJECT


def _yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


DOMAIN = _yaml(PROJECT / "domain.yml")
RESPONSES: dict[str, list[dict[str, str]]] = {}
for file in sorted((PROJECT / "data" / "responses").glob("*.yml")):
    for name, variants in _yaml(file)["responses"].items():
        assert name not in RESPONSES, f"{name} stands in two files"
        RESPONSES[name] = variants
RULES = [
    rule
    for file in sorted((PROJECT / "data" / "rules").glob("*.yml"))
    for rule in _yaml(file)["rules"]
]
TRAINED = {
    item["intent"]
    for file in sorted((PROJECT / "data" / "nlu").glob("*.yml"))
    for item in _yaml(file)["nlu"]
    if "intent" in item
}


def test_registered_actions_are_the_declared_ones() -> None:
    """Every action in the package is declared in domain.yml, and the other way round."""
    classes = [getattr(actions, name) for name in actions.__all__]
    assert all(issubclass(cls, TurnAction) for cls in classes)
    assert sorted(cls().name() for cls in classes) == sorted(DOMAIN["actions"])


def test_every_intent_has_one_rule() -> None:
    """Each declared intent, and Rasa's fallback, leads to exactly one action."""
    routed = [rule["steps"][0]["intent"] for rule in RULES]
    assert sorted(routed) == sorted([*DOMAIN["intents"], "nlu_fallback"])
    assert all(rule["steps"][1]["action"] in DOMAIN["actions"] for rule in RULES)


def test_every_intent_that_people_type_is_trained() -> None:
    """Only the intents that the code sets itself have no examples."""
    assert set(DOMAIN["intents"]) - TRAINED == {"start_session", "answer", "report_danger"}
    assert set(DOMAIN["intents"]) >= TRAINED


def _said() -> set[str]:
    """The names of responses that the actions say, read from their source."""
    names: set[str] = set()
    for path in (PROJECT / "actions").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                names |= set(re.findall(r"utter_\w+(?<!_)", node.value))
    return names


def test_every_response_is_said_and_every_said_one_exists() -> None:
    """No response is missing and none is left over."""
    by_intent = {
        f"utter_{rule['steps'][0]['intent']}"
        for rule in RULES
        if rule["steps"][1]["action"] == "action_chat"
    }
    problems = {"utter_which_ones", "utter_which_kind", "utter_out_of_range"}
    assert (_said() - {"utter_message"}) | by_intent | problems == set(RESPONSES)


@pytest.mark.parametrize("name", sorted(RESPONSES))
def test_a_response_has_one_text(name: str) -> None:
    """One wording each: people who ask twice should not wonder whether the answer changed."""
    assert len(RESPONSES[name]) == 1
    assert set(RESPONSES[name][0]) == {"text"}
