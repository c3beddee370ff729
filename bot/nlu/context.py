"""How a finding was said: negated, past, hypothetical, somebody else's, unsure.

The method is NegEx and its extension ConText: trigger phrases with a direction and a scope that
ends at the clause (Chapman et al., J Biomed Inform 2001;34:301-310; Harkema et al., J Biomed Inform
2009;42:839-851).  The triggers are data (`triggers` in language.yaml).  Added to the published
method, because people do not write like discharge letters:

- lists: "no swelling, redness or heat" negates all three, "no injury, swollen since Monday" only
  the first (a noun may continue a list after "no"; after "not" the list needs an "or");
- clauses without punctuation: "no fever it clicks" ends at "it";
- resolution reaches back over a clause without a subject: "it swelled up but is fine now".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from bot.nlu.tokens import Word

Polarity = Literal["present", "negated", "unknown"]
Place = Literal["before", "after", "around"]

CATEGORIES = (
    "negation", "double_negation", "unknown", "uncertain", "past", "resolved", "hypothetical",
    "other_person", "elsewhere",
)  # fmt: skip

# Scopes in words.  NegEx uses 5 or 6; lists and "I do not have any ..." need a little more.
_NEGATION_REACH = 9
_UNCERTAIN_REACH = 5
_AFTER_REACH = 6
_HYPOTHESIS_REACH = 10
_SETS_ASIDE = frozenset({"past", "resolved", "hypothetical", "other_person", "elsewhere"})
_KNEE = frozenset({"knee", "knees", "kneecap", "leg", "joint"})
# "It swelled years ago and is swollen again": these bring the past up to now.
_STILL = frozenset({"still", "again", "since", "ever", "now"})
_AND = frozenset({"and", "plus"})
_OR = frozenset({"or", "nor", "/"})
_DETERMINERS = frozenset({"no", "without", "zero", "nil", "any", "neither", "none", "free"})


_DENIES = frozenset({"not", "no", "never", "without", "nothing", "none"})
_BEFORE_SOMEBODY = frozenset(
    {"with", "on", "at", "by", "over", "from", "to", "behind", "against", "near", "beside"}
)
_BEFORE_JUST = frozenset({"not", "is", "'s", "its", "am"})
# After these, "my knee" is an object or a place and begins no clause.
_BEFORE_AN_OBJECT = frozenset(
    {"of", "in", "on", "with", "to", "for", "at", "around", "behind", "under", "below", "above",
     "over", "by", "side", "than", "bend", "straighten", "move", "lift", "twisted", "hurt",
     "banged", "hit", "knocked", "through", "from", "inside", "outside", "is", "are", "has",
     "about", "have", "feel", "put"}
)  # fmt: skip


class Trigger(NamedTuple):
    """A trigger phrase in a message: its category, where it stands to the cue, word offsets."""

    category: str
    place: Place
    start: int
    end: int


@dataclass(frozen=True)
class Said:
    """How one cue was said.

    Attributes:
        polarity: present, negated or unknown ("not sure about the numbness").
        current: False for past, resolved, hypothetical, somebody else's, or another body part.
        uncertain: the person hedged ("maybe a bit puffy").
        reason: the trigger category that decided and its words, or "said" when none did.
    """

    polarity: Polarity
    current: bool
    uncertain: bool
    reason: str


@dataclass(frozen=True)
class ClauseWords:
    """The words that structure a message.

    Attributes:
        breaks: begin a new clause wherever they stand ("but", "however", "just").
        starters: begin a new clause after a comma or "and" ("it", "my", "there").
        subordinators: "if", "that", "sure" ...: what follows belongs to the same clause.
        verbs: after these, "it" is a subject ("it clicks"), elsewhere an object ("on it").
        nouns: cues that may continue a list after "no".
        body: words that are a subject of their own ("knee").
    """

    breaks: frozenset[str]
    starters: frozenset[str]
    subordinators: frozenset[str]
    verbs: frozenset[str]
    nouns: frozenset[str]
    body: frozenset[str]


class Structure:
    """The sentences and clauses of a message."""

    def __init__(self, words: Sequence[Word], language: ClauseWords) -> None:
        self.norms = [word.norm for word in words]
        self.sentence: list[int] = []
        self.clause: list[int] = []
        self._clause_start: dict[int, int] = {}
        self._clause_end: dict[int, int] = {}
        sentence = clause = 0
        previous = ""
        for index, norm in enumerate(self.norms):
            if index and self._begins_clause(index, norm, previous, language):
                clause += 1
            if previous == "." and norm != ".":
                sentence += 1
            self.sentence.append(sentence)
            self.clause.append(clause)
            self._clause_start.setdefault(clause, index)
            self._clause_end[clause] = index + 1
            previous = norm

    def _begins_clause(self, index: int, norm: str, previous: str, language: ClauseWords) -> bool:
        if norm in (".", ",", "-", ":"):
            return False
        if previous == ".":
            return True
        following = self.norms[index + 1] if index + 1 < len(self.norms) else ""
        if norm in language.breaks:
            # "Not just swollen" and "just" after "it is" do not break.
            return norm not in ("just", "only") or previous not in _BEFORE_JUST
        soft = previous in (",", "-", ":", "/", "and", "so", "then", "because", "plus", "&")
        if norm in language.starters and soft:
            return True
        if previous in language.subordinators:
            return False
        if norm in ("i", "its", "there"):
            return True
        if norm in ("my", "the") and following in language.body:
            return previous not in _BEFORE_AN_OBJECT
        return norm in ("it", "he", "she", "they") and following in language.verbs

    def clause_bounds(self, index: int) -> tuple[int, int]:
        """Word offsets of the clause that word `index` belongs to, end exclusive."""
        clause = self.clause[index]
        return self._clause_start[clause], self._clause_end[clause]


def judge(
    start: int,
    end: int,
    triggers: Sequence[Trigger],
    structure: Structure,
    language: ClauseWords,
    *,
    about_someone_else: bool = False,
    keep_within_sentence: bool = False,
    has_own_site: bool = False,
    always: bool = False,
    asked: bool = False,
    gaps: int = 0,
) -> Said:
    """How the cue at words `start`..`end` was said.

    Args:
        triggers: all trigger phrases of the message; those inside the cue are part of it.
        about_someone_else: the person writes on behalf of another, whose case this is, so
            "my son" is no reason to set the finding aside.
        keep_within_sentence: for danger signs: "I am fine now" in the next sentence is not
            enough to set the sign aside.
        has_own_site: the cue names its own body part, so another one beside it changes nothing.
        gaps: bit mask of words that only fill a gap of the cue: a trigger there is no part of it
            ("twisted my ankle yesterday").
        always: what is said stays true whenever and wherever it happened ("artificial knee").
        asked: a question or a worry about the cue does not set it aside.
    """
    excused = {
        *(("other_person",) if about_someone_else else ()),
        *(("elsewhere",) if has_own_site or always else ()),
        *(("past", "resolved") if always else ()),
        *(("hypothetical",) if asked else ()),
    }
    covering: dict[str, Trigger] = {}
    aside: Trigger | None = None
    for trigger in triggers:
        inside = start <= trigger.start and trigger.end <= end
        if inside and not all(gaps >> index & 1 for index in range(trigger.start, trigger.end)):
            continue
        if trigger.category == "uncertain" and trigger.start < end and start < trigger.end:
            continue
        if trigger.category in excused:
            continue
        if _covers(trigger, start, end, structure, language, keep_within_sentence):
            covering[trigger.category] = trigger
            if aside is None and trigger.category in _SETS_ASIDE:
                aside = trigger
    polarity: Polarity = "present"
    decided = aside
    # Two negations are one in everyday speech ("ain't got no swelling"); true double negations
    # are triggers of their own.
    if "negation" in covering and "double_negation" not in covering:
        polarity = "negated"
        decided = decided or covering["negation"]
    elif "unknown" in covering:
        polarity = "unknown"
        decided = decided or covering["unknown"]
    decided = decided or covering.get("uncertain")
    reason = "said"
    if decided is not None:
        words = " ".join(structure.norms[decided.start : decided.end])
        reason = f"{decided.category}: {words}"
    hedged = "uncertain" in covering or "unknown" in covering
    return Said(polarity, aside is None, hedged, reason)


def _covers(
    trigger: Trigger,
    start: int,
    end: int,
    structure: Structure,
    language: ClauseWords,
    keep_within_sentence: bool,
) -> bool:
    """Whether the trigger's scope holds the cue."""
    before_cue = trigger.start < start
    if start <= trigger.start < end:
        return trigger.place == "around"
    if trigger.place == ("after" if before_cue else "before"):
        return False
    anchor = trigger.end - 1 if before_cue else trigger.start
    edge = start if before_cue else end - 1
    same_clause = structure.clause[anchor] == structure.clause[edge]
    same_sentence = structure.sentence[anchor] == structure.sentence[edge]
    category = trigger.category
    if category in ("negation", "double_negation", "unknown"):
        if before_cue:
            return same_clause and _denied_before(trigger, start, structure, language)
        return _denied_after(trigger, start, end, structure, language, keep_within_sentence)
    if category == "uncertain":
        distance = start - trigger.end if before_cue else trigger.start - end
        return same_clause and distance <= _UNCERTAIN_REACH
    if category == "resolved" and not before_cue and not same_clause:
        return _reaches_back(trigger, start, end, structure, language, keep_within_sentence)
    if category == "other_person":
        if before_cue and _in_passing(trigger, structure):
            return False
        return same_sentence and _still_about_them(trigger, start, structure)
    if category == "hypothetical" and not same_clause:
        return before_cue and same_sentence and _goes_on(trigger, start, structure, language)
    if category in ("past", "elsewhere"):
        if not same_clause:
            carries = _same_subject if category == "elsewhere" else _frames
            return before_cue and same_sentence and carries(trigger, start, structure, language)
        first, last = structure.clause_bounds(edge)
        lifted_by = _STILL if category == "past" else _KNEE
        return not any(norm in lifted_by for norm in structure.norms[first:last])
    return same_clause


