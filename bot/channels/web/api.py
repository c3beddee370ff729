"""The handlers of the web API: each checks who asks for what, then asks pipeline or records.

What a person wrote is in the durable inbox before its turn begins, and the reply in the
outbox before a byte of it is sent. So a broken connection loses nothing: the client sends
the same id again, or reads on from the last sequence number it saw.
"""

from __future__ import annotations

import json
import re
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any, Final

from sanic import HTTPResponse, Request

from actions.views import case_view
from bot.catalogue_clinics import DEFAULT_CLINIC, Clinic
from bot.channels.web.body import BodyTooLarge, MalformedJson, parse_object, read_body
from bot.channels.web.metrics import Metrics
from bot.channels.web.origins import Network, client_address, own_origins
from bot.channels.web.page import PAGE_FILES, PAGE_HEADERS
from bot.channels.web.problems import KINDS, Problem
from bot.channels.web.rates import RateLimits
from bot.channels.web.tokens import (
    Token,
    clear_cookie,
    cookie_value,
    new_token,
    read_token,
    set_cookie,
)
from bot.channels.web.turn_request import read_turn
from bot.records import IdReused, RecordsUnavailable, Session, SessionGone
from bot.runtime.turns import NotReady, TurnKept

#: The first turn of a session is nobody's message; no client id can look like this.
START_ID: Final = "~start"

MAX_WAIT: Final = 25.0
"""Seconds; under the 30 after which common proxies cut a silent connection."""

RETRY_SECONDS: Final = 2

_LOCALE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")
_Handler = Callable[..., Awaitable[HTTPResponse]]


