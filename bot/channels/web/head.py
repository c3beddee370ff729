"""Request heads that Sanic 21.12 would trip over are refused as malformed, not dropped.

Without this a bad URL closes the connection without a word, and a negative Content-Length
leaves the request hanging until its time is up.
"""

from __future__ import annotations

from typing import Any

from httptools.parser.errors import HttpParserInvalidURLError
from sanic import Request
from sanic.exceptions import InvalidUsage

_UNREADABLE_URL = b"/.unreadable-url"


class WebRequest(Request):  # type: ignore[misc]  # Sanic is untyped
    """A request whose URL and body length can be relied on."""

    __slots__ = ()

    def __init__(self, url_bytes: bytes, headers: Any, *args: Any, **named: Any) -> None:
        try:
            super().__init__(url_bytes, headers, *args, **named)
        except HttpParserInvalidURLError:
            # Also for Sanic's stand-in request, which is made from the same bad URL.
            super().__init__(_UNREADABLE_URL, headers, *args, **named)
            if self.method != "NONE":
                raise InvalidUsage("the URL cannot be read") from None
        lengths = self.headers.getall("content-length", [])
        if lengths and self.headers.getall("transfer-encoding", []):
            raise InvalidUsage("both Content-Length and Transfer-Encoding")
        if len(set(lengths)) > 1 or not all(n.isdecimal() and n.isascii() for n in lengths):
            raise InvalidUsage("Content-Length is not one whole number")
