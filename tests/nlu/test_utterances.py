"""What is read from whole messages: one case of tests/cases/utterances.yaml, one test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.catalogue import load_catalogue
from bot.nlu.reading import Reading

CASES = yaml.safe_load(
    (Path(__file__).parents[1] / "cases" / "utterances.yaml").read_text(encoding="utf-8")
)


def _danger(reading: Reading) -> set[str]:
    signs = load_catalogue().knowledge.danger_signs
    return {m.finding for m in reading.mentions if m.raises and m.finding in signs}


@pytest.mark.parametrize("case", CASES["utterances"], ids=lambda case: case["text"][:80])
def test_the_findings_of_a_message_are_these_and_no_others(
    case: dict[str, Any], read: Callable[[str], Reading]
) -> None:
    """All current findings have the values that the case names, and nothing else is found."""
    reading = read(case["text"])
    current = [m for m in reading.mentions if m.current and not m.in_part]
    assert {m.finding: m.value for m in current} == case["says"]
    aside = {m.finding for m in reading.mentions if not m.current}
    assert aside >= set(case.get("set_aside", []))


@pytest.mark.parametrize("case", CASES["danger"], ids=lambda case: case["text"][:80])
def test_a_danger_sign_in_ordinary_words_is_not_missed(
    case: dict[str, str], read: Callable[[str], Reading]
) -> None:
    """The sign is raised: present or not sure, and current."""
    assert case["raises"] in _danger(read(case["text"]))


@pytest.mark.parametrize("text", CASES["no_danger"], ids=lambda text: text[:80])
def test_what_only_sounds_like_danger_raises_nothing(
    text: str, read: Callable[[str], Reading]
) -> None:
    """No danger sign is raised."""
    assert _danger(read(text)) == set()


@pytest.mark.parametrize("change", [str.upper, str.lower, lambda t: t.replace(",", "").rstrip(".")])
def test_capitals_and_missing_marks_hide_no_danger_sign(
    change: Callable[[str], str], read: Callable[[str], Reading]
) -> None:
    """Every sentence of the danger cases still raises its sign when typed carelessly."""
    missed = [
        case["text"]
        for case in CASES["danger"]
        if case["raises"] not in _danger(read(change(case["text"])))
    ]
    assert missed == []
