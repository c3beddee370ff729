"""The trained pipeline: intents that must not depend on luck."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Parse = Callable[[str], dict[str, Any]]


def _intent(parsed: dict[str, Any]) -> str:
    return str(parsed["intent"]["name"])


@pytest.mark.parametrize(
    "text",
    ["I'm short of breath and my calf is swollen", "should I ice my knee? I can't put weight on it",
     "hello, my foot is numb", "stop. my knee is hot and swollen", "not sure if my foot is numb",
     "change my answer, I can't straighten it"],
)  # fmt: skip
def test_a_danger_sign_outranks_every_intent(text: str, parse: Parse) -> None:
    """Whatever the classifier thinks, a raised danger sign is reported with certainty."""
    parsed = parse(text)
    assert parsed["intent"] == {"name": "report_danger", "confidence": 1.0}


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("hello", "greet"),
        ("hi, my knee has been swollen for a week", "inform"),
        ("start over", "start_over"),
        ("stop", "stop"),
        ("go back", "go_back"),
        ("skip", "skip"),
        ("not sure", "unsure"),
        ("yes", "affirm"),
        ("nope", "deny"),
        ("why do you ask?", "why"),
        ("what does that mean?", "explain"),
        ("are you a bot?", "bot_challenge"),
        ("what happens to my data", "privacy"),
        ("can I take ibuprofen for this", "medication"),
        ("show me some exercises", "exercises"),
        ("what was the result again", "result"),
        ("what have I told you", "summary"),
        ("say that again", "repeat"),
        ("I want to talk to a human", "human_handoff"),
        ("thanks", "thanks"),
        ("bye", "goodbye"),
        ("I want to kill myself", "crisis"),
        ("what's the weather in Paris tomorrow", "out_of_scope"),
        ("my shoulder hurts", "out_of_scope"),
        ("sorry, I meant it is not swollen", "correct"),
        ("7 or 8", "number"),
        ("my knee hurts when I run", "inform"),
        ("asdf qwer", "nlu_fallback"),
        ("what is runner's knee?", "faq"),
    ],
)
def test_plain_messages_get_their_intent(text: str, intent: str, parse: Parse) -> None:
    """The sentences that every conversation needs."""
    assert _intent(parse(text)) == intent


@pytest.mark.parametrize(
    "text", ["\U0001f600\U0001f600", "???", "...", "\u0416\u0416", "\u200b", "'"]
)
def test_a_message_without_a_known_letter_is_answered(text: str, parse: Parse) -> None:
    """Rasa's own classifier raises here, and the message could never be answered."""
    assert _intent(parse(text)) == "nlu_fallback"


def test_a_finding_carries_how_it_was_said(parse: Parse) -> None:
    """The entity holds what the summary and the actions need."""
    parsed = parse("my knee swelled up last year, now no injury")
    swelling = next(e for e in parsed["entities"] if e["entity"] == "swelling")
    injury = next(e for e in parsed["entities"] if e["entity"] == "injury")
    assert swelling["current"] is False
    assert (injury["value"], injury["polarity"], injury["current"]) == ("none", "negated", True)
    assert {"start", "end", "uncertain", "cue", "reason"} <= set(injury)


def test_times_count_from_the_day_of_the_message(parse: Parse) -> None:
    """The metadata's `now` is Friday, 21 November: since Tuesday is three days."""
    entities = parse("it started on Tuesday")["entities"]
    assert [e["value"] for e in entities if e["entity"] == "duration_days"] == [3]


def test_a_correction_names_its_question(parse: Parse) -> None:
    """It carries the question, and no swelling."""
    entities = parse("change my swelling answer")["entities"]
    assert [e["value"] for e in entities if e["entity"] == "about"] == ["swelling"]
    assert all(e["entity"] != "swelling" for e in entities)


def test_a_question_of_general_interest_names_its_topic(parse: Parse) -> None:
    """The phrasings come from the knowledge files; nothing is copied to the training data."""
    entities = parse("should i ice my knee?")["entities"]
    assert [e["value"] for e in entities if e["entity"] == "faq_topic"] == ["ice"]


def test_another_body_part_is_named_back(parse: Parse) -> None:
    """So that the answer can say what it cannot check."""
    entities = parse("my shoulder hurts")["entities"]
    assert [e["value"] for e in entities if e["entity"] == "body_part"] == ["shoulder"]
