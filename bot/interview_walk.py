"""Walks through every interview from the empty case, with a mention at any moment, and measures.

What the engine does from now on depends only on the level so far and on what is still open of
the rules that lead higher (`open_rules`).  Cases with the same remainder are one *state*: they
get the same next question and go on alike (`tests/clinical/test_interview_walk.py` puts that to
the test).  The walk answers the question of each state with one answer of every class
(`bot.case_space`), and lets the person mention any one finding before the first question or
between any two.  The engine itself takes every step.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NoReturn

from bot.case_space import CaseSpace, Selection
from bot.clinical.case import Answer, Case
from bot.clinical.decide import OpenPart, judge_rule, level_of, open_rules
from bot.clinical.interview import next_question
from bot.clinical.model import ABSENT, PRESENT, Question, Rule, Truth


class Refuted(Exception):
    """A property does not hold.  The message is the counterexample, in findings."""


class OrderSeen(TypeError):
    """The engine walked through the answers instead of looking findings up."""


class _LookUpOnly(Mapping[str, Answer]):
    """Answers that can be looked up but neither counted nor walked through."""

    def __init__(self, answers: Mapping[str, Answer]) -> None:
        self._answers = answers

    def __getitem__(self, finding: str) -> Answer:
        return self._answers[finding]

    def __contains__(self, finding: object) -> bool:
        return finding in self._answers

    def __iter__(self) -> NoReturn:
        raise OrderSeen("the order of the answers must not be looked at")

    def __len__(self) -> NoReturn:
        raise OrderSeen("the number of answers must not be looked at")


def blindfolded(case: Case) -> Case:
    """The same case, on which any attempt to see the order of the answers raises `OrderSeen`."""
    return Case(_LookUpOnly(case.answers), case.hints, case.passed_over, case.corrections)


@dataclass(frozen=True)
class State:
    """What the engine can still tell of a case: the level, and the open parts of the rules.

    A row is the level that a rule leads to, with what is still open of it.  At the level where
    nothing more is asked there are no rows.
    """

    level: int
    rows: frozenset[tuple[int, OpenPart]]

    def open_findings(self) -> frozenset[str]:
        return frozenset(f for _, part in self.rows for _, findings, _ in part for f in findings)


@dataclass(frozen=True)
class _Visit:
    """A state with an example of a case, the question it gets and the states after its answers."""

    case: Case
    question: Question | None
    after: frozenset[State]


class Walk:
    """All states that an interview can come to, and the longest ways through them.

    Attributes:
        longest: the follow-up questions asked on the way -> the most questions on such a way.
        ends: every different set of open answers with which an interview can end below the
            stopping level, as the classes still possible, with an example of a case.
        steps: how many answers were given in all.
        longest_to_danger: the most questions from the empty case until an emergency rule that
            names a danger sign fires.
        in_small_steps: how many more questions it takes at most when the first checklist is
            passed over as a whole and then asked in small groups.

    Raises:
        Refuted: an answered question is asked again, or an answer leaves as much open as before.
    """

    def __init__(self, space: CaseSpace) -> None:
        self.space = space
        self.knowledge = space.knowledge
        self.steps = 0
        self.ends: dict[Selection, Case] = {}
        self._stop = self.knowledge.level(self.knowledge.stop_asking_at)
        self._visits: dict[State, _Visit] = {}
        self._mentions: dict[State, frozenset[State]] = {}
        self.follow_ups = follow_ups(space)
        self._explore(Case())
        for state, visit in list(self._visits.items()):
            self._mentions[state] = frozenset(self._after_mentions(state, visit.case))
        self._longest: dict[State, dict[frozenset[str], int]] = {}
        self._measure()
        self.longest = self._longest[self.state_of(Case())]
        self._danger_from: dict[object, int] = {}
        self.longest_to_danger = self._to_danger(Case())
        self.in_small_steps = self._in_small_steps()

    @property
    def states(self) -> int:
        return len(self._visits)

    def state_of(self, case: Case) -> State:
        """The state of a case, worked out without a look at the order of its answers."""
        blind = blindfolded(case)
        level = level_of(self.knowledge, blind)
        rules: list[tuple[Rule, OpenPart]] = []
        if level < self._stop:
            rules = open_rules(self.knowledge, blind, level)
        return State(
            level, frozenset((self.knowledge.level(rule.then), part) for rule, part in rules)
        )

    def next_question(self, case: Case) -> Question | None:
        """The engine's next question for a case; raises `Refuted` if it was answered already."""
        ask = next_question(blindfolded(case), self.knowledge)
        if ask is None:
            return None
        offered = [sign.id for sign in ask.signs] if ask.question.signs else [ask.question.id]
        again = [finding for finding in offered if finding in case.answers]
        if again or not offered:
            raise Refuted(f"{', '.join(again)} is asked again: {_words(case)}")
        return ask.question

    # From state to state

    def _explore(self, start: Case) -> State:
        """Visits every state that can follow, and gives the state of the start."""
        first = self.state_of(start)
        todo = [(first, start)]
        while todo:
            state, case = todo.pop()
            if state in self._visits:
                continue
            question = self.next_question(case)
            after = set()
            for answers in self._answers(question, case):
                answered = case.with_answers(answers)
                self.steps += 1
                reached = self.state_of(answered)
                after.add(reached)
                if reached not in self._visits:
                    todo.append((reached, answered))
                if reached.level < self._stop and not reached.rows:
                    self.ends.setdefault(self.space.completions(answered), answered)
            if question is None and state.level < self._stop:
                self.ends.setdefault(self.space.completions(case), case)
            self._visits[state] = _Visit(case, question, frozenset(after))
        return first

    def _answers(self, question: Question | None, case: Case) -> Iterator[dict[str, Answer]]:
        """An answer of every class to what the question leaves open."""
        if question is not None:
            axis = self.space.axes[self.space.axis_of(question)]
            yield from axis.ways_to_complete(case)

    def _after_mentions(self, state: State, case: Case) -> Iterator[State]:
        """The states after any one open finding is mentioned out of turn."""
        for finding in sorted(state.open_findings()):
            question = self.knowledge.question_of(finding)
            axis = self.space.axes[self.space.axis_of(question)]
            kinds = axis.kinds[question.findings.index(finding)]
            for kind in range(len(kinds.values)):
                held = kinds.example(kind)
                if held is not None:
                    self.steps += 1
                    yield self._explore(case.with_answers({finding: Answer(held, "said")}))

    # How long it takes

    def _measure(self) -> None:
        """The most questions from each state on; a state is measured after all that follow it.

        Every answer leaves fewer findings open in the remainder, so states with fewer open
        findings come first.  That is also why every interview ends.
        """
        for state in sorted(self._visits, key=lambda one: len(one.open_findings())):
            visit = self._visits[state]
            most: dict[frozenset[str], int] = {} if visit.question else {frozenset(): 0}
            asked = frozenset({visit.question.id}) if visit.question else frozenset()
            for after, cost, new in (
                *((one, 1, asked & self.follow_ups) for one in visit.after),
                *((one, 0, frozenset[str]()) for one in self._mentions.get(state, ())),
            ):
                if len(after.open_findings()) >= len(state.open_findings()):
                    raise Refuted(f"an answer leaves as much open as before: {_words(visit.case)}")
                for later, longest in self._longest[after].items():
                    most[later | new] = max(most.get(later | new, 0), longest + cost)
            self._longest[state] = most

    def _to_danger(self, case: Case) -> int:
        """The most questions until an emergency rule that names a danger sign fires; 0 = never."""
        truths = [
            judge_rule(self.knowledge, case, rule)
            for rule in self.knowledge.rules
            if self.knowledge.level(rule.then) >= self._stop
            and not self.knowledge.danger_signs.isdisjoint(rule.findings)
        ]
        question = self.next_question(case)
        if Truth.YES in truths or Truth.OPEN not in truths or question is None:
            return 0
        known = (self.state_of(case), *truths)
        if known not in self._danger_from:
            deepest = 0
            for answers in self._answers(question, case):
                answered = case.with_answers(answers)
                further = self._to_danger(answered)
                if further or self._is_danger(answered):
                    deepest = max(deepest, 1 + further)
            self._danger_from[known] = deepest
        return self._danger_from[known]

    def _is_danger(self, case: Case) -> bool:
        return any(
            judge_rule(self.knowledge, case, rule) is Truth.YES
            for rule in self.knowledge.rules
            if self.knowledge.level(rule.then) >= self._stop
            and not self.knowledge.danger_signs.isdisjoint(rule.findings)
        )

    def _in_small_steps(self) -> int:
        ask = next_question(Case(), self.knowledge)
        if ask is None or ask.question.ask_in_groups is None:
            return 0
        return self._groups_left(Case().passing_over(ask.question))

    def _groups_left(self, case: Case) -> int:
        """The most small groups that are still asked, whatever the answers."""
        ask = next_question(case, self.knowledge)
        if ask is None or not ask.in_group:
            return 0
        self.next_question(case)
        return 1 + max(
            self._groups_left(
                case.with_answers(
                    {
                        sign.id: Answer(value, "asked")
                        for sign, value in zip(ask.signs, values, strict=True)
                    }
                )
            )
            for values in itertools.product((ABSENT, PRESENT), repeat=len(ask.signs))
        )


def follow_ups(space: CaseSpace) -> frozenset[str]:
    """The questions that some single answer to another question rules out altogether."""
    found = set()
    for question in space.knowledge.interview_questions:
        own = set(question.findings)
        rules = [rule for rule in space.knowledge.rules if own & set(rule.findings)]
        others = {finding for rule in rules for finding in rule.findings} - own
        answers = (
            Case({kinds.finding: Answer(held, "asked")})
            for axis in space.axes
            for kinds in axis.kinds
            if kinds.finding in others
            for kind in range(len(kinds.values))
            if (held := kinds.example(kind)) is not None
        )
        if any(
            all(judge_rule(space.knowledge, case, rule) is Truth.NO for rule in rules)
            for case in answers
        ):
            found.add(question.id)
    return frozenset(found)


def _words(case: Case) -> str:
    return ", ".join(f"{finding} {answer.value}" for finding, answer in case.answers.items())
