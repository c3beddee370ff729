"""Reads one message: every finding in it, with how, whose and when.

`Reader` is made once from the catalogue and is pure: the same text and the same `today` give the
same `Reading`.  Findings are known to this module only by their shape (choice, sign, number); the
words for them stand in the knowledge files.  Three findings are quantities and have grammar of
their own: `pain_score`, `duration_days` and `age_band`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import lru_cache
from typing import Literal, Union

from bot.catalogue import Catalogue, Phrase, load_catalogue
from bot.clinical.model import ABSENT, PRESENT, UNKNOWN, Question
from bot.nlu.context import (
    CATEGORIES,
    Polarity,
    Said,
    Structure,
    Trigger,
    judge,
    read_clause_words,
)
from bot.nlu.phrases import Automaton, Match, PatternParser
from bot.nlu.quantities import RECENT_DAYS, Quantity, age_band, read_quantities
from bot.nlu.tokens import Word, normalise, split
from bot.yaml_file import KnowledgeError, Located

UNSPECIFIED = "unspecified"
"""The value of a finding that is there without its kind: "swollen" tells no more than that."""

QUANTITY_LABELS = {
    "#days": "a length of time of a day or more",
    "#lasting": "a day or more for which the trouble itself has lasted",
    "#recent": "a time up to 14 days ago, or a trouble that has lasted no longer",
    "#older": "a time more than 14 days ago, or a trouble that has lasted longer",
    "#past": "60 days ago or more",
    "#within_year": "a time up to a year ago",
    "#age": "an age in years",
    "#score": "a pain score",
}
"""What `#...` in a pattern stands for."""

_DURATION, _INJURY = "duration_days", "injury"
_WELL = frozenset({"fine", "ok", "okay", "none", "nothing", "good", "painless", "alright"})
_PLANS = frozenset(
    {"plan", "training", "train", "trained", "program", "programme", "holiday", "streak", "season",
     "membership", "block", "course", "runner", "contract", "job", "school", "married", "c25k",
     "running", "gym", "lark", "hobby"}
)  # fmt: skip
_TROUBLE = frozenset(
    {"knee", "knees", "pain", "hurt", "hurts", "hurting", "ache", "aches", "aching", "ached",
     "sore", "swollen", "stiff", "niggle", "problem", "swelling", "issue", "bother", "angry"}
)  # fmt: skip
_BEFORE_A_NUMBER = frozenset({"a", "an", "quite", "really", "even", "like", "for", "about", "the"})
_NOW = re.compile(r"\b(?:now|today|currently|down to|these days)\b[^.,;]*$")
_NOT_TODAY = re.compile(
    r"\b(?:last (?:week|month|year|night)|(?:on|at) (?:a|its|it's|the) (?:bad day|worst)|bad days?|"
    r"used to|was an? \d+ (?:last|before|on)|ago|at first|to begin with|at the start)\b"
)
_PAST_DAYS = 60
_YEAR = 366
# Uses of a question's `phrases` that are not values of the finding.
_TOPIC = "topic"
_IGNORE = "ignore"
# Two values further apart than so many characters are two statements, not a slip of the tongue.
_CLOSE = 30
# Ends a pattern whose finding stays true whenever it happened.
_ALWAYS = " !always"
# Ends a pattern that counts only where it is denied ("no surgery"; there, its kind matters).
_DENIED = " !denied"
# Ends a pattern that says by itself that the finding is not there ("the foot is fine").
_ABSENT = " !absent"
# Begins a pattern that tells the kind of a finding named beside it; `&&` when there is no doubt.
_KIND, _SURE_KIND = "& ", "&& "
# Ends a part of a conjunction that counts although it is only asked about ("could it be a clot?").
_ASKED = " !asked"


@dataclass(frozen=True)
class Mention:
    """One finding as one message says it.

    Attributes:
        finding: id of the finding (a sign's own id for a checklist).
        value: a value of the finding, `unspecified`, or `unknown`; a negated sign is `absent`.
        start, end: character offsets into the message as typed, end exclusive.
        polarity: present, negated, or unknown ("not sure").
        current: False for past, resolved, hypothetical, somebody else's, another body part, or
            corrected later in the same message: not the person's finding now.
        uncertain: hedged or loosely counted.
        cue: the words that were matched, as typed.
        reason: why polarity and `current` are as they are, for the summary and the logs.
        in_part: only a part of a composite sign is denied ("no fever"): that takes the sign back
            in a correction, and is no answer to the question for it.
    """

    finding: str
    value: str | int
    start: int
    end: int
    polarity: Polarity
    current: bool
    uncertain: bool
    cue: str
    reason: str
    in_part: bool = False

    @property
    def raises(self) -> bool:
        """Whether it counts as there, or possibly there, now."""
        return self.current and self.polarity != "negated"


@dataclass(frozen=True)
class Reading:
    """What one message says.

    Attributes:
        mentions: by position; of each finding either what is current, reconciled to one mention
            where the finding holds one value, or what was set aside.
        kinds: finding -> the kind that the message tells, named or not: "when I run" alone
            answers the question of when the sharp pain comes, and otherwise says nothing.
        topics: ids of the questions that the message names ("my swelling answer").
        crisis: the message speaks of self-harm or of being in danger.
        for_someone_else: the person writes on behalf of another, whose case this is.
        correction: the words by which the message takes something back ("sorry, I meant"), as
            character offsets, or None.  A plain "no swelling" has none.
        body_part: another part of the body that is spoken of instead of the knee ("shoulder").
    """

    mentions: tuple[Mention, ...] = ()
    kinds: Mapping[str, str] = field(default_factory=dict)
    topics: tuple[str, ...] = ()
    crisis: bool = False
    for_someone_else: bool = False
    correction: tuple[int, int] | None = None
    body_part: str | None = None

    def of(self, findings: Sequence[str]) -> tuple[Mention, ...]:
        """The current mentions of these findings."""
        return tuple(m for m in self.mentions if m.current and m.finding in findings)


@dataclass(frozen=True)
class _Cue:
    finding: str
    value: str
    pattern: str
    always: bool = False
    if_denied: bool = False
    absent: bool = False


@dataclass(frozen=True)
class _Kind:
    """Words that tell the kind of a finding named beside them: "when I run" of a sharp pain."""

    finding: str
    value: str
    sure: bool


@dataclass(frozen=True)
class _Part:
    """One side of a `+`: the conjunction's number and the part's place in it."""

    conjunction: int
    place: int
    asked: bool = False


@dataclass(frozen=True)
class _Conjunction:
    finding: str
    value: str
    pattern: str
    parts: tuple[str | None, ...]  # the finding of an `@finding` or `@finding=value`; None: words


@dataclass(frozen=True)
class _TriggerKind:
    category: str
    place: Literal["before", "after", "around"]


@dataclass(frozen=True)
class _Mark:
    """Anything else: ignore, no_trigger, correction, crisis, topic, people."""

    kind: str
    name: str = ""


_Meaning = Union[_Cue, _Kind, _Part, _TriggerKind, _Mark]  # noqa: UP007  # evaluated at run time


@dataclass
class _Message:
    """A message on its way through the reader."""

    text: str
    words: Sequence[Word]
    structure: Structure
    triggers: list[Trigger] = field(default_factory=list)
    kinds: list[Match[_Kind]] = field(default_factory=list)
    kinds_meant: dict[str, list[Match[_Kind]]] = field(default_factory=dict)
    for_someone_else: bool = False

    def span(self, start: int, end: int) -> tuple[int, int]:
        return self.words[start].start, self.words[end - 1].end


class Reader:
    """Reads messages with the phrase book of a catalogue.

    Raises (when made):
        KnowledgeError: a pattern is malformed; file and line are named.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._knowledge = catalogue.knowledge
        self._questions: dict[str, Question] = {
            finding: question
            for question in catalogue.knowledge.questions
            for finding in question.findings
        }
        self._danger = catalogue.knowledge.danger_signs
        if catalogue.language is None:
            raise FileNotFoundError("bot/knowledge/language.yaml is missing: it holds the triggers")
        self._automaton: Automaton[_Meaning] = Automaton()
        self._conjunctions: list[_Conjunction] = []
        self._add_language(catalogue.language)
        for name, uses in catalogue.phrases.items():
            for use, patterns in uses.items():
                for pattern in patterns:
                    self._add_phrase(name, use, pattern)
        self._automaton.close(self._guarded)
        self._needed = {
            part.partition("=")[0]
            for conjunction in self._conjunctions
            for part in conjunction.parts
            if part is not None
        }
        # Findings that say how a person is, not what troubles them now.
        self._lasting = {
            name
            for name, uses in catalogue.phrases.items()
            if any(phrase.text.endswith(_ALWAYS) for phrases in uses.values() for phrase in phrases)
        }

    # The phrase book

    def _add_language(self, language: Located) -> None:
        parts = language.mapping(
            {"concepts", "triggers", "no_trigger", "ignore", "correction", "crisis", "people",
             "clauses", "not_misspelt", "own_site"}
        )  # fmt: skip
        concepts = {name: _lines(body) for name, body in parts["concepts"].items()}
        self._parser = PatternParser(concepts)
        for category, places in parts["triggers"].items():
            if category not in CATEGORIES:
                raise places.error(f"there is no trigger category '{category}'; {CATEGORIES}")
            for place, body in places.mapping(set(), {"before", "after", "around"}).items():
                kind = _TriggerKind(category, place)  # type: ignore[arg-type]
                for line in _lines(body):
                    self._automaton.add(self._parser.parse(line), kind)
        for name in ("no_trigger", "ignore", "crisis"):
            for line in _lines(parts[name]):
                self._automaton.add(self._parser.parse(line), _Mark(name))
        for name, body in (
            parts["correction"]
            .mapping({"anywhere", "opening", "between", "between_denied"})
            .items()
        ):
            for line in _lines(body):
                self._automaton.add(self._parser.parse(line), _Mark("correction", name))
        for name, body in parts["people"].mapping({"writes_for", "child", "self"}).items():
            for line in _lines(body):
                self._automaton.add(self._parser.parse(line), _Mark("people", name))
        lists = parts["clauses"].mapping(
            {"breaks", "starters", "subordinators", "verbs", "nouns", "body"}
        )
        self._clause_words = read_clause_words({n: body.texts() for n, body in lists.items()})
        self._guarded = frozenset(parts["not_misspelt"].texts())
        self._own_site = frozenset(parts["own_site"].texts())

    def _add_phrase(self, name: str, use: str, pattern: Phrase) -> None:
        if use == _TOPIC:
            self._automaton.add(self._parser.parse(pattern), _Mark("topic", name))
            return
        if use == _IGNORE:
            self._automaton.add(self._parser.parse(pattern), _Mark("ignore", name))
            return
        if pattern.text.startswith("&"):
            sure = pattern.text.startswith(_SURE_KIND)
            words = pattern.text.removeprefix(_SURE_KIND if sure else _KIND)
            self._automaton.add(self._parser.parse(pattern, words), _Kind(name, use, sure))
            return
        pieces = [piece.strip() for piece in f" {pattern.text} ".split(" + ")]
        if len(pieces) == 1:
            text, _, flag = pattern.text.partition(" !")
            flag = flag and f" !{flag}"
            if flag not in ("", _ALWAYS, _DENIED, _ABSENT):
                raise KnowledgeError(pattern.path, pattern.line, f"there is no flag '{flag}'")
            cue = _Cue(
                name,
                use,
                text,
                always=flag == _ALWAYS,
                if_denied=flag == _DENIED,
                absent=flag == _ABSENT,
            )
            self._automaton.add(self._parser.parse(pattern, text), cue)
            return
        number = len(self._conjunctions)
        findings: list[str | None] = []
        for place, piece in enumerate(pieces):
            if piece.startswith("@"):
                findings.append(piece[1:])
            else:
                findings.append(None)
                words = piece.removesuffix(_ASKED)
                part = _Part(number, place, asked=words != piece)
                self._automaton.add(self._parser.parse(pattern, words), part)
        self._conjunctions.append(_Conjunction(name, use, pattern.text, tuple(findings)))

    # Reading

    def read(self, text: str, today: date, known: frozenset[str] = frozenset()) -> Reading:
        """What `text` says.

        Args:
            text: the message as typed.
            today: the day it was written.
            known: findings that are present by earlier messages; a conjunction such as
                hot + swollen may be completed by them.
        """
        words = split(text)
        if not words:
            return Reading()
        quantities = read_quantities(normalise(text), today)
        spans = _word_spans(words, quantities)
        labels = _labels_of(quantities, spans)
        matches = self._automaton.run(words, labels)
        if not matches and not quantities:
            return Reading()
        message = _Message(text, words, Structure(words, self._clause_words))
        marks: dict[str, list[Match[_Meaning]]] = {}
        cues: list[Match[_Cue]] = []
        parts: list[tuple[_Part, int, int]] = []
        triggers: list[Trigger] = []
        for match in matches:
            meaning = match.meaning
            if isinstance(meaning, _Cue):
                cues.append(Match(meaning, match.start, match.end, match.gaps))
            elif isinstance(meaning, _Kind):
                message.kinds.append(Match(meaning, match.start, match.end, match.gaps))
            elif isinstance(meaning, _Part):
                parts.append((meaning, match.start, match.end))
            elif isinstance(meaning, _TriggerKind):
                triggers.append(Trigger(meaning.category, meaning.place, match.start, match.end))
            else:
                marks.setdefault(meaning.kind, []).append(match)
        ignored = [
            (m.start, m.end, m.meaning.name)
            for m in marks.get("ignore", ())
            if isinstance(m.meaning, _Mark)
        ]
        cues = [c for c in cues if not self._ignored(c.meaning.finding, c.start, c.end, ignored)]
        parts = [
            p
            for p in parts
            if not self._ignored(self._conjunctions[p[0].conjunction].finding, p[1], p[2], ignored)
        ]
        kept = self._longest_cues(cues)
        no_triggers = [(m.start, m.end) for m in marks.get("no_trigger", ())]
        message.triggers = _longest_triggers(triggers, no_triggers, kept)
        people = {m.meaning.name for m in marks.get("people", ()) if isinstance(m.meaning, _Mark)}
        message.for_someone_else = "writes_for" in people or (
            "child" in people and "self" not in people
        )
        mentions = [
            mention
            for mention in (self._mention(message, cue, cues) for cue in kept)
            if mention is not None
        ]
        mentions += self._quantity_mentions(message, quantities, spans, mentions)
        mentions += self._conjunction_mentions(message, parts, mentions, known)
        corrections = _correction_cues(message, marks.get("correction", ()), mentions)
        mentions = _corrected(mentions, [start for start, _ in corrections])
        topics = dict.fromkeys(
            m.meaning.name for m in marks.get("topic", ()) if isinstance(m.meaning, _Mark)
        )
        return Reading(
            mentions=self._reconciled(mentions),
            kinds=self._kinds(message),
            topics=tuple(topics),
            crisis=bool(marks.get("crisis")),
            for_someone_else=message.for_someone_else,
            correction=corrections[0] if corrections else None,
            body_part=self._body_part(message),
        )

    def _ignored(
        self, finding: str, start: int, end: int, ignored: Sequence[tuple[int, int, str]]
    ) -> bool:
        """Whether a cue lies in a phrase that only looks like one ("hot yoga").

        A phrase from a question's own file concerns its findings only: "tight chest" is no
        stiffness, and must still be read by the danger signs.
        """
        question = self._questions.get(finding)
        for first, last, owner in ignored:
            if owner and question is not None and question.id != owner:
                continue
            overlaps = start < last and first < end
            wider = start <= first and last <= end and (end - start) > (last - first)
            if overlaps and not wider:
                return True
        return False

    def _longest_cues(self, cues: Sequence[Match[_Cue]]) -> list[Match[_Cue]]:
        """Drops a cue inside a longer one: "locks up at times" is not also "locks up".

        Words in a gap of the longer cue are not part of it ("swollen and stiff for a week"), and
        a side or a place stands beside any other finding ("outside of my left knee").  Of the
        same words with several meanings for one finding, a kind wins over `unspecified`.
        """
        ordered = sorted(
            cues,
            key=lambda c: (
                c.start - c.end,
                c.meaning.value == UNSPECIFIED,
                c.meaning.if_denied,
                c.gaps.bit_count(),
                c.start,
            ),
        )
        kept: list[Match[_Cue]] = []
        for cue in ordered:
            if not any(self._absorbs(other, cue) for other in kept):
                kept.append(cue)
        return sorted(kept, key=lambda cue: (cue.start, cue.end))

    def _absorbs(self, longer: Match[_Cue], cue: Match[_Cue]) -> bool:
        inside = longer.start <= cue.start and cue.end <= longer.end
        overlaps = longer.start < cue.end and cue.start < longer.end
        if longer.meaning.finding == cue.meaning.finding:
            # What reads the words that the other skips over knows better: "swollen ... gone the
            # next day" beats "swollen ... the next day".
            if overlaps and _words_read(longer) & cue.gaps and not _words_read(cue) & longer.gaps:
                return True
            return (overlaps or inside) and (
                cue.meaning.value in (longer.meaning.value, UNSPECIFIED)
                or (inside and longer.end - longer.start > cue.end - cue.start)
                or (longer.start, longer.end) == (cue.start, cue.end)
            )
        question = self._questions.get(cue.meaning.finding)
        if question is not None and question.input == "choice" and not question.ordered:
            return False
        # "It popped and blew up" is a swelling too, which "hot" elsewhere may need.
        if cue.meaning.finding in self._needed:
            return False
        words = sum(1 << index for index in range(cue.start, cue.end))
        return (
            inside and longer.end - longer.start > cue.end - cue.start and not words & longer.gaps
        )

    def _body_part(self, message: _Message) -> str | None:
        if any(norm in ("knee", "knees", "kneecap") for norm in message.structure.norms):
            return None
        for trigger in message.triggers:
            if trigger.category == "elsewhere":
                words = message.structure.norms[trigger.start : trigger.end]
                return " ".join(word for word in words if word not in ("my", "a"))
        return None

    def _said(
        self,
        message: _Message,
        start: int,
        end: int,
        finding: str,
        always: bool = False,
        asked: bool = False,
        gaps: int = 0,
    ) -> Said:
        # "Twisted it in August" tells the kind of the injury; it does not set it aside.
        times = [(k.start, k.end) for k in message.kinds if k.meaning.finding == finding]
        triggers = message.triggers
        if times:
            triggers = [
                trigger
                for trigger in message.triggers
                if trigger.category != "past"
                or not any(first < trigger.end and trigger.start < last for first, last in times)
            ]
        return judge(
            start,
            end,
            triggers,
            message.structure,
            self._clause_words,
            about_someone_else=message.for_someone_else,
            keep_within_sentence=finding in self._danger,
            has_own_site=any(w.norm in self._own_site for w in message.words[start:end]),
            always=always,
            asked=asked,
            gaps=gaps,
        )

    def _kinds(self, message: _Message) -> dict[str, str]:
        findings = dict.fromkeys(kind.meaning.finding for kind in message.kinds)
        told = {one: self._worst_kind(self._kinds_meant(message, one)) for one in findings}
        return {finding: value for finding, value in told.items() if value is not None}

    def _kind_told(self, message: _Message, cue: Match[_Cue]) -> str | None:
        """The kind of a finding that words beside it tell: "when I run" of "sharp pain".

        They stand in the same sentence or the next one ("It is swollen. Goes down overnight.").
        What is said for sure ("still there the next day") beats what is only likely ("for three
        weeks"); of the same sureness the worse kind counts.
        """
        sentence = message.structure.sentence
        return self._worst_kind(
            [
                kind
                for kind in self._kinds_meant(message, cue.meaning.finding)
                if 0 <= sentence[kind.start] - sentence[cue.start] <= 1
            ]
        )

    def _kinds_meant(self, message: _Message, finding: str) -> list[Match[_Kind]]:
        """The kinds of a finding that the message tells and does not deny."""
        if finding not in message.kinds_meant:
            message.kinds_meant[finding] = [
                kind
                for kind in message.kinds
                if kind.meaning.finding == finding
                and not _excepted(message, kind)
                and self._said(message, kind.start, kind.end, finding).polarity != "negated"
            ]
        return message.kinds_meant[finding]

    def _worst_kind(self, kinds: Sequence[Match[_Kind]]) -> str | None:
        if not kinds:
            return None
        values = self._questions[kinds[0].meaning.finding].values
        worst = max(kinds, key=lambda k: (k.meaning.sure, values.index(k.meaning.value)))
        return worst.meaning.value

    def _mention(
        self, message: _Message, match: Match[_Cue], all_cues: Sequence[Match[_Cue]]
    ) -> Mention | None:
        cue, start, end = match.meaning, match.start, match.end
        said = self._said(message, start, end, cue.finding, always=cue.always, gaps=match.gaps)
        generic = cue.value == UNSPECIFIED or any(
            other.meaning.finding == cue.finding
            and other.meaning.value == UNSPECIFIED
            and start <= other.start
            and other.end <= end
            for other in all_cues
        )
        if cue.if_denied and said.polarity != "negated":
            return None
        value: str | int = self._value(cue.finding, cue.value, said.polarity, generic)
        if isinstance(value, str) and value.isdigit():
            value = int(value)
        if value == UNSPECIFIED:
            value = self._kind_told(message, match) or value
            question = self._questions.get(cue.finding)
            if value == UNSPECIFIED and question is not None and question.unspecified is None:
                return None  # its mere mention says nothing: "rest", without how it went
        polarity: Polarity = said.polarity
        if cue.absent:
            if polarity != "present":
                return None
            value, polarity = self._none(cue.finding) or ABSENT, "negated"
        if value == self._none(cue.finding) and polarity == "present":
            polarity = "negated"
        first, last = message.span(start, end)
        return Mention(
            finding=cue.finding,
            value=value,
            start=first,
            end=last,
            polarity=polarity,
            current=said.current,
            uncertain=said.uncertain,
            cue=message.text[first:last],
            reason=f"{said.reason} ({cue.pattern})",
        )

    def _none(self, finding: str) -> str | None:
        """The value that says the finding is not there, if its question has one."""
        question = self._questions.get(finding)
        if question is None or question.signs:
            return ABSENT
        return next((value for value in question.values if value in ("none", "no")), None)

    def _value(self, finding: str, value: str, polarity: Polarity, generic: bool) -> str:
        question = self._questions.get(finding)
        is_sign = question is None or bool(question.signs)
        if polarity == "unknown":
            return UNKNOWN
        if polarity == "negated":
            if is_sign:
                return ABSENT
            # "Not at rest" only rules out that value; "no sharp pain at rest" rules out more,
            # but no more than a person can correct in the summary.
            none = self._none(finding)
            generic = generic or len(question.values) == 2 if question else generic
            return none if generic and none is not None and value != none else value
        return PRESENT if is_sign and value == UNSPECIFIED else value

    def _quantity_mentions(
        self,
        message: _Message,
        quantities: Sequence[Quantity],
        spans: Sequence[tuple[int, int]],
        others: Sequence[Mention],
    ) -> list[Mention]:
        mentions: list[Mention] = []
        for quantity, (start, end) in zip(quantities, spans, strict=True):
            value: str | int
            if quantity.kind == "score":
                finding, value = "pain_score", quantity.value
            elif quantity.kind == "duration":
                finding, value = "duration_days", quantity.value
            elif quantity.kind == "age":
                finding, value = "age_band", age_band(quantity.value)
            else:
                continue
            if finding not in self._questions or start >= end:
                continue
            # A person's age is theirs, whatever part of the body stands beside it.
            said = self._said(message, start, end, finding, always=quantity.kind == "age")
            if _denies_number(message, start):
                # "Not a 7/10" names no other number: nothing is known from it.
                continue
            if quantity.kind == "duration" and (
                self._since_always(message, start, others) or _of_training(message, start)
            ):
                continue
            mentions.append(
                Mention(
                    finding=finding,
                    value=value,
                    start=quantity.start,
                    end=quantity.end,
                    polarity="present",
                    current=said.current,
                    uncertain=said.uncertain or quantity.uncertain,
                    cue=message.text[quantity.start : quantity.end],
                    reason=said.reason,
                )
            )
        if not any(m.finding == _DURATION and m.current for m in mentions):
            mentions += self._time_of(message, quantities, spans, others)
        return _worst_of_today(message, mentions)

    def _since_always(self, message: _Message, start: int, others: Sequence[Mention]) -> bool:
        """Whether the time is that of a lasting fact: "a metal knee since 2015"."""
        first, last = message.structure.clause_bounds(start)
        span = message.span(first, last)
        here = [m for m in others if m.start < span[1] and span[0] < m.end and m.current]
        return bool(here) and all(self._background_sign(m.finding) for m in here)

    def _background_sign(self, finding: str) -> bool:
        return finding in self._lasting

    def _time_of(
        self,
        message: _Message,
        quantities: Sequence[Quantity],
        spans: Sequence[tuple[int, int]],
        others: Sequence[Mention],
    ) -> list[Mention]:
        """How long it has lasted, where only the beginning is told: "twisted it on Sunday".

        A time ago in the sentence of an injury, or up to two weeks ago in that of a symptom.
        """
        found: list[tuple[bool, int, Quantity]] = []
        for quantity, (start, end) in zip(quantities, spans, strict=True):
            if quantity.kind != "ago" or start >= end:
                continue
            sentence = message.structure.sentence[start]
            for mention in others:
                if not mention.raises or mention.finding in self._lasting:
                    continue
                question = self._questions[mention.finding]
                is_injury = question.id == _INJURY
                longest = _YEAR if is_injury else RECENT_DAYS
                if quantity.value > longest or not (is_injury or _is_symptom(question)):
                    continue
                if start and message.structure.norms[start - 1] in ("than", "as", "like"):
                    continue
                if sentence in _sentences(message, mention):
                    found.append((is_injury, quantity.value, quantity))
        if not found or _DURATION not in self._questions:
            return []
        _, days, quantity = max(found, key=lambda one: one[:2])
        return [
            Mention(
                finding=_DURATION,
                value=days,
                start=quantity.start,
                end=quantity.end,
                polarity="present",
                current=True,
                uncertain=quantity.uncertain,
                cue=message.text[quantity.start : quantity.end],
                reason="when it began",
            )
        ]

    def _conjunction_mentions(
        self,
        message: _Message,
        parts: Sequence[tuple[_Part, int, int]],
        mentions: Sequence[Mention],
        known: frozenset[str],
    ) -> list[Mention]:
        """The mentions of cues that count together ("hot" + "swollen").

        The whole is as strong as its weakest part: set aside if one is, unknown if one is, and
        not there if one is.  A part that is denied alone ("no fever") denies the whole, so that a
        correction can take it back; outside corrections a denied danger sign changes nothing, and
        beside another conjunction that is there ("hot and swollen, no fever") it does not count.
        """
        found: list[Mention] = []
        for number, conjunction in enumerate(self._conjunctions):
            strongest: list[Mention | None] = []
            denied: list[Mention] = []
            for place, finding in enumerate(conjunction.parts):
                if finding is None:
                    options = [
                        self._part_mention(message, conjunction.finding, part, start, end)
                        for part, start, end in parts
                        if part.conjunction == number and part.place == place
                    ]
                    denied.extend(
                        replace(self._together(message, conjunction, [option]), in_part=True)
                        for option in options
                        if option.polarity == "negated" and option.current
                    )
                else:
                    name, _, value = finding.partition("=")
                    options = [m for m in mentions if m.finding == name and value in ("", m.value)]
                    heard = any(option.raises for option in options)
                    if not value and not heard and name in known:
                        strongest.append(None)
                        continue
                if not options:
                    break
                strongest.append(min(options, key=_weakness))
            else:
                real = [mention for mention in strongest if mention is not None]
                together = self._together(message, conjunction, real) if real else None
                # A choice is settled by its words once the condition holds: "no limp" of a child.
                is_choice = bool(self._questions[conjunction.finding].choices)
                if together is not None and (together.polarity != "negated" or is_choice):
                    found.append(together)
            found.extend(denied)
        return found

    def _part_mention(
        self, message: _Message, finding: str, part: _Part, start: int, end: int
    ) -> Mention:
        said = self._said(message, start, end, finding, asked=part.asked)
        first, last = message.span(start, end)
        return Mention(
            finding, PRESENT, first, last, said.polarity, said.current, said.uncertain,
            message.text[first:last], said.reason,
        )  # fmt: skip

    def _together(
        self, message: _Message, conjunction: _Conjunction, parts: Sequence[Mention]
    ) -> Mention:
        weakest = max(parts, key=_weakness)
        cue = " + ".join(part.cue for part in sorted(parts, key=lambda part: part.start))
        return Mention(
            finding=conjunction.finding,
            value=self._value(conjunction.finding, conjunction.value, weakest.polarity, True),
            start=min(part.start for part in parts),
            end=max(part.end for part in parts),
            polarity=weakest.polarity,
            current=all(part.current for part in parts),
            uncertain=any(part.uncertain for part in parts),
            cue=cue,
            reason=f"{weakest.reason} ({conjunction.pattern})",
        )

    def _reconciled(self, mentions: Sequence[Mention]) -> tuple[Mention, ...]:
        """One current mention a finding: what is there beats what is not, kind beats no kind."""
        kept: list[Mention] = []
        by_finding: dict[str, list[Mention]] = {}
        for mention in mentions:
            by_finding.setdefault(mention.finding, []).append(mention)
        for finding, group in by_finding.items():
            current = [mention for mention in group if mention.current and self._tells(mention)]
            if current:
                kept.append(self._strongest(finding, current))
            elif aside := [mention for mention in group if not mention.current]:
                kept.append(aside[0])
        return tuple(sorted(kept, key=lambda mention: (mention.start, mention.finding)))

    def _tells(self, mention: Mention) -> bool:
        """False for "not the left one" and "not at rest": ruling out one kind leaves the others."""
        question = self._questions.get(mention.finding)
        if mention.polarity != "negated" or question is None or question.signs:
            return True
        return mention.value == self._none(mention.finding)

    def _strongest(self, finding: str, current: Sequence[Mention]) -> Mention:
        there = [mention for mention in current if mention.polarity == "present"]
        unsure = [mention for mention in current if mention.polarity == "unknown"]
        question = self._questions.get(finding)
        if not there:
            return (unsure or list(current))[0]
        if question is None or question.signs:
            return min(there, key=lambda mention: mention.uncertain)
        if question.number is not None:
            return max(there, key=lambda mention: mention.value)
        kinds = [mention for mention in there if mention.value != UNSPECIFIED]
        if not kinds:
            return there[0]
        values = question.values
        if "both" in values and len({mention.value for mention in kinds}) > 1:
            return replace(kinds[0], value="both", end=max(mention.end for mention in kinds))
        if question.ordered:
            return max(kinds, key=lambda m: values.index(str(m.value)) if m.value in values else -1)
        return kinds[0]


def _lines(body: Located) -> list[Phrase]:
    return [Phrase(child.text(), child.path, child.line) for child in body.elements()]


def _word_spans(words: Sequence[Word], quantities: Sequence[Quantity]) -> list[tuple[int, int]]:
    """The word offsets of each quantity."""
    spans = []
    index = 0
    for quantity in quantities:
        while index < len(words) and words[index].end <= quantity.start:
            index += 1
        end = index
        while end < len(words) and words[end].start < quantity.end:
            end += 1
        spans.append((index, end))
    return spans


def _labels_of(
    quantities: Sequence[Quantity], spans: Sequence[tuple[int, int]]
) -> dict[int, list[str]]:
    labels: dict[int, list[str]] = {}
    for quantity, (start, end) in zip(quantities, spans, strict=True):
        names = []
        if quantity.kind in ("duration", "span") and quantity.value >= 1:
            names.append("#days")
        if quantity.kind == "duration" and quantity.value >= 1:
            names.append("#lasting")
        if quantity.kind in ("duration", "ago"):
            names.append("#recent" if quantity.value <= RECENT_DAYS else "#older")
        if quantity.kind == "ago":
            if quantity.value >= _PAST_DAYS:
                names.append("#past")
            if quantity.value <= _YEAR:
                names.append("#within_year")
        if quantity.kind in ("age", "score"):
            names.append(f"#{quantity.kind}")
        for index in range(start, end):
            labels.setdefault(index, []).extend(names)
    return labels


def _longest_triggers(
    triggers: Sequence[Trigger],
    no_triggers: Sequence[tuple[int, int]],
    cues: Sequence[Match[_Cue]],
) -> list[Trigger]:
    """Drops triggers inside a cue, inside a phrase that is none, or begun inside an earlier one.

    "Not" in "cannot bend" belongs to the cue; "if it" in "not sure if it ..." is no hypothesis.
    A time or a place stays a trigger even inside a cue: it may be that of something else too.
    """
    kept: list[Trigger] = []
    for trigger in sorted(triggers, key=lambda t: (t.start, t.start - t.end)):
        if any(first <= trigger.start and trigger.end <= last for first, last in no_triggers):
            continue
        if trigger.category not in ("past", "elsewhere") and any(
            cue.start <= trigger.start
            and trigger.end <= cue.end
            # The "no" of "no pain or swelling" goes on after the cue that it belongs to.
            and not (trigger.category == "negation" and cue.meaning.value in ("none", "0"))
            and not _span_bits(trigger.start, trigger.end) & cue.gaps
            for cue in cues
        ):
            continue
        if any(
            other.start <= trigger.start < other.end and trigger.category != "elsewhere"
            for other in kept
            if other.end - other.start > 1
            or (other.start, other.end) == (trigger.start, trigger.end)
            if (other.place, other.category) == (trigger.place, trigger.category)
            or other.start < trigger.start
            or other.end - other.start > trigger.end - trigger.start
        ):
            continue
        kept.append(trigger)
    return kept


def _is_symptom(question: Question) -> bool:
    return question.ordered or bool(question.signs)


def _sentences(message: _Message, mention: Mention) -> range:
    """The sentences that a mention lies in."""
    inside = [
        message.structure.sentence[index]
        for index, word in enumerate(message.words)
        if word.start < mention.end and mention.start < word.end
    ]
    return range(min(inside), max(inside) + 1)


def _excepted(message: _Message, kind: Match[_Kind]) -> bool:
    """Whether it is said to be well then: "fine when I walk", "walking on the flat is ok"."""
    norms = message.structure.norms
    before = norms[max(0, kind.start - 2) : kind.start]
    after = []
    for norm in norms[kind.end : kind.end + 4]:
        if norm in (".", ",", "but", "and"):
            break
        after.append(norm)
    return any(norm in _WELL for norm in (*before, *after))


def _of_training(message: _Message, start: int) -> bool:
    """Whether a length of time is that of a plan or a holiday: no word of the knee is near."""
    first, last = message.structure.clause_bounds(start)
    norms = set(message.structure.norms[first:last])
    return not norms.isdisjoint(_PLANS) and norms.isdisjoint(_TROUBLE)


def _denies_number(message: _Message, start: int) -> bool:
    """Whether a "not" stands right before a number; "not that bad, 4/10" is no denial."""
    before = message.structure.norms[max(0, start - 3) : start]
    return any(
        norm in ("not", "never", "no") and not set(before[index + 1 :]) - _BEFORE_A_NUMBER
        for index, norm in enumerate(before)
    )


def _worst_of_today(message: _Message, mentions: Sequence[Mention]) -> list[Mention]:
    """Leaves out a score of last week, or of a bad day, where there is one of now."""
    scores = [m for m in mentions if m.finding == "pain_score"]
    if len(scores) < 2:
        return list(mentions)
    now = [m for m in scores if _NOW.search(message.text[max(0, m.start - 20) : m.start].lower())]
    if now:
        return [m for m in mentions if m not in scores or m in now]
    then = []
    for score in scores:
        at = next(i for i, word in enumerate(message.words) if word.end > score.start)
        first, last = message.structure.clause_bounds(at)
        end = message.words[last - 1].end
        clause = message.text[message.words[first].start : end].lower()
        if _NOT_TODAY.search(clause.split(", yesterday")[0]):
            then.append(score)
    return [m for m in mentions if m not in then or len(then) == len(scores)]


def _span_bits(start: int, end: int) -> int:
    return (1 << end) - (1 << start)


def _words_read(match: Match[_Cue]) -> int:
    """Bit mask of the words that the pattern itself names."""
    return _span_bits(match.start, match.end) & ~match.gaps


def _correction_cues(
    message: _Message, marks: Sequence[Match[_Meaning]], mentions: Sequence[Mention]
) -> list[tuple[int, int]]:
    """Character offsets of the words that take something back, in order.

    An `opening` phrase ("actually it is not") counts only at the beginning of a sentence, one
    `between` only between two values of one finding ("left, sorry, right", "not left but right").
    """
    cues = []
    for mark in marks:
        where = mark.meaning.name if isinstance(mark.meaning, _Mark) else ""
        start, end = message.span(mark.start, mark.end)
        opens = mark.start == 0 or message.words[mark.start - 1].norm == "."
        between = where.startswith("between") and any(
            one.finding == other.finding
            and not (one.in_part or other.in_part)
            and (where == "between" or (one.polarity, other.polarity) == ("negated", "present"))
            and (one.value, one.polarity) != (other.value, other.polarity)
            and (one.end <= start and end <= other.start)
            and other.start - one.end <= _CLOSE
            for one in mentions
            for other in mentions
        )
        if where == "anywhere" or (where == "opening" and opens) or between:
            cues.append((start, end))
    return sorted(cues)


def _corrected(mentions: Sequence[Mention], corrections: Sequence[int]) -> list[Mention]:
    """Sets aside what the person corrects in the same message ("left, sorry, right")."""
    if not corrections:
        return list(mentions)
    result = []
    for mention in mentions:
        corrected = any(
            mention.end <= at <= other.start
            and other.finding == mention.finding
            and not other.in_part
            for at in corrections
            for other in mentions
        )
        result.append(
            replace(mention, current=False, reason="corrected later in the message")
            if corrected
            else mention
        )
    return result


def _weakness(mention: Mention) -> int:
    """0 for present now, more for what counts less."""
    if not mention.current:
        return 3
    return {"present": 0, "unknown": 1, "negated": 2}[mention.polarity]


@lru_cache(maxsize=1)
def shared_reader() -> Reader:
    """The reader over the product's own catalogue; making one takes most of a second."""
    return Reader(load_catalogue())
