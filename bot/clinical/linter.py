"""Reads the action table for mistakes that a person overlooks.

Shadowed rows can never decide, unreachable rows can never fire, and a question that no rule
looks at is never asked.  A row that is kept although another one covers it says so with
`kept_because`; such a note on a row that needs none is reported too.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.clinical.model import PRESENT, AnyOf, AtLeast, Condition, Knowledge, Rule
from bot.clinical.screening import URGENT_LEVEL


@dataclass(frozen=True)
class Lint:
    """One thing to mend.  `where` is "file:line" or the id of what it is about."""

    kind: str
    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.kind}: {self.message}"


def lint(knowledge: Knowledge) -> list[Lint]:
    """Everything that is wrong with the rules; an empty list is a clean table."""
    return [
        *_unreachable(knowledge),
        *_shadowed(knowledge),
        *_danger_signs(knowledge),
        *_never_asked(knowledge),
        *_unused(knowledge),
        *_without_if(knowledge),
    ]


def implies(condition: Condition, other: Condition) -> bool:
    """Whether every case that satisfies `condition` satisfies `other`."""
    if isinstance(condition, AtLeast):
        if isinstance(other, AtLeast):
            return set(condition.of) <= set(other.of) and condition.count >= other.count
        covered = {f for f, accepted in other.accepts.items() if PRESENT in accepted}
        return len(set(condition.of) - covered) < condition.count
    if isinstance(other, AtLeast):
        return False
    return all(
        finding in other.accepts and set(accepted) <= set(other.accepts[finding])
        for finding, accepted in condition.accepts.items()
    )


def covers(rule: Rule, other: Rule) -> bool:
    """Whether `rule` fires whenever `other` does."""
    return all(any(implies(given, needed) for given in other.when) for needed in rule.when)


def can_fire(rule: Rule) -> bool:
    """Whether some case satisfies all conditions of the rule together."""
    allowed: dict[str, set[object]] = {}
    for condition in rule.when:
        if isinstance(condition, AnyOf) and len(condition.accepts) == 1:
            ((finding, accepted),) = condition.accepts.items()
            allowed[finding] = allowed.get(finding, set(accepted)) & set(accepted)
    if any(not values for values in allowed.values()):
        return False
    return all(
        any(
            finding not in allowed or allowed[finding] & set(accepted)
            for finding, accepted in c.accepts.items()
        )
        for c in rule.when
        if isinstance(c, AnyOf)
    )


def _unreachable(knowledge: Knowledge) -> list[Lint]:
    return [
        Lint(
            "unreachable",
            rule.origin,
            f"'{rule.id}' can never fire: its conditions exclude each other",
        )
        for rule in knowledge.rules
        if not can_fire(rule)
    ]


def _shadowed(knowledge: Knowledge) -> list[Lint]:
    found = []
    for position, rule in enumerate(knowledge.rules):
        shadow = None
        for other_position, other in enumerate(knowledge.rules):
            if other is rule or not covers(other, rule):
                continue
            higher = knowledge.level(other.then) - knowledge.level(rule.then)
            # Of two equal rows only the later one is the surplus.
            twin = covers(rule, other) and higher == 0
            if higher >= 0 and not (twin and other_position > position):
                shadow = other
                break
        if shadow is not None and rule.kept_because is None:
            message = (
                f"'{rule.id}' never decides: '{shadow.id}' ({shadow.origin}) fires whenever it "
                f"does and leads to {shadow.then}. Remove it, or say why it stays: `kept_because`"
            )
            found.append(Lint("shadowed", rule.origin, message))
        if shadow is None and rule.kept_because is not None:
            message = f"'{rule.id}' is not shadowed by any rule: remove `kept_because`"
            found.append(Lint("needless note", rule.origin, message))
    return found


def _danger_signs(knowledge: Knowledge) -> list[Lint]:
    found = []
    for sign in sorted(knowledge.danger_signs):
        alone = [
            knowledge.level(rule.then)
            for rule in knowledge.rules
            if len(rule.when) == 1 and rule.findings == (sign,)
        ]
        if max(alone, default=0) < URGENT_LEVEL:
            message = f"the danger sign '{sign}' alone must lead to level {URGENT_LEVEL} or above"
            found.append(Lint("danger sign too low", sign, message))
    return found


def _never_asked(knowledge: Knowledge) -> list[Lint]:
    looked_at = {finding for rule in knowledge.rules for finding in rule.findings}
    return [
        Lint("never asked", finding, f"no rule looks at '{finding}', so it changes nothing")
        for question in knowledge.interview_questions
        for finding in question.findings
        if finding not in looked_at
    ]


def _unused(knowledge: Knowledge) -> list[Lint]:
    reached = {rule.then for rule in knowledge.rules} | {knowledge.otherwise}
    used = {condition.name for rule in knowledge.rules for condition in rule.when}
    return [
        Lint("unused", disposition, "no rule leads to this disposition")
        for disposition in knowledge.dispositions
        if disposition not in reached
    ] + [
        Lint("unused", name, "no rule uses this derived condition")
        for name in knowledge.derived
        if name not in used
    ]


def _without_if(knowledge: Knowledge) -> list[Lint]:
    """Values that lead to a break from running or more need words for "if it were also ..."."""
    worded = {
        (finding, value)
        for question in knowledge.interview_questions
        for finding, value, _ in question.variations
    }
    found = []
    for rule in knowledge.rules:
        condition = rule.when[0]
        if len(rule.when) > 1 or not isinstance(condition, AnyOf) or len(condition.accepts) > 1:
            continue
        ((finding, accepted),) = condition.accepts.items()
        high = knowledge.level(rule.then) >= knowledge.level("switch_activity")
        if high and not any((finding, value) in worded for value in accepted):
            message = f"'{rule.id}' needs an `if` text at '{finding}' for counterfactuals"
            found.append(Lint("no words", rule.origin, message))
    return found
