"""Shows, over every case that the rules can tell apart, that the decision can be relied on.

Nothing here is sampled.  `bot.case_space` cuts all cases down to the combinations of answers
that the rules can tell apart (how, and why that loses nothing, stands there) and gives the
level of each; the interview is walked through from every opening.  What is shown:

1. every case gets exactly one disposition;
2. a danger sign, alone or with anything else, keeps at least its own level, and that is at
   least the level "be seen today";
3. one finding more, or a worse one, never lowers the level;
4. "not sure" never gives a lower level than the best answer, and where it must not reassure
   (danger signs, signs of an injury) it is the same as a yes;
5. the interview ends, within the bounds of the clinical model, and asks nothing twice;
6. stopping early loses nothing: whatever the open answers would be, the level stays;
7. the order of the answers makes no difference;
8. free text in passing only raises.

`run` prints one line for each and a counterexample, in findings, for each that does not hold.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bot.case_space import CaseSpace, Held, QuestionSpace
from bot.catalogue import load_catalogue
from bot.clinical.case import Answer, Case, hear, hint, severity
from bot.clinical.decide import judge, judge_finding, level_of, reasons_of
from bot.clinical.interview import next_question
from bot.clinical.model import (
    ABSENT,
    PRESENT,
    UNKNOWN,
    AtLeast,
    Condition,
    Knowledge,
    Question,
    Truth,
    Value,
)
from bot.clinical.screening import URGENT_LEVEL
from bot.interview_walk import OrderSeen, Refuted, Walk, blindfolded

#: The clinical model's bounds on the number of questions.  A question that only some answers
#: lead to (the signs of an injury, a child's limp) comes on top of the ordinary ones.
LONGEST_ORDINARY = 11
LONGEST_TO_DANGER = 3


@dataclass(frozen=True)
class Property:
    """One thing that was shown, or refuted.

    Attributes:
        name: the property in a sentence.
        extent: what it was shown for, with the count.
        seconds: how long that took.
        counterexample: the findings that refute it, or None.
    """

    name: str
    extent: str
    seconds: float
    counterexample: str | None = None


class Proof:
    """The properties of one body of knowledge, each a method that raises `Refuted` or counts."""

    def __init__(self, knowledge: Knowledge) -> None:
        self.knowledge = knowledge
        self.space = CaseSpace(knowledge)
        self._compared: dict[tuple[int, int, int], tuple[int, ...] | None] = {}

    def properties(self) -> Iterator[Property]:
        """Checks one property after the other, going on after one that is refuted."""
        checks: tuple[tuple[str, Callable[[], str]], ...] = (
            ("Every case gets exactly one disposition", self.one_disposition),
            ("A danger sign keeps at least its level", self.danger_signs_keep_their_level),
            ("One finding more, or a worse one, never lowers the level", self.worse_never_lowers),
            ("Not sure never reassures", self.unsure_never_reassures),
            ("The interview ends within its bounds and asks nothing twice", self.interview_ends),
            ("Stopping early loses nothing", self.stopping_loses_nothing),
            ("The order of the answers makes no difference", self.order_is_nothing),
            ("Free text only raises", self.free_text_only_raises),
        )
        for name, check in checks:
            started = time.perf_counter()
            extent, counterexample = "", None
            try:
                extent = check()
            except Refuted as refuted:
                counterexample = str(refuted)
            yield Property(name, extent, time.perf_counter() - started, counterexample)

    # The decision

    def one_disposition(self) -> str:
        known = {one.level for one in self.knowledge.dispositions.values()}
        if len(known) < len(self.knowledge.dispositions):
            raise Refuted("two dispositions have the same level, so a level does not name one")
        seen = 0
        for number, part in enumerate(self.space.levels):
            for level in known:
                seen += int((part == level).sum())
            if seen < (number + 1) * part.size:
                raise Refuted(f"a case with {self._named((number,))} gets a level of its own")
        return f"{seen:,} combinations of answers"

    def danger_signs_keep_their_level(self) -> str:
        checked = 0
        for question in self.knowledge.questions:
            if not question.screen_first:
                continue
            position = self._axis_of(question, question.id)
            axis = self.space.axes[position]
            for sign in question.findings:
                alone = level_of(self.knowledge, _case({sign: PRESENT}))
                if alone < URGENT_LEVEL:
                    raise Refuted(
                        f"{sign} alone leads to level {alone}; a danger sign must lead to level "
                        f"{URGENT_LEVEL} or above"
                    )
                for number in sorted({new for _, new in axis.moves(sign, [(None, PRESENT)])}):
                    part = self.space.levels[_at(position, number)]
                    if part.min() < alone:
                        rest = _place(part.shape, int(part.argmin()))
                        case = self.space.example((*rest[:position], number, *rest[position:]))
                        raise Refuted(f"{sign} (level {alone} alone): {self.describe(case)}")
                    checked += part.size
        return f"{len(self.knowledge.danger_signs)} signs, {checked:,} combinations"

    def worse_never_lowers(self) -> str:
        def worse(question: Question, finding: str) -> list[tuple[Held, Held]]:
            values = list(self.knowledge.all_values(finding))
            more: list[tuple[Held, Held]] = [(None, value) for value in values]
            return more + self._worse_pairs(question, finding)

        return f"{self._never_lowers(worse):,} pairs of cases"

    def unsure_never_reassures(self) -> str:
        checked = 0
        for position, axis in enumerate(self.space.axes):
            question = axis.question
            for finding in question.findings:
                stands_for = PRESENT if question.screen_first else question.unsure_counts_as
                if stands_for is not None:
                    for (yes, unsure), example in axis.moves(
                        finding, [(stands_for, UNKNOWN)]
                    ).items():
                        if yes != unsure:
                            case = Case(axis.answers_of(example[0]))
                            case = case.with_answers({finding: Answer(UNKNOWN, "asked")})
                            raise Refuted(
                                f"not sure about {finding} must count as {stands_for}: "
                                f"{self.describe(case)}"
                            )
                        checked += self.space.cells // self.space.shape[position]
                checked += self._above_the_best(position, axis, finding)
        return f"{checked:,} pairs of cases"

    def free_text_only_raises(self) -> str:
        def heard(question: Question, finding: str) -> list[tuple[Held, Held]]:
            pairs = []
            values = self._telling_values(question, finding)
            for held in (None, *values):
                before = Case() if held is None else _case({finding: held})
                afters = [hear(before, self.knowledge, finding, Answer(v, "said")) for v in values]
                afters.append(hint(before, self.knowledge, finding, "it"))
                pairs += [(held, after.value(finding)) for after in afters]
            return [pair for pair in pairs if pair[0] != pair[1]]

        return f"{self._never_lowers(heard):,} pairs of cases"

    def order_is_nothing(self) -> str:
        """Two steps: a case is the same in any order, and the engine only looks findings up."""
        answers = [
            (finding, value)
            for axis in self.space.axes
            for finding in axis.question.findings
            for value in self._telling_values(axis.question, finding)
        ]
        pairs = 0
        for (one, value), (other, other_value) in itertools.combinations(answers, 2):
            if one == other:
                continue
            this, that = _case({one: value}), _case({other: other_value})
            if this.with_answers(that.answers) != that.with_answers(this.answers):
                raise Refuted(f"{one} {value} before or after {other} {other_value}")
            pairs += 1
        # Any order is reached from any other by swapping neighbours, so pairs are enough for
        # the case; that the engine cannot see the order is shown by denying it the sight.
        looked = 0
        for case in self._cases_of_every_rule():
            try:
                told = [reason.rule.id for reason in reasons_of(self.knowledge, blindfolded(case))]
                next_question(blindfolded(case), self.knowledge)
            except OrderSeen as error:
                raise Refuted(
                    f"the engine walks through the answers: {self.describe(case)}"
                ) from error
            if told != [reason.rule.id for reason in reasons_of(self.knowledge, case)]:
                raise Refuted(self.describe(case))
            looked += 1
        looked += self.walk.states
        return f"{pairs:,} pairs of answers; {looked:,} cases decided without sight of an order"

    # The interview

    @cached_property
    def walk(self) -> Walk:
        return Walk(self.space)

    def interview_ends(self) -> str:
        walk = self.walk
        follow_ups = sorted(walk.follow_ups)
        for asked, most in sorted(walk.longest.items(), key=lambda one: sorted(one[0])):
            bound = LONGEST_ORDINARY + len(asked)
            if most > bound:
                extra = f" with {' and '.join(sorted(asked))}" if asked else ""
                raise Refuted(f"an interview{extra} can have {most} questions; allowed: {bound}")
        if walk.longest_to_danger > LONGEST_TO_DANGER:
            raise Refuted(
                f"an emergency by a danger sign can take {walk.longest_to_danger} questions; "
                f"allowed: {LONGEST_TO_DANGER}"
            )
        # No question comes twice, so this holds whatever was mentioned and however often.
        ever = len(self.knowledge.interview_questions)
        if ever > LONGEST_ORDINARY + len(follow_ups):
            raise Refuted(f"there are {ever} questions that an interview can ask")
        ordinary = walk.longest.get(frozenset(), 0)
        longest = max(walk.longest.values())
        return (
            f"{walk.states:,} states, {walk.steps:,} answers; at most {ordinary} questions, "
            f"{longest} with {' or '.join(follow_ups)} asked, {ever} whatever was said before; "
            f"{walk.longest_to_danger} to an emergency by a danger sign; "
            f"{walk.in_small_steps} more when the danger signs are passed over at first"
        )

    def stopping_loses_nothing(self) -> str:
        ends = self.walk.ends
        for selection, case in ends.items():
            level = level_of(self.knowledge, case)
            highest = self.space.highest(selection)
            if highest > level:
                raise Refuted(
                    f"open answers could still lead to level {highest}: {self.describe(case)}"
                )
        partly = self._settled_stays_settled()
        return (
            f"{len(ends):,} different ends with all their completions; "
            f"{partly:,} partly answered conditions, none written off too soon"
        )

    def _settled_stays_settled(self) -> int:
        """What is settled of a condition stays so, whatever is answered after it.

        With it every partly answered case is covered, whatever was mentioned before and in
        whatever order: a rule that fires in some completion and has not fired yet is not
        settled, so it is open; an open rule has an open finding; and that finding's question
        is in the interview, which goes on until no rule above the level is open.
        """
        asked = {f for question in self.knowledge.interview_questions for f in question.findings}
        conditions: list[Condition] = []
        for rule in self.knowledge.rules:
            conditions += [condition for condition in rule.when if condition not in conditions]
        return sum(self._condition_is_steady(condition, asked) for condition in conditions)

    def _condition_is_steady(self, condition: Condition, asked: set[str]) -> int:
        choices: list[list[Held]] = []
        for finding in condition.findings:
            if finding not in asked:
                raise Refuted(f"a rule looks at {finding}, which the interview never asks")
            choices.append([None, *self._one_of_each(condition, finding)])
        truths = {}
        for values in itertools.product(*choices):
            case = _case(
                {f: v for f, v in zip(condition.findings, values, strict=True) if v is not None}
            )
            truths[values] = judge(self.knowledge, case, condition)
        for values, truth in truths.items():
            gaps = [place for place, value in enumerate(values) if value is None]
            further = [
                truths[_with(values, gap, value)] for gap in gaps for value in choices[gap][1:]
            ]
            settled = truth is not Truth.OPEN
            if (settled and any(t is not truth for t in further)) or (not settled and not gaps):
                held = zip(condition.findings, values, strict=True)
                raise Refuted(f"{condition.name} is {truth.name} too soon: {dict(held)}")
        return len(truths)

    def _one_of_each(self, condition: Condition, finding: str) -> list[Value]:
        """A value that the condition accepts and one that it refuses, where there are such."""
        accepted = (
            frozenset({PRESENT}) if isinstance(condition, AtLeast) else condition.accepts[finding]
        )
        found: dict[Truth, Value] = {}
        for value in self.knowledge.all_values(finding):
            truth = judge_finding(self.knowledge, _case({finding: value}), finding, accepted)
            found.setdefault(truth, value)
        return list(found.values())

    # What the knowledge itself says about its values

    def _worse_pairs(self, question: Question, finding: str) -> list[tuple[Held, Held]]:
        """Neighbours (better, worse) in the finding's own order."""
        values = [v for v in self.knowledge.all_values(finding) if v != UNKNOWN]
        if question.signs or question.ordered:
            return [*itertools.pairwise(sorted(values, key=_rank(question)))]
        best = self._best_values(question, finding)
        return [(good, bad) for good in best for bad in values if bad not in best]

    def _best_values(self, question: Question, finding: str) -> list[Value]:
        """The best answers: the first of an order, else those that no rule names.

        Raises:
            Refuted: the values are in no order and rules name them all, so that nobody could
                say which of them is worse than which.
        """
        values = [v for v in self.knowledge.all_values(finding) if v != UNKNOWN]
        if question.signs or question.ordered:
            return [min(values, key=_rank(question))]
        axis = self.space.axes[self.space.axis_of(question)]
        kind_of = axis.kinds[question.findings.index(finding)].kind_of
        unnamed = [value for value in values if kind_of[value] == kind_of[None]]
        if not unnamed:
            raise Refuted(f"rules name every value of {finding}, and its values are in no order")
        return unnamed

    def _telling_values(self, question: Question, finding: str) -> list[Value]:
        """Every value; for a number only the ends of each run that the rules treat alike."""
        values = list(self.knowledge.all_values(finding))
        if question.number is None:
            return values
        axis = self.space.axes[self.space.axis_of(question)]
        kind_of = axis.kinds[question.findings.index(finding)].kind_of
        return [
            value
            for before, value, after in zip(
                [None, *values], values, [*values[1:], None], strict=False
            )
            if before is None
            or after in (None, UNKNOWN)
            or kind_of[before] != kind_of[value]
            or kind_of[value] != kind_of[after]
        ]

    def _cases_of_every_rule(self) -> Iterator[Case]:
        """Every class of answers alone, and for every rule a case in which it fires."""
        for axis in self.space.axes:
            for one in axis.classes:
                yield Case(axis.answers_of(one.kinds))
        for rule in self.knowledge.rules:
            answers: dict[str, Value] = {}
            for condition in rule.when:
                needed = condition.count if isinstance(condition, AtLeast) else 1
                for finding in condition.findings[:needed]:
                    answers.setdefault(finding, self._accepted(condition, finding))
            yield _case(answers)

    def _accepted(self, condition: Condition, finding: str) -> Value:
        accepted = (
            frozenset({PRESENT}) if isinstance(condition, AtLeast) else condition.accepts[finding]
        )
        return next(
            value
            for value in self.knowledge.all_values(finding)
            if judge_finding(self.knowledge, _case({finding: value}), finding, accepted)
            is Truth.YES
        )

    # Comparing levels

    def _never_lowers(self, changes: Callable[[Question, str], list[tuple[Held, Held]]]) -> int:
        """Checks that changes of single findings never lower the level, whatever else holds."""
        checked = 0
        for position, axis in enumerate(self.space.axes):
            for finding in axis.question.findings:
                moves = axis.moves(finding, changes(axis.question, finding))
                for (before, after), (combination, held, new) in moves.items():
                    rest = self._lower_at(position, before, after)
                    if rest is not None:
                        case = self._case_at(position, rest, before, axis, combination)
                        raise Refuted(
                            f"{finding} from {_said(held)} to {_said(new)} lowers the level: "
                            f"{self.describe(case)}"
                        )
                    checked += self.space.cells // self.space.shape[position]
        return checked

    def _lower_at(self, position: int, before: int, after: int) -> tuple[int, ...] | None:
        """Where (over the other axes) the second class has a lower level than the first."""
        if before == after:
            return None
        key = (position, before, after)
        if key not in self._compared:
            levels = self.space.levels
            lower = levels[_at(position, after)] < levels[_at(position, before)]
            found = _place(lower.shape, int(lower.argmax())) if lower.any() else None
            self._compared[key] = found
        return self._compared[key]

    def _above_the_best(self, position: int, axis: QuestionSpace, finding: str) -> int:
        """Checks "not sure" against the best known answer (any of those that no rule names)."""
        counterexample, checked = "", 0
        for value in self._best_values(axis.question, finding):
            moves = axis.moves(finding, [(value, UNKNOWN)])
            checked += len(moves) * (self.space.cells // self.space.shape[position])
            for (known, unsure), (combination, _, _) in moves.items():
                rest = self._lower_at(position, known, unsure)
                if rest is not None:
                    case = self._case_at(position, rest, unsure, axis, combination)
                    case = case.with_answers({finding: Answer(UNKNOWN, "asked")})
                    counterexample = f"not sure about {finding} is better than {value}"
                    counterexample += f": {self.describe(case)}"
                    break
            else:
                return checked
        raise Refuted(counterexample)

    # Words

    def describe(self, case: Case) -> str:
        """The findings of a case that matter, with the level it comes to."""
        telling = {
            finding: answer.value
            for finding, answer in case.answers.items()
            if answer.value != ABSENT
        }
        findings = ", ".join(f"{finding} {value}" for finding, value in telling.items())
        return f"{findings or 'no findings'} -> level {level_of(self.knowledge, case)}"

    def _named(self, place: tuple[int, ...]) -> str:
        first = self.space.axes[0]
        return self.describe(Case(first.answers_of(first.classes[place[0]].kinds)))

    def _case_at(
        self,
        position: int,
        rest: tuple[int, ...],
        number: int,
        axis: QuestionSpace,
        combination: tuple[int, ...],
    ) -> Case:
        """A case in the place (rest with this axis put back), with this answer on the axis."""
        case = self.space.example((*rest[:position], number, *rest[position:]))
        case = case.without(axis.question.findings)
        return case.with_answers(axis.answers_of(combination))

    def _axis_of(self, question: Question, name: str) -> int:
        try:
            return self.space.axis_of(question)
        except ValueError:
            raise Refuted(f"no rule looks at {name}") from None


def _case(values: dict[str, Value]) -> Case:
    return Case({finding: Answer(value, "asked") for finding, value in values.items()})


def _rank(question: Question) -> Callable[[Value], int]:
    return lambda value: severity(question, value) or 0


def _with(values: tuple[Held, ...], place: int, value: Held) -> tuple[Held, ...]:
    changed = list(values)
    changed[place] = value
    return tuple(changed)


def _said(held: Held) -> str:
    return "no answer" if held is None else str(held)


def _at(position: int, number: int) -> tuple[int | slice, ...]:
    """The index of one class on one axis."""
    return (*(slice(None),) * position, number)


def _place(shape: tuple[int, ...], flat: int) -> tuple[int, ...]:
    return tuple(int(at) for at in np.unravel_index(flat, shape))


def report(properties: Iterator[Property], write: Callable[[str], object]) -> bool:
    """Writes one line for each property as it is shown; True when none was refuted."""
    proved = True
    for one in properties:
        if one.counterexample is None:
            write(f"  holds   {one.name}: {one.extent} ({one.seconds:.1f} s)\n")
        else:
            write(f"  FAILS   {one.name}: {one.counterexample}\n")
            proved = False
    return proved


def run() -> int:
    """Proves the knowledge that is installed and prints the report; the exit code."""
    started = time.perf_counter()
    write = sys.stdout.write
    knowledge = load_catalogue().knowledge
    proof = Proof(knowledge)
    space = proof.space
    classes = " x ".join(str(size) for size in space.shape)
    write(
        f"{len(knowledge.rules)} rules, {len(space.axes)} questions. Answers that the rules cannot "
        f"tell apart are taken together:\n  {classes} = {space.cells:,} combinations, for "
        f"{space.complete_cases:,} fully answered cases\n"
    )
    proved = report(proof.properties(), write)
    seconds = time.perf_counter() - started
    if proved:
        write(f"proved: {space.complete_cases:,} cases in {seconds:.0f} s\n")
    else:
        write(f"NOT proved ({seconds:.0f} s)\n")
    return 0 if proved else 1


if __name__ == "__main__":
    sys.exit(run())
