"""The plain chat page at `/`: hand-written HTML, CSS and JavaScript over the same API."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class PageFile:
    """A file of the page as it is sent."""

    content: bytes
    media_type: str


def _file(name: str, media_type: str) -> PageFile:
    return PageFile((_FOLDER / name).read_bytes(), media_type)


#: URL path -> file.  Read once at the start: an edit shows after a restart.
PAGE_FILES: Final = {
    "/": _file("index.html", "text/html; charset=utf-8"),
    "/page.css": _file("page.css", "text/css; charset=utf-8"),
    "/page.js": _file("page.js", "text/javascript; charset=utf-8"),
}

# Only our own files load, nobody may frame the page, and the script cannot write HTML.
PAGE_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "Cache-Control": "no-cache",
    "X-Frame-Options": "DENY",
}
