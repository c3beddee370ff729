"""The shapes of the clinical knowledge: findings, questions, rules, dispositions, references.

Everything here is immutable and free of Rasa, files and clocks.  `bot.catalogue` builds it
from the YAML files in `bot/knowledge`; the engine only reads it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import TypeAlias

UNKNOWN = "unknown"
PRESENT = "present"
ABSENT = "absent"

#: What a finding can hold: a choice value, present/absent for a sign, a number, or `unknown`.
Value: TypeAlias = str | int


class Truth(Enum):
    """What can be said of a condition while answers are still missing."""

    NO = 0
    OPEN = 1
    YES = 2


@dataclass(frozen=True)
class Reference:
    """A source of advice.  `kind` is source, guideline or policy."""

    id: str
    kind: str
    title: str


@dataclass(frozen=True)
class AdviceLine:
    """One line that a person reads, with the ids of its references.

    `adults_only` lines are left out for someone under 16, who is given no exercise.
    """

    text: str
    references: tuple[str, ...]
    adults_only: bool = False


@dataclass(frozen=True)
class Disposition:
    """What a person is told to do, and by when.

    `level` runs from 0 (keep running) to 7 (call the emergency number).  `within` is an
    ISO 8601 duration or None.  `in_short` says what it means for running.  `contact` says whom
    to offer: none, clinic or emergency.
    """

    id: str
    level: int
    within: str | None
    within_words: str
    urgency: str
    headline: str
    in_short: str
    actions: tuple[AdviceLine, ...]
    meanwhile: tuple[AdviceLine, ...]
    safety_net: tuple[AdviceLine, ...]
    contact: str
    references: tuple[str, ...]


@dataclass(frozen=True)
class Choice:
    """One possible answer.  `if_text` completes the sentence "if ..." in a counterfactual."""

    value: str
    label: str
    short: str
    if_text: str | None = None


@dataclass(frozen=True)
class Sign:
    """One line of a checklist; a yes/no finding of its own.

    `group` is the small group in which it is asked when the whole list was passed over.
    """

    id: str
    label: str
    short: str
    help: str | None = None
    if_text: str | None = None
    group: int = 1


@dataclass(frozen=True)
class NumberRange:
    """The whole numbers a finding accepts, both ends included."""

    minimum: int
    maximum: int
    unit: str
    min_label: str | None = None
    max_label: str | None = None


@dataclass(frozen=True)
class Question:
    """One thing the interview can ask: a choice, a checklist of signs, or a number.

    A choice or number question is a finding with the question's own id.  A checklist's
    findings are its signs.  `ordered` choices run from best to worst.  `unsure_counts_as`
    is the value that "not sure" stands for, where being unsure must not reassure.
    `unspecified` is the mildest value meant when someone says that the thing is there
    without saying of what kind.
    """

    id: str
    order: int
    input: str
    ask: str
    why: str
    short: str
    references: tuple[str, ...]
    choices: tuple[Choice, ...] = ()
    signs: tuple[Sign, ...] = ()
    number: NumberRange | None = None
    number_ifs: tuple[tuple[int, str], ...] = ()
    none_label: str | None = None
    help: str | None = None
    ask_kind: str | None = None
    ask_in_groups: str | None = None
    ordered: bool = False
    unspecified: str | None = None
    unsure_counts_as: str | None = None
    screen_first: bool = False
    after_result: bool = False

    @cached_property
    def findings(self) -> tuple[str, ...]:
        """The ids of the findings that this question answers."""
        return tuple(sign.id for sign in self.signs) if self.signs else (self.id,)

    @cached_property
    def values(self) -> tuple[str, ...]:
        """The values of a choice question, best first where they are ordered."""
        return tuple(choice.value for choice in self.choices)

    @cached_property
    def variations(self) -> tuple[tuple[str, Value, str], ...]:
        """The single answers that have words for "if ...": (finding, value, words)."""
        if self.signs:
            return tuple((s.id, PRESENT, s.if_text) for s in self.signs if s.if_text)
        if self.number is not None:
            return tuple((self.id, value, words) for value, words in sorted(self.number_ifs))
        return tuple((self.id, c.value, c.if_text) for c in self.choices if c.if_text)

    def choice(self, value: str) -> Choice:
        return next(choice for choice in self.choices if choice.value == value)

    def sign(self, sign_id: str) -> Sign:
        return next(sign for sign in self.signs if sign.id == sign_id)


@dataclass(frozen=True)
class AnyOf:
    """A condition that holds when one of several findings has one of the values named.

    `accepts` maps a finding to the values that satisfy it; a number finding maps to a
    range of whole numbers (`range`) and, if `unknown` satisfies it, to a set.
    A rule's plain condition is an `AnyOf` with a single finding.
    """

    name: str
    accepts: Mapping[str, frozenset[str] | range]

    @cached_property
    def findings(self) -> tuple[str, ...]:
        return tuple(self.accepts)


@dataclass(frozen=True)
class AtLeast:
    """A condition that holds when at least `count` of the signs named are present."""

    name: str
    count: int
    of: tuple[str, ...]

    @property
    def findings(self) -> tuple[str, ...]:
        return self.of


Condition: TypeAlias = AnyOf | AtLeast


@dataclass(frozen=True)
class Rule:
    """One row of the action table: when all conditions hold, at least this disposition.

    `origin` is "file:line" of the row.  `kept_because` is the reason for keeping a row that
    can never decide by itself (see `bot.clinical.linter`).
    """

    id: str
    when: tuple[Condition, ...]
    then: str
    reason: str
    references: tuple[str, ...]
    origin: str = ""
    kept_because: str | None = None

    @cached_property
    def findings(self) -> tuple[str, ...]:
        """The findings its conditions look at, without repeats, in order."""
        return tuple(dict.fromkeys(f for condition in self.when for f in condition.findings))


@dataclass(frozen=True)
class Conflict:
    """A disagreement between sources and the rule that was chosen."""

    id: str
    about: str
    sides: tuple[AdviceLine, ...]
    chosen: str
    because: str


@dataclass(frozen=True)
class Knowledge:
    """All that the engine knows.  The hit policy is priority: the highest level that fires wins."""

    questions: tuple[Question, ...]
    rules: tuple[Rule, ...]
    dispositions: Mapping[str, Disposition]
    references: Mapping[str, Reference]
    conflicts: tuple[Conflict, ...]
    derived: Mapping[str, Condition]
    otherwise: str
    stop_asking_at: str
    counterfactuals: int = 4
    hit_policy: str = field(default="priority")

    @cached_property
    def interview_questions(self) -> tuple[Question, ...]:
        """The questions that lead to a disposition, in the order of asking."""
        return tuple(question for question in self.questions if not question.after_result)

    @cached_property
    def _question_by_id(self) -> dict[str, Question]:
        return {question.id: question for question in self.questions}

    @cached_property
    def _question_by_finding(self) -> dict[str, Question]:
        return {finding: question for question in self.questions for finding in question.findings}

    @cached_property
    def danger_signs(self) -> frozenset[str]:
        """The signs that are screened before anything else, in every message."""
        return frozenset(
            finding
            for question in self.questions
            if question.screen_first
            for finding in question.findings
        )

    def question(self, question_id: str) -> Question:
        """The question with this id.  Raises KeyError."""
        return self._question_by_id[question_id]

    def question_of(self, finding: str) -> Question:
        """The question that answers this finding.  Raises KeyError."""
        return self._question_by_finding[finding]

    def is_question(self, name: str) -> bool:
        return name in self._question_by_id

    def is_finding(self, name: str) -> bool:
        return name in self._question_by_finding

    def level(self, disposition: str) -> int:
        return self.dispositions[disposition].level

    @cached_property
    def rules_by_urgency(self) -> tuple[Rule, ...]:
        """The rules, most urgent first; among equals in the order of the files."""
        return tuple(sorted(self.rules, key=lambda rule: -self.level(rule.then)))

    def short(self, finding: str, value: Value) -> str:
        """A few words that name a finding with its value, for summaries and reasons."""
        question = self.question_of(finding)
        if question.signs:
            sign = question.sign(finding)
            if value == PRESENT:
                return sign.short
            return f"not sure: {sign.short}" if value == UNKNOWN else f"no {sign.short}"
        if value == UNKNOWN:
            return f"{question.short.lower()}: not sure"
        if question.number is not None:
            unit = question.number.unit
            if value == 1 and unit.endswith("s"):
                unit = unit[:-1]
            return f"{value} {unit}"
        return question.choice(str(value)).short

    def all_values(self, finding: str) -> Iterator[Value]:
        """Every value that a finding can hold, `unknown` last; numbers one by one."""
        question = self.question_of(finding)
        if question.signs:
            yield from (ABSENT, PRESENT)
        elif question.number is not None:
            yield from range(question.number.minimum, question.number.maximum + 1)
        else:
            yield from question.values
        yield UNKNOWN
