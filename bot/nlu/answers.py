"""Reads a message as the answer to the question that is open.

"No", "2", "both" or "a bit" mean nothing by themselves; the open question gives them a meaning.
`read_answer` is pure.  It answers with a wire value, with a problem to ask about, or with nothing
when the message is no answer: it never guesses, least of all about danger signs.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Union

from bot.clinical.model import UNKNOWN, Question
from bot.nlu.quantities import RECENT_DAYS, age_band, number, read_quantities
from bot.nlu.reading import shared_reader
from bot.nlu.tokens import normalise, split

WHICH_ONES = "which_ones"
WHICH_KIND = "which_kind"
OUT_OF_RANGE = "out_of_range"

WireValue = Union[str, int, list[str]]  # noqa: UP007  # evaluated at run time


@dataclass(frozen=True)
class AnswerReading:
    """A message read as an answer.

    Attributes:
        value: a choice value, a list of sign ids (`[]` = none of these), a whole number or
            `unknown`; None when the message does not answer the question.
        problem: `which_ones`, `which_kind` or `out_of_range`: what to ask; the value is None then.
        words: what the wording of the problem needs (`lowest` and `highest`).
    """

    value: WireValue | None = None
    problem: str | None = None
    words: Mapping[str, str] = field(default_factory=dict)


_NOTHING = AnswerReading()

_FILLERS = frozenset(
    {"please", "thanks", "thank", "you", "cheers", "mate", "um", "uh", "erm", "hmm", "hm",
     "well", "so", "oh", "ah", "just", "i", "think", "really", "at", "all", "of", "these",
     "those", "them", "that", "the", "above", "to", "me", "for", "as", "far", "know", "aware",
     "can", "tell", "say", "today", "right", "now", "currently", "here", "with", "my", "knee",
     "knees", "it", "in", "honestly", "actually", "luckily", "thankfully", "fortunately",
     "yet", "any", "either", "apply", "applies", "sir", "doc", "doctor", "lol", "haha", "ok",
     "okay", "good", "is", "am", "fine", "do", "does", "have", "has", "got", "had", "did",
     "not", "was", "been", "would", "like", "would've", "this", "a", "thing", "things",
     "applicable", "none", "no", "nope", "nah", "yes", "yeah", "yep", "definitely",
     "certainly", "sure", "absolutely", "signs", "sign", "symptoms"}
)  # fmt: skip
_NO = frozenset(
    {"no", "nope", "nah", "n", "naw", "nay", "negative", "non", "noo", "never", "neither"}
)
_YES = frozenset(
    {"yes", "yeah", "yep", "yup", "y", "ya", "yea", "aye", "yess", "correct", "affirmative",
     "definitely", "absolutely", "certainly", "yh", "ye", "indeed", "sure", "ok", "okay"}
)  # fmt: skip
_NONE = re.compile(
    r"^(?:(?:no |nope |nah )?(?:none|nothing|nil|zero|not any|not a one|neither)"
    r"(?: of (?:these|those|them|the above|that|it|the things|this|the signs|your list))?"
    r"(?: apply| applies| at all| really| above| like that| here| i know of| for me| to me)*"
    r"(?: that i (?:know of|am aware of|can tell|can think of|noticed))?"
    r"|(?:no )?not (?:really|at all|yet|that i know of|that i am aware of|as far as i know|me|"
    r"so far)"
    r"|(?:no |nope )?i (?:do not|have not|am not|did not|can not say i do)"
    r"(?: think so| really| got any| have any| have (?:any of )?(?:these|those|them)"
    r"| have| yet| had any| had)?"
    r"|(?:no )?(?:it|that) (?:is not|does not|did not|has not|was not)"
    r"|(?:i )?(?:do not|did not) think so|(?:no )?all (?:good|fine|clear|ok|okay|normal)"
    r"|(?:no )?(?:hardly|not much|not one|no way|no sir|n a|na))$"
)
_UNSURE = re.compile(
    r"^(?:(?:i am |im |am )?(?:not|never) (?:really |quite |too |entirely |so |very |totally )?"
    r"(?:sure|certain)|unsure|dunno|do not know|i do not (?:really )?know|idk|no idea|no clue|"
    r"i have no (?:idea|clue)|who knows|hard to (?:say|tell|know)|difficult to (?:say|tell)|"
    r"(?:i )?can not (?:say|tell|remember|recall)|not clear|unclear|maybe|perhaps|possibly|"
    r"could be|might be|i guess|can not be sure|beats me|i forget|forgot|i wonder|"
    r"haven't a clue|have not a clue|have not (?:checked|noticed|looked)|unknown|"
    r"maybe not|could not say|i could not (?:say|tell))\b"
)
_ALL = re.compile(
    r"^(?:yes )?(?:all|every one|everything|the lot|all of (?:them|these|those|it|the above)|"
    r"every single one|both|both of (?:them|these|those))$"
)
_A_BIT = re.compile(
    r"^(?:yes |yeah |just |only |maybe )?(?:a (?:bit|little|touch|tad|little bit|wee bit|smidge)|"
    r"slightly|mildly|somewhat|kind of|kinda|sort of|sorta|a little bit|bit|mild|slight|barely)$"
)
_NO_PAIN = frozenset({"no", "no pain", "no pain at all"})
_ORDINALS = {
    "first": 1, "1st": 1, "second": 2, "2nd": 2, "third": 3, "3rd": 3, "fourth": 4, "4th": 4,
    "fifth": 5, "5th": 5, "sixth": 6, "6th": 6, "seventh": 7, "7th": 7, "eighth": 8, "8th": 8,
    "ninth": 9, "9th": 9, "top": 1, "former": 1, "last": -1, "bottom": -1, "latter": -1,
}  # fmt: skip
_LETTERS = {letter: place for place, letter in enumerate("abcdefghi", start=1)}
_LIST_WORDS = frozenset(
    {"the", "one", "ones", "number", "numbers", "option", "options", "and", "or", "answer",
     "answers", "choice", "choices", "no.", "nr", "#", "&", ",", "plus", "also", "it", "is",
     "its", "please", "i", "would", "say", "think", "probably", "my", "pick", "with", "go",
     "for", "pls", "both", ".", "on", "list"}
)  # fmt: skip
_THUMBS_UP = "\U0001f44d"
_THUMBS_DOWN = "\U0001f44e"


def read_answer(
    text: str,
    question: Question,
    entities: Sequence[Mapping[str, Any]],
    today: date,
) -> AnswerReading:
    """Reads `text` as the answer to `question`.

    Args:
        text: the message as typed.
        question: the open question as it was put, with only the choices or signs offered.
        entities: the extractor's findings in the message; what they say of this question has
            been taken already, so "no" beside an affirmed sign is not read as "none".
        today: the day of the message, for "since Tuesday".
    """
    if any(
        entity.get("entity") in question.findings
        and entity.get("current", True)
        and entity.get("polarity") != "negated"
        for entity in entities
    ):
        return _NOTHING
    plain = normalise(text).strip()
    words = [word.norm for word in split(text) if word.norm != "."]
    line = re.sub(r" (?:,|-|:)(?= |$)", "", " ".join(words))
    line = re.sub(
        r"^(?:um|uh|erm|hmm|well|so|oh|ok|okay|i would say|i think|honestly|actually)\s+(?=\w)",
        "",
        line,
    )
    line = re.sub(
        r"\s+(?:please|thanks|thank you|mate|pls|i think|i guess|i suppose|tbh|lol)$", "", line
    )
    if _THUMBS_UP in text and not words:
        line = "yes"
    elif _THUMBS_DOWN in text and not words:
        line = "no"
    words = words or line.split()
    if not line:
        return _NOTHING
    if question.number is not None:
        return _number(plain, line, question, today)
    if _UNSURE.match(line):
        return AnswerReading(UNKNOWN)
    # "No, but my foot is blue": what follows a "no" must be understood before the "no" is.
    unread = _unread(text, entities)
    rest_is_known = not (unread if question.screen_first else _TURNS.intersection(unread))
    if _no_belongs_to(text, entities):
        rest_is_known = False
    if question.signs:
        return _checklist(line, words, question, rest_is_known)
    return _choice(text, line, words, plain, question, rest_is_known, today)


# Words that turn a "no" or "yes" round; for danger signs any word that is not understood does.
_TURNS = frozenset(
    {"but", "except", "although", "though", "however", "apart", "only", "sometimes", "unless",
     "until", "after", "when", "occasionally", "sort", "kind", "maybe", "used"}
)  # fmt: skip
_SMALL_WORDS = _FILLERS | _NO | _YES


def _unread(text: str, entities: Sequence[Mapping[str, Any]]) -> list[str]:
    """The words of a message that are neither small words nor part of a finding."""
    spans = [(e["start"], e["end"]) for e in entities if "start" in e and "end" in e]
    return [
        word.norm
        for word in split(text)
        if word.norm.isalpha()
        and word.norm not in _SMALL_WORDS
        and not any(start <= word.start and word.end <= end for start, end in spans)
    ]


# "Never mind", "no wait", "no, yes": these begin like a "no" and are none.
_NOT_A_NO = re.compile(
    r"^(?:never ?mind|no (?:wait|time|doctor|one|thanks)\b|.*\b(?:yes|yeah|yep)\b)"
)


def _says_no(line: str, words: Sequence[str], rest_is_known: bool) -> bool:
    if _NOT_A_NO.match(line):
        return False
    if _NONE.match(line):
        return True
    return words[0] in _NO and rest_is_known


def _no_belongs_to(text: str, entities: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the "no" that the message begins with only denies a finding: "no swelling"."""
    first = re.match(r"\W*[a-z]+ +", normalise(text))
    return first is not None and any(
        entity.get("start", len(text)) <= first.end() and entity.get("polarity") == "negated"
        for entity in entities
    )


