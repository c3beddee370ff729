"""The chat page: its policy, and that its script builds text, never HTML."""

from __future__ import annotations

import re
from typing import Any

import pytest
import requests

from bot.channels.web.page import PAGE_FILES


def test_the_page_and_its_files_are_served_with_a_strict_policy(bare_server: Any) -> None:
    """Only its own files load, nobody can frame it, scripts cannot write HTML."""
    for path, file in PAGE_FILES.items():
        response = requests.get(bare_server.base + path, timeout=10)
        assert response.status_code == 200
        assert response.content == file.content
        assert response.headers["Content-Type"] == file.media_type
        policy = dict(
            part.strip().partition(" ")[::2]
            for part in response.headers["Content-Security-Policy"].split(";")
        )
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == "'self'"
        assert policy["frame-ancestors"] == "'none'"
        assert policy["require-trusted-types-for"] == "'script'"


def test_the_script_never_writes_html() -> None:
    """None of the ways to turn text into markup or code is in it."""
    script = PAGE_FILES["/page.js"].content.decode()
    for way in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "DOMParser",
        "setHTML",
    ):
        assert way not in script


def test_the_page_has_no_inline_script_or_style() -> None:
    """The policy would block them."""
    page = PAGE_FILES["/"].content.decode()
    assert "<style" not in page
    assert " style=" not in page
    assert " onclick=" not in page
    assert page.count("<script") == page.count("<script src=")


def test_the_page_has_one_log_and_labels(bare_server: Any) -> None:
    """One announcer for messages, a label for the field, a language."""
    page = PAGE_FILES["/"].content.decode()
    assert page.count('role="log"') == 1
    assert '<label for="text">' in page
    assert '<html lang="en">' in page


@pytest.mark.parametrize("button", ["start-over", "delete"])
def test_what_cannot_be_undone_is_asked_about_first(button: str) -> None:
    """Start over and Delete my data each open a dialog of their own, whose first choice is no."""
    page = PAGE_FILES["/"].content.decode()
    assert f'<button type="button" id="{button}">' in page
    (dialog,) = re.findall(rf'<dialog id="sure-{button}".*?</dialog>', page, re.DOTALL)
    assert re.findall(r'<button value="(\w+)"', dialog) == ["no", "yes"]
    assert 'value="no" autofocus' in dialog
    assert f'afterYes("{button}"' in PAGE_FILES["/page.js"].content.decode()
