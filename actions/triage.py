"""The main line: answers to the open question, and news about the knee in free words."""

from __future__ import annotations

from actions.base import TurnAction
from actions.navigate import change, control
from actions.state import ASKING, ASSESSED, CONFIRMING, STOPPED
from actions.turn import Turn
from bot.clinical.model import Question
from bot.nlu.answers import read_answer


class ActionTriage(TurnAction):
    """Takes an answer or a description and goes on to the next question or the result."""

    def name(self) -> str:
        return "action_triage"

    def respond(self, turn: Turn) -> None:
        if turn.tap is not None:
            self._tapped(turn, str(turn.tap["finding"]), turn.tap["value"])
        elif turn.dialogue.stage == CONFIRMING and not turn.changed:
            self._at_the_summary(turn)
        elif turn.open_question is not None and turn.dialogue.stage == ASKING:
            self._answered(turn, turn.open_question)
        elif turn.changed or turn.dialogue.stage == STOPPED:
            turn.note_heard()
            turn.advance()
        elif turn.heard:
            turn.note_heard()
            after_the_result(turn)
        elif turn.dialogue.stage == ASSESSED and (turn.urgent or turn.intent != "nlu_fallback"):
            after_the_result(turn)
        else:
            self._missed(turn)

    def _tapped(self, turn: Turn, finding: str, value: object) -> None:
        if control(turn, finding, value):
            return
        if turn.knowledge.is_question(finding):
            question = turn.knowledge.question(finding)
        else:
            question = turn.knowledge.question_of(finding)
            present = [s for s in turn.case.present(question) if s != finding]
            value = [*present, finding] if value == "present" else present
        turn.answer(question, value, "tapped")
        turn.advance()

    def _answered(self, turn: Turn, question: Question) -> None:
        """Reads the text as an answer to the open question; else as news; else asks again."""
        if turn.intent in ("unsure", "skip") and not turn.heard:
            turn.not_sure()
            if question.id in turn.case.passed_over and question.screen_first:
                turn.say("utter_small_steps")
            turn.advance()
            return
        about_this = any(h.finding in question.findings for h in turn.heard)
        if not about_this:
            reading = read_answer(turn.text, turn.asked(question), turn.entities, turn.today)
            if reading.problem is not None and not turn.changed:
                turn.note_heard()
                turn.say(f"utter_{reading.problem}", **reading.words)
                turn.ask_again()
                return
            if reading.value is not None:
                turn.note_heard()
                turn.answer(question, reading.value, "asked")
                turn.advance()
                return
        elif turn.changed:
            turn.fill_checklist(question)
            if not turn.case.is_open(question):
                turn.settled(question)
        if turn.heard:
            turn.note_heard()
            turn.advance()
        elif turn.intent == "inform" and not turn.dialogue.trail:
            # "My knee hurts": nothing to note yet, but no reason to say that it is not understood.
            turn.say("utter_tell_more")
            turn.ask_again()
        else:
            self._missed(turn)

    def _at_the_summary(self, turn: Turn) -> None:
        if turn.named:
            change(turn, turn.knowledge.question_of(turn.named[0]))
        elif turn.intent == "affirm":
            turn.assess()
        elif turn.intent == "deny":
            turn.say("utter_what_to_change")
        elif turn.heard:
            turn.note_heard()
            turn.say("utter_confirm_or_change")
        else:
            self._missed(turn)

    def _answered_exactly(self, turn: Turn) -> bool:
        """Takes the message if it is an answer to the open question, whatever else it resembles."""
        question = turn.open_question
        if question is None or turn.dialogue.stage != ASKING or "?" in turn.text:
            return False
        told = any(heard.finding in question.findings for heard in turn.heard)
        reading = read_answer(turn.text, turn.asked(question), turn.entities, turn.today)
        if not told and reading.value is None:
            return False
        self._answered(turn, question)
        return True

    def _missed(self, turn: Turn) -> None:
        """Nothing could be read: says so, each time with a little more help, and asks again."""
        turn.dialogue.misses += 1
        misses = turn.dialogue.misses
        if not turn.text.strip():
            turn.say("utter_empty")
        elif misses == 1:
            turn.say("utter_not_understood")
        elif misses == 2:
            turn.say("utter_not_understood_again")
        else:
            turn.say("utter_still_not_understood", emergency_number=turn.emergency_number)
        turn.ask_again()


def after_the_result(turn: Turn) -> None:
    """What is said when the result stands and the message does not change it."""
    if turn.urgent:
        turn.urgent_stands()
    else:
        turn.say("utter_result_stands")
