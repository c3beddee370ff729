"""What the server refuses before a turn begins, each with its documented problem.

The assistant of this server never loads, so whatever gets past the checks is a 503.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterable
from typing import Any

import pytest
import requests

from bot.channels.web.problems import KINDS

MESSAGES = "/api/v1/messages"
GOOD = json.dumps({"id": "1", "text": "hello"}).encode()
Problem = Callable[[requests.Response, str], dict[str, Any]]


def post(server: Any, headers: dict[str, str], body: Any = GOOD, path: str = MESSAGES) -> Any:
    headers = {"Content-Type": "application/json", **headers}
    return requests.post(server.base + path, data=body, headers=headers, timeout=30)


# -- who asks ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", MESSAGES),
        ("GET", MESSAGES),
        ("GET", "/api/v1/case"),
        ("GET", "/api/v1/case/plan.pdf"),
        ("GET", "/api/v1/export"),
        ("DELETE", "/api/v1/session"),
    ],
)
def test_without_a_session_nothing_opens(
    bare_server: Any, stored_session: Any, problem: Problem, method: str, path: str
) -> None:
    """No token, another's secret, the session's id alone, an expired session: all 401."""
    token, other = stored_session(bare_server), stored_session(bare_server)
    expired = stored_session(bare_server, days=-0.01)
    for shown in (
        None,
        f"Bearer {token.session}.{other.secret}",
        f"Bearer {token.session}",
        f"Bearer {token.secret}",
        f"Basic {token}",
        f"Bearer {expired}",
        "Bearer",
        "Bearer \xe9",
    ):
        headers = {"Content-Type": "application/json"}
        if shown is not None:
            headers["Authorization"] = shown
        response = requests.request(
            method, bare_server.base + path, headers=headers, data=GOOD, timeout=10
        )
        problem(response, "no-session")
        assert response.headers["WWW-Authenticate"] == "Bearer"


def test_the_cookie_opens_the_session_too(bare_server: Any, stored_session: Any) -> None:
    """As the page uses it; a token in Authorization goes first."""
    cookie = {"Cookie": f"other=1; kneewise={stored_session(bare_server)}"}
    export = bare_server.base + "/api/v1/export"
    assert requests.get(export, headers=cookie, timeout=10).status_code == 200
    wrong = {**cookie, "Authorization": "Bearer wrong"}
    assert requests.get(export, headers=wrong, timeout=10).status_code == 401


# -- from which web site ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "https://riverside.example.evil.example",
        "http://riverside.example",
        "https://riverside.example:8443",
        "https://harbour-physio.example",
        "null",
        "",
    ],
)
def test_another_sites_page_cannot_write(
    bare_server: Any, stored_session: Any, problem: Problem, origin: str
) -> None:
    """403 on every write; and its browser may not read the refusal unless a clinic lists it."""
    headers = {
        "Authorization": f"Bearer {stored_session(bare_server, 'riverside')}",
        "Origin": origin,
    }
    delete = requests.delete(bare_server.base + "/api/v1/session", headers=headers, timeout=10)
    start = post(bare_server, headers, b'{"clinic": "riverside"}', "/api/v1/sessions")
    for response in (post(bare_server, headers), delete, start):
        problem(response, "wrong-origin")
        assert "Access-Control-Allow-Origin" not in response.headers


def test_the_clinics_own_site_can_write_and_read(
    bare_server: Any, stored_session: Any, problem: Problem
) -> None:
    """Its origin gets past the check, and its page may read the reply."""
    origin = "https://www.riverside.example"
    token = stored_session(bare_server, "riverside")
    response = post(bare_server, {"Authorization": f"Bearer {token}", "Origin": origin})
    problem(response, "unavailable")
    assert response.headers["Access-Control-Allow-Origin"] == origin
    assert response.headers["Access-Control-Allow-Credentials"] == "true"
    assert "Origin" in response.headers["Vary"]


def test_our_own_page_can_write(bare_server: Any, bearer: dict[str, str], problem: Problem) -> None:
    """The address the request was sent to is our own origin."""
    problem(post(bare_server, {**bearer, "Origin": bare_server.base}), "unavailable")


def test_behind_a_proxy_the_public_address_is_our_own(
    limited_server: Any, stored_session: Any, problem: Problem
) -> None:
    """KNEEWISE_PUBLIC_URL, and what a trusted proxy says of the scheme."""
    for origin, slug in (
        ("https://knee.example", "unavailable"),
        ("https://other.example", "wrong-origin"),
    ):
        token = stored_session(limited_server, "harbour")
        headers = {"Authorization": f"Bearer {token}", "Origin": origin}
        headers["X-Forwarded-For"] = "198.51.100.77"
        problem(post(limited_server, headers), slug)


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("https://riverside.example", True),
        ("https://harbour-physio.example", True),
        ("https://evil.example", False),
    ],
)
def test_preflights_let_the_clinics_sites_through(
    bare_server: Any, origin: str, allowed: bool
) -> None:
    """With credentials, by name, never by a star."""
    response = requests.options(
        bare_server.base + MESSAGES,
        headers={"Origin": origin, "Access-Control-Request-Method": "POST"},
        timeout=10,
    )
    assert response.status_code == 204
    assert response.headers["Allow"] == "GET, HEAD, OPTIONS, POST"
    assert response.headers.get("Access-Control-Allow-Origin") == (origin if allowed else None)
    if allowed:
        assert "POST" in response.headers["Access-Control-Allow-Methods"]
        assert "Content-Type" in response.headers["Access-Control-Allow-Headers"]
        assert response.headers["Access-Control-Allow-Credentials"] == "true"


# -- the body ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"id": "1", "text": "a", "text": "b"}',
        b'{"id": "1", "text": "a\\u0000b"}',
        b'{"id": "1", "text": "\\ud83d"}',
        b'{"id": "1", "text": ""}',
        b'{"id": "1", "text": "\xff"}',
        b'{"id": "1"}',
        b'{"id": 1, "text": "a"}',
        b'{"id": "1", "text": "a", "answer": {"finding": "swelling", "value": "none"}}',
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    ],
)
def test_malformed_bodies(
    bare_server: Any, bearer: dict[str, str], problem: Problem, body: bytes
) -> None:
    """400 over the wire, with a sentence of its own."""
    assert problem(post(bare_server, bearer, body), "malformed")["detail"] != (
        KINDS["malformed"].advice
    )


@pytest.mark.parametrize(
    "media_type", ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "", "/"]
)
def test_only_json_is_read(
    bare_server: Any, bearer: dict[str, str], problem: Problem, media_type: str
) -> None:
    """415 for any other type, and for none: a form of another web site cannot post here."""
    problem(post(bare_server, {**bearer, "Content-Type": media_type}), "wrong-content-type")


def test_json_with_a_charset_is_json(
    bare_server: Any, bearer: dict[str, str], problem: Problem
) -> None:
    """Parameters and case of the type do not matter."""
    headers = {**bearer, "Content-Type": "Application/JSON; charset=utf-8"}
    problem(post(bare_server, headers), "unavailable")


def test_long_text_is_refused_with_the_limit(
    bare_server: Any, bearer: dict[str, str], problem: Problem
) -> None:
    """413 at 2,001 characters, however many bytes they take; 2,000 are fine."""
    for count, slug in ((2000, "unavailable"), (2001, "too-large"), (3000, "too-large")):
        body = json.dumps({"id": "1", "text": "🦵" * count})
        document = problem(post(bare_server, bearer, body.encode()), slug)
        assert document.get("at_most") == (2000 if slug == "too-large" else None)


def chunks(size: int, count: int) -> Iterable[bytes]:
    for _ in range(count):
        yield b"x" * size


@pytest.mark.parametrize("path", [MESSAGES, "/api/v1/sessions"])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_ten_megabyte_body_gets_to_read_its_refusal(
    bare_server: Any, bearer: dict[str, str], problem: Problem, path: str, chunked: bool
) -> None:
    """413 that the client can read, though it sends all of it first; the server goes on."""
    body: Any = chunks(2**20, 10) if chunked else b"x" * 10 * 2**20
    problem(post(bare_server, bearer, body, path), "too-large")
    assert requests.get(bare_server.base + "/healthz", timeout=10).status_code == 200


def test_a_ten_megabyte_body_where_nothing_is(bare_server: Any, problem: Problem) -> None:
    """The 404 can be read as well."""
    problem(post(bare_server, {}, b"x" * 10 * 2**20, "/nowhere"), "not-found")


def test_the_answers_of_the_model_are_checked_over_the_wire(
    bare_server: Any, bearer: dict[str, str], problem: Problem
) -> None:
    """422 with the allowed findings or values."""
    body = {"id": "1", "answer": {"finding": "knee_colour", "value": "blue"}}
    document = problem(post(bare_server, bearer, json.dumps(body)), "unanswerable")
    assert {"swelling", "danger_signs"} <= set(document["allowed"])
    body = {"id": "1", "answer": {"finding": "swelling", "value": "blue"}}
    document = problem(post(bare_server, bearer, json.dumps(body)), "unanswerable")
    assert document["allowed"] == ["none", "after_runs", "persistent", "unknown"]


def test_unknown_clinics_and_wrong_session_requests(bare_server: Any, problem: Problem) -> None:
    """404 for a clinic that is not there, 400 for what no session request is."""
    path = "/api/v1/sessions"
    problem(post(bare_server, {}, b'{"clinic": "nowhere"}', path), "unknown-clinic")
    for body in (b'{"clinic": 7}', b'{"locale": "../"}', b'{"locale": 7}', b'{"x": 1}', b"[]"):
        problem(post(bare_server, {}, body, path), "malformed")


@pytest.mark.parametrize(
    "query",
    [
        "after=-1",
        "after=x",
        "after=1.5",
        "after=99999999999",
        "wait=26",
        "wait=-1",
        "wait=nan",
    ],
)
def test_odd_queries_are_malformed(
    bare_server: Any, bearer: dict[str, str], problem: Problem, query: str
) -> None:
    """400 that names the parameter."""
    url = f"{bare_server.base}{MESSAGES}?{query}"
    document = problem(requests.get(url, headers=bearer, timeout=10), "malformed")
    assert query.partition("=")[0] in document["detail"]


# -- HTTP itself ------------------------------------------------------------------------------


def exchange(server: Any, *parts: bytes) -> bytes:
    """Send raw bytes, read until the server closes or says nothing for a second."""
    host, port = server.base.removeprefix("http://").split(":")
    received = b""
    with socket.create_connection((host, int(port)), timeout=2) as connection:
        try:
            for part in parts:
                connection.sendall(part)
            while data := connection.recv(65536):
                received += data
        except (TimeoutError, ConnectionError):
            pass
    return received


HEAD = b"POST /api/v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"hello there\r\n\r\n",
        b"\x16\x03\x01\x02\x00\r\n\r\n",
        b"GET / HTTP/2.0\r\nHost: x\r\n\r\n",
        b"GET http://[::1 HTTP/1.1\r\nHost: x\r\n\r\n",
        HEAD + b"Content-Length: -5\r\n\r\n",
        HEAD + b"Content-Length: five\r\n\r\n",
        HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
        HEAD + b"Transfer-Encoding: gzip\r\n\r\n{}",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n",
        HEAD + b"Expect: a-wonder\r\nContent-Length: 2\r\n\r\n",
    ],
)
def test_broken_http_is_a_400_in_our_form(bare_server: Any, request_bytes: bytes) -> None:
    """Whatever Sanic cannot read, the reply is a problem document."""
    received = exchange(bare_server, request_bytes)
    assert received.startswith(b"HTTP/1.1 400 "), received
    assert b"application/problem+json" in received
    assert b'"/problems/malformed"' in received


def test_a_client_that_asks_first_is_told_no_before_it_sends(bare_server: Any) -> None:
    """`Expect: 100-continue` with too large a body: the refusal, and no 100."""
    received = exchange(
        bare_server, HEAD + b"Expect: 100-continue\r\nContent-Length: 10485760\r\n\r\n"
    )
    assert received.startswith(b"HTTP/1.1 413 "), received


def test_a_chunked_body_in_small_pieces_is_read(bare_server: Any) -> None:
    """One byte a chunk, each sent apart."""
    pieces = [b"1\r\n%c\r\n" % byte for byte in b'{"clinic":"nowhere"}']
    received = exchange(
        bare_server, HEAD + b"Transfer-Encoding: chunked\r\n\r\n", *pieces, b"0\r\n\r\n"
    )
    assert b"unknown-clinic" in received


def test_a_slow_client_does_not_hold_up_others(bare_server: Any) -> None:
    """While one sends half a body, another is answered at once."""
    host, port = bare_server.base.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=2) as slow:
        slow.sendall(HEAD + b"Content-Length: 100\r\n\r\n{")
        began = time.monotonic()
        assert requests.get(bare_server.base + "/healthz", timeout=10).status_code == 200
        assert time.monotonic() - began < 1


@pytest.mark.parametrize(
    ("method", "path", "slug"),
    [
        ("GET", "/nowhere", "not-found"),
        ("GET", "/conversations/default/tracker", "not-found"),
        ("POST", "/webhooks/rest/webhook", "not-found"),
        ("GET", "/model", "not-found"),
        ("GET", "/problems/nothing", "not-found"),
        ("GET", "/widget/v1/kneewise.js", "not-yet"),
        ("PUT", MESSAGES, "wrong-method"),
        ("BREW", MESSAGES, "wrong-method"),
        ("GET", "/api/v1/sessions", "wrong-method"),
        ("POST", "/healthz", "wrong-method"),
    ],
)
def test_wrong_places_and_methods(
    bare_server: Any, problem: Problem, method: str, path: str, slug: str
) -> None:
    """404 and 405 in our form; nothing of Rasa's own interface is there."""
    response = requests.request(method, bare_server.base + path, timeout=10)
    problem(response, slug)
    if slug == "wrong-method":
        assert "OPTIONS" in response.headers["Allow"]