def _says_yes(line: str, words: Sequence[str]) -> bool:
    return words[0] in _YES or line in (
        "i do", "i have", "it is", "it does", "it has", "i am", "that is right", "of course",
        "i did", "it did", "i think so", "a bit", "it was", "sometimes", "yes i do", "too right",
    )  # fmt: skip


def _number(plain: str, line: str, question: Question, today: date) -> AnswerReading:
    if question.number is None:
        return _NOTHING
    lowest, highest = question.number.minimum, question.number.maximum
    value: float | None = None
    if question.number.unit == "days":
        times = [q for q in read_quantities(plain, today) if q.kind in ("duration", "ago", "span")]
        if times:
            value = max(quantity.value for quantity in times)
    elif scores := [q for q in read_quantities(plain, today) if q.kind == "score"]:
        value = max(quantity.value for quantity in scores)
    if value is None:
        value = _bare_number(line)
    if value is None:
        if _UNSURE.match(line):
            return AnswerReading(UNKNOWN)
        if lowest == 0 and (_NONE.match(line) or line in _NO_PAIN):
            # "No" to "how many days" is no number.
            return AnswerReading(0) if question.number.unit != "days" else _NOTHING
        return _NOTHING
    whole = math.ceil(value)
    if not lowest <= whole <= highest:
        return AnswerReading(
            problem=OUT_OF_RANGE, words={"lowest": str(lowest), "highest": str(highest)}
        )
    return AnswerReading(whole)


