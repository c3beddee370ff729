"""The same message, typed otherwise: what it says stays, and so must what is read from it."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

_WORD = re.compile(r"[A-Za-z]{5,}")
_TYPOS_PER_WORD = 0.12
_SENTENCES = re.compile(r"(?<=[.!?])\s+|\n+")


def typos(text: str, chance: random.Random, faqs: Sequence[str]) -> str:
    """About one longer word in eight gets one slip: letters swapped, dropped, doubled, changed."""

    def slip(match: re.Match[str]) -> str:
        word = match[0]
        if chance.random() >= _TYPOS_PER_WORD:
            return word
        at = chance.randrange(1, len(word) - 1)
        kind = chance.choice(("swap", "drop", "double", "change"))
        if kind == "swap":
            return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        if kind == "drop":
            return word[:at] + word[at + 1 :]
        if kind == "double":
            return word[:at] + word[at] + word[at:]
        return word[:at] + chance.choice("aeioust") + word[at + 1 :]

    return _WORD.sub(slip, text)


def lower_case(text: str, chance: random.Random, faqs: Sequence[str]) -> str:
    """No capital letters."""
    return text.lower()


def no_punctuation(text: str, chance: random.Random, faqs: Sequence[str]) -> str:
    """No marks but those inside numbers ("6.5", "5/10") and no apostrophes."""
    text = re.sub(r"['\u2019]", "", text)
    text = re.sub(r"(?<!\d)[.,;:!?()\"-]+|[.,;:!?()\"]+(?!\d)", " ", text)
    return re.sub(r"\s+", " ", text).strip()


def shuffled(text: str, chance: random.Random, faqs: Sequence[str]) -> str:
    """The sentences in another order."""
    sentences = _SENTENCES.split(text)
    chance.shuffle(sentences)
    return " ".join(sentences)


def with_question(text: str, chance: random.Random, faqs: Sequence[str]) -> str:
    """A question of general interest between the sentences."""
    sentences = _SENTENCES.split(text)
    asked = chance.choice(list(faqs))
    sentences.insert(chance.randint(0, len(sentences)), asked.rstrip("?") + "?")
    return " ".join(sentences)


KINDS: dict[str, Callable[[str, random.Random, Sequence[str]], str]] = {
    "typos": typos,
    "lower case": lower_case,
    "no punctuation": no_punctuation,
    "sentences shuffled": shuffled,
    "a question inserted": with_question,
}


def perturbed(kind: str, text: str, name: str, faqs: Sequence[str]) -> str:
    """The text changed in one way; the same name gives the same change every time."""
    return KINDS[kind](text, random.Random(f"{kind} {name}"), faqs)  # noqa: S311  # no secret