def test_head_is_get_without_a_body(bare_server: Any, bearer: dict[str, str]) -> None:
    """For pages, probes and the API; it does not wait for messages."""
    for path in ("/", "/healthz", f"{MESSAGES}?wait=25"):
        response = requests.head(bare_server.base + path, headers=bearer, timeout=5)
        assert response.status_code == 200
        assert response.content == b""


def test_a_mistake_of_ours_says_nothing_about_the_person(
    bare_server: Any, problem: Problem
) -> None:
    """500 in our form without a trace; the log says where, not what was said."""
    problem(requests.get(bare_server.base + "/boom?said=swollen", timeout=10), "internal")
    until = time.monotonic() + 5
    while not any("RuntimeError" in line for line in bare_server.log):
        assert time.monotonic() < until
        time.sleep(0.05)
    assert any("bare_server.py" in line for line in bare_server.log)
    assert not any("swollen" in line for line in bare_server.log)


# -- while the assistant is not there ---------------------------------------------------------


def test_while_loading_the_server_is_alive_but_not_ready(
    bare_server: Any, problem: Problem
) -> None:
    """Alive (200), not ready (503) with what is missing, no session (503); with Retry-After."""
    assert requests.get(bare_server.base + "/healthz", timeout=10).status_code == 200
    ready = requests.get(bare_server.base + "/readyz", timeout=10)
    assert problem(ready, "unavailable")["checks"] == {"assistant": False, "records": True}
    start = post(bare_server, {}, b"{}", "/api/v1/sessions")
    problem(start, "unavailable")
    assert int(ready.headers["Retry-After"]) >= 1
    assert int(start.headers["Retry-After"]) >= 1


