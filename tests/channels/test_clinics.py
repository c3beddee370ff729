"""Clinic files: what they may say, and that a slip stops the start at its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.catalogue_clinics import Clinic, load_clinics
from bot.yaml_file import KnowledgeError

SHIPPED = Path(__file__).parents[2] / "bot" / "clinics"

GOOD = """\
id: default
name: Test Clinic
allowed_origins: [https://clinic.example, http://localhost:8000]
emergency_number: "112"
phone: +44 20 7946 0018
booking_url: https://clinic.example/book
timezone: Europe/London
retention_days: 30
greeting: Hello from the test clinic.
"""


def read(folder: Path, text: str) -> Clinic:
    (folder / "default.yaml").write_text(text, encoding="utf-8")
    return load_clinics(folder)["default"]


def test_shipped_clinics_load_default_first() -> None:
    """The shipped files are good; the default one leads and names no emergency number."""
    clinics = load_clinics(SHIPPED)
    assert list(clinics) == ["default", "harbour", "riverside"]
    assert clinics["default"].emergency_number is None
    assert clinics["default"].allowed_origins == ()
    assert clinics["riverside"].emergency_number == "999"


def test_a_full_file_is_read_as_written(tmp_path: Path) -> None:
    """Every key of a file ends up in the clinic."""
    assert read(tmp_path, GOOD) == Clinic(
        id="default",
        name="Test Clinic",
        allowed_origins=("https://clinic.example", "http://localhost:8000"),
        emergency_number="112",
        phone="+44 20 7946 0018",
        booking_url="https://clinic.example/book",
        timezone="Europe/London",
        retention_days=30,
        greeting="Hello from the test clinic.",
    )


def test_no_default_clinic_stops_the_start(tmp_path: Path) -> None:
    """Someone must serve those who name no clinic."""
    with pytest.raises(KnowledgeError, match=r"default\.yaml:1: is missing"):
        load_clinics(tmp_path)


@pytest.mark.parametrize(
    "origin",
    [
        "*",
        "https://*.clinic.example",
        "null",
        "http://clinic.example",
        "ftp://clinic.example",
        "https://co.uk",
        "https://github.io",
        "https://uk",
        "https://clinic.example/",
        "https://clinic.example/book",
        "https://clinic.example:443",
        "https://clinic.example:port",
        "https://Clinic.example",
        "https://user@clinic.example",
        "https://192.0.2.1",
        "https://clinic..example",
        "clinic.example",
        "",
    ],
)
def test_origins_that_open_too_much_or_nothing_are_refused(tmp_path: Path, origin: str) -> None:
    """Stars, shared hosts, plain http and whatever no browser sends, with the line."""
    with pytest.raises(KnowledgeError, match=r"default\.yaml:3: "):
        read(tmp_path, GOOD.replace("https://clinic.example,", f'"{origin}",'))


@pytest.mark.parametrize(
    ("line", "slip"),
    [
        (1, "id: Default"),
        (1, "id: other"),
        (2, "name: ''"),
        (2, f"name: {'x' * 81}"),
        (3, "allowed_origins: https://clinic.example"),
        (3, "allowed_origins: [https://a.example, https://a.example]"),
        (4, "emergency_number: 112"),
        (4, "emergency_number: 'call us'"),
        (5, "phone: ask at the desk"),
        (6, "booking_url: http://clinic.example/book"),
        (6, "booking_url: javascript:alert(1)"),
        (7, "timezone: Europe/Londinium"),
        (7, "timezone: ../../etc/passwd"),
        (8, "retention_days: 0"),
        (8, "retention_days: thirty"),
        (9, f"greeting: {'x' * 301}"),
        (9, "greetings: Hello"),
        (9, "name: twice"),
    ],
)
def test_a_slip_names_file_and_line(tmp_path: Path, line: int, slip: str) -> None:
    """A wrong, unknown or duplicate key is refused at its place."""
    lines = GOOD.splitlines()
    lines[line - 1] = slip
    with pytest.raises(KnowledgeError, match=rf"default\.yaml:{line}: "):
        read(tmp_path, "\n".join(lines))


@pytest.mark.parametrize("key", ["id", "name", "allowed_origins", "timezone", "retention_days"])
def test_a_missing_key_is_named(tmp_path: Path, key: str) -> None:
    """What must be there is asked for by name."""
    text = "\n".join(line for line in GOOD.splitlines() if not line.startswith(f"{key}:"))
    with pytest.raises(KnowledgeError, match=f"'{key}' is missing"):
        read(tmp_path, text)