def _denied_before(
    trigger: Trigger, start: int, structure: Structure, language: ClauseWords
) -> bool:
    """Whether "no" or "not" before a cue reaches it."""
    if _DENIES.intersection(structure.norms[start : trigger.end]):
        return False  # the cue says it itself: "not painful"
    near = start - trigger.end <= _NEGATION_REACH
    return near and _reaches(trigger, start, structure, language)


def _denied_after(
    trigger: Trigger,
    start: int,
    end: int,
    structure: Structure,
    language: ClauseWords,
    keep_within_sentence: bool,
) -> bool:
    """Whether "none", "is not there" or "not sure" after a cue speaks of it."""
    if trigger.end - trigger.start == 1 and not _ends(trigger.end, structure):
        return False  # "swelling: no", but not "29 and no swelling"
    if structure.clause[trigger.start] != structure.clause[end - 1]:
        return trigger.category == "unknown" and _reaches_back(
            trigger, start, end, structure, language, keep_within_sentence
        )
    between = structure.norms[end : trigger.start]
    return len(between) <= _AFTER_REACH and "," not in between


def _still_about_them(trigger: Trigger, start: int, structure: Structure) -> bool:
    """Someone else stays the subject until the person speaks of themselves again."""
    between = structure.norms[trigger.end : start]
    return not any(
        norm in ("i", "me")
        or (norm == "mine" and (not index or between[index - 1] != "of"))
        or (norm == "my" and index + 1 < len(between))
        for index, norm in enumerate(between)
    )


