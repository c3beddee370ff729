"""The whole space of cases, cut down to what the rules can tell apart, without loss.

There are far too many different cases to try one by one.  Two steps make them few enough to
try all of them, and neither throws anything away:

1. *Values of a finding.*  Every value that a finding can hold, and having no answer at all, is
   put to every condition that names the finding (`judge_finding`, the engine's own).  Values
   that all conditions treat alike make one *kind*; 36,501 durations become three.
2. *Answers to a question.*  Every combination of kinds that a question's findings can hold is
   put alone into a case.  Two answers are interchangeable when the engine gives them the same
   level and when they satisfy the same conditions of the *joint* rules, the ones that need
   findings of several questions.  Interchangeable answers make one *class*.

The level of a case then follows from the classes of its answers: it is the highest of their
own levels and of the joint rules all of whose conditions are satisfied by some answer.  (A
condition that names findings of several questions is an "any of", which one answer satisfies
or none does; a condition that counts signs stays within one checklist, the loader sees to
that.)  `levels` holds that level for every combination of classes, one axis a question.

That the reduction loses nothing is a matter of test: `tests/clinical/test_case_space.py`
compares it with the engine on raw cases.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar, Union

import numpy as np
import numpy.typing as npt

from bot.clinical.case import Answer, Case
from bot.clinical.decide import judge, judge_finding, level_of
from bot.clinical.model import (
    PRESENT,
    AtLeast,
    Condition,
    Knowledge,
    Question,
    Rule,
    Truth,
    Value,
)

#: A finding's value, or None while it has no answer.
Held = Union[Value, None]  # noqa: UP007 - evaluated at run time
_Thing = TypeVar("_Thing")
Levels = npt.NDArray[np.uint8]
#: Which classes of each question are meant, in the order of the axes.
Selection = tuple[tuple[int, ...], ...]

#: More cells than this would not fit beside the rest in a small machine's memory (one byte each).
MOST_CELLS = 1_200_000_000


class SpaceTooLarge(ValueError):
    """There are too many classes to hold the level of every combination."""


@dataclass(frozen=True)
class FindingKinds:
    """The values of one finding, sorted by what the conditions make of them.

    Attributes:
        kind_of: value (None = no answer) -> number of its kind.
        values: for each kind its values, without None; numbers in rising order.
    """

    finding: str
    kind_of: Mapping[Held, int]
    values: tuple[tuple[Value, ...], ...]

    def example(self, kind: int) -> Held:
        """A value of that kind, or None where only "no answer" is of that kind."""
        return self.values[kind][0] if self.values[kind] else None


@dataclass(frozen=True)
class AnswerClass:
    """Answers to one question that make the same difference to the level.

    Attributes:
        level: the level of a case that holds only such an answer.
        meets: the joint conditions satisfied, as positions in `CaseSpace.conditions`.
        kinds: an example, as the kind of each finding of the question.
        answers: how many complete answers it stands for ("not sure" is one; no answer is not).
    """

    level: int
    meets: frozenset[int]
    kinds: tuple[int, ...]
    answers: int


class QuestionSpace:
    """All answers to one question, in kinds and in classes.

    `class_of` has one axis for each finding of the question and gives the number of the class
    for a combination of kinds.
    """

    def __init__(
        self, knowledge: Knowledge, question: Question, conditions: tuple[Condition, ...]
    ) -> None:
        self.question = question
        self.kinds = tuple(kinds_of(knowledge, finding) for finding in question.findings)
        shape = tuple(len(kinds.values) for kinds in self.kinds)
        self.class_of: npt.NDArray[np.intp] = np.zeros(shape, dtype=np.intp)
        numbers: dict[tuple[int, frozenset[int]], int] = {}
        examples: list[tuple[int, ...]] = []
        counts: list[int] = []
        for combination in itertools.product(*(range(size) for size in shape)):
            case = Case(self.answers_of(combination))
            meets = frozenset(
                position
                for position, condition in enumerate(conditions)
                if judge(knowledge, case, condition) is Truth.YES
            )
            behaviour = (level_of(knowledge, case), meets)
            number = numbers.setdefault(behaviour, len(numbers))
            if number == len(examples):
                examples.append(combination)
                counts.append(0)
            counts[number] += math.prod(
                len(kinds.values[kind]) for kinds, kind in zip(self.kinds, combination, strict=True)
            )
            self.class_of[combination] = number
        self.classes = tuple(
            AnswerClass(level, meets, example, count)
            for (level, meets), example, count in zip(numbers, examples, counts, strict=True)
        )

    def answers_of(self, combination: Iterable[int]) -> dict[str, Answer]:
        """Answers that are an example of a combination of kinds."""
        examples = (
            (kinds.finding, kinds.example(kind))
            for kinds, kind in zip(self.kinds, combination, strict=True)
        )
        return {finding: Answer(held, "asked") for finding, held in examples if held is not None}

    def class_in(self, case: Case) -> int:
        """The number of the class of what the case holds for this question."""
        return int(self.class_of[tuple(k.kind_of[case.value(k.finding)] for k in self.kinds)])

    def completions(self, case: Case) -> tuple[int, ...]:
        """The classes that are still possible when the open findings are answered."""
        return tuple(sorted(self._possible(case)))

    def ways_to_complete(self, case: Case) -> Iterator[dict[str, Answer]]:
        """Answers to all findings of the question that are open, one for each class possible."""
        for combination in self._possible(case).values():
            answers = self.answers_of(combination)
            yield {f: answer for f, answer in answers.items() if f not in case.answers}

    def _possible(self, case: Case) -> dict[int, tuple[int, ...]]:
        """The classes that the case can still come to, each with an example of kinds."""
        choices = [
            [kinds.kind_of[case.value(kinds.finding)]]
            if kinds.finding in case.answers
            else [kind for kind, values in enumerate(kinds.values) if values]
            for kinds in self.kinds
        ]
        part = self.class_of[np.ix_(*choices)]
        numbers, places = np.unique(part, return_index=True)
        return {
            int(number): tuple(
                choice[int(at)]
                for choice, at in zip(choices, np.unravel_index(place, part.shape), strict=True)
            )
            for number, place in zip(numbers, places, strict=True)
        }

    def moves(
        self, finding: str, pairs: Iterable[tuple[Held, Held]]
    ) -> dict[tuple[int, int], tuple[tuple[int, ...], Held, Held]]:
        """What changing one finding does to the class of the answer.

        For each pair (value before, value after) and all other findings of the question:
        (class before, class after) -> an example (kinds before, value before, value after).
        """
        axis = self.question.findings.index(finding)
        kinds = self.kinds[axis]
        steps: dict[tuple[int, int], tuple[Held, Held]] = {}
        for before, after in pairs:
            steps.setdefault((kinds.kind_of[before], kinds.kind_of[after]), (before, after))
        found: dict[tuple[int, int], tuple[tuple[int, ...], Held, Held]] = {}
        for (kind, new_kind), (before, after) in steps.items():
            old = self.class_of.take(kind, axis=axis)
            new = self.class_of.take(new_kind, axis=axis)
            codes, places = np.unique(
                old.ravel() * len(self.classes) + new.ravel(), return_index=True
            )
            for code, place in zip(codes.tolist(), places.tolist(), strict=True):
                others = [int(at) for at in np.unravel_index(place, old.shape)]
                combination = (*others[:axis], kind, *others[axis:])
                found.setdefault(divmod(code, len(self.classes)), (combination, before, after))
        return found


class CaseSpace:
    """Every combination of answer classes, and the level of each.

    Raises:
        SpaceTooLarge: there are more than `MOST_CELLS` combinations.
        ValueError: a rule leads below the disposition given when no rule fires.
    """

    def __init__(self, knowledge: Knowledge) -> None:
        if any(
            knowledge.level(r.then) < knowledge.level(knowledge.otherwise) for r in knowledge.rules
        ):
            raise ValueError("no rule may lead below `otherwise`")
        self.knowledge = knowledge
        looked_at = {finding for rule in knowledge.rules for finding in rule.findings}
        self.joint = tuple(
            rule
            for rule in knowledge.rules
            if len(rule.when) > 1 and len({knowledge.question_of(f).id for f in rule.findings}) > 1
        )
        self.conditions = _without_repeats(c for rule in self.joint for c in rule.when)
        # Questions after the result belong here too if a rule should look at them.
        self.axes = tuple(
            QuestionSpace(knowledge, question, self.conditions)
            for question in knowledge.questions
            if not looked_at.isdisjoint(question.findings)
        )
        self.shape = tuple(len(axis.classes) for axis in self.axes)
        self.cells = math.prod(self.shape)
        if self.cells > MOST_CELLS:
            raise SpaceTooLarge(
                f"{self.cells:,} combinations of answers; at most {MOST_CELLS:,} fit. Look for a "
                "question whose answers fall into many classes (CaseSpace.axes)"
            )

    @cached_property
    def complete_cases(self) -> int:
        """How many different fully answered cases the combinations stand for."""
        return math.prod(sum(one.answers for one in axis.classes) for axis in self.axes)

    @cached_property
    def all_cases(self) -> int:
        """The same, cases with any number of findings still open included."""
        return math.prod(
            sum(len(values) for values in kinds.values) + 1
            for axis in self.axes
            for kinds in axis.kinds
        )

    @cached_property
    def levels(self) -> Levels:
        """The level of every combination of classes; the axes are the questions in order.

        Grown question by question: a joint rule is applied as soon as all questions it looks at
        are there, while the array is still small.
        """
        levels: Levels = np.full((), self.knowledge.level(self.knowledge.otherwise), dtype=np.uint8)
        waiting = list(self.joint)
        ids = [axis.question.id for axis in self.axes]
        for position, axis in enumerate(self.axes):
            own = np.array([one.level for one in axis.classes], dtype=np.uint8)
            levels = np.maximum(levels[..., np.newaxis], own)
            there = set(ids[: position + 1])
            for rule in list(waiting):
                if {self.knowledge.question_of(f).id for f in rule.findings} <= there:
                    waiting.remove(rule)
                    fires = self._where(rule, position + 1)
                    level = np.uint8(self.knowledge.level(rule.then))
                    np.maximum(levels, fires.astype(np.uint8) * level, out=levels)
        return levels

    def _where(self, rule: Rule, dimensions: int) -> npt.NDArray[np.bool_]:
        """Where a joint rule fires, over the first so many axes (size 1 where it does not look)."""
        fires = np.ones((1,) * dimensions, dtype=np.bool_)
        for condition in rule.when:
            at = self.conditions.index(condition)
            holds = np.zeros((1,) * dimensions, dtype=np.bool_)
            for position, axis in enumerate(self.axes[:dimensions]):
                satisfied = np.array([at in one.meets for one in axis.classes])
                if satisfied.any():
                    shape = [1] * dimensions
                    shape[position] = len(satisfied)
                    holds = holds | satisfied.reshape(shape)
            fires = fires & holds
        return fires

    def axis_of(self, question: Question) -> int:
        """The position of the question's axis.  Raises ValueError when no rule looks at it."""
        return [axis.question.id for axis in self.axes].index(question.id)

    def place_of(self, case: Case) -> tuple[int, ...]:
        """Where the case stands in `levels`; findings without an answer count as such."""
        return tuple(axis.class_in(case) for axis in self.axes)

    def example(self, place: Iterable[int]) -> Case:
        """A case that stands at this place in `levels`."""
        answers: dict[str, Answer] = {}
        for axis, number in zip(self.axes, place, strict=True):
            answers |= axis.answers_of(axis.classes[int(number)].kinds)
        return Case(answers)

    def completions(self, case: Case) -> Selection:
        """All places that the case can still come to, axis by axis."""
        return tuple(axis.completions(case) for axis in self.axes)

    def highest(self, selection: Selection) -> int:
        """The highest level among the places of a selection."""
        part = self.levels
        for position, numbers in enumerate(selection):
            if len(numbers) < self.shape[position]:
                # A single class is a view; only several classes have to be copied out.
                index = slice(numbers[0], numbers[0] + 1) if len(numbers) == 1 else list(numbers)
                part = part[(slice(None),) * position + (index,)]
        return int(part.max())


