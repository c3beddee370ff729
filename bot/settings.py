"""The settings of the server, read from the environment once and typed.

Every name begins with `KNEEWISE_`, but `PORT` and `HOST`. A name with that beginning that is not
known is refused: a mistyped setting must not pass for its default.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

PROJECT = Path(__file__).resolve().parent.parent
"""The folder of the checkout, with config.yml, domain.yml, data/, actions/, endpoints.yml."""


class UnusableSetting(ValueError):
    """A setting cannot be used; the message says which, and what it may be."""


def _database(text: str) -> str:
    if "://" not in text:
        raise UnusableSetting(
            "must be a database URL such as sqlite:////var/lib/kneewise/kneewise.db"
        )
    return text


def _public_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
        raise UnusableSetting("must be the address people reach, such as https://knee.example.org")
    return text.rstrip("/")


def _switch(text: str) -> bool:
    if text in ("1", "on", "true", "yes"):
        return True
    if text in ("0", "off", "false", "no"):
        return False
    raise UnusableSetting("must be 1 or 0")


def _number(lowest: int, highest: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = lowest - 1
        if not lowest <= number <= highest:
            raise UnusableSetting(f"must be a whole number from {lowest} to {highest}")
        return number

    return read


def _addresses(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _setting(variable: str, default: Any, read: Callable[[str], Any], says: str) -> Any:
    return field(default=default, metadata={"variable": variable, "read": read, "says": says})


@dataclass(frozen=True)
class Settings:
    """What can be chosen about a running server; `settings_from` reads it."""

    host: str = _setting("HOST", "127.0.0.1", str, "address to listen on")
    port: int = _setting("PORT", 5005, _number(0, 65535), "port to listen on; 0 picks a free one")
    database: str = _setting(
        "KNEEWISE_DATABASE",
        f"sqlite:///{PROJECT / 'var' / 'kneewise.db'}",
        _database,
        "SQLAlchemy URL of the database that holds the conversations",
    )
    public_url: str | None = _setting(
        "KNEEWISE_PUBLIC_URL",
        None,
        _public_url,
        "address under which people reach the server, for allowed origins and the cookie's name",
    )
    log_conversations: bool = _setting(
        "KNEEWISE_LOG_CONVERSATIONS",
        False,
        _switch,
        "1 writes what people say to the log, for development only",
    )
    rate_limit: bool = _setting(
        "KNEEWISE_RATE_LIMIT", True, _switch, "off turns the rate limits off, for load tests"
    )
    session_days: int | None = _setting(
        "KNEEWISE_SESSION_DAYS",
        None,
        _number(1, 3650),
        "days after which a conversation is erased; the clinic's own number when not set",
    )
    trusted_proxies: tuple[str, ...] = _setting(
        "KNEEWISE_TRUSTED_PROXIES",
        (),
        _addresses,
        "addresses of proxies, comma separated, whose X-Forwarded-For is believed",
    )


def known_variables() -> dict[str, str]:
    """Each environment variable that is read, and what it is for."""
    return {item.metadata["variable"]: item.metadata["says"] for item in fields(Settings)}


def settings_from(environment: Mapping[str, str] | None = None) -> Settings:
    """The settings that the environment asks for.  An empty value counts as not set.

    Raises:
        UnusableSetting: a value that cannot be used, or an unknown name that begins with
            `KNEEWISE_`.
    """
    environment = os.environ if environment is None else environment
    known = known_variables()
    unknown = sorted(
        name for name in environment if name.startswith("KNEEWISE_") and name not in known
    )
    if unknown:
        raise UnusableSetting(
            f"unknown setting {', '.join(unknown)}. Known: {', '.join(sorted(known))}"
        )
    chosen = {}
    for item in fields(Settings):
        variable = item.metadata["variable"]
        text = environment.get(variable, "").strip()
        if not text:
            continue
        try:
            chosen[item.name] = item.metadata["read"](text)
        except UnusableSetting as error:
            raise UnusableSetting(f"{variable}={text} {error}") from None
    return Settings(**chosen)
