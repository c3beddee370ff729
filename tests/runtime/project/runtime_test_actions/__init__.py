"""Actions of the test assistant: they keep a list of what they heard in the slot `case`."""

from __future__ import annotations

import os
import signal
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import SlotSet
from rasa_sdk.executor import CollectingDispatcher


class Begin(Action):
    """Greets."""

    def name(self) -> str:
        return "action_begin"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Any) -> list[Any]:
        dispatcher.utter_message(json_message={"kind": "text", "text": "Tell me."})
        return [SlotSet("case", {"heard": []})]


class Hear(Action):
    """Adds what was said or tapped to the list and says the list."""

    def name(self) -> str:
        return "action_hear"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Any) -> list[Any]:
        message = tracker.latest_message
        answer = message["metadata"].get("answer")
        said = message["text"] if answer is None else f"{answer['finding']}={answer['value']}"
        if said == os.environ.get("DIE_ON"):
            os.kill(os.getpid(), signal.SIGKILL)
        case = tracker.get_slot("case") or {"heard": []}
        case["heard"].append(said)
        dispatcher.utter_message(
            json_message={
                "kind": "question",
                "text": " | ".join(case["heard"][-3:]),
                "count": len(case["heard"]),
                "events": len(tracker.events) if said == "count events" else None,
            }
        )
        return [SlotSet("case", case)]


class Explode(Action):
    """Speaks, then fails with what was said in the exception."""

    def name(self) -> str:
        return "action_explode"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Any) -> list[Any]:
        dispatcher.utter_message(json_message={"kind": "text", "text": "half an answer"})
        raise ValueError(tracker.latest_message["text"])
