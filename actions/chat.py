"""Everything beside the main line: small talk, questions of general interest, hand-off, crisis."""

from __future__ import annotations

from actions import messages
from actions.base import TurnAction
from actions.navigate import stop
from actions.state import ASKING, ASSESSED, CONFIRMING, STOPPED
from actions.triage import ActionTriage
from actions.turn import Turn
from bot.catalogue import load_catalogue


class ActionChat(TurnAction):
    """Answers a remark with `utter_<intent>`, then comes back to what is open.

    News about the knee in the same message goes first.  After an urgent result there is no
    small talk, only the advice again.
    """

    def name(self) -> str:
        return "action_chat"

    def respond(self, turn: Turn) -> None:
        if turn.urgent:
            turn.urgent_stands()
            return
        if turn.heard:
            turn.note_heard()
        if not (turn.heard and turn.intent in ("greet", "thanks")):
            turn.say(self._response(turn), emergency_number=turn.emergency_number)
        if turn.changed:
            turn.advance()
        elif turn.intent == "goodbye" and turn.dialogue.stage in (ASKING, CONFIRMING):
            # Whoever leaves early still hears what the answers so far call for.
            stop(turn)
        elif turn.intent in ("goodbye", "thanks") and turn.dialogue.stage == STOPPED:
            pass
        else:
            turn.ask_again()

    @staticmethod
    def _response(turn: Turn) -> str:
        if turn.intent == "exercises" and turn.dialogue.stage == ASSESSED:
            return "utter_exercises_after_result"
        return f"utter_{turn.intent}"


class ActionFaq(ActionTriage):
    """A short answer from the documents, with its references, then the open question again."""

    def name(self) -> str:
        return "action_faq"

    def respond(self, turn: Turn) -> None:
        if turn.urgent:
            turn.urgent_stands()
            return
        if self._answered_exactly(turn):
            return
        if turn.heard:
            turn.note_heard()
        topics = load_catalogue().faq
        name = next((e["value"] for e in turn.entities if e.get("entity") == "faq_topic"), None)
        if name in topics:
            topic = topics[str(name)]
            turn.in_general()
            turn.send(
                {
                    "kind": "faq",
                    "text": messages.fill(topic.answer, turn.clinic),
                    "topic": topic.id,
                    "references": list(topic.references),
                }
            )
        else:
            turn.say("utter_faq_unknown")
        if turn.changed:
            turn.advance()
        else:
            turn.ask_again()


class ActionOutOfScope(ActionTriage):
    """Not our business, unless it can be read as an answer to the open question."""

    def name(self) -> str:
        return "action_out_of_scope"

    def _missed(self, turn: Turn) -> None:
        part = next((e["value"] for e in turn.entities if e.get("entity") == "body_part"), None)
        if turn.urgent:
            turn.urgent_stands()
            return
        if part:
            turn.say("utter_other_body_part", part=part)
        else:
            turn.say("utter_out_of_scope")
        turn.ask_again()


class ActionCrisis(TurnAction):
    """Someone is in danger that is no knee matter: whom to call, kindly, and nothing else."""

    def name(self) -> str:
        return "action_crisis"

    def respond(self, turn: Turn) -> None:
        turn.send_crisis()
