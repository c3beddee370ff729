"""One turn of the conversation: what was heard, what it changes, what is said.

Whatever the intent, a turn begins by *listening*: every finding in the message is taken into
the case, and if that makes it an emergency the answer is the assessment, at once.  Only then
does the intent's own action speak.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timezone
from typing import Any

from rasa_sdk import Tracker
from rasa_sdk.executor import CollectingDispatcher

from actions import messages
from actions.state import ASKING, ASSESSED, CONFIRMING, SLOT, STOPPED, Dialogue
from bot.catalogue import load_catalogue
from bot.catalogue_clinics import Clinic
from bot.clinical.case import Answer, Case, counts_as, hear, hint, present_findings, read_value
from bot.clinical.decide import decide, level_of
from bot.clinical.interview import Ask, ask, next_question
from bot.clinical.model import ABSENT, PRESENT, UNKNOWN, Knowledge, Question, Sign, Value
from bot.clinical.screening import URGENT_LEVEL, is_emergency, is_urgent
from bot.nlu.reading import shared_reader

UNSPECIFIED = "unspecified"


@dataclass(frozen=True)
class Heard:
    """What a message said about one finding, and whether it changed the case."""

    finding: str
    value: Value
    taken: bool


class Turn:
    """Reads the tracker, changes the dialogue, and speaks through the dispatcher.

    Attributes:
        dialogue: where the conversation stands; saved by the action when the turn ends.
        heard: what the message said about findings, filled by `listen`.
        named: findings that the message only names, while the summary waits for a yes.
        before: the case as it was when the turn began.
    """

    def __init__(self, dispatcher: CollectingDispatcher, tracker: Tracker) -> None:
        self.dispatcher = dispatcher
        self.knowledge: Knowledge = load_catalogue().knowledge
        self.dialogue = Dialogue.from_json(tracker.get_slot(SLOT))
        message: Mapping[str, Any] = tracker.latest_message or {}
        self.text: str = message.get("text") or ""
        self.intent: str = (message.get("intent") or {}).get("name") or ""
        self.entities: list[dict[str, Any]] = list(message.get("entities") or [])
        metadata: Mapping[str, Any] = message.get("metadata") or {}
        self.tap: Mapping[str, Any] | None = metadata.get("answer")
        self.clinic = _clinic(metadata.get("clinic"))
        self.now = _moment(metadata.get("now"))
        self.heard: list[Heard] = []
        self.named: list[str] = []
        self.before = self.dialogue.case

    # What the message is about

    @property
    def today(self) -> date:
        """The day on the clinic's clock, which "since Tuesday" is counted from."""
        return self.now.date()

    @property
    def case(self) -> Case:
        return self.dialogue.case

    @property
    def changed(self) -> bool:
        """Whether this turn changed what is known."""
        return self.dialogue.case != self.before

    @property
    def took_back(self) -> bool:
        """Whether the message took something back in so many words."""
        return len(self.dialogue.case.corrections) > len(self.before.corrections)

    @property
    def open_question(self) -> Question | None:
        """The question that was asked last and is still open."""
        name = self.dialogue.open_question
        return self.knowledge.question(name) if name else None

    def topic(self) -> Question | None:
        """The question that the message names ("change my swelling answer"), if it names one."""
        for entity in self.entities:
            if entity.get("entity") == "about" and self.knowledge.is_question(str(entity["value"])):
                return self.knowledge.question(str(entity["value"]))
        for finding in (*self.named, *(heard.finding for heard in self.heard)):
            return self.knowledge.question_of(finding)
        return None

    @property
    def understood(self) -> bool:
        """Whether the message fits an intent at all."""
        return self.intent != "nlu_fallback"

    # Listening

    def listen(self) -> None:
        """Takes every current finding of the message into the case.

        Free text raises and never lowers.  Only where the message says that it corrects ("sorry,
        I meant no fever") does the new value replace the old one, recorded as a correction.
        """
        correcting = any(entity.get("entity") == "correction" for entity in self.entities)
        for finding, value, span, uncertain in self._mentions():
            before = self.dialogue.case
            if (
                value == UNSPECIFIED
                and self.dialogue.stage == CONFIRMING
                and finding in before.answers
            ):
                # At the summary "the swelling" names the answer to change; it is asked anew.
                self.named.append(finding)
                continue
            if value == UNSPECIFIED:
                after = hint(before, self.knowledge, finding, span)
            else:
                answer = Answer(value, "said", span or None, uncertain)
                replaces = correcting or self._is_being_changed(finding)
                if replaces and self._takes_back_danger(finding, answer):
                    continue
                if replaces and finding in before.answers:
                    after = before.corrected(finding, value).with_answers({finding: answer})
                else:
                    after = hear(before, self.knowledge, finding, answer)
            if value != UNSPECIFIED and self._is_being_changed(finding):
                self.settled(self.knowledge.question_of(finding))
            self.dialogue.case = after
            self.heard.append(
                Heard(finding, value, after != before or _same(before, finding, value))
            )

    def _is_being_changed(self, finding: str) -> bool:
        question = self.knowledge.question_of(finding)
        return self.dialogue.changing == question.id and not question.screen_first

    def _takes_back_danger(self, finding: str, answer: Answer) -> bool:
        """Whether words would take a danger sign back; then its list is asked again instead.

        A sign has several limbs ("hot, or with a fever"), and a denial may mean another one than
        the one that was said.  The sign stands until the list is answered anew.
        """
        question = self.knowledge.question_of(finding)
        if not question.screen_first or counts_as(question, answer.value) == PRESENT:
            return False
        if finding in self.case.present(question):
            self.reopen(question)
        return True

    def _mentions(self) -> Iterator[tuple[str, Value, str, bool]]:
        """Current mentions of known findings: (finding, value, words, uncertain)."""
        for entity in (*self.entities, *self._danger_in_the_light_of_the_case()):
            finding = str(entity.get("entity"))
            if not self.knowledge.is_finding(finding) or not entity.get("current", True):
                continue
            question = self.knowledge.question_of(finding)
            value: Value = entity.get("value", UNKNOWN)
            polarity = entity.get("polarity", "present")
            if polarity == "negated":
                value = ABSENT if question.signs else _best(question)
            elif polarity == "unknown":
                value = UNKNOWN
            elif value == UNSPECIFIED and question.signs:
                value = PRESENT
            span = self.text[entity.get("start", 0) : entity.get("end", 0)]
            yield finding, value, span, bool(entity.get("uncertain"))

    def _danger_in_the_light_of_the_case(self) -> list[dict[str, Any]]:
        """Danger signs that show only together with what was said before.

        Rasa parses a message by itself: "it feels hot" is no sign until the knee is known to be
        swollen.
        """
        there = present_findings(self.dialogue.case, self.knowledge)
        if not there or self.tap is not None or not self.text.strip():
            return []
        reading = shared_reader().read(self.text, self.today, there)
        heard = {entity.get("entity") for entity in self.entities}
        return [
            {
                "entity": mention.finding,
                "value": mention.value,
                "start": mention.start,
                "end": mention.end,
                "polarity": mention.polarity,
                "uncertain": mention.uncertain,
            }
            for mention in reading.mentions
            if mention.raises
            and mention.finding in self.knowledge.danger_signs
            and mention.finding not in heard
        ]

    # Answering

    def answer(self, question: Question, value: object, learnt: str) -> None:
        """Sets the findings of a question from a wire value and notes it for "back".

        Raises:
            UnknownFinding, UnknownValue: the value is none of the question's.
        """
        values = read_value(self.knowledge, question.id, value)
        is_open = self.dialogue.open_question == question.id
        if question.signs and is_open and question.ask_in_groups and value == UNKNOWN:
            self._pass_over(question)
            return
        if question.signs and is_open and value != UNKNOWN:
            # Signs not offered now stay as they are; what was said before is not unsaid by
            # leaving it out of a list in which it was not offered.
            offered = {sign.id for sign in self._offered(question)}
            values = {
                sign: held for sign, held in values.items() if held == PRESENT or sign in offered
            }
        span = self.text.strip() if learnt != "tapped" and self.text.strip() else None
        case = self.dialogue.case
        if not is_open or self.dialogue.changing:
            for finding, held in values.items():
                case = case.corrected(finding, held)
        if value == UNKNOWN and question.id in case.hints and question.unspecified:
            # Said to be there, kind not known: at least the mildest kind, never nothing.
            values = {question.id: question.unspecified}
        self.dialogue.case = case.with_answers(
            {
                finding: Answer(held, learnt, span, uncertain=value == UNKNOWN and held != UNKNOWN)
                for finding, held in values.items()
            }
        )
        self.settled(question)

    def _ask(self, question: Question) -> Ask:
        """How the question is put now: whole when it is asked again, else what is still open."""
        if self.dialogue.changing == question.id:
            return Ask(question, question.signs)
        return ask(self.dialogue.case, question)

    def _offered(self, question: Question) -> tuple[Sign, ...]:
        return self._ask(question).signs

    def _pass_over(self, question: Question) -> None:
        """A checklist skipped whole is asked in small groups; a skipped group counts as yes."""
        case = self.dialogue.case
        if question.id not in case.passed_over:
            self.dialogue.case = case.passing_over(question)
            return
        unsure = {
            sign.id: Answer(UNKNOWN, "asked", self.text.strip() or None)
            for sign in self._offered(question)
        }
        self.dialogue.case = case.with_answers(unsure)
        self.settled(question)

    def not_sure(self) -> bool:
        """Answers the open question with "not sure".  False when none is open."""
        question = self.open_question
        if question is None:
            return False
        self.answer(question, UNKNOWN, "tapped" if self.tap else "asked")
        return True

    def fill_checklist(self, question: Question) -> None:
        """Signs named in reply to a checklist answer the rest of it: they are not there.

        Danger signs are the exception: their list stays open until it is answered.
        """
        if question.screen_first or not self.case.present(question):
            return
        rest = {s: Answer(ABSENT, "asked") for s in question.findings if s not in self.case.answers}
        self.dialogue.case = self.dialogue.case.with_answers(rest)

    def settled(self, question: Question) -> None:
        """Notes for "back" that the open question has its answer."""
        self.dialogue.trail.append(question.id)
        self.dialogue.open_question = None
        self.dialogue.changing = None

    def last_answered(self) -> Question | None:
        """The question that "back" leads to."""
        trail = self.dialogue.trail
        return self.knowledge.question(trail[-1]) if trail else None

    def reopen(self, question: Question) -> None:
        """Asks a question again.  Its answer stands until it is replaced: nothing said is lost."""
        if self.dialogue.trail and self.dialogue.trail[-1] == question.id:
            self.dialogue.trail.pop()
        self.dialogue.open_question = question.id
        self.dialogue.changing = question.id
        self.dialogue.stage = ASKING

    def keep_as_it_was(self) -> None:
        """Ends the change of an answer without one."""
        self.dialogue.changing = None
        self.dialogue.open_question = None

    def start_over(self) -> None:
        self.dialogue = Dialogue()

    # Speaking

    def say(self, response: str, **words: Any) -> None:
        """Says a conversational text of data/responses."""
        self.dispatcher.utter_message(response=response, **words)

    def send(self, message: messages.Message) -> None:
        self.dispatcher.utter_message(json_message=message)

    @property
    def emergency_number(self) -> str:
        return messages.emergency_number(self.clinic)

    def advance(self) -> None:
        """Does what comes next: help at once, the next question, the summary, or the result."""
        dialogue = self.dialogue
        dialogue.misses = 0
        if is_emergency(dialogue.case, self.knowledge):
            self.assess()
            return
        question = self.open_question
        if dialogue.changing is not None and question is not None:
            # An answer that is being changed is not lost from sight over other news.
            self.put(self._ask(question))
            return
        following = next_question(dialogue.case, self.knowledge)
        if following is not None:
            self._speak_of_urgency()
            self.put(following)
        elif dialogue.assessment is not None or is_urgent(dialogue.case, self.knowledge):
            # Urgent advice does not wait for a yes; nor does a correction after the result.
            self.assess()
        else:
            self.summarise()

    def _speak_of_urgency(self) -> None:
        """Says once that something must be seen today, while a last check is still open."""
        level = level_of(self.knowledge, self.dialogue.case)
        if level >= URGENT_LEVEL and level > self.dialogue.noticed:
            self.dialogue.noticed = level
            reason = decide(self.dialogue.case, self.knowledge).reasons[0]
            text = messages.reason_text(reason, self.dialogue.case, self.knowledge)
            self.say("utter_urgent_notice", reason=text)

    def put(self, following: Ask) -> None:
        """Asks a question."""
        self.dialogue.stage = ASKING
        self.dialogue.open_question = following.question.id
        if self.dialogue.changing != following.question.id:
            self.dialogue.changing = None
        self.send(
            messages.question_message(
                following,
                self.dialogue.case,
                self.knowledge,
                changing=self.dialogue.changing is not None,
            )
        )

    def ask_again(self) -> None:
        """Repeats what is open: the question, or the summary's request; goes on after a stop."""
        question = self.open_question
        if self.dialogue.stage == ASKING and question is not None:
            self.put(self._ask(question))
        elif self.dialogue.stage in (ASKING, STOPPED):
            self.advance()
        elif self.dialogue.stage == CONFIRMING:
            self.say("utter_confirm_or_change")

    def summarise(self) -> None:
        self.dialogue.stage = CONFIRMING
        self.keep_as_it_was()
        self.send(messages.summary_message(self.dialogue.case, self.knowledge))

    def assess(self) -> None:
        """Gives the result and keeps it."""
        decision = decide(self.dialogue.case, self.knowledge)
        message = messages.assessment_message(
            decision, self.dialogue.case, self.knowledge, self.clinic
        )
        self.dialogue.stage = ASSESSED
        self.keep_as_it_was()
        self.dialogue.assessment = message
        self.send(message)

    @property
    def urgent(self) -> str | None:
        """The headline to keep to while the case is at level 5 or above; then no small talk."""
        level = level_of(self.knowledge, self.case)
        if level < URGENT_LEVEL:
            return None
        reasons = decide(self.case, self.knowledge).reasons
        return self.fill(self.knowledge.dispositions[reasons[0].rule.then].headline)

    def urgent_stands(self) -> None:
        """Says the urgent advice again, and asks what is still open for it."""
        self.say("utter_urgent_stands", headline=self.urgent)
        self.ask_again()

    def bears_on_the_emergency(self, question: Question) -> bool:
        """Whether an answer to the question is why help is needed today; always so below that."""
        if self.urgent is None:
            return True
        level = level_of(self.knowledge, self.case)
        return any(
            finding in question.findings
            for reason in decide(self.case, self.knowledge).reasons
            if self.knowledge.level(reason.rule.then) == level
            for finding in reason.findings
        )

    def note_heard(self) -> None:
        """Reads back what was taken from free text, and what was not because it would lower."""
        taken = [h for h in self.heard if h.taken]
        kept = [h for h in self.heard if not h.taken and h.finding in self.case.answers]
        if taken:
            self.say("utter_noted", items=", ".join(dict.fromkeys(map(self._words, taken))))
        worse = [h for h in kept if h.finding not in {t.finding for t in taken}]
        if worse:
            question = self.knowledge.question_of(worse[0].finding)
            held = self.case.answers[worse[0].finding].value
            self.say(
                "utter_kept",
                held=self.knowledge.short(worse[0].finding, held),
                topic=question.short.lower(),
            )

    def heard_words(self) -> str:
        """What the message said, in a few words."""
        return ", ".join(dict.fromkeys(map(self._words, self.heard)))

    def tell_findings(self) -> None:
        """Says what was understood so far, without asking for a yes."""
        rows = messages.finding_rows(self.dialogue.case, self.knowledge)
        if not rows:
            self.say("utter_nothing_known")
            return
        self.say("utter_known", items="; ".join(f"{r['topic']}: {r['label']}" for r in rows))

    def in_general(self) -> None:
        """Before general advice: what the result says for this very knee, if there is one."""
        held = self.dialogue.assessment
        if self.dialogue.stage == ASSESSED and held is not None and held["level"] > 0:
            disposition = self.knowledge.dispositions[held["disposition"]]
            self.say("utter_in_general", in_short=self.fill(disposition.in_short))

    def fill(self, text: str) -> str:
        """The text with the clinic's emergency number in it."""
        return messages.fill(text, self.clinic)

    def asked(self, question: Question) -> Question:
        """The question as it was put: with only the signs that were offered."""
        return replace(question, signs=self._offered(question)) if question.signs else question

    def send_crisis(self) -> None:
        """Help for a person in danger that is no knee matter."""
        text = load_catalogue().frames["crisis"].replace("{number}", self.emergency_number)
        self.send(
            {"kind": "crisis", "text": text, "contact": messages.contact("emergency", self.clinic)}
        )

    def _words(self, heard: Heard) -> str:
        if heard.value == UNSPECIFIED:
            return self.knowledge.question_of(heard.finding).short.lower()
        return self.knowledge.short(heard.finding, heard.value)


def _best(question: Question) -> Value:
    """What a negated mention of a choice or number means: the best value there is."""
    if question.number is not None:
        return question.number.minimum
    return question.values[0] if question.ordered else UNKNOWN


def _same(case: Case, finding: str, value: Value) -> bool:
    """Whether the case already holds just this value (then there is nothing to object to)."""
    return case.value(finding) == value or (value == UNSPECIFIED)


def _clinic(name: object) -> Clinic:
    clinics = load_catalogue().clinics
    return clinics.get(str(name)) or clinics["default"]


def _moment(text: object) -> datetime:
    if isinstance(text, str):
        return datetime.fromisoformat(text)
    return datetime.now(timezone.utc)