def _in_passing(trigger: Trigger, structure: Structure) -> bool:
    """Whether somebody is only named: "playing with my son", "on my kids trampoline"."""
    before = structure.norms[trigger.start - 1] if trigger.start else ""
    after = structure.norms[trigger.end] if trigger.end < len(structure.norms) else ""
    return before in _BEFORE_SOMEBODY and after not in ("'s", "knee", "knees")


def _goes_on(trigger: Trigger, start: int, structure: Structure, language: ClauseWords) -> bool:
    """A hypothesis goes on over "and": "what if it gets hot and it swells"."""
    between = structure.norms[trigger.end : start]
    return len(between) <= _HYPOTHESIS_REACH and not any(
        norm in language.breaks or norm in (",", "so", "because") for norm in between
    )


# Words of the present: "years ago I tore it, now it locks" is about now.
_PRESENT_TENSE = frozenset(
    {"now", "today", "currently", "since", "still", "again", "ever", "is", "'s", "are", "am",
     "has", "have", "'ve", "'m", "can", "does", "do", "feels", "hurts", "keeps", "looks", "gets",
     "will", "swells", "locks", "clicks", "aches", "yesterday", "tonight", "this", "been",
     "aching", "hurting"}
)  # fmt: skip


def _frames(trigger: Trigger, start: int, structure: Structure, language: ClauseWords) -> bool:
    """Whether a time at the beginning of the sentence holds for a later clause of it.

    "When I was 14 my knee locked and I was carried off": it does until a word of the present.
    """
    first = trigger.start
    while first and structure.sentence[first - 1] == structure.sentence[trigger.start]:
        first -= 1
        if structure.norms[first] not in ("and", "but", "so", ",", ".", "well", "i", "had"):
            return False
    _, last = structure.clause_bounds(start)
    between = structure.norms[trigger.end : last]
    return not any(norm in _PRESENT_TENSE for norm in between)


