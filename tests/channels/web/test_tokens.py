"""Tokens open one session each, and only their hash is worth storing."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from bot.channels.web.tokens import (
    Token,
    clear_cookie,
    cookie_value,
    new_token,
    read_token,
    set_cookie,
)


def test_a_new_token_is_read_back_and_opens_only_its_own_hash() -> None:
    """The text form holds both parts; another token's hash stays shut."""
    token, other = new_token(), new_token()
    assert read_token(str(token)) == token
    assert token.opens(token.secret_hash)
    assert not token.opens(other.secret_hash)
    assert not token.opens("")


def test_tokens_are_long_and_differ() -> None:
    """128 bits of session, 256 of secret; the stored hash tells neither."""
    tokens = {str(new_token()) for _ in range(100)}
    assert len(tokens) == 100
    token = new_token()
    assert (len(token.session), len(token.secret), len(token.secret_hash)) == (22, 43, 64)
    assert token.secret not in token.secret_hash


@pytest.mark.parametrize(
    "text",
    ["", ".", "a.b", "session", "x" * 66, f"{'a' * 22}.{'b' * 42}", f"{'ä' * 22}.{'b' * 43}"],
)
def test_what_is_no_token_is_not_read(text: str) -> None:
    """A session id alone is no token."""
    assert read_token(text) is None


def test_the_cookie_cannot_be_read_by_scripts_and_works_in_a_frame() -> None:
    """HttpOnly, Secure, SameSite=None and Partitioned; the whole site; until the session ends."""
    token = Token("s" * 22, "t" * 43)
    expires = datetime.now(timezone.utc) + timedelta(days=1)
    cookie = set_cookie(token, expires, https=False)
    name, _, value = cookie.split(";")[0].partition("=")
    attributes = {part.strip().partition("=")[0]: part.strip() for part in cookie.split(";")[1:]}
    assert (name, value) == ("kneewise", str(token))
    assert {"HttpOnly", "Secure", "Partitioned"} <= attributes.keys()
    assert attributes["SameSite"] == "SameSite=None"
    assert attributes["Path"] == "Path=/"
    assert 86390 <= int(attributes["Max-Age"].partition("=")[2]) <= 86400


def test_over_https_the_cookie_is_tied_to_the_host() -> None:
    """The __Host- prefix, in both directions; the plain name opens nothing there."""
    token = Token("s" * 22, "t" * 43)
    cookie = set_cookie(token, datetime.now(timezone.utc), https=True)
    assert cookie.startswith("__Host-kneewise=")
    assert cookie_value(cookie.split(";")[0], https=True) == str(token)
    assert cookie_value(f"kneewise={token}", https=True) == ""
    assert clear_cookie(https=True).startswith("__Host-kneewise=; Path=/; Max-Age=0;")


def test_other_cookies_do_not_hide_ours() -> None:
    """Even ones that the standard library would give up on."""
    assert cookie_value('a=b; x[]="; kneewise=token; y', https=False) == "token"
    assert cookie_value("notkneewise=token", https=False) == ""