def test_problems_explain_themselves(bare_server: Any) -> None:
    """Each type is a path that says what it means."""
    for kind in KINDS.values():
        text = requests.get(bare_server.base + kind.type, timeout=10).text
        assert kind.title in text
        assert kind.advice in text


@pytest.mark.parametrize("path", ["/", "/healthz", "/nowhere", "/api/v1/case", "/page.js"])
def test_every_reply_has_the_security_headers(bare_server: Any, path: str) -> None:
    """Pages, API and problems alike."""
    headers = requests.get(bare_server.base + path, timeout=10).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] in ("no-store", "no-cache")


# -- rate limits ------------------------------------------------------------------------------


def test_too_many_requests_of_one_session(
    limited_server: Any, stored_session: Any, problem: Problem
) -> None:
    """The fourth is a 429 that says when to come back; another session goes on."""
    one, other = (stored_session(limited_server, "default") for _ in range(2))
    assert [_case(limited_server, one, "192.0.2.1") for _ in range(3)] == [200] * 3
    response = _get_case(limited_server, one, "192.0.2.1")
    assert problem(response, "too-many")["counted_by"] == "session"
    assert 1 <= int(response.headers["Retry-After"]) <= 3601
    assert _case(limited_server, other, "192.0.2.1") == 200


def test_too_many_requests_of_one_address(
    limited_server: Any, stored_session: Any, problem: Problem
) -> None:
    """The address is the one that the trusted proxy saw, not what the client put before it."""
    tokens = [stored_session(limited_server, "riverside") for _ in range(3)]
    for number in range(5):
        address = f"10.0.0.{number}, 192.0.2.2"
        assert _case(limited_server, "none", address) == 401
    response = _get_case(limited_server, tokens[0], "10.0.0.99, 192.0.2.2")
    assert problem(response, "too-many")["counted_by"] == "address"
    assert _case(limited_server, tokens[0], "192.0.2.3") == 200


def test_too_many_sessions_from_one_address(limited_server: Any, problem: Problem) -> None:
    """Counted apart from messages."""
    headers = {"X-Forwarded-For": "192.0.2.4"}
    for slug in ("unknown-clinic", "unknown-clinic", "too-many"):
        body = b'{"clinic": "nowhere"}'
        problem(post(limited_server, headers, body, "/api/v1/sessions"), slug)


def _get_case(server: Any, token: Any, address: str) -> requests.Response:
    headers = {"Authorization": f"Bearer {token}", "X-Forwarded-For": address}
    return requests.get(server.base + "/api/v1/case", headers=headers, timeout=10)


def _case(server: Any, token: Any, address: str) -> int:
    return _get_case(server, token, address).status_code