def _same_subject(
    trigger: Trigger, start: int, structure: Structure, language: ClauseWords
) -> bool:
    """Whether "my calf is sore but not swollen" still speaks of the calf: no new subject came."""
    between = structure.norms[trigger.end : start]
    subjects = language.body | {"it", "i", "he", "she", "they", "there", ",", "this", "that"}
    return structure.clause[start] - structure.clause[trigger.end - 1] == 1 and not any(
        norm in subjects or norm in _KNEE for norm in between
    )


def _ends(index: int, structure: Structure) -> bool:
    """Whether a clause ends before word `index`."""
    return (
        index >= len(structure.norms)
        or structure.norms[index] in (".", ",", "-")
        or structure.clause[index] != structure.clause[index - 1]
    )


def _reaches(trigger: Trigger, start: int, structure: Structure, language: ClauseWords) -> bool:
    """Whether a negation before the cue goes on over the commas and "and"s between them."""
    norms = structure.norms
    determiner = any(norm in _DETERMINERS for norm in norms[trigger.start : trigger.end])
    _, clause_end = structure.clause_bounds(start)
    noun = norms[start] in language.nouns or norms[start].endswith(("ing", "ness"))
    for index in range(trigger.end, start):
        norm = norms[index]
        if norm in ("because", "since", "so", "when", "after", "as", "if", "until", "which"):
            return False
        if norm in (",", "-", ":"):
            listed = any(word in _OR for word in norms[index + 1 : clause_end])
            if not listed and not (determiner and noun):
                return False
        elif norm in _AND and not (determiner and noun):
            return False
    return True


def _reaches_back(
    trigger: Trigger,
    start: int,
    end: int,
    structure: Structure,
    language: ClauseWords,
    keep_within_sentence: bool,
) -> bool:
    """Whether "... is fine now" or "not sure" speaks of what the clause before it said.

    It does when its own clause names no subject: "it swelled up last year but is fine now".
    """
    if trigger.start < end:
        return False
    first, _ = structure.clause_bounds(trigger.start)
    own = structure.norms[first : trigger.start]
    if any(norm in language.body or norm in language.nouns for norm in own):
        return False
    sentences = structure.sentence[trigger.start] - structure.sentence[end - 1]
    if sentences == 0:
        return structure.clause[trigger.start] - structure.clause[end - 1] <= 2
    if keep_within_sentence and trigger.category == "resolved":
        return False
    return sentences == 1 and structure.clause[first] - structure.clause[end - 1] == 1


def read_clause_words(lists: Mapping[str, Sequence[str]]) -> ClauseWords:
    """The clause words from their lists in language.yaml."""
    return ClauseWords(**{name: frozenset(words) for name, words in lists.items()})