_BARE = re.compile(
    r"^(?:(?:it is|its|it 's|about|around|maybe|probably|like|roughly|say|a|an|at|is|up to|over|"
    r"nearly|almost|more than|at least|at worst|worst|was|it was|under|less than|only|just|"
    r"approximately|solid|good|strong|i am|pain|level|score|number|on average|between|from)\s+)*"
    r"(?P<first>-?\d+(?:[.,]\d+)?|[a-z]+(?:[ -][a-z]+)??)(?: and a half)?"
    r"(?:(?: or | to |/| - | and |-| maybe | possibly )(?P<second>\d+(?:[.,]\d+)?|[a-z]+))?"
    r"(?P<half> and a half)?(?: (?:days?|out of 10|/ ?10|ish|or so|at worst|at most|maybe|"
    r"or thereabouts|"
    r"at the worst|points?|i would say|now|pain|% ?|today|overall|out of ten))*$"
)


def _bare_number(line: str) -> float | None:
    """The number of a message that is nothing but a number or a range; the higher end counts."""
    match = _BARE.match(line)
    if match is None:
        pair = re.match(r"^(\d+(?:[.,]\d+)?) (\d+(?:[.,]\d+)?)$", line)  # "7-8": the dash is gone
        return max(float(pair[1]), float(pair[2])) if pair else None
    values = [
        value
        for group in ("first", "second")
        if match[group] and (value := _signed(match[group])) is not None
    ]
    if not values or (match["second"] and len(values) < 2):
        return None
    return max(values) + (0.5 if " and a half" in line else 0.0)


