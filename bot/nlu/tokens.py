"""From a message to normalised words that know their place in the original text.

`normalise` replaces characters one for one, so an offset into the normalised text is an offset
into what the person typed.  `split` cuts it with spaCy's English tokenizer (the blank pipeline:
no model is needed), undoes contractions (`can't`, `cant` -> `can not`) and drops what carries no
meaning for the rules, such as a hyphen inside a compound.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Any, NamedTuple

import spacy
from spacy.lang.en import English
from spacy.language import Language
from spacy.util import compile_infix_regex

_CHARACTERS = {
    "\u2018": "'", "\u2019": "'", "\u201b": "'", "\u02bc": "'", "\u00b4": "'", "`": "'",
    "\u201c": '"', "\u201d": '"', "\u2010": "-", "\u2011": "-", "\u2012": "-", "\u2013": "-",
    "\u2014": "-", "\u2015": "-", "\u2212": "-", "\u2026": ".", "\u3002": ".", "\uff0c": ",",
}  # fmt: skip

# What spaCy's English exceptions leave unmapped; a person on a phone leaves the apostrophe out.
_NORMS = {
    "n't": "not", "nt": "not", "ca": "can", "wo": "will", "sha": "shall", "'m": "am", "m": "am",
    "'re": "are", "'ve": "have", "ve": "have", "'ll": "will", "'d": "would", "cannae": "cannot",
    "&": "and", "+": "and", "w/o": "without", "wo/": "without", "bc": "because", "cos": "because",
    "cuz": "because", "coz": "because", "tho": "though", "rn": "now", "u": "you", "ur": "your",
    "r": "are", "pls": "please", "plz": "please", "wen": "when", "wiv": "with", "iv": "i have",
    "ive": "i have", "dosent": "does not", "dosnt": "does not", "dont": "do not",
    "carnt": "can not", "cant": "can not", "wont": "will not", "havnt": "have not",
    "isnt": "is not", "wasnt": "was not", "didnt": "did not", "hasnt": "has not",
    "couldnt": "could not", "wouldnt": "would not", "doesnt": "does not", "gonna": "going to",
}  # fmt: skip
# Only these pairs are contractions; elsewhere "ca", "m" and "r" are words of their own.
_ONLY_BEFORE_NOT = {"ca", "wo", "sha"}
_ONLY_AFTER_PRONOUN = {"m", "ve"}
_PRONOUNS = {"i", "you", "we", "they"}

_SENTENCE_END = re.compile(r"^[.!?;\n]+$")
_TRAILING = re.compile(r"^\.{2,}$")  # "two weeks off... nothing": a pause, not an end
_SKIPPED = re.compile(r"^[-'\"*_~^#(){}\[\]<>|\\]+$")
_REPEATED = re.compile(r"(.)\1{2,}")


class Word(NamedTuple):
    """One word or mark of a message.

    Attributes:
        norm: lower case, contractions undone; `.` for any end of a sentence, `,` for a comma,
            `-` for a dash between words.  Emoji and other signs without a meaning are left out.
        start, end: character offsets into the original text, end exclusive.
    """

    norm: str
    start: int
    end: int


def normalise(text: str) -> str:
    """`text` in lower case with plain quotes, dashes and digits, of exactly the same length."""
    if text.isascii():
        return text.lower()
    return "".join(map(_plain, text))


@lru_cache(maxsize=4096)
def _plain(character: str) -> str:
    if character in _CHARACTERS:
        return _CHARACTERS[character]
    folded = unicodedata.normalize("NFKC", character)
    if len(folded) == 1:
        character = folded
    stripped = unicodedata.normalize("NFD", character)[0]
    if stripped.isascii() and stripped.isalpha():
        character = stripped
    lower = character.lower()
    return lower if len(lower) == 1 else character


@lru_cache(maxsize=1)
def language() -> Language:
    """The blank English spaCy pipeline, with infixes for text typed without spaces."""
    nlp = spacy.blank("en")
    tokenizer: Any = nlp.tokenizer  # spaCy publishes no types for it
    infixes: list[str | re.Pattern[str]] = [
        *English.Defaults.infixes,
        r"(?<=[a-z0-9])[;:!?,/&()](?=[a-z])",
        r"(?<=[a-z]{3})\.(?=[a-z]{2})",
        r"(?<=[a-z])/(?=[a-z0-9])",
    ]
    # A full stop without a space ("no swelling.just stiff") is no web address.
    tokenizer.url_match = None
    tokenizer.infix_finditer = compile_infix_regex(infixes).finditer
    return nlp


@lru_cache(maxsize=16)
def split(text: str) -> tuple[Word, ...]:
    """The words and marks of a message, in order.

    The last few messages are remembered, because each part of the pipeline asks anew.

    Args:
        text: the message as typed, any Unicode; it need not be normalised.
    """
    plain = normalise(text)
    words: list[Word] = []
    tokens = language().tokenizer(plain)
    previous = ""
    for index, token in enumerate(tokens):
        raw = token.text
        if raw.isalpha() or raw[0] == "'":
            following = tokens[index + 1].text if index + 1 < len(tokens) else ""
            norm = _word_norm(raw, previous, following)
        else:
            norm = _mark_norm(raw, after_space=plain[token.idx - 1 : token.idx].isspace())
        # Both words of an undone contraction lie where it was typed.
        words.extend(Word(part, token.idx, token.idx + len(raw)) for part in norm.split())
        previous = raw
    return tuple(words)


def _word_norm(raw: str, previous: str, following: str) -> str:
    """What a token of letters stands for; empty for a lone apostrophe."""
    if raw == "'":
        return ""
    if raw in _ONLY_BEFORE_NOT:
        return _NORMS[raw] if following in ("n't", "nt") else raw
    if raw in _ONLY_AFTER_PRONOUN:
        return _NORMS[raw] if previous in _PRONOUNS else raw
    norm = _NORMS.get(raw, raw)
    return _squeeze(norm) if len(norm) > 4 else norm


def _mark_norm(raw: str, *, after_space: bool) -> str:
    """What a token that is no plain word stands for; empty when it means nothing here."""
    if raw in _NORMS:
        return _NORMS[raw]
    if raw.isspace():
        return "." if "\n" in raw else ""
    if _TRAILING.match(raw):
        return ","
    if _SENTENCE_END.match(raw):
        return "."
    if raw == "-" and after_space:
        return "-"
    if raw in (",", ":", "/") or (raw[0].isalnum() and not _SKIPPED.match(raw)):
        return raw
    return ""


@lru_cache(maxsize=8192)
def _squeeze(word: str) -> str:
    """`swolleeeen` -> `swolleen`: nobody means three of the same letter."""
    return _REPEATED.sub(r"\1\1", word)
