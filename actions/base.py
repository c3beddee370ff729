"""What all actions share: a turn is made, the message is listened to, and the case is saved."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.state import SLOT
from actions.turn import Turn
from bot.clinical.screening import is_emergency


class TurnAction(Action, ABC):  # type: ignore[misc]  # rasa_sdk is untyped
    """An action of one turn.  Subclasses say what they do in `respond`.

    A danger sign in the message is acted on here, before any subclass speaks: when the case
    turns into an emergency, or an emergency gets worse, the assessment is the answer.  What
    somebody takes back in so many words is read back, and the case decided again.
    """

    @abstractmethod
    def name(self) -> str:
        """The action's name in domain.yml."""

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[dict[str, Any]]:
        turn = Turn(dispatcher, tracker)
        turn.listen()
        if turn.took_back:
            turn.say("utter_corrected", items=turn.heard_words())
            turn.advance()
        elif turn.changed and is_emergency(turn.case, turn.knowledge):
            turn.assess()
        else:
            self.respond(turn)
        if not dispatcher.messages:
            # Never silent: a turn without a message would be kept and tried again for nothing.
            turn.say("utter_result_stands")
        return [SlotSet(SLOT, turn.dialogue.to_json())]

    @abstractmethod
    def respond(self, turn: Turn) -> None:
        """Changes the dialogue and speaks; the message has been listened to."""