class WebApi:
    """The API over the pipeline, records and catalogue that the server has in `app.ctx`.

    Args:
        openapi: the API's description, as served.
        metrics: what is counted.
        rates: the rate limits, None for none.
        trusted_proxies: whose X-Forwarded-For is believed.
        public_url: the address people reach, None if it is not known.
        session_days: days until a session ends, None for each clinic's own.
    """

    def __init__(
        self,
        *,
        openapi: bytes,
        metrics: Metrics,
        rates: RateLimits | None,
        trusted_proxies: Sequence[Network] = (),
        public_url: str | None = None,
        session_days: int | None = None,
    ) -> None:
        self._openapi = openapi
        self._metrics = metrics
        self._rates = rates
        self._trusted = trusted_proxies
        self._public_url = public_url
        self._https = bool(public_url and public_url.startswith("https://"))
        self._session_days = session_days
        # Ids of assessments counted, so that a repeated reply is not counted again.
        self._counted: OrderedDict[str, None] = OrderedDict()

    # -- sessions ------------------------------------------------------------------------------

    async def start_session(self, request: Request) -> HTTPResponse:
        """`POST /api/v1/sessions {clinic?, locale?}`: begins a session with the greeting."""
        began = time.perf_counter()
        self._within_rates(new_session=client_address(request, self._trusted))
        document = await self._document(request, may_be_empty=True)
        clinic, locale = self._new_session(request, document)
        request.ctx.clinic = clinic
        self._may_write(request, clinic)
        self._within_rates(clinic=clinic.id)
        pipeline = self._pipeline(request)
        token, now = new_token(), datetime.now(timezone.utc)
        days = self._session_days or clinic.retention_days
        try:
            session = request.app.ctx.records.create_session(
                id=token.session,
                clinic=clinic.id,
                locale=locale,
                channel="web",
                token_hash=token.secret_hash,
                created_at=now,
                expires_at=now + timedelta(days=days),
            )
            try:
                messages = await pipeline.take(session, START_ID, start=True, now=now)
            except (TurnKept, NotReady):
                # The client never learns of this session, so nothing of it is to stay.
                await pipeline.erase(session.id)
                raise
        except (TurnKept, NotReady, RecordsUnavailable) as error:
            raise _unavailable("No session was started. Try again in a moment.") from error
        self._metrics.turn("start", time.perf_counter() - began)
        body = {
            "session": session.id,
            "token": str(token),
            "expires_at": _iso(session.expires_at),
            "messages": messages,
        }
        response = _json(body, status=201)
        response.headers.add("Set-Cookie", set_cookie(token, session.expires_at, https=self._https))
        return response

    def _new_session(self, request: Request, document: Mapping[str, Any]) -> tuple[Clinic, str]:
        if unknown := sorted(set(document) - {"clinic", "locale"}):
            raise Problem(
                "malformed", f"There is no key {_quoted(unknown[0])}; there are: clinic, locale."
            )
        clinics: Mapping[str, Clinic] = request.app.ctx.catalogue.clinics
        clinic = document.get("clinic")
        if clinic is None:
            clinic = DEFAULT_CLINIC
        if not isinstance(clinic, str):
            raise Problem("malformed", "clinic must be a string, the clinic's id.")
        if clinic not in clinics:
            raise Problem("unknown-clinic")
        locale = document.get("locale")
        if locale is None:
            locale = "en"
        if not isinstance(locale, str) or not _LOCALE.fullmatch(locale):
            raise Problem("malformed", "locale must be a language tag such as en or en-GB.")
        return clinics[clinic], locale

    async def end_session(self, request: Request) -> HTTPResponse:
        """`DELETE /api/v1/session`: erases everything about the session, at once and for good."""
        session = self._session(request)
        self._may_write(request, request.ctx.clinic)
        try:
            await request.app.ctx.pipeline.erase(session.id)
        except RecordsUnavailable as error:
            raise _unavailable("It could not be erased just now. Please try again.") from error
        response = HTTPResponse(status=204)
        response.headers.add("Set-Cookie", clear_cookie(https=self._https))
        return response

    # -- turns ---------------------------------------------------------------------------------

    async def take_turn(self, request: Request) -> HTTPResponse:
        """`POST /api/v1/messages`: one turn of the person, and the reply to it."""
        began = time.perf_counter()
        session = self._session(request)
        self._may_write(request, request.ctx.clinic)
        document = await self._document(request)
        turn = read_turn(document, request.app.ctx.catalogue.knowledge)
        try:
            messages = await self._pipeline(request).take(
                session, turn.id, text=turn.text, answer=turn.answer
            )
        except IdReused:
            raise Problem("id-reused") from None
        except SessionGone:
            raise _no_session() from None
        except NotReady as error:
            raise _unavailable() from error
        except (TurnKept, RecordsUnavailable) as error:
            raise _unavailable(
                "The message could not be answered just now. Send it again with the same id: it "
                "is taken once only. If you are in danger, call the emergency number now."
            ) from error
        self._metrics.turn("answer" if turn.text is None else "text", time.perf_counter() - began)
        self._count_assessments(messages)
        return _messages(messages, as_json=_prefers_json(request, otherwise=False))

    async def read_messages(self, request: Request) -> HTTPResponse:
        """`GET /api/v1/messages?after=SEQ&wait=SECONDS`: what was said after SEQ."""
        session = self._session(request)
        after = int(_number_argument(request, "after", 0, 2**31 - 1, whole=True))
        wait = _number_argument(request, "wait", 0, MAX_WAIT)
        try:
            if wait and request.method != "HEAD":
                messages = await request.app.ctx.pipeline.wait(session.id, after, wait)
            else:
                messages = request.app.ctx.records.messages(session.id, after)
        except RecordsUnavailable as error:
            raise _unavailable() from error
        return _messages(messages, as_json=_prefers_json(request, otherwise=True))

    def _count_assessments(self, messages: Sequence[Mapping[str, Any]]) -> None:
        for message in messages:
            if message["kind"] == "assessment" and message["id"] not in self._counted:
                self._metrics.assessment(message["disposition"])
                self._counted[message["id"]] = None
                if len(self._counted) > 1000:
                    self._counted.popitem(last=False)

    # -- the case and what is held -------------------------------------------------------------

    async def read_case(self, request: Request) -> HTTPResponse:
        """`GET /api/v1/case`: the findings so far, the open question, the assessment."""
        session = self._session(request)
        try:
            slot = request.app.ctx.pipeline.case(session.id)
        except RecordsUnavailable as error:
            raise _unavailable() from error
        return _json(case_view(slot))

    async def not_yet(self, request: Request) -> HTTPResponse:
        """The downloads of the case that this version does not make."""
        self._session(request)
        raise Problem("not-yet")

    async def export(self, request: Request) -> HTTPResponse:
        """`GET /api/v1/export`: everything held about the session."""
        session = self._session(request)
        try:
            held = request.app.ctx.records.export(session.id)
        except RecordsUnavailable as error:
            raise _unavailable() from error
        if held is None:
            raise _no_session()
        return _json(
            held, headers={"Content-Disposition": 'attachment; filename="kneewise-export.json"'}
        )

    # -- for operators and integrators ---------------------------------------------------------

    async def alive(self, request: Request) -> HTTPResponse:
        """`GET /healthz`: the process answers."""
        return _json({"status": "alive"})

    async def ready(self, request: Request) -> HTTPResponse:
        """`GET /readyz`: 200 only when a first message would be answered."""
        checks = request.app.ctx.ready()
        if all(checks.values()):
            return _json({"status": "ready", "checks": checks})
        raise Problem(
            "unavailable",
            "Ask again in a moment: " + ", ".join(name for name in checks if not checks[name]),
            headers={"Retry-After": str(RETRY_SECONDS)},
            checks=checks,
        )

    async def read_metrics(self, request: Request) -> HTTPResponse:
        """`GET /metrics`: Prometheus text."""
        return HTTPResponse(
            self._metrics.text(), content_type="text/plain; version=0.0.4; charset=utf-8"
        )

    async def describe(self, request: Request) -> HTTPResponse:
        """`GET /api/v1/openapi.json`: this API, described."""
        return HTTPResponse(self._openapi, content_type="application/json")

    async def explain_problem(self, request: Request, slug: str) -> HTTPResponse:
        """`GET /problems/SLUG`: what the `type` of a problem means."""
        kind = KINDS.get(slug)
        if kind is None:
            raise Problem("not-found")
        text = f"{kind.title} (HTTP {kind.status})\n\n{kind.advice}\n"
        return HTTPResponse(text, content_type="text/plain; charset=utf-8")

    async def page_file(self, request: Request) -> HTTPResponse:
        """`GET /` and the files it loads: a plain page that chats over this API."""
        file = PAGE_FILES[request.path]
        return HTTPResponse(file.content, content_type=file.media_type, headers=PAGE_HEADERS)

    async def no_widget(self, request: Request) -> HTTPResponse:
        """The widget's loader, which this version does not have."""
        raise Problem("not-yet", "This version has no widget. Link to the page at / instead.")

    # -- who asks ------------------------------------------------------------------------------

    def _session(self, request: Request) -> Session:
        """The session whose token the request shows; its clinic is left in `request.ctx`.

        Raises:
            Problem: no-session, too-many, or unavailable.
        """
        self._within_rates(address=client_address(request, self._trusted))
        token = self._token(request)
        if token is None:
            raise _no_session()
        try:
            session: Session | None = request.app.ctx.records.session(token.session)
        except RecordsUnavailable as error:
            raise _unavailable() from error
        # Compared even when there is no such session, so that timing does not tell.
        known = token.opens(session.token_hash if session else "")
        if session is None or not known or session.expires_at <= datetime.now(timezone.utc):
            raise _no_session()
        clinics: Mapping[str, Clinic] = request.app.ctx.catalogue.clinics
        # A clinic that was taken off the installation leaves its sessions to the default one.
        request.ctx.clinic = clinics.get(session.clinic, clinics[DEFAULT_CLINIC])
        self._within_rates(session=session.id, clinic=session.clinic)
        return session

    def _token(self, request: Request) -> Token | None:
        scheme, _, shown = request.headers.getone("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return read_token(shown.strip())
        cookies = ";".join(request.headers.getall("cookie", []))
        return read_token(cookie_value(cookies, https=self._https))

    def _may_write(self, request: Request, clinic: Clinic) -> None:
        """Refuse a write that another web site's page sent in the person's name."""
        origin = request.headers.getone("origin", None)
        if origin is None or origin in clinic.allowed_origins:
            return
        if origin not in self._own_origins(request):
            raise Problem("wrong-origin")

    def _own_origins(self, request: Request) -> set[str]:
        return own_origins(request, self._public_url, self._trusted)

    def _within_rates(self, **scopes: str) -> None:
        if self._rates is None:
            return
        exceeded = self._rates.take(**scopes)
        if exceeded is not None:
            raise Problem(
                "too-many",
                headers={"Retry-After": str(exceeded.retry_after)},
                limit=exceeded.limit,
                counted_by=exceeded.scope,
            )

    def _pipeline(self, request: Request) -> Any:
        pipeline = request.app.ctx.pipeline
        if not pipeline.ready:
            raise _unavailable()
        return pipeline

    async def _document(self, request: Request, *, may_be_empty: bool = False) -> dict[str, Any]:
        """The JSON object in the request's body; `{}` for no body where that may be."""
        media_type = request.headers.getone("content-type", "").split(";")[0].strip().lower()
        if media_type != "application/json" and (media_type or not may_be_empty):
            raise Problem("wrong-content-type")
        try:
            body = await read_body(request)
        except BodyTooLarge as error:
            raise Problem(
                "too-large",
                f"The body is over {error.at_most} bytes. Nothing was taken in.",
                at_most=error.at_most,
            ) from None
        except TimeoutError:
            raise Problem("too-slow") from None
        if not body and may_be_empty:
            return {}
        if not media_type:
            raise Problem("wrong-content-type")
        try:
            return parse_object(body)
        except MalformedJson as error:
            raise Problem("malformed", str(error)) from None

    # -- what every reply carries --------------------------------------------------------------

    def dress(self, request: Request, response: HTTPResponse) -> HTTPResponse:
        """Add the headers that every reply carries: for security, caches and other web sites."""
        headers = response.headers
        headers["X-Content-Type-Options"] = "nosniff"
        headers["Referrer-Policy"] = "no-referrer"
        headers.setdefault("Cache-Control", "no-store")
        headers["Vary"] = "Origin"
        origin = request.headers.getone("origin", None)
        if origin is not None and self._may_read(request, origin):
            headers["Access-Control-Allow-Origin"] = origin
            headers["Access-Control-Allow-Credentials"] = "true"
            headers["Access-Control-Expose-Headers"] = "Retry-After"
        return response

    def preflight(self, request: Request, methods: Sequence[str]) -> HTTPResponse:
        """The reply to OPTIONS: what may be done here, and by which other web sites' pages."""
        response = HTTPResponse(status=204, headers={"Allow": ", ".join(methods)})
        if self._may_read(request, request.headers.getone("origin", "")):
            response.headers["Access-Control-Allow-Methods"] = ", ".join(methods)
            response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
            response.headers["Access-Control-Max-Age"] = "600"
        return self.dress(request, response)

    def _may_read(self, request: Request, origin: str) -> bool:
        """Whether a page from `origin` may read this reply.

        The session's clinic decides; where there is no session yet (a preflight, a refusal),
        any clinic's site may read what went wrong.
        """
        clinic: Clinic | None = getattr(request.ctx, "clinic", None)
        if clinic is not None:
            return origin in clinic.allowed_origins
        clinics: Mapping[str, Clinic] = request.app.ctx.catalogue.clinics
        return any(origin in each.allowed_origins for each in clinics.values())


def _no_session() -> Problem:
    return Problem("no-session", headers={"WWW-Authenticate": "Bearer"})


def _unavailable(detail: str | None = None) -> Problem:
    return Problem("unavailable", detail, headers={"Retry-After": str(RETRY_SECONDS)})


def _json(
    body: Any, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> HTTPResponse:
    return HTTPResponse(
        json.dumps(body, ensure_ascii=False, separators=(",", ":")),
        status=status,
        headers=dict(headers or {}),
        content_type="application/json",
    )


def _messages(messages: Sequence[Mapping[str, Any]], *, as_json: bool) -> HTTPResponse:
    """Messages as one JSON object, or one a line."""
    if as_json:
        return _json({"messages": list(messages)})
    lines = (json.dumps(m, ensure_ascii=False, separators=(",", ":")) + "\n" for m in messages)
    return HTTPResponse("".join(lines), content_type="application/x-ndjson")


def _prefers_json(request: Request, *, otherwise: bool) -> bool:
    """Whether the Accept header names application/json or application/x-ndjson as the better."""
    quality = {"application/json": 0.0, "application/x-ndjson": 0.0}
    for accepted in request.headers.getone("accept", "").lower().split(","):
        media_type, *parameters = (part.strip() for part in accepted.split(";"))
        if media_type in quality:
            quality[media_type] = _quality(parameters)
    if quality["application/json"] == quality["application/x-ndjson"]:
        return otherwise
    return quality["application/json"] > quality["application/x-ndjson"]


def _quality(parameters: Sequence[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0


def _number_argument(
    request: Request, name: str, lowest: int, highest: float, *, whole: bool = False
) -> float:
    """The number in the query (digits, perhaps with a fraction), `lowest` if there is none."""
    text = request.args.get(name)
    if text is None:
        return lowest
    form = r"[0-9]{1,10}" if whole else r"[0-9]{1,10}(\.[0-9]{1,6})?"
    if not re.fullmatch(form, text) or not lowest <= float(text) <= highest:
        kind = "a whole number" if whole else "a number"
        raise Problem("malformed", f"{name} must be {kind} from {lowest} to {highest:g}.")
    return float(text)


def _iso(moment: datetime) -> str:
    return moment.astimezone(timezone.utc).isoformat(timespec="seconds")


def _quoted(text: str) -> str:
    """A key that a client sent, fit to be shown back to it."""
    return ascii(text[:40])
