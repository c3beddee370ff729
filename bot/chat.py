"""Talks to Kneewise in the terminal, over the same HTTP API as every other client.

A question's choices are numbered: typed numbers are sent as a tap (`answer`), anything else as
`text`.  Without a URL a server is started for this conversation alone, on a free loopback port and
with a database that is removed at the end.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Final, TextIO

import requests

from bot.settings import PROJECT

Message = Mapping[str, Any]
Say = Callable[[str], None]

FAREWELLS: Final = frozenset({"bye", "goodbye", "quit", "exit"})
WIDEST: Final = 88
"""Columns; longer lines are hard to read."""
START_SECONDS: Final = 180.0
"""How long a first start may take: it trains the model."""
REPLY_SECONDS: Final = 30.0
TRIES: Final = 4
"""How often a message is sent before giving up; with the same id, so it is taken once only."""

# By level 0-7: the words say the same, so that colour is never alone in saying it.
_COLOURS: Final = ("32", "32", "33", "33", "1;33", "1;31", "1;31", "1;37;41")
_LISTENS: Final = re.compile(r"listens on (http://\S+)")
# What would move the cursor or change the terminal must not come through, whoever wrote it.
_CONTROLS: Final = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")


class ServerGone(Exception):
    """There is no server to talk to (any more); the message says what happened and what to do."""


class Rendering:
    """Turns wire messages into lines for a terminal.

    Args:
        width: columns to wrap to.
        colour: whether escape sequences for colour may be used.
    """

    def __init__(self, width: int, colour: bool) -> None:
        self.width = max(30, min(width, WIDEST))
        self.colour = colour

    def message(self, message: Message) -> str:
        """The message as it is shown; a kind this client does not know is shown by its text."""
        drawn = {
            "question": self._question,
            "summary": self._summary,
            "assessment": self._assessment,
            "plan": self._plan,
            "faq": self._faq,
            "file": self._link,
            "chart": self._link,
        }.get(str(message.get("kind")), self._text)
        return drawn(message)

    def _wrap(self, text: object, first: str = "", rest: str | None = None) -> str:
        """The text within the width; line breaks in it are kept, list items hang."""
        rest = " " * len(first) if rest is None else rest
        lines = []
        for number, line in enumerate(_CONTROLS.sub("", str(text)).split("\n")):
            before = first if number == 0 else rest
            hanging = rest + ("  " if line.startswith("- ") else "")
            lines.append(
                textwrap.fill(line, self.width, initial_indent=before, subsequent_indent=hanging)
            )
        return "\n".join(lines)

    def _items(self, items: object, mark: str = "- ") -> list[str]:
        return [self._wrap(item, "  " + mark) for item in items] if isinstance(items, list) else []

    def _paint(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour else text

    def _text(self, message: Message) -> str:
        return self._wrap(message.get("text", ""))

    def _question(self, message: Message) -> str:
        # The text repeats the choices for those who know nothing but the text.
        lines = [self._paint(self._wrap(message.get("prompt") or message["text"]), "1")]
        if message.get("help"):
            lines.append(self._paint(self._wrap(message["help"]), "2"))
        for number, choice in enumerate(_choices(message), start=1):
            lines.append(self._wrap(choice["label"], f"  {number:>2}) "))
            if choice.get("help"):
                lines.append(self._paint(self._wrap(choice["help"], "      "), "2"))
        kind = message.get("input")
        if kind == "checklist":
            lines.append(self._wrap(message.get("none_label") or "None of these", "   0) "))
            hint = "Type the numbers that fit, such as: 1 3. Or say it in your own words."
        elif kind == "number":
            ends = [message.get("min_label"), message.get("max_label")]
            named = f" ({ends[0]} to {ends[1]})" if all(ends) else ""
            unit = f" {message['unit']}" if message.get("unit") else ""
            hint = f"Type a number from {message.get('min')} to {message.get('max')}{unit}{named}."
        else:
            hint = "Type a number, or say it in your own words."
        hint += ' You can also say "not sure" or "why do you ask?".'
        progress = message.get("progress")
        if isinstance(progress, Mapping):
            hint += f" (Question {progress['answered'] + 1} of at most {progress['at_most']})"
        return "\n".join([*lines, self._paint(self._wrap(hint), "2")])

    def _summary(self, message: Message) -> str:
        lines = [self._wrap(message["text"])]
        for number, choice in enumerate(_choices(message), start=1):
            lines.append(self._wrap(choice["label"], f"  {number:>2}) "))
        return "\n".join(lines)

    def _assessment(self, message: Message) -> str:
        level = int(message["level"])
        urgency = str(message.get("urgency") or message["disposition"].replace("_", " "))
        rule = "=" * self.width
        colour = _COLOURS[min(max(level, 0), len(_COLOURS) - 1)]
        title = f"{urgency.upper()}  (level {level} of 7)"
        lines = [rule, self._paint(self._wrap(title), colour)]
        # The text opens with the headline for those who know nothing but the text.
        lines.append(self._wrap(message.get("headline") or message["text"].split("\n")[0]))
        by_when = message.get("within_words") or message.get("within")
        if by_when:
            lines.append(self._wrap(f"When: {by_when}"))
        lines += self._section("What to do", message.get("actions"))
        lines += self._contact(message.get("contact"))
        lines += self._section("Until then", message.get("meanwhile"))
        reasons = [
            f"{reason['text']} [{', '.join(reason['references'])}]"
            for reason in message.get("reasons") or []
        ]
        lines += self._section("Why", reasons)
        lines += self._section("Watch for these", message.get("safety_net"))
        would_change = [
            one.get("text") or f"If {one['if']}: {one['disposition'].replace('_', ' ')}."
            for one in message.get("counterfactuals") or []
        ]
        lines += self._section("What would change this", would_change)
        references = [
            f"{one['id']}: {one['title']}"
            for one in message.get("references") or []
            if isinstance(one, Mapping)
        ]
        lines += self._section("Where this comes from", references)
        if message.get("note"):
            lines += ["", self._wrap(message["note"])]
        return "\n".join([*lines, rule])

    def _section(self, title: str, items: object) -> list[str]:
        drawn = self._items(items)
        return ["", self._paint(title, "1"), *drawn] if drawn else []

    def _contact(self, contact: object) -> list[str]:
        if not isinstance(contact, Mapping):
            return []
        parts = [contact.get(key) for key in ("label", "phone", "url")]
        return [
            "",
            self._wrap(" ".join(str(part) for part in parts if part), "Who to contact: ", ""),
        ]

    def _plan(self, message: Message) -> str:
        lines = [self._wrap(message["text"])]
        lines += [
            self._wrap(f"{one['name']}: {one['dose']}", "  - ")
            for one in message.get("exercises") or []
        ]
        lines += self._section("Leave out for now", message.get("avoid"))
        lines += self._section("You can do", message.get("activities"))
        return "\n".join(lines)

    def _faq(self, message: Message) -> str:
        sources = ", ".join(_identifiers(message.get("references")))
        return self._wrap(f"{message['text']} [{sources}]" if sources else message["text"])

    def _link(self, message: Message) -> str:
        return "\n".join([self._wrap(message["text"]), f"  {_CONTROLS.sub('', message['url'])}"])


def _identifiers(references: object) -> list[str]:
    found = references if isinstance(references, list) else []
    return [str(one["id"]) if isinstance(one, Mapping) else str(one) for one in found]


def _choices(message: Message) -> list[Mapping[str, Any]]:
    return [one for one in message.get("choices") or [] if isinstance(one, Mapping)]


def tap_for(message: Message | None, typed: str) -> dict[str, Any] | None:
    """The tap that the typed numbers stand for, `{"finding", "value"}`; None when it is free text.

    Args:
        message: the `question`, or `summary` with choices, that is open; None when there is none.
        typed: one number for a choice, several for a checklist (0 = none of these), on a scale the
            number itself.
    """
    if message is None or not re.fullmatch(r"\s*\d{1,6}(?:[\s,]+\d{1,6})*[\s,]*", typed, re.ASCII):
        return None
    numbers = [int(number) for number in re.findall(r"\d+", typed)]
    choices = _choices(message)
    if message.get("kind") == "summary":
        if len(numbers) == 1 and 1 <= numbers[0] <= len(choices):
            return {"finding": "summary", "value": choices[numbers[0] - 1]["value"]}
        return None
    value: Any = None
    if message.get("input") == "checklist":
        if numbers == [0]:
            value = []
        elif all(1 <= number <= len(choices) for number in numbers):
            value = [choices[number - 1]["value"] for number in dict.fromkeys(numbers)]
    elif len(numbers) == 1 and message.get("input") == "number":
        if message["min"] <= numbers[0] <= message["max"]:
            value = numbers[0]
    elif len(numbers) == 1 and 1 <= numbers[0] <= len(choices):
        value = choices[numbers[0] - 1]["value"]
    return None if value is None else {"finding": message["finding"], "value": value}


class Conversation:
    """One session with a server.

    Args:
        url: of the server, such as http://127.0.0.1:5005.
        clinic: its id; the server's own default when None.

    Raises:
        ServerGone: the server cannot be reached or refuses the session.
    """

    def __init__(self, url: str, clinic: str | None = None) -> None:
        self._url = url.rstrip("/")
        self._http = requests.Session()
        # A proxy of the environment must not be asked for what runs on this machine.
        self._http.trust_env = not re.match(r"https?://(localhost|127\.|\[::1\])", self._url)
        started = self._post("/api/v1/sessions", {"clinic": clinic} if clinic else {})
        if started.status_code != 201:
            raise ServerGone(f"{self._url} started no session: {_advice(started)}")
        body = started.json()
        self._http.headers["Authorization"] = f"Bearer {body['token']}"
        self.greeting: list[Message] = body["messages"]

    def take(self, turn: Mapping[str, Any]) -> Iterator[Message]:
        """Send one turn, `{"text"}` or `{"answer"}`; gives the reply, message by message.

        What the server will not take comes back as a message of kind `problem`.

        Raises:
            ServerGone: the server cannot be reached, or the session has ended.
        """
        reply = self._post("/api/v1/messages", {"id": str(uuid.uuid4()), **turn})
        if reply.status_code == requests.codes.unauthorized:
            raise ServerGone("this conversation has ended on the server. Start a new one.")
        if not reply.ok:
            yield {"kind": "problem", "text": _advice(reply)}
            return
        yield from reply.json()["messages"]

    def erase(self) -> None:
        """Erase the session; quiet when the server is gone already."""
        try:
            self._http.delete(f"{self._url}/api/v1/session", timeout=REPLY_SECONDS)
        except requests.RequestException:
            return
        finally:
            self._http.close()

    def _post(self, path: str, body: Mapping[str, Any]) -> requests.Response:
        """Sends the same body, with the same id in it, again while the server is busy or away."""
        for number in range(1, TRIES + 1):
            last = number == TRIES
            try:
                reply = self._http.post(
                    self._url + path,
                    json=body,
                    headers={"Accept": "application/json"},
                    timeout=REPLY_SECONDS,
                )
            except requests.RequestException as error:
                if last or isinstance(error, requests.exceptions.InvalidURL):
                    raise ServerGone(
                        f"cannot reach {self._url}. Is it running? Start it with: make run"
                    ) from error
                time.sleep(0.5 * number)
                continue
            if last or reply.status_code not in (429, 503):
                return reply
            wait = reply.headers.get("Retry-After", "1")
            time.sleep(min(float(wait) if wait.isdigit() else 1.0, 30.0))
        raise AssertionError("unreachable: the last try returns or raises")


def _advice(reply: requests.Response) -> str:
    """What a problem document says to do."""
    try:
        problem = reply.json()
        return str(problem.get("detail") or problem["title"])
    except (ValueError, KeyError, AttributeError):
        return f"it answered {reply.status_code}"


@contextmanager
def own_server(say: Say) -> Iterator[str]:
    """A server of our own on a free loopback port; gives its URL, and stops it at the end.

    Its database is in a folder that is removed with it, unless KNEEWISE_DATABASE names another.

    Args:
        say: gets what it prints before it is ready, such as the progress of training.

    Raises:
        ServerGone: it ended, or was not ready in time.
    """
    with tempfile.TemporaryDirectory(prefix="kneewise-chat-") as folder:
        environment = {
            "KNEEWISE_DATABASE": f"sqlite:///{Path(folder) / 'chat.db'}",
            **os.environ,
            # Nobody but this process talks to it.
            "KNEEWISE_RATE_LIMIT": "off",
            "PYTHONUNBUFFERED": "1",
        }
        server = subprocess.Popen(
            [sys.executable, "-m", "bot.cli", "run", "--host", "127.0.0.1", "--port", "0"],
            cwd=PROJECT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            # Ctrl-C ends the conversation; the server is stopped after that, in order.
            start_new_session=True,
        )
        printed: deque[str] = deque(maxlen=20)
        address: list[str] = []
        said = threading.Event()

        def listen() -> None:
            # The pipe is read to its end, or the server would stand still once it is full.
            for line in server.stdout or ():
                printed.append(line.rstrip())
                found = _LISTENS.search(line)
                if found:
                    address.append(found[1])
                    said.set()
                elif not said.is_set() and not line.startswith(("{", "[")):
                    say(line.rstrip())
            said.set()

        reader = threading.Thread(target=listen, daemon=True)
        reader.start()
        try:
            _until_ready(server, said, address, printed)
            yield address[0]
        finally:
            server.terminate()
            try:
                server.wait(15)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
            reader.join(5)
            if server.stdout:
                server.stdout.close()


def _until_ready(
    server: subprocess.Popen[str],
    said: threading.Event,
    address: list[str],
    printed: deque[str],
) -> None:
    end = time.monotonic() + START_SECONDS
    said.wait(START_SECONDS)
    with requests.Session() as http:
        http.trust_env = False
        while address and server.poll() is None and time.monotonic() < end:
            try:
                if http.get(f"{address[0]}/readyz", timeout=5).ok:
                    return
            except requests.RequestException:
                # It does not listen yet: that is what this loop waits for.
                pass
            time.sleep(0.1)
    raise ServerGone("the server did not start. Its last lines:\n" + "\n".join(printed))


def talk(
    url: str | None = None,
    clinic: str | None = None,
    *,
    typed: TextIO | None = None,
    shown: TextIO | None = None,
) -> None:
    """Hold one conversation until the input ends or the person says bye; then it is erased.

    Args:
        url: a server that runs already; one is started when None.
        clinic: id of the clinic whose patient is talking.
        typed, shown: instead of standard input and output.

    Raises:
        ServerGone: see there.
    """
    typed, shown = typed or sys.stdin, shown or sys.stdout
    rendering = Rendering(
        shutil.get_terminal_size().columns, shown.isatty() and not os.environ.get("NO_COLOR")
    )

    def say(line: str) -> None:
        print(line, file=shown, flush=True)

    if url is None:
        say("Starting Kneewise ...")
    server: AbstractContextManager[str] = own_server(say) if url is None else nullcontext(url)
    with server as address:
        conversation = Conversation(address, clinic)
        try:
            _hold(conversation, rendering, typed, shown)
        except KeyboardInterrupt:
            say("")
        finally:
            conversation.erase()
    say("Goodbye. This conversation has been erased.")


def _hold(conversation: Conversation, rendering: Rendering, typed: TextIO, shown: TextIO) -> None:
    last = _show(conversation.greeting, rendering, shown)
    while True:
        line = _read(typed, shown)
        if line is None or line.strip().rstrip(".!").lower() in FAREWELLS:
            return
        if not line.strip():
            continue
        tap = tap_for(last, line)
        reply = list(conversation.take({"text": line} if tap is None else {"answer": tap}))
        shown_last = _show(reply, rendering, shown)
        # A refused turn leaves the question open.
        last = last if reply and reply[-1].get("kind") == "problem" else shown_last


def _show(messages: list[Message], rendering: Rendering, shown: TextIO) -> Message | None:
    """Prints a reply; gives the message that numbers typed next refer to."""
    for message in messages:
        print("\n" + rendering.message(message), file=shown, flush=True)
    for message in reversed(messages):
        if message.get("kind") in ("question", "summary"):
            return message
    return None


def _read(typed: TextIO, shown: TextIO) -> str | None:
    """The next line typed, None at the end of the input."""
    print("\n> ", end="", file=shown, flush=True)
    line = typed.readline()
    if not line:
        print(file=shown)
        return None
    line = line.rstrip("\r\n")
    if not typed.isatty():
        # Piped input is not echoed by a terminal, and a transcript without it makes no sense.
        print(line, file=shown, flush=True)
    # Bytes that are no UTF-8 arrive as lone surrogates, which cannot be sent on.
    return line.encode("utf-8", "replace").decode("utf-8")
