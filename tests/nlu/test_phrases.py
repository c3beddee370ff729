"""The pattern language and its automaton."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bot.catalogue import Phrase
from bot.nlu.phrases import Automaton, PatternParser
from bot.nlu.tokens import split
from bot.yaml_file import KnowledgeError

Finds = Callable[[str, str], list[str]]


def _line(text: str, line: int = 7) -> Phrase:
    return Phrase(text, Path("findings/example.yaml"), line)


@pytest.fixture
def finds() -> Finds:
    """The parts of a text that a pattern matches."""

    def matched(pattern: str, text: str) -> list[str]:
        parser = PatternParser({"puffy": [_line("(swollen|puffy)"), _line("like a balloon")]})
        automaton: Automaton[str] = Automaton()
        automaton.add(parser.parse(_line(pattern)), pattern)
        automaton.close(guarded=["stuff"])
        words = split(text)
        return [text[words[m.start].start : words[m.end - 1].end] for m in automaton.run(words, {})]

    return matched


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("giving way", "it keeps giving way on me", "giving way"),
        ("can't bend", "I can not bend it", "can not bend"),
        ("hot (and|,)? swollen", "hot, swollen", "hot, swollen"),
        ("hot (and|,)? swollen", "hot swollen", "hot swollen"),
        ("knee .. swollen", "knee is really very swollen", "knee is really very swollen"),
        (
            "pop ... swollen",
            "a pop, and then it was all swollen",
            "pop, and then it was all swollen",
        ),
        ("{puffy} knee", "a puffy knee", "puffy knee"),
        ("knee {puffy}", "my knee like a balloon", "knee like a balloon"),
        ("click*", "it was clicking", "clicking"),
        ("swollen", "my knee is swolen", "swolen"),
        ("numbness", "some nubmness", "nubmness"),
    ],
)
def test_a_pattern_matches_these_words(
    finds: Finds, pattern: str, text: str, expected: str
) -> None:
    """Words, groups, gaps, concepts, beginnings and one slip of the finger."""
    assert expected in finds(pattern, text)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("knee .. swollen", "knee is not swollen"),
        ("knee .. swollen", "knee hurts, swollen"),
        ("knee .. swollen", "knee hurts. swollen"),
        ("knee .. swollen", "knee that I hurt again is swollen"),
        ("stiff", "some stuff"),
        ("numb", "a dumb thing"),
        ("swollen", "a fallen tree"),
    ],
)
def test_a_pattern_does_not_match_these(finds: Finds, pattern: str, text: str) -> None:
    """A gap stops at "not", at a clause and after 3 words; guarded words do not drift."""
    assert finds(pattern, text) == []


@pytest.mark.parametrize(
    "pattern",
    ["(hot", "hot)", "?", ".. hot", "hot ..", "{warm}", "(a)? (b)?", ""],
)
def test_a_malformed_pattern_names_file_and_line(pattern: str) -> None:
    """The writer of a phrase is told where the mistake is."""
    parser = PatternParser({})
    with pytest.raises(KnowledgeError, match=r"findings/example\.yaml:7: the pattern"):
        parser.parse(_line(pattern))


def test_a_concept_may_not_hold_itself() -> None:
    """A circle of concepts is refused instead of running for ever."""
    parser = PatternParser({"a": [_line("x {b}")], "b": [_line("{a} y")]})
    with pytest.raises(KnowledgeError, match="part of itself"):
        parser.parse(_line("{a}"))
