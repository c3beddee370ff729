"""What is known about one person's knee, finding by finding, and how it was learnt.

A `Case` is immutable: each step of a conversation makes a new one, so that "back" and
corrections cannot leave half an answer behind.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bot.clinical.model import (
    ABSENT,
    PRESENT,
    UNKNOWN,
    AnyOf,
    Condition,
    Knowledge,
    Question,
    Value,
)

#: How a finding was learnt: from free text, a tapped chip, or typed as the answer to a question.
LEARNT = ("said", "tapped", "asked")


class UnknownFinding(ValueError):
    """There is no question or finding of that name.  `allowed` lists those there are."""

    def __init__(self, finding: str, allowed: Iterable[str]) -> None:
        self.finding = finding
        self.allowed = tuple(allowed)
        super().__init__(f"there is no finding '{finding}'")


class UnknownValue(ValueError):
    """The finding cannot have that value.  `allowed` says which it can have."""

    def __init__(self, finding: str, value: object, allowed: Iterable[object]) -> None:
        self.finding = finding
        self.value = value
        self.allowed = tuple(allowed)
        super().__init__(f"'{finding}' cannot be {value!r}")


@dataclass(frozen=True)
class Answer:
    """One finding's value, how it was learnt, and the words it was read from.

    `uncertain` marks a value that the person gave with doubt ("maybe a bit puffy").
    """

    value: Value
    learnt: str
    span: str | None = None
    uncertain: bool = False


@dataclass(frozen=True)
class Correction:
    """A value that the person took back in so many words."""

    finding: str
    was: Value
    now: Value | None


@dataclass(frozen=True)
class Case:
    """The findings of one person.

    Attributes:
        answers: finding id -> answer; a finding that is missing has not been asked or said.
        hints: findings said to be there without saying of what kind -> the words.
            Their question stays open, but asks for the kind.
        passed_over: checklists that were skipped as a whole and are asked in small groups.
        corrections: what was taken back, oldest first.
    """

    answers: Mapping[str, Answer] = field(default_factory=dict)
    hints: Mapping[str, str] = field(default_factory=dict)
    passed_over: frozenset[str] = frozenset()
    corrections: tuple[Correction, ...] = ()

    def value(self, finding: str) -> Value | None:
        """The finding's value, or None while it is open."""
        answer = self.answers.get(finding)
        return None if answer is None else answer.value

    def is_open(self, question: Question) -> bool:
        """Whether anything that the question asks is still without an answer."""
        return any(finding not in self.answers for finding in question.findings)

    def present(self, question: Question) -> list[str]:
        """The signs of a checklist that count as there, in the checklist's order."""
        return [
            sign.id
            for sign in question.signs
            if counts_as(question, self.value(sign.id)) == PRESENT
        ]

    def with_answers(self, answers: Mapping[str, Answer]) -> Case:
        """The case with these findings set; whatever they held before is replaced."""
        if not answers:
            return self
        return replace(
            self,
            answers={**self.answers, **answers},
            hints={f: words for f, words in self.hints.items() if f not in answers},
        )

    def without(self, findings: Iterable[str]) -> Case:
        """The case with these findings open again."""
        gone = set(findings)
        return replace(
            self,
            answers={f: a for f, a in self.answers.items() if f not in gone},
            hints={f: words for f, words in self.hints.items() if f not in gone},
        )

    def passing_over(self, question: Question) -> Case:
        return replace(self, passed_over=self.passed_over | {question.id})

    def corrected(self, finding: str, now: Value | None) -> Case:
        """The case with a note that the person took this finding's value back."""
        was = self.value(finding)
        if was is None or was == now:
            return self
        return replace(self, corrections=(*self.corrections, Correction(finding, was, now)))

    def to_json(self) -> dict[str, Any]:
        """A JSON object that `from_json` reads back to an equal case."""
        return {
            "findings": {
                finding: {
                    "value": answer.value,
                    "learnt": answer.learnt,
                    **({"span": answer.span} if answer.span else {}),
                    **({"uncertain": True} if answer.uncertain else {}),
                }
                for finding, answer in self.answers.items()
            },
            "hints": dict(self.hints),
            "passed_over": sorted(self.passed_over),
            "corrections": [[c.finding, c.was, c.now] for c in self.corrections],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Case:
        return cls(
            answers={
                finding: Answer(
                    value=entry["value"],
                    learnt=entry["learnt"],
                    span=entry.get("span"),
                    uncertain=entry.get("uncertain", False),
                )
                for finding, entry in data.get("findings", {}).items()
            },
            hints=dict(data.get("hints", {})),
            passed_over=frozenset(data.get("passed_over", ())),
            corrections=tuple(
                Correction(f, was, now) for f, was, now in data.get("corrections", ())
            ),
        )


def counts_as(question: Question, value: Value | None) -> Value | None:
    """The value that the rules see: "not sure" stands for what the question says it does."""
    if value == UNKNOWN and question.unsure_counts_as is not None:
        return question.unsure_counts_as
    return value


def severity(question: Question, value: Value) -> int | None:
    """A rank by which two values of one finding compare, higher being worse; None if they do not.

    `unknown` has no rank of its own unless it stands for a value.
    """
    seen = counts_as(question, value)
    if question.signs:
        return {ABSENT: 0, PRESENT: 1}.get(str(seen))
    if not question.ordered or seen == UNKNOWN or seen is None:
        return None
    if question.number is not None:
        return int(seen)
    return question.values.index(str(seen))


def present_findings(case: Case, knowledge: Knowledge) -> frozenset[str]:
    """The findings that are there: signs present, and choices worse than the best one."""
    there = set(case.hints)
    for finding, answer in case.answers.items():
        rank = severity(knowledge.question_of(finding), answer.value)
        if rank is not None and rank > 0:
            there.add(finding)
    return frozenset(there)


def hear(case: Case, knowledge: Knowledge, finding: str, answer: Answer) -> Case:
    """The case after a finding was said in free text: it can raise, never lower.

    An open finding takes the value.  A finding that has a value keeps the worse of the two;
    where the two do not compare (age; "not sure" against a mild answer) the new one is taken
    only if no rule could lead lower by it.  So "not sure" about swelling is not reassured by
    "it is not swollen" in passing; the person can change the answer in so many words.  A danger
    sign is never taken as absent from free text: its checklist is asked all the same.
    """
    question = knowledge.question_of(finding)
    if finding in knowledge.danger_signs and counts_as(question, answer.value) != PRESENT:
        return case
    held = case.value(finding)
    if held is not None:
        old, new = severity(question, held), severity(question, answer.value)
        if held == answer.value or (answer.value == UNKNOWN and new is None):
            return case
        if old is None or new is None:
            worse = never_milder(knowledge, finding, held, answer.value)
        else:
            # "Yes" after a "not sure" that counts as yes changes no level, but says more.
            worse = new > old or (new == old and held == UNKNOWN)
        if not worse:
            return case
    return case.with_answers({finding: answer})


def never_milder(knowledge: Knowledge, finding: str, held: Value, new: Value) -> bool:
    """Whether a finding's new value leads at least as high as the held one in every case.

    It does when each rule that the held value helps to fire has one beside it, at least as
    urgent, that the new value helps to fire and that needs nothing else.
    """
    for rule in knowledge.rules:
        needs = [one for one in rule.when if not _satisfies(one, finding, held)]
        if len(needs) < len(rule.when) and not any(
            knowledge.level(other.then) >= knowledge.level(rule.then)
            and all(_satisfies(one, finding, new) or one in needs for one in other.when)
            for other in knowledge.rules
        ):
            return False
    return True


def _satisfies(condition: Condition, finding: str, value: Value) -> bool:
    """Whether the value alone satisfies the condition; one sign never satisfies a count."""
    return isinstance(condition, AnyOf) and value in condition.accepts.get(finding, ())


def hint(case: Case, knowledge: Knowledge, finding: str, words: str) -> Case:
    """The case after a finding was said to be there without saying of what kind."""
    question = knowledge.question_of(finding)
    if finding in case.answers:
        least = question.unspecified
        if least is None:
            return case
        return hear(case, knowledge, finding, Answer(least, "said", words))
    return replace(case, hints={**case.hints, finding: words})


def read_value(knowledge: Knowledge, finding: str, value: object) -> dict[str, Value]:
    """The findings that a wire answer `{finding, value}` sets, checked.

    Args:
        finding: a question id, or the id of a single sign.
        value: a choice value, a list of sign ids (`[]` = none of these), an integer,
            or "unknown" (for a checklist: all of its signs).  A single sign takes
            "present", "absent" or "unknown".

    Raises:
        UnknownFinding: there is no such question or sign.
        UnknownValue: it cannot hold that value.
    """
    if not knowledge.is_question(finding):
        if not knowledge.is_finding(finding):
            raise UnknownFinding(finding, (question.id for question in knowledge.questions))
        if value not in (PRESENT, ABSENT, UNKNOWN):
            raise UnknownValue(finding, value, (PRESENT, ABSENT, UNKNOWN))
        return {finding: str(value)}
    question = knowledge.question(finding)
    if question.signs:
        return _read_checklist(question, value)
    if isinstance(value, str) and value == UNKNOWN:
        return {finding: UNKNOWN}
    if question.number is not None:
        lowest, highest = question.number.minimum, question.number.maximum
        if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
            allowed = (f"a whole number from {lowest} to {highest}", UNKNOWN)
            raise UnknownValue(finding, value, allowed)
        return {finding: value}
    if not isinstance(value, str) or value not in question.values:
        raise UnknownValue(finding, value, (*question.values, UNKNOWN))
    return {finding: value}


def _read_checklist(question: Question, value: object) -> dict[str, Value]:
    ids = question.findings
    if value == UNKNOWN:
        return dict.fromkeys(ids, UNKNOWN)
    if not isinstance(value, list):
        raise UnknownValue(question.id, value, ("a list of these, or []", *ids, UNKNOWN))
    for one in value:
        if not isinstance(one, str) or one not in ids:
            raise UnknownValue(question.id, one, ids)
    return {sign: PRESENT if sign in value else ABSENT for sign in ids}
