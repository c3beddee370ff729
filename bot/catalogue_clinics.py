"""The clinics an installation serves, read from `bot/clinics/<id>.yaml`.

A clinic file decides which web sites may embed the assistant and whom it tells people to
call, so a slip in one stops the start and names file and line.  Reading only; nothing here
knows about HTTP or Rasa.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.yaml_file import KnowledgeError, Located, load_mapping

DEFAULT_CLINIC: Final = "default"

_ID = re.compile(r"[a-z][a-z0-9-]{0,39}")
_EMERGENCY_NUMBER = re.compile(r"[0-9]{2,6}")
_PHONE = re.compile(r"\+?[0-9][0-9 ()-]{4,24}")
_HOST = re.compile(
    r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]*[a-z0-9])?"
)
_LOCAL_HOSTS: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})

# Whoever writes one of these meant a site *under* it.  Not the whole public suffix list (the
# comparison is exact, so a listed suffix opens nothing below it), only the ones that are
# likely to be typed by mistake.
_SHARED_SUFFIXES: Final = frozenset(
    {
        "ac.uk", "azurewebsites.net", "blogspot.com", "cloudfront.net", "co.jp", "co.nz",
        "co.uk", "co.za", "com.au", "com.br", "firebaseapp.com", "github.io", "gitlab.io",
        "gov.uk", "herokuapp.com", "me.uk", "net.au", "netlify.app", "nhs.uk", "onrender.com",
        "org.au", "org.uk", "pages.dev", "squarespace.com", "vercel.app", "web.app",
        "wixsite.com", "wordpress.com", "workers.dev",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Clinic:
    """One clinic as its file states it.

    `allowed_origins` are web origins (`https://host[:port]`) whose pages may talk to the
    assistant in the clinic's name, besides the assistant's own page.  `emergency_number` is
    what people are told to call; None means the text names 112, 911 and 999.  `timezone` is
    an IANA name; `retention_days` is after how many days a session ends and is erased.
    """

    id: str
    name: str
    allowed_origins: tuple[str, ...]
    emergency_number: str | None
    phone: str | None
    booking_url: str | None
    timezone: str
    retention_days: int
    greeting: str | None


def load_clinics(folder: Path) -> dict[str, Clinic]:
    """Every clinic in `folder`, by id, the default one first.

    Raises:
        KnowledgeError: a file cannot be used (it names file and line), or there is no
            `default.yaml`, which serves everyone who names no clinic.
    """
    clinics = {path.stem: _read_clinic(path) for path in sorted(folder.glob("*.yaml"))}
    if DEFAULT_CLINIC not in clinics:
        raise KnowledgeError(folder / f"{DEFAULT_CLINIC}.yaml", 1, "is missing: it is needed")
    return {DEFAULT_CLINIC: clinics.pop(DEFAULT_CLINIC), **clinics}


def _read_clinic(path: Path) -> Clinic:
    pairs = load_mapping(path).mapping(
        required={
            "id",
            "name",
            "allowed_origins",
            "emergency_number",
            "timezone",
            "retention_days",
        },
        optional={"phone", "booking_url", "greeting"},
    )
    return Clinic(
        id=_clinic_id(pairs["id"], path),
        name=_short_text(pairs["name"], 80),
        allowed_origins=_origins(pairs["allowed_origins"]),
        emergency_number=_emergency_number(pairs["emergency_number"]),
        phone=_phone(pairs.get("phone")),
        booking_url=_booking_url(pairs.get("booking_url")),
        timezone=_timezone(pairs["timezone"]),
        retention_days=_retention_days(pairs["retention_days"]),
        greeting=_greeting(pairs.get("greeting")),
    )


def _clinic_id(value: Located, path: Path) -> str:
    clinic = value.text()
    if not _ID.fullmatch(clinic):
        raise value.error(f"the id '{clinic}' must be lower-case letters, digits and hyphens")
    if clinic != path.stem:
        raise value.error(f"the id '{clinic}' must be the file's name, '{path.stem}'")
    return clinic


def _short_text(value: Located, at_most: int) -> str:
    text = value.text()
    if len(text) > at_most:
        raise value.error(f"is {len(text)} characters long; at most {at_most} fit")
    return text


def _origins(value: Located) -> tuple[str, ...]:
    origins = value.texts()
    for child, origin in zip(value.elements(), origins, strict=True):
        _check_origin(child, origin)
    return origins


def _check_origin(place: Located, origin: str) -> None:
    """An origin as a browser sends it: scheme, host, and the port unless it is the usual one."""
    if "*" in origin:
        raise place.error(f"'{origin}': name each site; a star would let any site in")
    try:
        parts = urlsplit(origin)
        port = parts.port
    except ValueError:
        raise place.error(
            f"'{origin}' is not a web origin such as https://clinic.example"
        ) from None
    host = (parts.hostname or "").rstrip(".")
    host = f"[{host}]" if ":" in host else host
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    written = f"{parts.scheme}://{host}" + (f":{port}" if port and port != usual else "")
    if usual is None or written != origin:
        raise place.error(
            f"'{origin}' is not a web origin; write it as browsers do, lower case and without "
            "path, closing slash or usual port: https://clinic.example"
        )
    if host in _LOCAL_HOSTS:
        return
    if parts.scheme != "https":
        raise place.error(f"'{origin}' must be https (http is for localhost only)")
    if not _HOST.fullmatch(host) or host.replace(".", "").isdigit():
        raise place.error(f"'{host}' is not a host name")
    if "." not in host or host in _SHARED_SUFFIXES:
        raise place.error(f"'{host}' is shared by many sites: name the clinic's own host")


def _emergency_number(value: Located) -> str | None:
    if value.raw is None:
        return None
    number = value.text()
    if not _EMERGENCY_NUMBER.fullmatch(number):
        raise value.error(f"the emergency number '{number}' must be 2 to 6 digits")
    return number


def _phone(value: Located | None) -> str | None:
    if value is None or value.raw is None:
        return None
    phone = value.text()
    if not _PHONE.fullmatch(phone):
        raise value.error(f"'{phone}' is not a phone number such as +44 20 7946 0018")
    return phone


def _booking_url(value: Located | None) -> str | None:
    if value is None or value.raw is None:
        return None
    url = value.text()
    try:
        parts = urlsplit(url)
    except ValueError:
        raise value.error(f"'{url}' is not a web address") from None
    if parts.scheme != "https" or not parts.hostname or parts.username or " " in url:
        raise value.error(f"'{url}' must be a web address that begins with https://")
    return url


def _timezone(value: Located) -> str:
    name = value.text()
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise value.error(f"'{name}' is not a time zone such as Europe/London") from None
    return name


def _retention_days(value: Located) -> int:
    days = value.integer()
    if not 1 <= days <= 3650:
        raise value.error(f"retention_days is {days}; it must be from 1 to 3650")
    return days


def _greeting(value: Located | None) -> str | None:
    if value is None or value.raw is None:
        return None
    return _short_text(value, 300)
