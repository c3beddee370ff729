"""Request bodies: read with limits, left in good order, parsed strictly.

The POST routes are streaming routes, so that a body that is too large, too slow or of the
wrong type is refused before it is held in memory, and so that the client still gets to
read the refusal.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final

from sanic import Request
from sanic.exceptions import SanicException
from sanic.http import Http

MAX_BODY_BYTES: Final = 64 * 1024
BODY_SECONDS: Final = 20.0

# A client that has not sent all of a refused body may miss the refusal (the connection is
# reset under it), so this much of it is read and thrown away first.
_LEAVE_BYTES: Final = 16 * 1024 * 1024
_LEAVE_SECONDS: Final = 5.0


class BodyTooLarge(ValueError):
    """The body is over `at_most` bytes."""

    at_most = MAX_BODY_BYTES


class MalformedJson(ValueError):
    """The body is not one strict JSON object; the message says where it is wrong."""


async def read_body(request: Request) -> bytes:
    """The whole body, at most `MAX_BODY_BYTES`.

    Raises:
        BodyTooLarge: it is longer, or says it is.
        TimeoutError: it did not arrive within `BODY_SECONDS`.
        SanicException: its chunked encoding is broken.
    """
    stream = request.stream
    if stream is None or not stream.request_body:
        return bytes(request.body)
    if _stated_length(request) > MAX_BODY_BYTES:
        raise BodyTooLarge
    stream.request_max_size = _LEAVE_BYTES
    if stream.request_body is True and stream.request_bytes_left <= len(stream.recv_buffer):
        # All of it is here already, as nearly always: no timer needed.
        return await _collect(request)
    try:
        return await asyncio.wait_for(_collect(request), BODY_SECONDS)
    except asyncio.TimeoutError:
        # Whoever sends this slowly is not waited for a second time.
        _give_up(stream)
        raise TimeoutError from None


async def _collect(request: Request) -> bytes:
    body = bytearray()
    while data := await request.stream.read():
        body += data
        if len(body) > MAX_BODY_BYTES:
            raise BodyTooLarge
    return bytes(body)


def _stated_length(request: Request) -> int:
    stated = request.headers.getone("content-length", "0")
    return int(stated) if stated.isdecimal() else 0


async def leave_body(request: Request) -> None:
    """Read what is left of a refused request's body, or close the connection after the reply.

    Never raises: the reply matters more.
    """
    stream = request.stream
    if stream is None or not stream.request_body:
        return
    if stream.expecting_continue or _stated_length(request) > _LEAVE_BYTES:
        # The client waits to be told to go on (it is told no), or would go on for too long.
        stream.expecting_continue = False
        stream.keep_alive = False
        return
    stream.request_max_size = _LEAVE_BYTES
    try:
        await asyncio.wait_for(_discard(request), _LEAVE_SECONDS)
    except (asyncio.TimeoutError, SanicException):
        _give_up(stream)


def _give_up(stream: Http) -> None:
    """Leave the rest of the body unread and close the connection after the reply."""
    stream.request_body = None
    stream.keep_alive = False


async def _discard(request: Request) -> None:
    while await request.stream.read():
        pass


def parse_object(body: bytes) -> dict[str, Any]:
    """The JSON object in `body`; stricter than `json.loads`.

    A byte order mark at the start is passed over. Refused are: anything but UTF-8, anything
    but an object at the top, duplicate keys, NaN and Infinity, numbers of more than 20
    digits, and nesting too deep to read.

    Raises:
        MalformedJson
    """
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise MalformedJson(f"The body is not UTF-8 (byte {error.start}).") from None
    try:
        value = json.loads(
            text,
            object_pairs_hook=_unique_keys,
            parse_constant=_no_constant,
            parse_int=_short_integer,
        )
    except MalformedJson:
        raise
    except RecursionError:
        raise MalformedJson("The JSON is nested too deep.") from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise MalformedJson(f"The body is not JSON: {error.msg} ({place}).") from None
    if not isinstance(value, dict):
        raise MalformedJson("The body must be one JSON object: {...}.")
    return value


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    unique = dict(pairs)
    if len(unique) != len(pairs):
        raise MalformedJson("A key stands twice in the same JSON object.")
    return unique


def _no_constant(name: str) -> Any:
    raise MalformedJson(f"{name} is not a JSON number.")


def _short_integer(digits: str) -> int:
    if len(digits.lstrip("-")) > 20:
        raise MalformedJson("A number has more than 20 digits.")
    return int(digits)
