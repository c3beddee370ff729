"""`kneewise chat`: how messages are shown, what typed numbers mean, and whole conversations."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from bot.chat import Rendering, ServerGone, talk, tap_for

CHOICE = {
    "kind": "question",
    "text": "Is the knee stiff?\n- No\n- Yes, it eases as I move\n- Yes, for hours",
    "prompt": "Is the knee stiff?",
    "finding": "stiffness",
    "input": "choice",
    "choices": [
        {"value": "none", "label": "No"},
        {"value": "mild", "label": "Yes, it eases as I move"},
        {"value": "lasting", "label": "Yes, for hours"},
    ],
    "progress": {"answered": 4, "at_most": 11},
}
CHECKLIST = {
    "kind": "question",
    "text": "Any of these?",
    "finding": "danger_signs",
    "input": "checklist",
    "choices": [
        {"value": "locked", "label": "Stuck", "help": "You can not bend or straighten it at all."},
        {"value": "deformity", "label": "Bent"},
    ],
    "none_label": "None of these",
}
SCALE = {
    "kind": "question",
    "text": "How bad is the pain?",
    "finding": "pain_score",
    "input": "number",
    "choices": [],
    "min": 0,
    "max": 10,
}
SUMMARY = {
    "kind": "summary",
    "text": "I understood:\n- Stiffness: mild stiffness",
    "findings": [],
    "choices": [{"value": "confirm", "label": "Yes, that is right"}],
}
ASSESSMENT: dict[str, Any] = {
    "kind": "assessment",
    "text": "See a specialist.\n\n- Book today.",
    "disposition": "see_specialist",
    "level": 4,
    "within": "P0D",
    "actions": ["Book a visit to a sports specialist today."],
    "reasons": [
        {
            "rule": "persistent_swelling",
            "findings": ["swelling"],
            "text": "Your knee stays swollen.",
            "references": ["S001"],
        }
    ],
    "safety_net": ["Fever, or a hot knee."],
    "counterfactuals": [{"if": "your knee were hot", "disposition": "emergency_department"}],
    "contact": {"label": "Riverside", "phone": "+44 20 5550 0123"},
}


def shown(message: dict[str, Any], *, width: int = 80, colour: bool = False) -> str:
    return Rendering(width, colour).message(message)


@pytest.mark.parametrize(
    ("question", "typed", "value"),
    [
        (CHOICE, "2", "mild"),
        (CHOICE, " 3 ", "lasting"),
        (CHECKLIST, "0", []),
        (CHECKLIST, "1", ["locked"]),
        (CHECKLIST, "2, 1", ["deformity", "locked"]),
        (CHECKLIST, "1 1 2", ["locked", "deformity"]),
        (SCALE, "0", 0),
        (SCALE, "10", 10),
        (SUMMARY, "1", "confirm"),
    ],
)
def test_numbers_are_taps(question: dict[str, Any], typed: str, value: object) -> None:
    """A number of a choice, several of a checklist, and a score are sent as what they stand for."""
    finding = question.get("finding", "summary")
    assert tap_for(question, typed) == {"finding": finding, "value": value}


@pytest.mark.parametrize(
    ("question", "typed"),
    [
        (CHOICE, "0"),
        (CHOICE, "4"),
        (CHOICE, "1 2"),
        (CHOICE, "it hurts"),
        (CHOICE, "2 weeks"),
        (CHECKLIST, "0 1"),
        (CHECKLIST, "1 and 2"),
        (CHECKLIST, "3"),
        (SCALE, "11"),
        (SCALE, "3.5"),
        (SCALE, "-1"),
        (SCALE, "3 4"),
        (SCALE, "\N{SUPERSCRIPT TWO}"),
        (SUMMARY, "2"),
        (None, "1"),
    ],
)
def test_everything_else_is_text(question: dict[str, Any] | None, typed: str) -> None:
    """What is no choice on offer goes to the server as the person wrote it."""
    assert tap_for(question, typed) is None


def test_question_numbers_its_choices() -> None:
    """Each choice has its number, and the person sees how far they are."""
    text = shown(CHOICE)
    assert re.search(r"^ +2\) Yes, it eases as I move$", text, re.MULTILINE)
    assert "Question 5 of at most 11" in text


def test_choices_of_a_question_are_shown_once() -> None:
    """The text repeats the choices for plain channels; here the bare prompt stands before them."""
    assert shown(CHOICE).count("Yes, it eases as I move") == 1


def test_question_without_a_prompt_is_shown_by_its_text() -> None:
    """The wire promises no more than `text`."""
    assert shown(CHECKLIST).startswith("Any of these?\n")


def test_help_of_a_choice_is_a_dimmer_line_below_it() -> None:
    """What a choice means is there to read, and stands back behind the choice."""
    lines = shown(CHECKLIST, colour=True).splitlines()
    at = next(n for n, line in enumerate(lines) if line.endswith("1) Stuck"))
    assert lines[at + 1] == "\x1b[2m      You can not bend or straighten it at all.\x1b[0m"


def test_checklist_offers_none() -> None:
    """0 is none of these."""
    assert re.search(r"^ +0\) None of these$", shown(CHECKLIST), re.MULTILINE)


def test_scale_says_its_ends() -> None:
    """A number question says from where to where."""
    assert "from 0 to 10" in shown(SCALE)


def test_assessment_says_everything() -> None:
    """Level in words, what to do, whom to call, why with its reference, and when to come sooner."""
    text = shown(ASSESSMENT)
    for words in (
        "SEE SPECIALIST",
        "level 4 of 7",
        "Book a visit to a sports specialist today.",
        "Who to contact: Riverside +44 20 5550 0123",
        "Your knee stays swollen. [S001]",
        "Fever, or a hot knee.",
        "your knee were hot",
    ):
        assert words in text


def test_colour_says_nothing_that_words_do_not() -> None:
    """Without its colours the card reads the same."""
    coloured = shown(ASSESSMENT, colour=True)
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == shown(ASSESSMENT)


@pytest.mark.parametrize("width", [30, 44, 80])
@pytest.mark.parametrize("message", [CHOICE, CHECKLIST, SCALE, SUMMARY, ASSESSMENT])
def test_lines_fit_the_terminal(message: dict[str, Any], width: int) -> None:
    """No line is wider than the terminal."""
    assert max(map(len, shown(message, width=width).splitlines())) <= width


def test_terminal_codes_in_a_message_do_not_come_through() -> None:
    """A message cannot move the cursor or recolour the screen."""
    assert shown({"kind": "text", "text": "a\x1b[2Jb\x07c\x9bd"}) == "a[2Jbcd"


@pytest.mark.parametrize("kind", ["crisis", "exercise", "a kind of next year"])
def test_other_kinds_are_shown_by_their_text(kind: str) -> None:
    """`text` always stands alone, so a kind this client does not know is no problem."""
    assert shown({"kind": kind, "text": "Call someone now.", "more": 1}) == "Call someone now."


@pytest.mark.parametrize("kind", ["file", "chart"])
def test_files_show_their_address(kind: str) -> None:
    """A terminal cannot show a file, but it can say where it is."""
    assert "/api/v1/case/plan.pdf" in shown(
        {"kind": kind, "text": "Your plan", "url": "/api/v1/case/plan.pdf"}
    )


class Wire(BaseHTTPRequestHandler):
    """The calls of the API, answered from a script: what a busy or a vanished server does."""

    protocol_version = "HTTP/1.1"
    replies: list[tuple[int, dict[str, Any]]]
    got: list[dict[str, Any]]

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        self.got.append(json.loads(self.rfile.read(length)))
        self._answer(*self.replies.pop(0))

    def do_DELETE(self) -> None:
        self.got.append({"deleted": self.headers["Authorization"]})
        self._answer(204, {})

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        sent = b"" if status == 204 else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(sent)))
        self.send_header("Retry-After", "0")
        self.end_headers()
        self.wfile.write(sent)

    def log_message(self, *args: object) -> None:
        pass


STARTED = (201, {"session": "s", "token": "t", "expires_at": "", "messages": [CHOICE]})
SAID = (200, {"messages": [{"kind": "text", "text": "Noted."}]})


@pytest.fixture
def wire() -> Iterator[tuple[type[Wire], str]]:
    script = type("Script", (Wire,), {"replies": [], "got": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), script) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield script, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def hold(url: str, typed: str) -> str:
    out = io.StringIO()
    talk(url, typed=io.StringIO(typed), shown=out)
    return out.getvalue()


def test_busy_server_gets_the_same_message_again(wire: tuple[type[Wire], str]) -> None:
    """After 503 and 429 the same id is sent again, so that the turn is taken once."""
    script, url = wire
    script.replies[:] = [STARTED, (503, {"title": "busy"}), (429, {"title": "slow"}), SAID]
    assert "Noted." in hold(url, "it hurts\n")
    sent = script.got[1:4]
    assert [one["text"] for one in sent] == ["it hurts"] * 3
    assert len({one["id"] for one in sent}) == 1


def test_refused_message_is_explained_and_the_question_stays_open(
    wire: tuple[type[Wire], str],
) -> None:
    """After a problem the person reads what to do, and a number still answers the open question."""
    script, url = wire
    script.replies[:] = [STARTED, (413, {"title": "Too long", "detail": "Say it shorter."}), SAID]
    assert "Say it shorter." in hold(url, "long\n2\n")
    assert script.got[2]["answer"] == {"finding": "stiffness", "value": "mild"}


def test_conversation_is_erased_at_the_end(wire: tuple[type[Wire], str]) -> None:
    """Whether by bye or at the end of the input, the session is deleted."""
    script, url = wire
    script.replies[:] = [STARTED]
    assert "erased" in hold(url, "Bye!\nnot sent\n")
    assert script.got == [{}, {"deleted": "Bearer t"}]


def test_ended_session_is_said(wire: tuple[type[Wire], str]) -> None:
    """When the session has expired the conversation cannot go on."""
    script, url = wire
    script.replies[:] = [STARTED, (401, {"title": "No session"})]
    with pytest.raises(ServerGone, match="has ended"):
        hold(url, "hello\n")


def test_unreachable_server_says_how_to_start_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """With nothing listening the message names the address and the command."""
    monkeypatch.setattr("bot.chat.time.sleep", lambda seconds: None)
    with pytest.raises(ServerGone, match=r"cannot reach http://127\.0\.0\.1:9.*make run"):
        hold("http://127.0.0.1:9", "")


def test_piped_conversation_with_a_server_of_its_own() -> None:
    """`kneewise chat` starts a server, and piped lines lead from "hi" to the assessment and out."""
    typed = (
        "hi",
        "my knee has been swollen for a week, no fever, no injury",
        "0",
        "2",
        "why do you ask?",
        "1",
        "none of these",
        "1",
        "bye",
    )
    done = subprocess.run(
        [sys.executable, "-m", "bot.cli", "chat"],
        input="\n".join(typed) + "\n",
        cwd=Path(__file__).resolve().parents[1],
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "level 4 of 7" in done.stdout
    assert "[S001]" in done.stdout
    assert "\x1b[" not in done.stdout
    assert done.stdout.endswith("Goodbye. This conversation has been erased.\n")


def test_server_that_does_not_start_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the server cannot start, its own words are shown and nothing hangs."""
    monkeypatch.setenv("KNEEWISE_NO_SUCH_SETTING", "1")
    with pytest.raises(ServerGone, match="unknown setting KNEEWISE_NO_SUCH_SETTING"):
        talk(typed=io.StringIO(""), shown=io.StringIO())
