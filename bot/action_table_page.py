"""Writes docs/action-table.md: the whole action table as a clinician would want to read it.

`.venv/bin/python -m bot.action_table_page` renews the file; a test fails while it is out of date.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from bot.catalogue import load_catalogue
from bot.clinical.model import (
    UNKNOWN,
    AdviceLine,
    AtLeast,
    Condition,
    Disposition,
    Knowledge,
    Question,
    Rule,
)

PAGE = Path(__file__).parent.parent / "docs" / "action-table.md"
COMMAND = ".venv/bin/python -m bot.action_table_page"


def page(knowledge: Knowledge) -> str:
    """The page in Markdown, ending with a line break."""
    sections = (
        _head(knowledge),
        _dispositions(knowledge),
        _rules(knowledge),
        _named_conditions(knowledge),
        _questions(knowledge),
        _conflicts(knowledge),
        _references(knowledge),
    )
    return "\n\n".join("\n".join(section) for section in sections) + "\n"


def _head(knowledge: Knowledge) -> Iterator[str]:
    stop = knowledge.dispositions[knowledge.stop_asking_at]
    yield "# The action table"
    yield ""
    yield f"<!-- Made from bot/knowledge by `{COMMAND}`. Change the knowledge, not this page. -->"
    yield ""
    yield "What the assistant finds, and what it tells a person to do. Every rule is looked at."
    yield "All rules that apply are kept as reasons, and the most urgent one decides. So a rule can"
    yield f"raise the advice and never lower it. From level {stop.level} on nothing more is asked:"
    yield "help comes first."


def _dispositions(knowledge: Knowledge) -> Iterator[str]:
    yield "## What a person is told"
    yield ""
    yield from _table(
        ("level", "id", "headline", "by when", "references"),
        (
            (str(one.level), f"`{one.id}`", one.headline, one.within_words, _cited(one.references))
            for one in _by_urgency(knowledge)
        ),
    )
    for one in _by_urgency(knowledge):
        yield ""
        yield f"### Level {one.level}: {one.headline}"
        yield from _lines("What to do", one.actions)
        yield from _lines("Until then", one.meanwhile)
        yield from _lines("When to seek help sooner", one.safety_net)


def _rules(knowledge: Knowledge) -> Iterator[str]:
    yield "## The rules"
    yield ""
    yield f"When none applies: `{knowledge.otherwise}`."
    for disposition in _by_urgency(knowledge):
        rules = [rule for rule in knowledge.rules if rule.then == disposition.id]
        if not rules:
            continue
        yield ""
        yield f"### Level {disposition.level}: `{disposition.id}`"
        yield ""
        yield from _table(
            ("rule", "when", "what the person reads", "references", "file"),
            (
                (
                    f"`{rule.id}`",
                    _when(knowledge, rule),
                    rule.reason,
                    _cited(rule.references),
                    rule.origin.split(":")[0],
                )
                for rule in rules
            ),
        )
        for rule in rules:
            if rule.kept_because:
                yield ""
                yield f"`{rule.id}` never decides alone. {rule.kept_because}"


def _named_conditions(knowledge: Knowledge) -> Iterator[str]:
    yield "## Conditions with a name"
    yield ""
    for name, condition in knowledge.derived.items():
        yield f"- **{_in_words(name)}**: {' or '.join(_alternatives(knowledge, condition))}"


def _questions(knowledge: Knowledge) -> Iterator[str]:
    yield "## The questions, in order"
    yield ""
    yield "Only a question that can still change the advice is asked."
    yield ""
    yield from _table(
        ("question", "asks", "answers", "not sure counts as", "references"),
        (
            (
                f"`{question.id}`",
                question.ask,
                _answers(question),
                _unsure(question),
                _cited(question.references),
            )
            for question in knowledge.questions
        ),
    )


def _conflicts(knowledge: Knowledge) -> Iterator[str]:
    yield "## Where the sources disagree"
    for conflict in knowledge.conflicts:
        yield ""
        yield f"### {conflict.about}"
        yield ""
        for side in conflict.sides:
            yield f"- {_cited(side.references)}: {side.text}"
        yield ""
        yield f"Chosen: {conflict.chosen} {conflict.because}"


def _references(knowledge: Knowledge) -> Iterator[str]:
    yield "## References"
    yield ""
    yield from _table(
        ("id", "kind", "title"),
        ((one.id, one.kind, one.title) for one in knowledge.references.values()),
    )


# The pieces


def _by_urgency(knowledge: Knowledge) -> list[Disposition]:
    return sorted(knowledge.dispositions.values(), key=lambda one: -one.level)


def _when(knowledge: Knowledge, rule: Rule) -> str:
    parts = []
    for condition in rule.when:
        if condition.name in knowledge.derived:
            alternatives = [_in_words(condition.name)]
        else:
            alternatives = _alternatives(knowledge, condition)
        either = " or ".join(alternatives)
        parts.append(f"({either})" if len(alternatives) > 1 < len(rule.when) else either)
    return " **and** ".join(parts)


def _alternatives(knowledge: Knowledge, condition: Condition) -> list[str]:
    """What satisfies a condition, one by one: "swelling after runs", "swelling that stays"."""
    if isinstance(condition, AtLeast):
        signs = "; ".join(knowledge.question_of(s).sign(s).short for s in condition.of)
        return [f"at least {condition.count} of: {signs}"]
    return [
        words
        for finding, accepted in condition.accepts.items()
        for words in _accepted(knowledge, finding, accepted)
    ]


def _accepted(knowledge: Knowledge, finding: str, accepted: frozenset[str] | range) -> list[str]:
    question = knowledge.question_of(finding)
    if isinstance(accepted, range) and question.number is not None:
        lowest, highest, unit = accepted[0], accepted[-1], question.number.unit
        until = "or more" if highest == question.number.maximum else f"to {highest}"
        return [f"{question.short.lower()} {lowest} {until} {unit}"]
    values = [value for value in knowledge.all_values(finding) if value in accepted]
    return [knowledge.short(finding, value) for value in values]


def _answers(question: Question) -> str:
    if question.number is not None:
        return f"{question.number.minimum} to {question.number.maximum} {question.number.unit}"
    if question.signs:
        return "<br>".join(f"`{sign.id}` {sign.label}" for sign in question.signs)
    return "<br>".join(f"`{choice.value}` {choice.label}" for choice in question.choices)


def _unsure(question: Question) -> str:
    if question.unsure_counts_as is None:
        return UNKNOWN
    if question.signs:
        return "yes, sign by sign"
    return question.choice(question.unsure_counts_as).label


def _in_words(name: str) -> str:
    return name.replace("_", " ")


def _cited(references: tuple[str, ...]) -> str:
    return ", ".join(references)


def _lines(title: str, lines: tuple[AdviceLine, ...]) -> Iterator[str]:
    if lines:
        yield ""
        yield f"{title}:"
        yield ""
        yield from (f"- {line.text} ({_cited(line.references)})" for line in lines)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "|---" * len(head) + "|"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"


def main() -> int:
    """Renews the page; the exit code."""
    text = page(load_catalogue().knowledge)
    PAGE.write_text(text, encoding="utf-8")
    sys.stdout.write(f"written: {PAGE}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
