"""Finding the rule that applies, without trying all of them twice.

For each prediction `RulePolicy` (Rasa 3.6) compares every rule with the conversation, and after a
message it does so twice: once with the message's text, for rules written on exact texts, once
with its intent. Two savings that change no prediction:

* Rules are grouped by the intent and the previous action that their last step asks for, and only
    the group that can match the conversation's last step is compared.
* Where no rule can match a text (each asks for an intent, or for another action than listening
    before it) the first pass is skipped.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from rasa.core.policies.rule_policy import RulePolicy
from rasa.shared.core.constants import (
    ACTION_LISTEN_NAME,
    PREVIOUS_ACTION,
    SHOULD_NOT_BE_SET,
    USER,
)
from rasa.shared.nlu.constants import ACTION_NAME, INTENT

Lookup = dict[str, str]


class _Asked(NamedTuple):
    """What the last step of a rule asks for, None for anything."""

    intent: str | None
    previous: str | None
    begins: bool
    """Whether it asks for the beginning of a conversation, where no action went before."""


def _named(step: Any, part: str, name: str) -> str | None:
    value = step.get(part, {}).get(name)
    return None if value == SHOULD_NOT_BE_SET else value or None


def _asked_by(rule_key: str) -> _Asked:
    last = json.loads(rule_key)[-1]
    return _Asked(
        _named(last, USER, INTENT),
        _named(last, PREVIOUS_ACTION, ACTION_NAME),
        not last.get(PREVIOUS_ACTION),
    )


class _Grouped:
    """The rules of one lookup by what their last step asks for."""

    def __init__(self, lookup: Lookup) -> None:
        # Held, so that the identity by which it was found stays its own.
        self.lookup = lookup
        self.groups: dict[_Asked, Lookup] = {}
        for key, action in lookup.items():
            self.groups.setdefault(_asked_by(key), {})[key] = action
        self.beginnings = {
            key: action
            for asked, rules in self.groups.items()
            if asked.begins
            for key, action in rules.items()
        }
        self.any_on_text = any(
            asked.intent is None
            and not asked.begins
            and asked.previous in (None, ACTION_LISTEN_NAME)
            for asked in self.groups
        )

    def candidates(self, states: list[Any]) -> Lookup:
        """The rules whose last step asks for nothing that the last state does not have."""
        if not states:
            return self.lookup
        last = states[-1]
        if not last.get(PREVIOUS_ACTION):
            # At a beginning Rasa compares nothing else.
            return self.beginnings
        intent = last.get(USER, {}).get(INTENT)
        previous = last[PREVIOUS_ACTION].get(ACTION_NAME)
        found: Lookup = {}
        for asked in {
            _Asked(asked_intent, asked_previous, begins=False)
            for asked_intent in (intent, None)
            for asked_previous in (previous, None)
        }:
            found.update(self.groups.get(asked, {}))
        return found


def _grouped(policy: Any, lookup: Lookup) -> _Grouped:
    known: dict[int, _Grouped] = vars(policy).setdefault("_kneewise_grouped", {})
    grouped = known.get(id(lookup))
    if grouped is None:
        grouped = known[id(lookup)] = _Grouped(lookup)
    return grouped


_rasas_keys = RulePolicy._get_possible_keys
_rasas_find = RulePolicy._find_action_from_rules


def _get_possible_keys(policy: Any, lookup: Lookup, states: list[Any]) -> set[str]:
    """The rules that apply to the states."""
    keys: set[str] = _rasas_keys(policy, _grouped(policy, lookup).candidates(states), states)
    return keys


def _find_action_from_rules(
    policy: Any, tracker: Any, domain: Any, use_text_for_last_user_input: bool
) -> Any:
    """The action that a rule asks for, as Rasa finds it."""
    if (
        use_text_for_last_user_input
        and tracker.active_loop_name is None
        and not _grouped(policy, policy.lookup["rules"]).any_on_text
    ):
        return None, None, False
    return _rasas_find(policy, tracker, domain, use_text_for_last_user_input)


def install() -> None:
    """Look rules up in groups from now on (for loaded models: training changes its lookups)."""
    RulePolicy._get_possible_keys = _get_possible_keys
    RulePolicy._find_action_from_rules = _find_action_from_rules
