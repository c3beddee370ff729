"""The session token: what a client shows to be let into its session.

A token is `SESSION.SECRET`: the session's id (128 random bits) says which session, the
secret (256 random bits) opens it.  Only the secret's SHA-256 is stored; a session id alone,
or a stolen database, opens nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Final

_TOKEN = re.compile(r"([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{43})")
_COOKIE: Final = "kneewise"


@dataclass(frozen=True)
class Token:
    """A token's two parts, both URL-safe base64 without padding."""

    session: str
    secret: str

    def __str__(self) -> str:
        return f"{self.session}.{self.secret}"

    @property
    def secret_hash(self) -> str:
        """SHA-256 of the secret, hexadecimal.  Plain: the secret is too long to guess."""
        return hashlib.sha256(self.secret.encode("ascii")).hexdigest()

    def opens(self, secret_hash: str) -> bool:
        """Whether `secret_hash`, as stored, is this token's; takes the same time either way."""
        return hmac.compare_digest(self.secret_hash, secret_hash)


def new_token() -> Token:
    """A token nobody else has, from the operating system's random source."""
    return Token(session=secrets.token_urlsafe(16), secret=secrets.token_urlsafe(32))


def read_token(text: str) -> Token | None:
    """The token written as `text`, or None if it is not of a token's form."""
    match = _TOKEN.fullmatch(text)
    return Token(*match.groups()) if match else None


def cookie_name(*, https: bool) -> str:
    """`__Host-` ties the cookie to this very host; browsers take that name over https only."""
    return f"__Host-{_COOKIE}" if https else _COOKIE


def set_cookie(token: Token, expires_at: datetime, *, https: bool) -> str:
    """The Set-Cookie header that keeps `token` until `expires_at` (an aware datetime).

    Written by hand because Sanic 21.12 does not know `Partitioned`, without which browsers
    drop the cookie in a frame on a clinic's page.
    """
    seconds = max(0, int((expires_at - datetime.now(timezone.utc)).total_seconds()))
    return _cookie(str(token), seconds, https=https)


def clear_cookie(*, https: bool) -> str:
    """The Set-Cookie header that makes the browser forget the session."""
    return _cookie("", 0, https=https)


def cookie_value(header: str, *, https: bool) -> str:
    """The session cookie in a Cookie header, "" if there is none.

    Not `http.cookies`: it gives up on the whole header over one cookie it does not like.
    """
    name = cookie_name(https=https)
    for pair in header.split(";"):
        key, _, value = pair.strip().partition("=")
        if key == name:
            return value
    return ""


def _cookie(value: str, seconds: int, *, https: bool) -> str:
    return (
        f"{cookie_name(https=https)}={value}; Path=/; Max-Age={seconds}; "
        "HttpOnly; Secure; SameSite=None; Partitioned"
    )
