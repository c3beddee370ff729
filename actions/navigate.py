"""Moving about in the conversation: start, back, correct, explain, repeat, stop, start over."""

from __future__ import annotations

from actions.base import TurnAction
from actions.state import ASSESSED, CONFIRMING, STOPPED
from actions.turn import Turn
from bot.clinical.decide import decide
from bot.clinical.model import Question
from bot.clinical.screening import danger_signs_present


class ActionStart(TurnAction):
    """The first message: what this is and is not, and the first question."""

    def name(self) -> str:
        return "action_start"

    def respond(self, turn: Turn) -> None:
        greet(turn)
        turn.advance()


def greet(turn: Turn) -> None:
    """Says hello in the clinic's words, if it has any, and what this is and is not."""
    if turn.clinic.greeting:
        turn.say("utter_clinic_greeting", greeting=turn.clinic.greeting)
    turn.say("utter_welcome", emergency_number=turn.emergency_number)
    turn.say("utter_invite")


class ActionBack(TurnAction):
    """One question back, with its old answer taken out."""

    def name(self) -> str:
        return "action_go_back"

    def respond(self, turn: Turn) -> None:
        go_back(turn)


def go_back(turn: Turn) -> None:
    """Asks the last answered question again; says so when there is none."""
    question = turn.last_answered()
    if question is None:
        turn.say("utter_nothing_before")
    elif turn.bears_on_the_emergency(question):
        turn.reopen(question)
        turn.say("utter_back")
    else:
        turn.urgent_stands()
        return
    turn.ask_again()


class ActionSkip(TurnAction):
    """The open question is passed over: it counts as "not sure"."""

    def name(self) -> str:
        return "action_skip"

    def respond(self, turn: Turn) -> None:
        skip(turn)


def skip(turn: Turn) -> None:
    """Passes the open question over; danger signs are then asked in small steps."""
    question = turn.open_question
    if turn.dialogue.changing is not None:
        turn.keep_as_it_was()
        turn.say("utter_unchanged")
        turn.advance()
        return
    if question is None or not turn.not_sure():
        turn.say("utter_nothing_to_skip")
        turn.ask_again()
        return
    if question.screen_first:
        turn.say("utter_small_steps")
    else:
        turn.say("utter_skipped")
    turn.advance()


class ActionCorrect(TurnAction):
    """Someone wants to change an answer: reopens its question, or asks which one."""

    def name(self) -> str:
        return "action_correct"

    def respond(self, turn: Turn) -> None:
        if turn.changed:
            turn.note_heard()
            turn.advance()
            return
        topic = turn.topic()
        signs = danger_signs_present(turn.case, turn.knowledge)
        if topic is not None:
            change(turn, topic)
        elif turn.urgent and signs:
            turn.reopen(turn.knowledge.question_of(signs[0]))
            turn.say("utter_danger_again")
            turn.ask_again()
        else:
            turn.say("utter_what_to_change")
            if turn.dialogue.stage not in (CONFIRMING, ASSESSED):
                turn.ask_again()


def change(turn: Turn, question: Question) -> None:
    """Asks an answered question again; in an emergency only if it bears on that."""
    if not turn.bears_on_the_emergency(question):
        turn.urgent_stands()
        return
    turn.reopen(question)
    turn.say("utter_change", topic=question.short.lower())
    turn.ask_again()


class ActionExplain(TurnAction):
    """Why a question is asked, or what it means; then the question again."""

    def name(self) -> str:
        return "action_explain"

    def respond(self, turn: Turn) -> None:
        explain(turn)


def explain(turn: Turn) -> None:
    """Says why the open question is asked, or what it means; after the result, why the result."""
    question = turn.open_question
    unclear = (turn.topic() or question) if turn.intent == "explain" else None
    if unclear is not None:
        turn.say("utter_plain", text=unclear.help or unclear.why)
    elif question is not None:
        turn.say("utter_plain", text=question.why)
    elif turn.dialogue.assessment is not None and turn.dialogue.stage == ASSESSED:
        reasons = " ".join(reason["text"] for reason in turn.dialogue.assessment["reasons"])
        if reasons:
            turn.say("utter_why_result", reasons=reasons)
        else:
            turn.say("utter_why_no_reasons")
    elif turn.dialogue.stage == CONFIRMING:
        turn.say("utter_why_summary")
    else:
        turn.say("utter_help")
    turn.ask_again()


class ActionRepeat(TurnAction):
    """Says the open question, the summary or the result again."""

    def name(self) -> str:
        return "action_repeat"

    def respond(self, turn: Turn) -> None:
        if turn.dialogue.stage == CONFIRMING:
            turn.summarise()
        elif turn.dialogue.stage == ASSESSED and turn.dialogue.assessment:
            turn.send(turn.dialogue.assessment)
        else:
            turn.ask_again()


class ActionResult(TurnAction):
    """The result once more, or what is still missing for one."""

    def name(self) -> str:
        return "action_result"

    def respond(self, turn: Turn) -> None:
        show_result(turn)


def show_result(turn: Turn) -> None:
    """The result once more, or what is still open."""
    if turn.dialogue.stage == ASSESSED and turn.dialogue.assessment is not None:
        turn.send(turn.dialogue.assessment)
    else:
        turn.say("utter_no_result_yet")
        turn.ask_again()


class ActionSummary(TurnAction):
    """What was understood so far."""

    def name(self) -> str:
        return "action_summary"

    def respond(self, turn: Turn) -> None:
        show_summary(turn)


def show_summary(turn: Turn) -> None:
    """What was understood so far, then what is open."""
    turn.tell_findings()
    turn.ask_again()


class ActionStop(TurnAction):
    """The person wants to stop: keeps what was said, and gives the advice it already calls for."""

    def name(self) -> str:
        return "action_stop"

    def respond(self, turn: Turn) -> None:
        stop(turn)


def stop(turn: Turn) -> None:
    """Stops; whoever stops early hears what the answers so far call for."""
    decision = decide(turn.case, turn.knowledge)
    turn.keep_as_it_was()
    if turn.dialogue.stage != ASSESSED:
        turn.dialogue.stage = STOPPED
    if decision.disposition.level > 0:
        turn.say("utter_stopped_with_advice", headline=turn.fill(decision.disposition.headline))
    turn.say("utter_stopped", emergency_number=turn.emergency_number)


class ActionStartOver(TurnAction):
    """Forgets the findings and begins again."""

    def name(self) -> str:
        return "action_start_over"

    def respond(self, turn: Turn) -> None:
        start_over(turn)


def start_over(turn: Turn) -> None:
    """Clears the findings and asks the first question."""
    turn.start_over()
    turn.say("utter_started_over", emergency_number=turn.emergency_number)
    turn.advance()


def control(turn: Turn, finding: str, value: object) -> bool:
    """Carries out a tap that is no answer: confirm, change, back, skip, ...  False if it is one."""
    if finding == "summary":
        if turn.dialogue.stage == CONFIRMING:
            turn.assess()
        else:
            show_result(turn)
    elif finding == "change":
        change(turn, turn.knowledge.question(str(value)))
    elif finding == "control":
        {
            "back": go_back,
            "skip": skip,
            "why": explain,
            "start_over": start_over,
            "stop": stop,
            "result": show_result,
            "summary": show_summary,
        }[str(value)](turn)
    else:
        return False
    return True
