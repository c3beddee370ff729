"""From a case to a disposition: every rule is looked at, every rule that fires is a reason.

The hit policy is *priority*: the highest level among the rules that fire is the
disposition.  While answers are missing a rule can also be *open*: it could still fire.
That one notion, a decision table evaluated as far as the answers reach, serves the decision,
the choice of the next question and the proof that stopping early changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from bot.clinical.case import Answer, Case, counts_as
from bot.clinical.model import (
    PRESENT,
    AtLeast,
    Condition,
    Disposition,
    Knowledge,
    Rule,
    Truth,
    Value,
)

#: The open conditions of a rule: (name, findings without an answer, what they must be).
OpenPart = frozenset[tuple[str, frozenset[str], object]]


@dataclass(frozen=True)
class Reason:
    """A rule that fired, with the person's findings that made it fire."""

    rule: Rule
    findings: tuple[str, ...]


@dataclass(frozen=True)
class Counterfactual:
    """One change to the findings that would lead to a more urgent disposition."""

    finding: str
    value: Value
    if_text: str
    disposition: str


@dataclass(frozen=True)
class Decision:
    """The disposition of a case, with its reasons, most urgent first.

    `final` is True when no open answer can lead to a more urgent disposition.
    """

    disposition: Disposition
    reasons: tuple[Reason, ...]
    counterfactuals: tuple[Counterfactual, ...]
    final: bool


def judge_finding(
    knowledge: Knowledge, case: Case, finding: str, accepted: frozenset[str] | range
) -> Truth:
    """Whether one finding of the case has one of the accepted values."""
    answer = case.answers.get(finding)
    if answer is None:
        return Truth.OPEN
    value = counts_as(knowledge.question_of(finding), answer.value)
    return Truth.YES if value in accepted else Truth.NO


def judge(knowledge: Knowledge, case: Case, condition: Condition) -> Truth:
    """Whether a condition holds, cannot hold any more, or is still open."""
    if isinstance(condition, AtLeast):
        truths = [
            judge_finding(knowledge, case, sign, frozenset({PRESENT})) for sign in condition.of
        ]
        holding = truths.count(Truth.YES)
        if holding >= condition.count:
            return Truth.YES
        return Truth.OPEN if holding + truths.count(Truth.OPEN) >= condition.count else Truth.NO
    worst = Truth.NO
    for finding, accepted in condition.accepts.items():
        truth = judge_finding(knowledge, case, finding, accepted)
        if truth is Truth.YES:
            return truth
        if truth is Truth.OPEN:
            worst = truth
    return worst


def judge_rule(knowledge: Knowledge, case: Case, rule: Rule) -> Truth:
    """YES when every condition holds, NO when one cannot, else OPEN.

    Conditions on one finding cannot contradict each other (the linter refuses that), so an
    open rule can really still fire.
    """
    result = Truth.YES
    for condition in rule.when:
        truth = judge(knowledge, case, condition)
        if truth is Truth.NO:
            return truth
        if truth is Truth.OPEN:
            result = truth
    return result


_T = TypeVar("_T")


def _once(knowledge: Knowledge, case: Case, what: str, work: Callable[[], _T]) -> _T:
    """The result of `work`, kept with the case: a case never changes, and a turn asks often.

    It stands beside the dataclass's fields, so equality and copies of a case know nothing of it.
    """
    owner, results = case.__dict__.get("_worked_out", (None, {}))
    if owner is not knowledge:
        results = {}
        case.__dict__["_worked_out"] = (knowledge, results)
    if what not in results:
        results[what] = work()
    result: _T = results[what]
    return result


def level_of(knowledge: Knowledge, case: Case) -> int:
    """The level (0-7) of the most urgent rule that fires."""
    return _once(knowledge, case, "level", lambda: _level_of(knowledge, case))


def _level_of(knowledge: Knowledge, case: Case) -> int:
    for rule in knowledge.rules_by_urgency:
        if judge_rule(knowledge, case, rule) is Truth.YES:
            return knowledge.level(rule.then)
    return knowledge.level(knowledge.otherwise)


def open_rules(knowledge: Knowledge, case: Case, above: int) -> list[tuple[Rule, OpenPart]]:
    """The rules that could still fire and would lead above this level, most urgent first.

    Each comes with the part of it that is still open.  A rule is left out when another one,
    at least as urgent, needs only a part of the same open answers: whenever the first could
    fire, the other has fired already.
    """
    return _once(
        knowledge, case, f"open above {above}", lambda: _open_rules(knowledge, case, above)
    )


