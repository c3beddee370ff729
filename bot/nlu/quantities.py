"""Numbers that people write: pain scores, lengths of time, times ago, ages.

All rules work on `tokens.normalise`d text with regular expressions and give character offsets.
Relative times ("since Tuesday") count back from a `today` that the caller gives.  Where a person
gives a range, the higher end counts ("7 or 8" is 8, "two or three weeks" is 21 days), and a
fraction of a score is rounded up.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from dateutil.easter import easter

RECENT_DAYS = 14
"""An injury counts as recent for this many days (clinical model, `injury`)."""

Kind = Literal["score", "duration", "ago", "age", "span"]


@dataclass(frozen=True)
class Quantity:
    """A number with a meaning.

    Attributes:
        kind: `score` 0-10; `duration` days that the trouble has lasted; `ago` days since something
            happened; `age` in years; `span` days of something else (rest, a training block).
        value: the number, in the unit of its kind.
        start, end: character offsets, end exclusive.
        uncertain: the person rounded or guessed ("about", "couple of", "months").
    """

    kind: Kind
    value: int
    start: int
    end: int
    uncertain: bool = False


_ONES = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7,
    "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14,
    "fifteen": 15, "sixteen": 16, "seventeen": 17, "eighteen": 18, "nineteen": 19,
}  # fmt: skip
_TENS = {
    "twenty": 20, "thirty": 30, "forty": 40, "fourty": 40, "fifty": 50, "sixty": 60,
    "seventy": 70, "eighty": 80, "ninety": 90,
}  # fmt: skip
# "A few" and "several" have no exact number; these are the readings used, always marked uncertain.
_LOOSE = {
    "a couple of": 2, "a couple": 2, "couple of": 2, "couple": 2, "a few": 3, "few": 3,
    "several": 4, "a handful of": 5, "many": 6, "half a": 0.5, "half": 0.5, "a": 1, "an": 1,
}  # fmt: skip
_UNITS = {
    "day": 1, "days": 1, "night": 1, "nights": 1, "d": 1, "week": 7, "weeks": 7, "wk": 7, "wks": 7,
    "w": 7, "fortnight": 14, "fortnights": 14, "month": 30, "months": 30, "mth": 30, "mths": 30,
    "mo": 30, "mos": 30, "year": 365, "years": 365, "yr": 365, "yrs": 365, "weekend": 2,
    "weekends": 7, "decade": 3650, "decades": 7300, "hours": 1 / 24, "hrs": 1 / 24,
    "dyas": 1, "dasy": 1, "dayz": 1, "weks": 7, "weeeks": 7, "wekks": 7, "mnths": 30, "monts": 30,
    "montsh": 30, "moths": 30, "yeras": 365, "yaers": 365,
}  # fmt: skip

_TENS_WORD = "|".join(_TENS)
_ONES_WORD = "|".join(sorted(_ONES, key=len, reverse=True))
_LOOSE_WORD = "|".join(sorted(_LOOSE, key=len, reverse=True))
_UNIT_WORD = "|".join(sorted(_UNITS, key=len, reverse=True))
_NUMBER = (
    rf"(?:\d{{1,5}}(?:[.,]\d{{1,2}})?|(?:{_TENS_WORD})(?:[- ](?:{_ONES_WORD}))?|(?:{_ONES_WORD}))"
    r"(?:[ -]?(?:and a half|1/2|½|ish\b))?"
)
_COUNT = rf"(?:{_NUMBER}|{_LOOSE_WORD})"
_RANGE = r" ?(?:-|to|or|/|,? ?maybe|,? ?possibly) ?"
_ABOUT = (
    r"(?:about|around|approx\.?|approximately|roughly|nearly|almost|over|more than|at least|maybe|"
    r"probably|like|say|just under|just over|less than|under|some|good|well over|close to|going on|"
    r"coming up to|getting on for|~)"
)

_WEEKDAYS = {
    "monday": 0, "mon": 0, "tuesday": 1, "tues": 1, "tue": 1, "wednesday": 2, "weds": 2, "wed": 2,
    "thursday": 3, "thurs": 3, "thur": 3, "thu": 3, "friday": 4, "fri": 4, "saturday": 5, "sat": 5,
    "sunday": 6, "sun": 6,
}  # fmt: skip
_MONTHS = {
    "january": 1, "jan": 1, "february": 2, "feb": 2, "march": 3, "mar": 3, "april": 4, "apr": 4,
    "may": 5, "june": 6, "jun": 6, "july": 7, "jul": 7, "august": 8, "aug": 8, "september": 9,
    "sept": 9, "sep": 9, "october": 10, "oct": 10, "november": 11, "nov": 11, "december": 12,
    "dec": 12,
}  # fmt: skip
_SEASONS = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9, "winter": 12}
_HOLIDAYS = {
    "christmas": (12, 25), "xmas": (12, 25), "boxing day": (12, 26), "new year": (1, 1),
    "new years": (1, 1), "new year's": (1, 1), "halloween": (10, 31), "thanksgiving": (11, 25),
    "easter": (4, 5), "good friday": (4, 3), "bonfire night": (11, 5), "valentine's day": (2, 14),
}  # fmt: skip
_WEEKDAY_WORD = "|".join(sorted(_WEEKDAYS, key=len, reverse=True))
_MONTH_WORD = "|".join(sorted(_MONTHS, key=len, reverse=True))
_SEASON_WORD = "|".join(_SEASONS)
_HOLIDAY_WORD = "|".join(sorted(_HOLIDAYS, key=len, reverse=True))


def age_band(years: int) -> str:
    """The value of `age_band` for an age in years (clinical model)."""
    if years < 16:
        return "under_16"
    return "16_54" if years < 55 else "55_plus"


def number(words: str) -> float | None:
    """`words` as a number ("7", "7.5", "six and a half", "twenty-one", "a couple of"), or None."""
    words = words.strip().removesuffix("ish").rstrip(" -")
    half = 0.0
    for ending in ("and a half", "1/2", "½"):
        if words.endswith(ending) and words != ending:
            words = words[: -len(ending)].rstrip(" -")
            half = 0.5
    if words in _LOOSE:
        return _LOOSE[words] + half
    try:
        return float(words.replace(",", ".")) + half
    except ValueError:
        pass
    parts = re.split(r"[- ]", words)
    total = 0
    for part in parts:
        if part in _ONES:
            total += _ONES[part]
        elif part in _TENS:
            total += _TENS[part]
        else:
            return None
    return total + half


# A number before one of these is a distance, a pace, a date, a count of runs ... and no pain score.
_NOT_A_UNIT = (
    rf"(?![.,:]?\d|\s*(?:k\b|km|kms|mi\b|mile|{_UNIT_WORD})\b|\s*(?:hour|hr|min|sec|x\b|%|st\b|nd\b"
    r"|rd\b|th\b|am\b|pm\b|step|time|run|lb|kg|stone|feet|foot|ft\b|inch|degree|rep|set|year|k's))"
)
_SCORE = re.compile(
    rf"(?:(?P<low>{_NUMBER}){_RANGE})?(?P<high>{_NUMBER}) ?(?:/|out of|outta|outof|on) ?"
    r"(?:10|ten)\b"
    r"(?!\s*(?:k\b|km|miles?\b|times\b|runs\b|runners|people|days|would|of (?:my|the|people|"
    r"runners)|would (?:recommend|do|run)|for (?:the|this|service)))"
)
_SCALE = re.compile(
    rf"\bscale (?:of|from)? ?(?:0|1|zero|one) ?(?:-|to|through) ?(?:10|ten)\W{{1,3}}"
    rf"(?:[a-z']+\W{{1,2}}){{0,6}}?(?:(?P<low>{_NUMBER}){_RANGE})?(?P<high>{_NUMBER})\b{_NOT_A_UNIT}"
)
_PAIN_IS = re.compile(
    r"\bpain(?: level| score| scale| rating)?s?(?:\W{1,2}(?:is|was|'s|at|of|around|about|like|"
    r"maybe|"
    r"a|an|roughly|say|probably|it|its|now|today|currently|solid|level|would|be|i'd|call|can|"
    rf"hit|hits|reach|reaches|up|to|goes|gets|peaks|worst))*\W{{1,3}}"
    rf"(?:(?P<low>{_NUMBER}){_RANGE})?(?P<high>{_NUMBER})\b{_NOT_A_UNIT}"
    rf"(?! ?(?:-|to|or) ?(?:{_UNIT_WORD}|{_NUMBER}))"
)
_SOLID = re.compile(
    r"\ba (?:solid|good|strong|steady|constant|firm|hard|full|definite|bad|mild|low|high|dull)"
    rf" (?:(?P<low>{_NUMBER}){_RANGE})?(?P<high>{_NUMBER})\b{_NOT_A_UNIT}"
)
# "Maybe a 3?", "more like a 4", "only 3 now": a number from 0 to 10 that ends what is said.
_LIKE_A = re.compile(
    r"\b(?:maybe|about|'?bout|barely|hardly|no more than|not even|around|like|perhaps|probably|"
    r"say|roughly|is|its|it's|was|at|only|just|hits|"
    r"reaches|peaks at|up to|call it|id say|i'd say|mostly|now|give it|rate it|rate the pain|"
    r"put it at)"
    rf" (?:(?:at |as |about |around )*(?:a|an) (?:(?P<low>{_NUMBER}){_RANGE})?(?P<high>{_NUMBER})|"
    rf"(?P<bare>\d|10)"
    r"(?= (?:now|today|at (?:the )?(?:worst|most|moment)|tops|max)\b))"
    r"(?=\s*(?:$|[.,!?;)]|(?:now|today|tops|max|at|on a bad|yesterday|when|while|after|if|but|and|"
    r"right|"
    r"or so|tbh|id say|i'd say|out of|pain|for pain)\b))"
    r"(?![.,]\d)"
)
_HURTS_LIKE = re.compile(
    r"\b(?:pain|hurts?|aches?|achy|aching|sore|mild|dull|niggle|discomfort)\b[^.;\n]{0,25}?"
    r"\b(?:like|about|around|maybe|only|just|say|at|roughly) (?P<high>\d|10)(?![\d.,:/])"
    rf"(?=\s*(?:$|[.,!?;)])){_NOT_A_UNIT}"
)
_I_WOULD_SAY = re.compile(
    rf"\b(?:id|i'd|i would|would) (?:say|call it|give it|go|put it at)(?: (?:a|an|about|around|"
    rf"maybe|at|"
    rf"like))* (?:(?P<low>{_NUMBER}){_RANGE})?(?P<high>{_NUMBER})(?=\s*(?:$|[.,!?;)]|or so|out|at|"
    rf"when|on)){_NOT_A_UNIT}"
)
_BY_ACTIVITY = re.compile(
    rf"^\W*(?:(?P<low>{_NUMBER}){_RANGE})?(?P<high>{_NUMBER}) (?:when i|when|on (?:the "
    rf")?(?:stairs|hills|way)|at rest|"
    r"going (?:up|down)|if i|after (?:a |my )?run)"
)
_ONLY_A_RANGE = re.compile(
    rf"^\W*(?:maybe |about |probably |say )?(?P<low>{_NUMBER}){_RANGE}(?P<high>{_NUMBER})"
    r"(?: (?:id say|i'd say|i would say|probably|maybe|tbh|i think|at worst|or so))+\W*$"
)
_ON_THE_SCALE = re.compile(
    rf"\b(?:(?P<low>{_NUMBER}){_RANGE})?(?P<high>{_NUMBER}) on (?:the |a |your )?(?:pain )?scale\b"
    rf"|\b(?:at|on) (?:its|it's|the|a) worst,? (?:its |it's |it is |is |about |around |an? )*"
    rf"(?P<worst>{_NUMBER})\b{_NOT_A_UNIT}"
)
_RATED = re.compile(
    rf"\b(?:rate|give|score|put|call) (?:it|this|that|the pain|my pain|pain)(?: (?:at|as|a|an|"
    rf"about|"
    rf"around|maybe|like))* (?:(?P<low>{_NUMBER}){_RANGE})?(?P<high>{_NUMBER})\b{_NOT_A_UNIT}"
)
_SCALE_ENDS = re.compile(r"\b(?:0|1|zero|one) ?(?:-|to) ?(?:10|ten)\b")

# Rest, treatment or training that lasted so long says nothing of how long the trouble has lasted.
_OTHER_SPAN = re.compile(
    r"(?:rest(?:ed|ing)?|ic(?:ed|ing|e)|(?<!on and )(?<!on & )off|physio|stopped running|"
    r"stop running|not run|n't run|"
    r"not running|no running|n't running|without running|haven't ran|training|trained|run(?:ning)?"
    r"|been a runner|runner|break|brace|tablets|ibuprofen|exercises|stretching|cut back|braced)"
    r"(?: it| up| completely| properly| regularly| seriously)? (?:for|the last|the past|of)?"
    rf" ?(?:the (?:last|past) )?(?:{_ABOUT} )*$"
)
_LENGTH = re.compile(
    rf"(?P<lead>(?:for|over|during|since|these|this|the|past|last|whole|entire|been|all|it's been|"
    rf"going on)? ?(?:the )?(?:past |last |previous )?)(?P<about>(?:{_ABOUT} )*)"
    rf"(?<![\w.])(?:(?P<low>{_COUNT}){_RANGE})?(?P<count>{_COUNT}) ?-?(?:or so )?"
    rf"(?:whole |full |solid |good |straight |long |consecutive )?(?P<unit>{_UNIT_WORD})\b"
    rf"(?P<half> and a half)?(?P<extra>,? (?:and )?(?P<count2>{_NUMBER}) (?P<unit2>days?|weeks?|"
    r"months?))?(?: or (?P<or_count>two|so|more|three))?"
)
_NOT_LASTING_AFTER = re.compile(
    r"^[ -]*(?:a week|per|each|/|yo\b|from now|to go|until|till|before|after|post|out from|"
    r"of (?:rest|physio|training|running|pt)|off\b|break|in a row|away|later|notice|'?s? time|"
    r"every|plan\b|programme|program|half marathon)"
)
_NOT_LASTING_BEFORE = re.compile(
    r"(?:\bin|\bhow|\bwithin|\bnext|\bevery|\beach|\bafter|\bevery other|\bper|\bonce|\btwice|"
    r"times|"
    r"\bgive it|\bin about|\bwait|\buntil|\btill|\banother|\bduring|\bin the next|\bonly|"
    r"\bwith|\bat)$"
)
# "Three days a week" is how often, not how long.
_PER_PERIOD = re.compile(r"(?:days?|times?|runs?|sessions?|hours?|miles?|km|k|x|once|twice|often)$")
_LOOSE_LENGTH = re.compile(
    r"\b(?:for|over|it's been|been|now for|going on for|past|last) (?P<what>(?:many )?days|"
    r"(?:many )?weeks|(?:many )?months|(?:many )?years|ages|a while|a long time|a little while|"
    r"yonks|forever|donkey's years|quite some time|quite a while|some time)\b(?! ago| old| of)"
)
# What an unstated number stands for: at least this many days, in the order of the words.
_LOOSE_DAYS = {"weeks": 21, "months": 90, "years": 730}
_ALL_PERIOD = re.compile(
    r"\b(?:all|the whole|the entire|this whole|all this|this past|the past|the last|past|last)"
    r" (?P<unit>week|weekend|fortnight|month|year)"
    r"(?: long)?\b"
)
_DAY_N = re.compile(
    rf"\b(?:(?P<unit>day|week|month) (?P<count>{_NUMBER})\b|"
    r"(?P<nth>\d{1,2}|first|second|third|fourth|fifth)(?:st|nd|rd|th)? (?P<unit2>day|week) (?=of "
    r"this|now|in))"
    r"(?! of (?:the |my )?(?:plan|training|c25k|rest|couch|programme|program|marathon))(?! c25k)"
)
_ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5}
_TIME_OF = re.compile(
    r"\b(?P<unit>week|fortnight|month|year) of (?:pain|stiffness|swelling|soreness|aching|this|"
    r"knee|"
    r"discomfort|niggles|it)\b"
)
_LATER = re.compile(
    rf"(?P<count>{_COUNT}) ?(?P<unit>{_UNIT_WORD}) (?:later|on)(?=,? (?:and|it|its|my|still|the "
    rf"knee))"
)
_WEEK_OR_SO = re.compile(
    r"(?<![\w-] )\b(?P<unit>week|month|fortnight) or (?P<or_count>so|two|more)\b"
)
_SINCE = re.compile(
    r"\b(?:ever )?(?:since|from) (?:about |around |roughly )?(?P<part>early |late |mid[ -]|"
    r"the (?:start|beginning|middle|end) of )?(?P<when>(?:last |the |this |past )?"
    rf"(?:\d{{1,2}}(?:st|nd|rd|th)?(?: of)? (?:{_MONTH_WORD})\b|(?:{_MONTH_WORD})(?: \d{{1,2}}"
    rf"(?:st|nd|rd|th)?)?\b(?! \d{{4}})|(?:{_MONTH_WORD}) (?:20\d\d)|(?:19|20)\d\d\b|"
    rf"(?:{_WEEKDAY_WORD})(?:'?s)?\b(?: (?:morning|afternoon|evening|night))?|"
    rf"(?:{_HOLIDAY_WORD})\b|"
    rf"(?:{_SEASON_WORD})\b|yesterday(?: morning| evening| afternoon)?|today|morning|lunchtime|"
    r"lunch|breakfast|(?:i )?(?:woke|waking|wake)(?: up)?|\d{1,2} ?(?:am|pm)\b|\d{1,2}(?:st|nd|rd|"
    r"th)\b|"
    r"night|week|weekend|month|year|tonight|evening|afternoon|"
    rf"(?:{_COUNT}) (?:{_UNIT_WORD}) (?:ago|back)))"
)
_AGO = re.compile(
    rf"\b(?P<about>(?:{_ABOUT} )*)(?:(?P<low>{_COUNT}){_RANGE})?(?P<count>{_COUNT}) ?"
    rf"(?P<unit>{_UNIT_WORD}|hours?|hrs?|minutes?|mins?)(?P<half> and a half)? "
    r"(?:ago|back|previously)\b"
    r"|\b(?P<loose>days|weeks|months|years|ages|hours) (?:ago|back)\b"
)
# A day without "on": "woke up thursday", "football sunday"; not a habit, nor one to come.
_BARE_DAY = (
    r"(?<!every )(?<!each )(?<!next )(?<!until )(?<!till )(?<!by )(?<!for )(?<!since )(?<!from )"
    r"(?<!coming )(?<!most )(?<!before )"
    r"(?:monday|tuesday|tues|wednesday|weds|thursday|thurs|friday|saturday|sunday)\b"
    r"(?! (?:is|will|i'm|im|i am|to)\b)|(?<=[a-z] )sat(?= and\b|,|\.|$)"
)
_WHEN = re.compile(
    r"\b(?P<when>yesterday|y'?day|the day before yesterday|the other day|today|tonight|"
    r"this morning|"
    r"woke up (?=(?:and|with|to|like|this|my|it)\b)|"
    r"this afternoon|this evening|last night|earlier today|just now|earlier on|"
    r"last week|last weekend|this weekend|at the weekend|over the weekend|"
    r"on the weekend|last month|last year|earlier this (?:week|month|year)|this week|"
    rf"(?:on|last|this past|this) (?:{_WEEKDAY_WORD})\b(?:(?:'s)? (?:morning|afternoon|evening|"
    rf"night|run))?|(?:{_WEEKDAY_WORD})'?s (?=(?:long |tempo |club )?(?:run|race|game|match|"
    rf"session|parkrun|10k|5k|half|match|training)\b)|{_BARE_DAY}|"
    rf"(?:in|back in|last|in early|in late|in mid) (?:{_MONTH_WORD})\b(?! \d)|"
    rf"(?:last|this|in the) (?:{_SEASON_WORD})\b|in (?:spring|autumn)\b|in (?:19|20)\d\d\b|"
    rf"(?:at|last|over|on) (?:{_HOLIDAY_WORD})\b|on (?:the )?\d{{1,2}}(?:st|nd|rd|th)?(?: of)? "
    rf"(?:{_MONTH_WORD})\b)"
)
_STARTED = re.compile(
    r"(?:start(?:ed|s|ing)?|began|begun|beginning|came on|come on|kicked off|gradually|slowly|"
    r"flared(?: up| back up)?|appeared|first (?:felt|noticed)|noticed(?: it| this| the \w+)?|"
    r"developed|first (?:started|appeared)|set in|crept in|woke up with (?:it|this))"
    r"(?: (?:it|this|up|again|to|hurting|aching|playing|feeling|bothering|me|giving|all|really|"
    r"properly|suddenly|out of nowhere|on|a run|my|bother|hurt|ache|swell|swelling|pain|the|in|"
    rf"after|run|getting|sore|about|around|{_ABOUT}))*,? ?$"
)
# "A week ago it began to ache"
_THEN_STARTED = re.compile(
    r",? (?:and |when |then )?(?:it|this|my (?:left |right )?knee|the (?:pain|knee|swelling|ache)|"
    r"i) (?:just |suddenly )?"
    r"(?:started|began|came on|flared|noticed|got|felt)\b"
)
# "Since I moved to pavements about two weeks ago"
_SINCE_WHAT = re.compile(r"\bsince (?:(?:i|my|the|we|a|an) [^.,;!?\n]{1,60})?$")
_AGE = re.compile(
    r"\b(?:i am|i'm|im|i m|he is|he's|hes|she is|she's|shes|aged?|turn|turned|turning|age:|age is|"
    r"just turned|is only)"
    rf" (?:now |only |nearly |almost |just |about |a |an |of |still )*(?P<age>{_NUMBER})"
    r"(?![\w/'\"%])"
    rf"(?!\s*(?:{_UNIT_WORD})\b(?! ?-?olds?| of age| young))(?![.,:-]?\d)"
    r"(?!\s*(?:out of|/|k\b|km|mile|hour|min|week|day|month|to\b|or\b|kg|lb|stone|ft|foot|feet|cm|"
    r"inch|pounds|times|percent|reps|sets|degrees|sec|on a|in to|into|am\b|pm\b|of\b|st\b|weeks))"
)
_AGE_OLD = re.compile(
    rf"(?<![\w.])(?P<age>{_NUMBER})[ -]?(?:(?:years?|yrs?)[ -]?(?:olds?|of age|young)|y[/.]?o\b\.?|"
    r"yr old|yrs old|year-old|yo\b)"
)
_AGE_FORUM = re.compile(
    r"(?:^|[\s(\[,])(?:(?P<age>[1-9]\d)\s?[/,]?\s?(?:m|f|male|female)\b(?!\w)|"
    r"(?:m|f|male|female)[ ,/]?"
    r"(?P<age2>[1-9]\d)\b(?!\s*(?:k|km|mi|min|week|day|month|/)))"
)
_LONGEST_ANSWER = 3
# "Just hit 50", "at 58 I should know better", "being 39".
_AGE_REACHED = re.compile(
    r"\b(?:hit|hitting|(?P<not_yet>pushing|nearing|approaching|almost|nearly|i'll be|ill be|i "
    r"will be)|turned|"
    r"reached|being|over|(?:bloke|guy|woman|man|lady|lad|git|runner|gent|person|girl|boy) of|"
    rf"at (?=\S+ (?:i|you|my)\b)|me:) ?(?P<age>[1-9]\d|(?:{_TENS_WORD})(?:[- ](?:{_ONES_WORD}))?)\b"
    r"(?![.,:/]\d|\s*(?:k\b|km|mile|mph|min|sec|hour|%|kg|lb|week|day|month|year|degree|run|pounds|"
    r"stone|times|percent|reps))"
)
_AGE_BORN = re.compile(r"\bborn in (?P<year>19\d\d|20[01]\d)\b")
# "Trail runner, 39, sore knee": a number that stands alone between two marks.
_AGE_ALONE = re.compile(
    r"(?:^|(?<!\d)[,.;:!?]\s+|[(\[]|\s-\s|\n)(?P<age>1[2-9]|[2-8]\d|"
    rf"(?:{_TENS_WORD})(?:[- ](?:{_ONES_WORD}))?)"
    r"(?=\s*(?:[,;!?)\]:]|\.(?!\d)|\n|$))"
)
_AGE_AFTER_PERSON = re.compile(
    r"\b(?:son|daughter|kid|little one|eldest|youngest|oldest|child|boy|girl|lad|grandson|"
    r"granddaughter|teenager|wife|husband|"
    r"partner|mum|mom|dad|mother|father|brother|sister|nephew|niece)[ ,(]+(?:aged? |is |of an? )?"
    rf"(?P<age>{_NUMBER})\b(?!\s*(?:k\b|km|mile|min|hour|week|day|month|/))"
)
_AGE_DECADE = re.compile(
    r"\b(?:in (?:my|his|her) (?P<part>early |mid |mid-|late )?|(?P<part2>early|mid|late)[ -])"
    r"(?P<age>[1-9]0|"
    + _TENS_WORD.replace("ty", "ties")
    + r")(?:'?s)?\b"
    rf"|\b(?P<some>[2-8]0|{_TENS_WORD})[- ]?(?:something|odd|ish)\b"
)  # fmt: skip


def read_quantities(plain: str, today: date) -> list[Quantity]:
    """Every quantity in `plain`, by position, without overlaps.

    Args:
        plain: text from `tokens.normalise`.
        today: the day the message was written; "since Tuesday" counts back from it.
    """
    if not _MAYBE.search(plain):
        return []
    found: list[Quantity] = []
    taken: list[tuple[int, int]] = []
    readers: tuple[Callable[[str, date], Iterator[Quantity]], ...] = (
        _scores, _ages, _since, _ago, _lengths, _whens,
    )  # fmt: skip
    for reader in readers:
        for quantity in reader(plain, today):
            if all(quantity.end <= start or quantity.start >= end for start, end in taken):
                found.append(quantity)
                taken.append((quantity.start, quantity.end))
    return sorted(found, key=lambda quantity: quantity.start)


# One cheap look first: most messages hold no time and no number at all.
_MAYBE = re.compile(
    r"\d|\b(?:since|ago|back|yesterday|today|tonight|morning|night|week|weeks|month|months|year|"
    r"years|day|days|fortnight|weekend|ages|while|long time|yonks|forever|"
    rf"{_ONES_WORD}|{_TENS_WORD}|{_WEEKDAY_WORD}|{_SEASON_WORD}|xmas|christmas|"
    rf"in (?:{_MONTH_WORD})|"
    r"wks?|mths?|yrs?|hrs|hours|yday|y'day|[a-z]+days|something|[a-z]+ties|just now|earlier|"
    r"the other day|year's|some time|decades?|evening|"
    r"afternoon)\b"
)


def _scores(plain: str, today: date) -> Iterator[Quantity]:
    scale = _SCALE_ENDS.search(plain)
    for pattern in (
        _SCORE,
        _SCALE,
        _PAIN_IS,
        _SOLID,
        _ON_THE_SCALE,
        _RATED,
        _LIKE_A,
        _HURTS_LIKE,
        _I_WOULD_SAY,
        _BY_ACTIVITY,
        _ONLY_A_RANGE,
    ):
        for match in pattern.finditer(plain):
            if pattern is not _SCALE and scale and scale.start() <= match.start() < scale.end():
                continue
            before = plain[max(0, match.start() - 12) : match.start()]
            if pattern is _SCORE and re.search(r"\b(?:on|since|from|scale (?:of|from)) $", before):
                continue
            values = [
                value
                for group in ("low", "high", "bare", "worst")
                if match.groupdict().get(group) and (value := number(match[group])) is not None
            ]
            if not values:
                continue
            score = math.ceil(max(values))
            # "11 out of 10" is a way of saying ten; a larger number is no score.
            if score <= 10 or (pattern is _SCORE and score <= 100):
                yield Quantity("score", min(score, 10), match.start(), match.end(), len(values) > 1)


def _ages(plain: str, today: date) -> Iterator[Quantity]:
    for pattern in (_AGE_OLD, _AGE_AFTER_PERSON, _AGE, _AGE_FORUM):
        for match in pattern.finditer(plain):
            groups = match.groupdict()
            words = groups.get("age") or groups.get("age2") or ""
            years = number(words)
            if years is not None and re.match(
                r"\S+ (?:nearly|almost) |turning |turn ", match[0].lstrip()
            ):
                years -= 1
            if years is not None and 3 <= years <= 110 and "." not in words:
                start = match.start()
                start += len(plain[start : match.end()]) - len(
                    plain[start : match.end()].lstrip(" ([")
                )
                yield Quantity("age", int(years), start, match.end())
    told = any(pattern.search(plain) for pattern in (_AGE_OLD, _AGE, _AGE_FORUM))
    # "15" and "14, maybe 15" are answers to some question, and not always to that of age.
    if not told and len(plain.split()) > _LONGEST_ANSWER:
        for match in _AGE_ALONE.finditer(plain):
            years = int(number(match["age"]) or 0)
            yield Quantity("age", years, match.start("age"), match.end("age"), True)
    yield from _loose_ages(plain, today)


def _loose_ages(plain: str, today: date) -> Iterator[Quantity]:
    """Ages that are only near enough for an age band."""
    for match in _AGE_DECADE.finditer(plain):
        word = match["age"] or match["some"]
        decade = int(word) if word.isdigit() else _TENS.get(word.replace("ties", "ty"), 0)
        # "In my fifties" lies on both sides of 55: it is left for the question.
        part = (match["part"] or match["part2"] or "").strip(" -")
        if decade in (20, 30, 40, 60, 70, 80, 90) or part in ("early", "late"):
            years = decade + {"early": 2, "mid": 5, "late": 8}.get(part, 1)
            yield Quantity("age", years, match.start(), match.end(), True)
    for match in _AGE_BORN.finditer(plain):
        years = today.year - int(match["year"])
        if 3 <= years <= 110:
            yield Quantity("age", years, match.start(), match.end(), True)
    for match in _AGE_REACHED.finditer(plain):
        value = number(match["age"])
        if value is not None:
            years = int(value) - bool(match["not_yet"])
            yield Quantity("age", years, match.start("age"), match.end("age"), True)


def _since(plain: str, today: date) -> Iterator[Quantity]:
    for match in _SINCE.finditer(plain):
        part = (match["part"] or "").strip(" -")
        days = _days_since(match["when"], today)
        if days is not None and part and re.search(rf"(?:{_MONTH_WORD})", match["when"]):
            days -= _INTO_THE_MONTH[part.split()[0] if part in _INTO_THE_MONTH else part.split()[1]]
        elif part.startswith("the") and match["when"].endswith("month"):
            days = today.day - 1
        if days is not None and days >= 0:
            yield Quantity("duration", days, match.start(), match.end())


def _ago(plain: str, today: date) -> Iterator[Quantity]:
    for match in _AGO.finditer(plain):
        if match["loose"]:
            days = _LOOSE_DAYS.get(match["loose"], 0 if match["loose"] == "hours" else 730)
            uncertain = True
        else:
            counted = _length(match)
            if counted is None:
                continue
            days, uncertain = counted
        before = plain[: match.start()]
        after = plain[match.end() : match.end() + 40]
        begun = _STARTED.search(before) or _SINCE_WHAT.search(before) or _THEN_STARTED.match(after)
        kind: Kind = "duration" if begun else "ago"
        yield Quantity(kind, days, match.start(), match.end(), uncertain)


def _lengths(plain: str, today: date) -> Iterator[Quantity]:
    for match in _LENGTH.finditer(plain):
        if match["count"] in ("a", "an", "half") and match["unit"] in ("d", "w", "mo", "night"):
            continue
        start = match.start() + len(match[0]) - len(match[0].lstrip())
        before = plain[max(0, start - 40) : start].rstrip()
        lead = match["lead"].strip()
        if _NOT_LASTING_AFTER.match(plain[match.end() : match.end() + 16]):
            continue
        if not lead and _NOT_LASTING_BEFORE.search(before):
            continue
        if match["count"] == "one" and match["unit"] == "day" and not lead:
            continue
        if match["count"] in ("a", "an") and _PER_PERIOD.search(before):
            continue
        if match["unit"][0] not in "dw" and re.match(r"[ -]*olds?\b", plain[match.end() :]):
            continue
        counted = _length(match)
        if counted is None:
            continue
        days, uncertain = counted
        if days < 1:
            continue
        rested = _OTHER_SPAN.search(plain[max(0, start - 40) : match.start("count")])
        yield Quantity("span" if rested else "duration", days, start, match.end(), uncertain)
    yield from _loose_lengths(plain)


# "When I was 14": long ago, whatever the writer's age.
_WHEN_I_WAS = re.compile(
    rf"\bwhen (?:i|he|she) (?:was|were|turned) (?:about |around |only |like )?"
    rf"(?:\d{{1,2}}|(?:{_TENS_WORD})|(?:{_ONES_WORD}))\b"
)


def _loose_lengths(plain: str) -> Iterator[Quantity]:
    for match in _DAY_N.finditer(plain):
        if re.search(r"c25k|couch|plan|training|programme", plain[: match.start()][-20:]):
            continue
        words = match["count"] or match["nth"]
        count = _ORDINALS.get(words) or number(words) or 0
        unit = match["unit"] or match["unit2"]
        yield Quantity("duration", int(count * _UNITS[unit]), match.start(), match.end(), True)
    for match in _TIME_OF.finditer(plain):
        yield Quantity("duration", math.ceil(_UNITS[match["unit"]]), match.start(), match.end())
    for match in _LATER.finditer(plain):
        count = number(match["count"]) or 0
        if count * _UNITS[match["unit"]] < 1:
            continue
        yield Quantity(
            "duration", math.ceil(count * _UNITS[match["unit"]]), match.start(), match.end(), True
        )
    for match in _WEEK_OR_SO.finditer(plain):
        times = {"two": 2.0, "a bit": 1.1, "a half": 1.5}.get(match["or_count"], 1.0)
        weeks = math.ceil(_UNITS[match["unit"]] * times)
        yield Quantity("duration", weeks, match.start(), match.end(), True)
    for match in _LOOSE_LENGTH.finditer(plain):
        # "For ages" and "a while" are long, but how long must be asked; as a span they still
        # tell "swollen for ages" from "swollen".
        words = match["what"].replace("many ", "")
        rested = _OTHER_SPAN.search(plain[max(0, match.start() - 40) : match.start()] + " ")
        known = words in _LOOSE_DAYS and not rested
        yield Quantity(
            "duration" if known else "span",
            _LOOSE_DAYS.get(words, 7),
            match.start(),
            match.end(),
            True,
        )
    for match in _ALL_PERIOD.finditer(plain):
        lead = match[0].split()[0]
        unit = match["unit"]
        if lead == "last" and not plain[: match.start()].endswith("for "):
            continue
        yield Quantity("duration", math.ceil(_UNITS[unit]), match.start(), match.end(), True)


def _whens(plain: str, today: date) -> Iterator[Quantity]:
    for match in _WHEN_I_WAS.finditer(plain):
        yield Quantity("ago", 3650, match.start(), match.end(), True)
    for match in _WHEN.finditer(plain):
        when = re.sub(r"^(?:on|in|at|over|back in|in early|in late|in mid) ", "", match["when"])
        days = _days_since(when.strip(), today)
        if days is not None:
            before = plain[: match.start()]
            started = (
                _STARTED.search(before)
                or _SINCE_WHAT.search(before)
                or _THEN_STARTED.match(plain[match.end() :])
            )
            yield Quantity(
                "duration" if started else "ago", days, match.start(), match.end(), "week" in when
            )


def _length(match: re.Match[str]) -> tuple[int, bool] | None:
    """Days of a counted length, and whether the person gave it loosely."""
    groups = match.groupdict()
    count = number(match["count"])
    if count is None:
        return None
    unit = match["unit"]
    if unit.startswith(("hour", "hr", "min")):
        hours = count if unit.startswith("h") else count / 60
        return int(hours // 24), False
    uncertain = match["count"] in _LOOSE and match["count"] not in ("a", "an")
    if match["low"]:
        low = number(match["low"])
        count = max(count, low or 0)
        uncertain = True
    if groups.get("half"):
        count += 0.5
    or_count = groups.get("or_count")
    if or_count:
        uncertain = True
        count = max(count, {"two": 2, "three": 3}.get(or_count, 0))
    days = math.ceil(count * _UNITS[unit])
    if groups.get("count2"):
        more = number(match["count2"])
        days += math.ceil((more or 0) * _UNITS[match["unit2"]])
    if days > 36500:
        return None
    return days, uncertain or bool(match["about"])


# How far into a month its parts are, in days.
_INTO_THE_MONTH = {
    "early": 4, "mid": 14, "late": 24, "start": 0, "beginning": 0, "middle": 14, "end": 27,
}  # fmt: skip
_FIXED_DAYS = {
    "lunchtime": 0, "lunch": 0, "breakfast": 0, "woke": 0, "waking": 0, "woke up": 0,
    "i woke": 0, "i woke up": 0, "waking up": 0,
    "today": 0, "morning": 0, "afternoon": 0, "evening": 0, "tonight": 0, "earlier today": 0,
    "just now": 0, "earlier on": 0, "night": 1, "yesterday": 1, "yday": 1, "y'day": 1,
    "yesterday morning": 1,
    "yesterday evening": 1, "yesterday afternoon": 1, "day before yesterday": 2, "other day": 2,
    "month": 30, "year": 365, "earlier this month": 30, "earlier this year": 180,
}  # fmt: skip


def _days_since(when: str, today: date) -> int | None:
    """Whole days from `when` to `today`; None when it cannot be told."""
    full = when.strip()
    if full == "the fall":
        return None  # an accident, not the season
    when = re.sub(r"^(?:the|this past|this|past|last|in the|in) ", "", full)
    last = full.startswith("last ")
    if when in _FIXED_DAYS:
        return _FIXED_DAYS[when]
    if when == "weekend":
        # Saturday of the latest weekend that has begun.
        return (today.weekday() - 5) % 7 or (7 if last else 0)
    if when in ("week", "earlier this week"):
        return 7 if last else max(today.weekday(), 1)
    ago = re.fullmatch(rf"(?P<count>{_COUNT}) (?P<unit>{_UNIT_WORD}) (?:ago|back)", when)
    if ago:
        count = number(ago["count"])
        return None if count is None else math.ceil(count * _UNITS[ago["unit"]])
    if re.fullmatch(r"\d{1,2} ?(?:am|pm)", when):
        return 0
    day = re.fullmatch(r"(\d{1,2})(?:st|nd|rd|th)", when)
    if day:
        return (today.day - int(day[1])) % 30
    weekday = when.split()[0].removesuffix("'s")
    if weekday not in _WEEKDAYS:
        weekday = weekday.removesuffix("s")
    if weekday in _WEEKDAYS:
        return (today.weekday() - _WEEKDAYS[weekday]) % 7 or 7
    return _days_since_date(when, today)


def _days_since_date(when: str, today: date) -> int | None:
    """Days since a year, a month with or without a day, a season or a holiday."""
    if re.fullmatch(r"(?:19|20)\d\d", when):
        # The year alone: counted from its middle, which is right within half a year.
        return max((today - date(int(when), 7, 1)).days, 0) if int(when) <= today.year else None
    if when in ("easter", "good friday"):
        sunday = easter(today.year)
        return (today - (sunday if sunday <= today else easter(today.year - 1))).days
    if when in _HOLIDAYS:
        return _since_day(*_HOLIDAYS[when], today)
    if when in _SEASONS:
        return _since_day(_SEASONS[when], 1, today)
    month_year = re.fullmatch(rf"(?P<month>{_MONTH_WORD}) (?P<year>20\d\d)", when)
    if month_year:
        begun = date(int(month_year["year"]), _MONTHS[month_year["month"]], 1)
        return (today - begun).days if begun <= today else None
    day = re.search(r"\d{1,2}", when)
    month = re.search(rf"(?:{_MONTH_WORD})", when)
    if month is None:
        return None
    return _since_day(_MONTHS[month[0]], int(day[0]) if day else 1, today)


def _since_day(month: int, day: int, today: date) -> int | None:
    """Days since the latest such day of the year that is not in the future."""
    for year in (today.year, today.year - 1):
        try:
            then = date(year, month, day)
        except ValueError:
            return None
        if then <= today:
            return (today - then) // timedelta(days=1)
    return None
