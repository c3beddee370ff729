"""Turns as sent by a client: what is taken, what is refused and with which words."""

from __future__ import annotations

from typing import Any

import pytest

from bot.catalogue import load_catalogue
from bot.channels.web.problems import Problem
from bot.channels.web.turn_request import CONTROLS, TurnRequest, read_turn

KNOWLEDGE = load_catalogue().knowledge


def refused(document: dict[str, Any]) -> Problem:
    with pytest.raises(Problem) as problem:
        read_turn(document, KNOWLEDGE)
    return problem.value


@pytest.mark.parametrize(
    "text",
    [
        "my knee hurts",
        "/restart",
        '/answer{"finding": "swelling", "value": "none"}',
        "/EXTERNAL_reminder",
        "🙂",
        "👩🏽‍⚕️🦵",
        "0",
        "null",
        "  leading and trailing  ",
        "line one\nline two\ttabbed",
        "x" * 2000,
        "膝が痛い",
        "הברך כואבת",
    ],
)
def test_text_is_taken_as_it_is(text: str) -> None:
    """Commands and all: nothing is stripped, read or changed."""
    assert read_turn({"id": "1", "text": text}, KNOWLEDGE) == TurnRequest("1", text, None)


@pytest.mark.parametrize(
    ("text", "slug", "says"),
    [
        ("", "malformed", "empty"),
        (" \n\t ", "malformed", "empty"),
        ("\u200b\u200d\ufeff\u00a0", "malformed", "empty"),
        ("a\0b", "malformed", "NUL"),
        ("\ud83d", "malformed", "surrogate"),
        ("x" * 2001, "too-large", "2001 characters"),
        ("🙂" * 2001, "too-large", "2001 characters"),
        (None, "malformed", "string"),
        (7, "malformed", "string"),
        (["my knee"], "malformed", "string"),
        ({"text": "my knee"}, "malformed", "string"),
    ],
)
def test_text_that_cannot_be_taken_says_why(text: Any, slug: str, says: str) -> None:
    """Empty, unreadable, too long or no text at all."""
    problem = refused({"id": "1", "text": text})
    assert problem.kind.slug == slug
    assert says in problem.detail


@pytest.mark.parametrize(
    "client_id", [None, "", 1, "x" * 65, "a b", "~start", "ü", "a\n", ["1"], {"id": "1"}]
)
def test_an_id_must_be_a_short_plain_string(client_id: Any) -> None:
    """Also none that looks like the server's own first turn."""
    assert "id" in refused({"id": client_id, "text": "hello"}).detail


def test_an_id_must_be_there() -> None:
    """Without one a repeat could not be told from a new message."""
    assert refused({"text": "hello"}).kind.slug == "malformed"


@pytest.mark.parametrize(
    "document",
    [
        {"id": "1"},
        {"id": "1", "text": "a", "answer": {"finding": "swelling", "value": "none"}},
        {"id": "1", "text": "a", "sender": "someone"},
        {"id": "1", "answer": "swelling"},
        {"id": "1", "answer": None},
        {"id": "1", "answer": {}},
        {"id": "1", "answer": {"finding": "swelling"}},
        {"id": "1", "answer": {"value": "none"}},
        {"id": "1", "answer": {"finding": ["swelling"], "value": "none"}},
        {"id": "1", "answer": {"finding": "swelling", "value": "none", "intent": "x"}},
    ],
)
def test_a_turn_is_a_text_or_an_answer_and_no_more(document: dict[str, Any]) -> None:
    """Both, neither, half an answer and extra keys are malformed."""
    assert refused(document).kind.slug == "malformed"


@pytest.mark.parametrize(
    ("finding", "value"),
    [
        ("swelling", "after_runs"),
        ("swelling", "unknown"),
        ("danger_signs", []),
        ("danger_signs", ["locked", "deformity"]),
        ("danger_signs", "unknown"),
        ("locked", "present"),
        ("pain_score", 0),
        ("pain_score", 10),
        ("pain_score", "unknown"),
        ("summary", "confirm"),
        ("change", "swelling"),
        *(("control", value) for value in CONTROLS),
    ],
)
def test_answers_of_the_model_are_taken(finding: str, value: Any) -> None:
    """Choices, checklists, numbers, `unknown`, and the taps that are no findings."""
    answer = {"finding": finding, "value": value}
    assert read_turn({"id": "1", "answer": answer}, KNOWLEDGE).answer == answer


@pytest.mark.parametrize(
    ("finding", "value", "allowed"),
    [
        ("swelling", "huge", "persistent"),
        ("swelling", None, "persistent"),
        ("swelling", ["none"], "persistent"),
        ("swelling", {"a": 1}, "persistent"),
        ("swelling", True, "persistent"),
        ("danger_signs", ["rash"], "locked"),
        ("danger_signs", [["locked"]], "locked"),
        ("danger_signs", "locked", "locked"),
        ("pain_score", 11, "unknown"),
        ("pain_score", -1, "unknown"),
        ("pain_score", 3.5, "unknown"),
        ("pain_score", True, "unknown"),
        ("pain_score", "3", "unknown"),
        ("locked", "yes", "present"),
        ("knee_colour", "blue", "swelling"),
        ("", "none", "swelling"),
        ("summary", "maybe", "confirm"),
        ("change", "locked", "swelling"),
        ("change", ["swelling"], "swelling"),
        ("control", "restart", "start_over"),
    ],
)
def test_what_the_model_does_not_know_lists_what_it_does(
    finding: str, value: Any, allowed: str
) -> None:
    """422 with the allowed findings or values."""
    problem = refused({"id": "1", "answer": {"finding": finding, "value": value}})
    assert problem.kind.slug == "unanswerable"
    assert allowed in problem.more["allowed"]
