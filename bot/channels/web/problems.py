"""Every way a request can go wrong, as RFC 9457 `application/problem+json`.

A problem has a `type` (a path on this server that explains it), a `title`, the `status`, and
a `detail` that says what to do.  Some carry more: `allowed` lists the values that would have
been accepted, `at_most` the limit that was passed.  Never a stack trace, never what a
person wrote.
"""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sanic import HTTPResponse, Request
from sanic.exceptions import SanicException
from sanic.handlers import ErrorHandler

from bot.channels.web.body import leave_body

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ProblemKind:
    """One documented kind of problem: its slug, HTTP status, title and usual advice."""

    slug: str
    status: int
    title: str
    advice: str

    @property
    def type(self) -> str:
        return f"/problems/{self.slug}"


_KINDS: Final = (
    ProblemKind(
        "malformed",
        400,
        "The request is malformed",
        "Send one JSON object in UTF-8 as the API description shows it.",
    ),
    ProblemKind(
        "no-session",
        401,
        "No session",
        "Start one with POST /api/v1/sessions and send its token: Authorization: Bearer TOKEN.",
    ),
    ProblemKind(
        "wrong-origin",
        403,
        "This web site may not do that",
        "Add the site to allowed_origins of the clinic's file, or use the assistant's own page.",
    ),
    ProblemKind(
        "not-found", 404, "There is nothing here", "See /api/v1/openapi.json for what there is."
    ),
    ProblemKind(
        "unknown-clinic",
        404,
        "No such clinic",
        "Name a clinic that this installation serves, or leave it out.",
    ),
    ProblemKind(
        "not-yet",
        404,
        "Not there yet",
        "This download is not made by this version. GET /api/v1/case has the same facts as JSON.",
    ),
    ProblemKind(
        "wrong-method",
        405,
        "That method does not work here",
        "Use one of the methods in the Allow header.",
    ),
    ProblemKind(
        "too-slow",
        408,
        "The request took too long to arrive",
        "Send it again. Nothing was taken in, so the same id can be used.",
    ),
    ProblemKind(
        "id-reused",
        409,
        "This id was used for another message",
        "Send the new message with a new id. The first message with this id is kept.",
    ),
    ProblemKind(
        "too-large",
        413,
        "Too large",
        "Shorten the message and send it again. Nothing was taken in.",
    ),
    ProblemKind(
        "wrong-content-type",
        415,
        "The body must be JSON",
        "Send the header Content-Type: application/json.",
    ),
    ProblemKind(
        "unanswerable",
        422,
        "There is no such finding or value",
        "Send one of the allowed values.",
    ),
    ProblemKind(
        "too-many",
        429,
        "Too many requests",
        "Wait as many seconds as Retry-After says, then send the same message again.",
    ),
    ProblemKind(
        "internal",
        500,
        "Something went wrong on our side",
        "Send the same message with the same id again; it is answered once only. If a person "
        "is in danger, call the emergency number now.",
    ),
    ProblemKind(
        "unavailable",
        503,
        "The assistant is not ready",
        "Wait as many seconds as Retry-After says, then send the same message with the same id.",
    ),
)
KINDS: Final[Mapping[str, ProblemKind]] = {kind.slug: kind for kind in _KINDS}

_BY_STATUS: Final[Mapping[int, str]] = {
    400: "malformed",
    401: "no-session",
    403: "wrong-origin",
    404: "not-found",
    405: "wrong-method",
    408: "too-slow",
    413: "too-large",
    415: "wrong-content-type",
    417: "malformed",
    503: "unavailable",
}


class Problem(SanicException):  # type: ignore[misc]  # Sanic is untyped
    """Ends a request with the documented problem `slug`.

    Args:
        slug: a key of `KINDS`.
        detail: what to do, if the usual advice does not say it well enough.
        headers: further response headers, such as Retry-After.
        more: further members of the problem document, such as allowed=[...].
    """

    quiet = True

    def __init__(
        self,
        slug: str,
        detail: str | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        kind = KINDS[slug]
        super().__init__(kind.title, status_code=kind.status)
        self.kind = kind
        self.detail = detail or kind.advice
        self.headers = dict(headers or {})
        self.more = more


def problem_response(problem: Problem) -> HTTPResponse:
    """The problem as a response."""
    document = {
        "type": problem.kind.type,
        "title": problem.kind.title,
        "status": problem.kind.status,
        "detail": problem.detail,
        **problem.more,
    }
    return HTTPResponse(
        json.dumps(document, ensure_ascii=False),
        status=problem.kind.status,
        headers=problem.headers,
        content_type="application/problem+json",
    )


class ProblemHandler(ErrorHandler):  # type: ignore[misc]  # Sanic is untyped
    """Turns whatever a request ran into, Sanic's own errors too, into a problem document.

    Args:
        dress: adds the headers that every reply carries.
        on_problem: told of each problem's kind (for the metrics).
        show_messages: whether an unexpected exception's message may be logged; it can hold
            what a person wrote, so only when the operator asked for conversations in the log.
    """

    def __init__(
        self,
        dress: Callable[[Request, HTTPResponse], HTTPResponse],
        on_problem: Callable[[ProblemKind], None],
        *,
        show_messages: bool = False,
    ) -> None:
        super().__init__()
        self._dress = dress
        self._on_problem = on_problem
        self._show_messages = show_messages

    async def response(self, request: Request, exception: BaseException) -> HTTPResponse:
        problem = self._problem(request, exception)
        self._on_problem(problem.kind)
        await leave_body(request)
        return self._dress(request, problem_response(problem))

    def default(self, request: Request, exception: Exception) -> HTTPResponse:
        """What Sanic falls back to should `response` itself fail."""
        return problem_response(self._problem(request, exception))

    def _problem(self, request: Request, exception: BaseException) -> Problem:
        if isinstance(exception, Problem):
            return exception
        # Sanic's stand-in for a request whose head it could not read.
        unread = request.method == "NONE"
        if isinstance(exception, SanicException):
            status = 400 if unread and exception.status_code == 500 else exception.status_code
            if status in _BY_STATUS:
                headers = dict(getattr(exception, "headers", None) or {})
                if status == 503:
                    headers["Retry-After"] = "1"
                return Problem(_BY_STATUS[status], headers=headers)
        elif unread:
            return Problem("malformed", "The head of the HTTP request cannot be read.")
        self._log(request, exception)
        return Problem("internal")

    def _log(self, request: Request, exception: BaseException) -> None:
        """Where it happened, for the operator; the exceptions' words only if asked for."""
        if self._show_messages:
            logger.error("unexpected error", exc_info=exception)
            return
        chain: list[str] = []
        cause: BaseException | None = exception
        while cause is not None and len(chain) < 5:
            frames = "".join(traceback.format_tb(cause.__traceback__))
            chain.append(f"{type(cause).__module__}.{type(cause).__qualname__}\n{frames}")
            cause = cause.__cause__ or cause.__context__
        route = request.uri_template if request.route else "no route"
        logger.error("unexpected error at %s %s: %s", request.method, route, "\n".join(chain))