def kinds_of(knowledge: Knowledge, finding: str) -> FindingKinds:
    """The values of a finding, sorted by which conditions accept them; every value is tried."""
    accepts = _without_repeats(
        frozenset({PRESENT}) if isinstance(condition, AtLeast) else condition.accepts[finding]
        for rule in knowledge.rules
        for condition in rule.when
        if finding in condition.findings
    )
    signatures: dict[tuple[bool, ...], int] = {}
    kind_of: dict[Held, int] = {}
    values: list[list[Value]] = []
    for held in _all_held(knowledge, finding):
        case = Case({} if held is None else {finding: Answer(held, "asked")})
        signature = tuple(
            judge_finding(knowledge, case, finding, accepted) is Truth.YES for accepted in accepts
        )
        kind = signatures.setdefault(signature, len(signatures))
        if kind == len(values):
            values.append([])
        if held is not None:
            values[kind].append(held)
        kind_of[held] = kind
    return FindingKinds(finding, kind_of, tuple(tuple(group) for group in values))


def _all_held(knowledge: Knowledge, finding: str) -> Iterator[Held]:
    yield from knowledge.all_values(finding)
    yield None


def _without_repeats(things: Iterable[_Thing]) -> tuple[_Thing, ...]:
    """The things once each, in order; conditions hold dictionaries and cannot be hashed."""
    found: list[_Thing] = []
    for thing in things:
        if thing not in found:
            found.append(thing)
    return tuple(found)
