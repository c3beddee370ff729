"""What is read from a message against what it says: finding by finding, with polarity and value.

A finding counts as found when it is current, has the right polarity and the right value; a wrong
value counts as one that is missed and one that is extra (a length of time may be a tenth off, as
"since January" names no day).  Readings that a case marks as optional
count neither way, and neither does a part of a composite sign that is denied ("no fever") where
the case does not take it for a statement about the sign.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.clinical.case import severity
from bot.clinical.model import ABSENT, PRESENT, UNKNOWN, Knowledge
from bot.evaluation.cases import Utterance, Vignette
from bot.evaluation.figures import Share, Tally
from bot.nlu.reading import UNSPECIFIED, Mention, Reader

POLARITIES = ("present", "negated", "unknown")


@dataclass
class FindingScore:
    """The sums over a set of messages.

    Attributes:
        by_finding, by_polarity: id or polarity -> tally, values included.
        kinds_aside: the tally over all when any value of the right polarity will do.
        denied_taken: findings denied in the text that were taken as there.
        set_aside_taken: findings that are past, imagined or somebody else's, taken as there.
        danger: danger signs said, and how many were raised.
        mistakes: (text, what was extra, what was missed), one a message that has any.
    """

    by_finding: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    by_polarity: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    kinds_aside: Tally = field(default_factory=Tally)
    denied_taken: Share = field(default_factory=lambda: Share(0, 0))
    set_aside_taken: Share = field(default_factory=lambda: Share(0, 0))
    danger: Share = field(default_factory=lambda: Share(0, 0))
    mistakes: list[tuple[str, tuple[str, ...], tuple[str, ...]]] = field(default_factory=list)

    @property
    def overall(self) -> Tally:
        return sum(self.by_finding.values(), Tally())


def score(
    cases: Iterable[Vignette | Utterance], reader: Reader, knowledge: Knowledge
) -> FindingScore:
    """Reads every message and counts."""
    total = FindingScore()
    for case in cases:
        mentions = [
            m
            for m in reader.read(case.text, case.today).mentions
            if m.current and (not m.in_part or case.states.get(m.finding) == ABSENT)
        ]
        _count(total, case, mentions, knowledge)
    return total


def _count(
    total: FindingScore, case: Vignette | Utterance, mentions: Sequence[Mention], known: Knowledge
) -> None:
    said = {finding: (_polarity(known, finding, v), v) for finding, v in case.states.items()}
    read = {m.finding: (_read_polarity(known, m), _value(known, m)) for m in mentions}
    extra, missed = [], []
    for finding, (polarity, value) in said.items():
        tally, by_polarity = total.by_finding[finding], total.by_polarity[polarity]
        found = read.get(finding)
        if found is not None and found[0] == polarity and _same(finding, found[1], value):
            tally.hits += 1
            by_polarity.hits += 1
        else:
            tally.missed += 1
            by_polarity.missed += 1
            missed.append(f"{finding}={value}")
        if found is not None and found[0] == polarity:
            total.kinds_aside.hits += 1
        else:
            total.kinds_aside.missed += 1
    for finding, (polarity, value) in read.items():
        told = said.get(finding)
        if told is not None and told[0] == polarity and _same(finding, value, told[1]):
            continue
        if told is None and _may_be(known, finding, value, case.optional):
            continue
        total.by_finding[finding].extra += 1
        total.by_polarity[polarity].extra += 1
        extra.append(f"{finding}={value}")
        if told is None or told[0] != polarity:
            total.kinds_aside.extra += 1
    _count_turned_round(total, case, said, read, known)
    if extra or missed:
        total.mistakes.append((case.text, tuple(extra), tuple(missed)))


def _count_turned_round(
    total: FindingScore,
    case: Vignette | Utterance,
    said: Mapping[str, tuple[str, Any]],
    read: Mapping[str, tuple[str, Any]],
    known: Knowledge,
) -> None:
    there = {finding for finding, (polarity, _) in read.items() if polarity == "present"}
    denied = [finding for finding, (polarity, _) in said.items() if polarity == "negated"]
    aside = case.not_stated if isinstance(case, Vignette) else case.none_of
    danger = [
        finding
        for finding, (polarity, _) in said.items()
        if finding in known.danger_signs and polarity != "negated"
    ]
    raised = {finding for finding, (polarity, _) in read.items() if polarity != "negated"}
    total.denied_taken = _more(total.denied_taken, denied, there)
    total.set_aside_taken = _more(total.set_aside_taken, aside, there)
    total.danger = _more(total.danger, danger, raised)


def _more(share: Share, of: Sequence[str], among: set[str]) -> Share:
    return Share(share.count + len(among.intersection(of)), share.of + len(of))


def _same(finding: str, read: Any, said: Any) -> bool:
    """Equal; a length of time may be a tenth off ("since January" names no day)."""
    if finding == "duration_days" and isinstance(read, int) and isinstance(said, int):
        return abs(read - said) <= said / 10
    return bool(read == said)


def _polarity(known: Knowledge, finding: str, value: Any) -> str:
    if value == UNKNOWN:
        return "unknown"
    if value == ABSENT:
        return "negated"
    question = known.question_of(finding)
    if not question.signs and question.number is None and value in ("none", "no"):
        return "negated"
    return "present"


def _read_polarity(known: Knowledge, mention: Mention) -> str:
    return (
        "unknown" if mention.value == UNKNOWN else _polarity(known, mention.finding, mention.value)
    )


def _value(known: Knowledge, mention: Mention) -> Any:
    question = known.question_of(mention.finding)
    return PRESENT if question.signs and mention.value == UNSPECIFIED else mention.value


def _may_be(known: Knowledge, finding: str, value: Any, optional: Mapping[str, Any]) -> bool:
    """Whether an optional reading: this value, a milder one, or no kind at all."""
    if finding not in optional:
        return False
    allowed = optional[finding]
    if value in (allowed, UNSPECIFIED, UNKNOWN):
        return True
    question = known.question_of(finding)
    if allowed == UNSPECIFIED:
        return value not in ("none", "no", ABSENT)
    read, most = severity(question, value), severity(question, allowed)
    return read is not None and most is not None and read <= most
