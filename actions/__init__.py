"""Rasa actions, one module a part of the conversation.

`state` is the dialogue kept in the single slot `case`, `turn` one turn of it, `messages`
builds what goes over the wire, `views` shows the case to a client.  The other modules hold
the actions, which only say what happens on which intent.
"""

from actions.chat import ActionChat, ActionCrisis, ActionFaq, ActionOutOfScope
from actions.navigate import (
    ActionBack,
    ActionCorrect,
    ActionExplain,
    ActionRepeat,
    ActionResult,
    ActionSkip,
    ActionStart,
    ActionStartOver,
    ActionStop,
    ActionSummary,
)
from actions.triage import ActionTriage

__all__ = [
    "ActionBack",
    "ActionChat",
    "ActionCorrect",
    "ActionCrisis",
    "ActionExplain",
    "ActionFaq",
    "ActionOutOfScope",
    "ActionRepeat",
    "ActionResult",
    "ActionSkip",
    "ActionStart",
    "ActionStartOver",
    "ActionStop",
    "ActionSummary",
    "ActionTriage",
]