def _signed(words: str) -> float | None:
    if words.startswith("-"):
        value = number(words[1:])
        return None if value is None else -value
    if words in ("a", "an", "half"):
        return None
    return number(words)


def _places(words: Sequence[str], count: int) -> list[int] | None:
    """The places named by "2", "1 and 3", "the last one"; None when it is no such list.

    A place beyond the list is kept, so that the caller can say what is allowed.
    """
    places: list[int] = []
    parts = [part for word in words for part in re.split(r"[,/&+]", word)]
    pending = [word for word in parts if word and word not in _LIST_WORDS]
    if not pending:
        return None
    for word in pending:
        place = _ORDINALS.get(word)
        if place is None:
            value = number(word) if word not in ("a", "an", "half") else None
            if value is None and len(pending) == 1:
                value = _LETTERS.get(word)
            if value is None or value != int(value):
                return None
            place = int(value)
        places.append(count if place == -1 else place)
    return places


def _checklist(
    line: str, words: Sequence[str], question: Question, rest_is_known: bool
) -> AnswerReading:
    signs = [sign.id for sign in question.signs]
    named = [
        sign.id
        for sign in question.signs
        if any(_plain_line(label) in line for label in (sign.label, sign.short))
    ]
    if question.none_label and line == _plain_line(question.none_label):
        return AnswerReading([])
    # A label holds words such as "not" itself, so a label typed out is looked at first, and it
    # counts only when nothing before it takes it back.
    if named and not re.match(r"^(?:no|not|none|without)\b", line):
        return AnswerReading(named)
    if _says_no(line, words, rest_is_known):
        return AnswerReading([])
    if _ALL.match(line):
        if "both" in words and len(signs) != 2:
            return AnswerReading(problem=WHICH_ONES)
        return AnswerReading(signs)
    # "7 or 8" is a score or a guess, no list of signs.
    places = None if "or" in words else _places(words, len(signs))
    if places is not None:
        # One more than the list: clients show "none of these" as the last line.
        if places == [len(signs) + 1]:
            return AnswerReading([])
        if any(not 1 <= place <= len(signs) for place in places):
            return AnswerReading(
                problem=OUT_OF_RANGE, words={"lowest": "1", "highest": str(len(signs))}
            )
        return AnswerReading(list(dict.fromkeys(signs[place - 1] for place in places)))
    if not question.screen_first:
        # Not for danger signs: "I have a cold" shares a word with a cold foot.
        sign_named = _by_label(line, {sign.id: (sign.label, sign.short) for sign in question.signs})
        if sign_named is not None:
            return AnswerReading([sign_named])
    if _says_yes(line, words) and rest_is_known:
        return AnswerReading(signs) if len(signs) == 1 else AnswerReading(problem=WHICH_ONES)
    return _NOTHING


