"""What a client sends as one turn: `{id, text}` or `{id, answer: {finding, value}}`.

Checked here in full, so that the assistant only ever sees a piece of text or an answer that
the clinical model knows.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from bot.channels.web.problems import Problem
from bot.clinical.case import UnknownFinding, UnknownValue, read_value
from bot.clinical.model import Knowledge

MAX_TEXT: Final = 2000

#: Taps that are no findings of the model but are sent like answers (`actions.navigate.control`):
#: confirm the summary, change an answer (its value is a question's id), move about.
CONFIRM: Final = "summary"
CHANGE: Final = "change"
CONTROL: Final = "control"
CONTROLS: Final = ("back", "result", "skip", "start_over", "stop", "summary", "why")

_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")


@dataclass(frozen=True)
class TurnRequest:
    """One turn as sent: `text`, or `answer` as `{"finding": ..., "value": ...}`; one is None."""

    id: str
    text: str | None
    answer: dict[str, Any] | None


def read_turn(document: dict[str, Any], knowledge: Knowledge) -> TurnRequest:
    """The turn in a request's JSON object.

    Text that only looks like a command (`/restart`, `/intent{...}`) is text.

    Raises:
        Problem: malformed (400: a key is missing, unknown or of the wrong type; the text is
            empty or holds NUL or half a surrogate pair), too-large (413: over `MAX_TEXT`
            characters), or unanswerable (422, with the `allowed` findings or values).
    """
    _only_keys(document, {"id", "text", "answer"}, "The message")
    client_id = document.get("id")
    if not isinstance(client_id, str) or not _ID.fullmatch(client_id):
        raise Problem(
            "malformed",
            "Give the message an id of your own: 1 to 64 letters, digits, hyphens, dots, colons "
            "or underscores, such as a UUID.",
        )
    if ("text" in document) == ("answer" in document):
        raise Problem("malformed", "Send either text or answer: one of them, not both.")
    if "text" in document:
        return TurnRequest(client_id, _text(document["text"]), None)
    return TurnRequest(client_id, None, _answer(document["answer"], knowledge))


def _text(text: Any) -> str:
    if not isinstance(text, str):
        raise Problem("malformed", "text must be a string.")
    if len(text) > MAX_TEXT:
        raise Problem(
            "too-large",
            f"The text has {len(text)} characters; at most {MAX_TEXT} fit in one message. "
            "Shorten it or send it in parts. Nothing was taken in.",
            at_most=MAX_TEXT,
        )
    if "\0" in text:
        raise Problem("malformed", "The text holds a NUL character. Take it out and send again.")
    if not _is_unicode(text):
        raise Problem("malformed", "The text holds half a surrogate pair, which is no character.")
    # Separators, controls and invisible format characters alone say nothing.
    if all(unicodedata.category(character)[0] in "ZC" for character in text):
        raise Problem("malformed", "The text is empty. Write something or tap an answer.")
    return text


def _answer(answer: Any, knowledge: Knowledge) -> dict[str, Any]:
    if not isinstance(answer, dict):
        raise Problem("malformed", "answer must be an object: {finding, value}.")
    _only_keys(answer, {"finding", "value"}, "answer")
    if not isinstance(answer.get("finding"), str) or "value" not in answer:
        raise Problem("malformed", "answer needs a finding (a string) and a value.")
    finding, value = answer["finding"], answer["value"]
    taps = {
        CONFIRM: ("confirm",),
        CHANGE: tuple(question.id for question in knowledge.questions),
        CONTROL: CONTROLS,
    }
    if finding in taps:
        if value not in taps[finding]:
            raise _no_such_value(finding, taps[finding])
        return {"finding": finding, "value": value}
    try:
        read_value(knowledge, finding, value)
    except UnknownFinding as error:
        raise Problem(
            "unanswerable",
            "There is no such finding. Send one of the allowed ones.",
            allowed=[*error.allowed, *taps],
        ) from None
    except UnknownValue as error:
        raise _no_such_value(error.finding, error.allowed) from None
    return {"finding": finding, "value": value}


def _no_such_value(finding: str, allowed: Sequence[object]) -> Problem:
    return Problem(
        "unanswerable",
        f"'{finding}' has no such value. Send one of the allowed ones.",
        finding=finding,
        allowed=list(allowed),
    )


def _only_keys(found: dict[str, Any], known: set[str], what: str) -> None:
    unknown = sorted(set(found) - known)
    if unknown:
        names = ", ".join(sorted(known))
        raise Problem("malformed", f"{what} has keys that are not known; there are: {names}.")


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
