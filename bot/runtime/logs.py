"""Logging that holds no health data.

Rasa logs what people say at several levels, and any exception may carry a piece of a message in
its text (`invalid literal for int(): 'my knee'`). So by default a log line is: when, how bad, who
logged it, and the message's fixed text; a value that is filled in is written only when it is a
number, or comes from our own code. Of an exception the type and the places in the code are
written, not its text.

`KNEEWISE_LOG_CONVERSATIONS=1` writes everything, for development.
"""

from __future__ import annotations

import logging
import sys
import traceback
from types import TracebackType
from typing import Any

import structlog

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]

_OWN = ("bot", "actions", "kneewise")


def _places(error: BaseException | None) -> str:
    """Types and places of an exception and its causes, first cause first, without texts."""
    lines: list[str] = []
    while error is not None:
        frames = [
            f'  File "{frame.filename}", line {frame.lineno}, in {frame.name}'
            for frame in traceback.extract_tb(error.__traceback__)
        ]
        lines = [*frames, type(error).__name__, *lines]
        error = error.__cause__ or error.__context__
    return "\n".join(lines)


def _is_own(name: str) -> bool:
    return name.split(".", 1)[0] in _OWN


class _Line(logging.Formatter):
    """One line a record, its values left out unless they are known to be harmless."""

    def __init__(self, conversations: bool) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")
        self._conversations = conversations

    def format(self, record: logging.LogRecord) -> str:
        if self._conversations:
            return super().format(record)
        if not _is_own(record.name) and not record.name.startswith("sanic.root"):
            record = logging.makeLogRecord(vars(record))
            record.msg, record.args = _fixed_text(record), None
            record.exc_text = None
        return super().format(record)

    def formatException(self, ei: Any) -> str:  # noqa: N802  # the name is logging's
        return super().formatException(ei) if self._conversations else _places(ei[1])


def _fixed_text(record: logging.LogRecord) -> str:
    """What a foreign logger said without what it filled in.

    Rasa builds most messages as f-strings, in which a filled-in value can no longer be told
    apart: of those only the place is written.
    """
    if record.args and isinstance(record.msg, str):
        return record.msg
    return f"logged at {record.module}:{record.lineno}"


def _drop_values(_: Any, __: str, event: dict[str, Any]) -> dict[str, Any]:
    """Of a structured log line keep the name of the event and the numbers."""
    return {
        key: value
        for key, value in event.items()
        if key in ("event", "level") or isinstance(value, (int, float))
    }


def configure_logs(conversations: bool = False, level: int = logging.WARNING) -> None:
    """Set up all logging of the process, to standard error.

    Args:
        conversations: True also writes what people say.
        level: of everything but our own code, which logs from INFO up.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Line(conversations))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _OWN:
        logging.getLogger(name).setLevel(logging.INFO)
    logging.captureWarnings(True)
    # A library's warnings are for its developers, and Rasa's may quote what was parsed.
    logging.getLogger("py.warnings").setLevel(logging.ERROR)
    structlog.configure(
        processors=[
            *([] if conversations else [_drop_values]),
            structlog.processors.KeyValueRenderer(key_order=["event"]),
        ],
        logger_factory=_StderrLoggers(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )


class _StderrLoggers(structlog.PrintLoggerFactory):  # type: ignore[misc]
    """Structured lines go to standard error beside the others."""

    def __init__(self) -> None:
        super().__init__(file=sys.stderr)