def _choice(
    text: str,
    line: str,
    words: Sequence[str],
    plain: str,
    question: Question,
    rest_is_known: bool,
    today: date,
) -> AnswerReading:
    for choice in question.choices:
        if line in (_plain_line(choice.label), _plain_line(choice.short), choice.value):
            return AnswerReading(choice.value)
    none = next((value for value in question.values if value in ("none", "no")), None)
    kind = shared_reader().read(text, today).kinds.get(question.id)
    if kind is not None and words[0] not in _NO:
        return AnswerReading(kind)
    special = _age_or_injury(line, plain, question, today)
    if special is not None:
        return AnswerReading(special)
    if none is not None and _says_no(line, words, rest_is_known):
        return AnswerReading(none)
    if "both" in question.values and _ALL.match(line):
        return AnswerReading("both")
    places = _places(words, len(question.choices))
    if places is not None:
        return _place(places, question)
    if _A_BIT.match(line) and "mild" in question.values:
        return AnswerReading("mild")
    named = _by_label(
        line, {c.value: (c.label, c.short) for c in question.choices if c.value != none}
    )
    if named is not None:
        return AnswerReading(named)
    if none is not None and (_says_yes(line, words) or _A_BIT.match(line)):
        kinds = [value for value in question.values if value != none]
        return AnswerReading(kinds[0]) if len(kinds) == 1 else AnswerReading(problem=WHICH_KIND)
    return _NOTHING


def _place(places: Sequence[int], question: Question) -> AnswerReading:
    count = len(question.choices)
    if len(places) != 1:
        return AnswerReading(problem=WHICH_KIND)
    if not 1 <= places[0] <= count:
        return AnswerReading(problem=OUT_OF_RANGE, words={"lowest": "1", "highest": str(count)})
    return AnswerReading(question.choices[places[0] - 1].value)


def _age_or_injury(line: str, plain: str, question: Question, today: date) -> str | None:
    """The two choices that stand for numbers: years of age, and days since an injury."""
    if question.id == "age_band":
        years = _years(line)
        return None if years is None else age_band(int(years))
    if question.id == "injury":
        times = [q.value for q in read_quantities(plain, today) if q.kind in ("ago", "duration")]
        if times:
            return "recent" if min(times) <= RECENT_DAYS else "older"
    return None


def _years(line: str) -> float | None:
    """An age as a bare number; 1 to 3 are places in the list of choices."""
    match = re.match(
        r"^(?:i am |im |am |aged? |just |turned |nearly |only )*(?P<age>.+?)"
        r"(?: years?| yrs?| year old| years old| yo)*$", line,
    )  # fmt: skip
    if match is None:
        return None
    years = number(match["age"])
    return years if years is not None and 3 < years <= 110 else None


_DENIES = re.compile(r"\b(?:not|no|never|without|nothing|hardly)\b")
# Words of labels that tell no choice from another.
_EMPTY = frozenset(
    {"last", "week", "weeks", "month", "months", "year", "years",
     "a", "an", "the", "it", "its", "i", "my", "me", "is", "in", "on", "of", "or", "and", "to",
     "at", "for", "no", "not", "yes", "just", "do", "does", "when", "with", "after", "than",
     "that", "this", "then", "again", "by", "also", "was", "be", "been", "as", "up", "so",
     "if", "but", "had", "have", "has", "yet", "right", "day", "days", "too", "get", "gets",
     "very", "really"}
)  # fmt: skip


def _by_label(line: str, labels: Mapping[str, Sequence[str]]) -> str | None:
    """The one value whose labels share words with the message that no other label has.

    Labels are compared with those that deny or affirm as the message does: "does not help"
    is not "it helps".

    Args:
        labels: value -> its texts.
    """
    denies = bool(_DENIES.search(line))
    spoken = {_stem(word) for word in line.split() if word not in _EMPTY}
    rivals = {
        value: {_stem(w) for text in texts for w in _plain_line(text).split() if w not in _EMPTY}
        for value, texts in labels.items()
        if bool(_DENIES.search(_plain_line(texts[0]))) == denies
    }
    scores: dict[str, int] = {}
    for value, words in rivals.items():
        others = set().union(*(w for v, w in rivals.items() if v != value))
        shared = len(spoken & (words - others))
        if shared:
            scores[value] = shared
    # Half of what was said must be in the label: a long sentence that happens to share one
    # word with it is no answer.
    best = [v for v, s in scores.items() if s == max(scores.values()) and 2 * s >= len(spoken)]
    return best[0] if len(best) == 1 else None


def _stem(word: str) -> str:
    for ending in ("ning", "ing", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word


def _plain_line(text: str) -> str:
    words = [word.norm for word in split(text) if word.norm != "."]
    return re.sub(r" (?:,|-|:)(?= |$)", "", " ".join(words))