def _open_rules(knowledge: Knowledge, case: Case, above: int) -> list[tuple[Rule, OpenPart]]:
    found: list[tuple[Rule, OpenPart]] = []
    for rule in knowledge.rules_by_urgency:
        if knowledge.level(rule.then) <= above:
            break
        if judge_rule(knowledge, case, rule) is not Truth.OPEN:
            continue
        part = frozenset(
            (
                condition.name,
                frozenset(f for f in condition.findings if f not in case.answers),
                _still_needed(knowledge, case, condition),
            )
            for condition in rule.when
            if judge(knowledge, case, condition) is Truth.OPEN
        )
        if any(other <= part for _, other in found):
            continue
        level = knowledge.level(rule.then)
        found = [(r, p) for r, p in found if not (part <= p and knowledge.level(r.then) == level)]
        found.append((rule, part))
    return found


def _still_needed(knowledge: Knowledge, case: Case, condition: Condition) -> object:
    """What the open findings of a condition must be: how many more signs, or the values accepted.

    Together with the open findings this is all that matters of the answers given so far.
    """
    if isinstance(condition, AtLeast):
        accepted = frozenset({PRESENT})
        truths = [judge_finding(knowledge, case, sign, accepted) for sign in condition.of]
        return condition.count - truths.count(Truth.YES)
    return tuple(condition.accepts.items())


def open_findings(knowledge: Knowledge, case: Case, above: int) -> frozenset[str]:
    """The findings without an answer that could still lead above this level."""
    return frozenset(
        finding
        for _, part in open_rules(knowledge, case, above)
        for _, findings, _ in part
        for finding in findings
    )


def reasons_of(knowledge: Knowledge, case: Case) -> tuple[Reason, ...]:
    """Every rule that fires, most urgent first, with the findings that made it fire."""
    return tuple(
        Reason(rule, _findings_behind(knowledge, case, rule))
        for rule in knowledge.rules_by_urgency
        if judge_rule(knowledge, case, rule) is Truth.YES
    )


def _findings_behind(knowledge: Knowledge, case: Case, rule: Rule) -> tuple[str, ...]:
    behind: dict[str, None] = {}
    for condition in rule.when:
        if isinstance(condition, AtLeast):
            accepts = {sign: frozenset({PRESENT}) for sign in condition.of}
        else:
            accepts = dict(condition.accepts)  # type: ignore[arg-type]
        for finding, accepted in accepts.items():
            if judge_finding(knowledge, case, finding, accepted) is Truth.YES:
                behind[finding] = None
    return tuple(behind)


def decide(case: Case, knowledge: Knowledge) -> Decision:
    """The disposition of a case with every reason and what would change it.

    Findings that are still open count as not there; `final` tells whether that matters.
    Never raises: a case without findings gets the disposition of a person without trouble,
    not final.
    """
    reasons = reasons_of(knowledge, case)
    disposition = knowledge.dispositions[reasons[0].rule.then if reasons else knowledge.otherwise]
    stop = knowledge.level(knowledge.stop_asking_at)
    final = disposition.level >= stop or not open_rules(knowledge, case, disposition.level)
    return Decision(
        disposition, reasons, _counterfactuals(case, knowledge, disposition.level), final
    )


def _counterfactuals(case: Case, knowledge: Knowledge, level: int) -> tuple[Counterfactual, ...]:
    """Single changes that would lead higher: at most one for each disposition, nearest first."""
    found: dict[str, Counterfactual] = {}
    for question in knowledge.interview_questions:
        for finding, value, if_text in question.variations:
            if case.value(finding) == value:
                continue
            changed = case.with_answers({finding: Answer(value, "asked")})
            disposition = _disposition_at(knowledge, level_of(knowledge, changed))
            if knowledge.level(disposition) > level and disposition not in found:
                found[disposition] = Counterfactual(finding, value, if_text, disposition)
    nearest = sorted(found.values(), key=lambda one: knowledge.level(one.disposition))
    return tuple(nearest[: knowledge.counterfactuals])


def _disposition_at(knowledge: Knowledge, level: int) -> str:
    return next(d.id for d in knowledge.dispositions.values() if d.level == level)
