"""The schema of an action's result, compiled once.

Rasa checks every result of a custom action with `jsonschema.validate` against a schema that never
changes (`RemoteAction._validate_action_result`). That call checks the schema itself first and
builds a validator anew: 13.7 ms, three quarters of a turn. Here it is built once, and of the
branches for the kinds of events only the one that the event names is tried (in Rasa's `oneOf` no
other can match): 0.1 ms for the same judgement.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.exceptions import best_match
from rasa.core.actions.action import RemoteAction


class ActionResultSchema:
    """Rasa's schema of an action result, ready to use.

    Raises:
        LookupError: the schema is not made of one branch for each kind of event.
    """

    def __init__(self) -> None:
        whole = RemoteAction.action_response_format_spec()
        every_event = dict(whole["properties"]["events"]["items"])
        branches = every_event.pop("oneOf")
        self._whole = Draft202012Validator(whole)
        self._around = Draft202012Validator(
            {**whole, "properties": {**whole["properties"], "events": {"type": "array"}}}
        )
        self._events = {
            branch["properties"]["event"]["const"]: Draft202012Validator(
                {**every_event, "allOf": [branch]}
            )
            for branch in branches
        }
        if len(self._events) != len(branches):
            raise LookupError("two branches of the schema are for the same kind of event")

    def fits(self, result: Any) -> bool:
        """Whether the result is one that Rasa takes."""
        if not self._around.is_valid(result):
            return False
        return all(self._event_fits(event) for event in result.get("events", []))

    def _event_fits(self, event: Any) -> bool:
        if not isinstance(event, dict) or not isinstance(event.get("event"), str):
            return False
        branch = self._events.get(event["event"])
        return branch is not None and bool(branch.is_valid(event))

    def fault(self, result: Any) -> ValidationError:
        """What is wrong with a result that does not fit."""
        fault: ValidationError = best_match(self._whole.iter_errors(result))
        return fault


@lru_cache(maxsize=1)
def schema() -> ActionResultSchema:
    """The schema, built when it is first needed."""
    return ActionResultSchema()


def _validate_action_result(_: Any, result: dict[str, Any]) -> bool:
    """True for a result that fits.

    Raises:
        jsonschema.ValidationError: as Rasa's own check does.
    """
    if not schema().fits(result):
        raise schema().fault(result)
    return True


def install() -> None:
    """Use the compiled schema from now on."""
    RemoteAction._validate_action_result = _validate_action_result
