"""`WebChannel`: the API's routes as a Rasa input channel on our Sanic server."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final

import yaml
from rasa.core.channels.channel import InputChannel, UserMessage
from sanic import Blueprint, HTTPResponse, Request, Sanic

from bot.channels.web.api import WebApi
from bot.channels.web.head import WebRequest
from bot.channels.web.metrics import Metrics
from bot.channels.web.origins import Network, networks
from bot.channels.web.page import PAGE_FILES
from bot.channels.web.problems import ProblemHandler
from bot.channels.web.rates import DEFAULT_LIMITS, RateLimits
from bot.settings import Settings, UnusableSetting

OPENAPI: Final = Path(__file__).parent / "openapi.yaml"

_Handler = Callable[..., Awaitable[HTTPResponse]]


class WebChannel(InputChannel):  # type: ignore[misc]  # Rasa is untyped
    """The web API and page.

    Turns do not go through Rasa's `on_new_message`, but through `app.ctx.pipeline`, which
    keeps them first.  The channel also answers, as a problem document, for every path of the
    server that nothing else serves.

    Args:
        limits: rate limits that replace `DEFAULT_LIMITS`, as `{scope: "COUNT/minute"}`.

    Raises:
        ValueError: a limit cannot be read.
    """

    def __init__(self, limits: Mapping[str, str] | None = None) -> None:
        self._limits = {**DEFAULT_LIMITS, **(limits or {})}
        RateLimits(self._limits)

    @classmethod
    def name(cls) -> str:
        return "web"

    @classmethod
    def from_credentials(cls, credentials: dict[str, Any] | None) -> WebChannel:
        """From the channel's block in credentials.yml, which may hold `limits`.

        Raises:
            UnusableSetting: something else is there, or a limit cannot be read.
        """
        options = credentials or {}
        if unknown := sorted(set(options) - {"limits"}):
            raise UnusableSetting(
                f"credentials.yml, {cls.__name__}: unknown option {unknown[0]!r}; there is: limits"
            )
        try:
            return cls(options.get("limits"))
        except (ValueError, TypeError) as error:
            raise UnusableSetting(f"credentials.yml, {cls.__name__}: {error}") from None

    def blueprint(self, on_new_message: Callable[[UserMessage], Awaitable[Any]]) -> Blueprint:
        return _WebBlueprint(self._limits)


class _WebBlueprint(Blueprint):  # type: ignore[misc]  # Sanic is untyped
    """Makes the routes when it is registered, since only the app knows the settings."""

    def __init__(self, limits: Mapping[str, str]) -> None:
        super().__init__("web")
        self.ctx.limits = limits

    def register(self, app: Sanic, options: dict[str, Any]) -> None:
        settings: Settings = app.ctx.settings
        metrics = Metrics()
        api = WebApi(
            openapi=_openapi_json(),
            metrics=metrics,
            rates=RateLimits(self.ctx.limits) if settings.rate_limit else None,
            trusted_proxies=_trusted_proxies(settings),
            public_url=settings.public_url,
            session_days=settings.session_days,
        )
        app.request_class = WebRequest
        app.error_handler = ProblemHandler(
            api.dress, metrics.problem, show_messages=settings.log_conversations
        )
        for path, handlers in _handlers(api).items():
            self._add_path(api, path, handlers)
        super().register(app, options)

    def _add_path(self, api: WebApi, path: str, handlers: Mapping[str, _Handler]) -> None:
        methods = sorted({*handlers, "OPTIONS", *(["HEAD"] if "GET" in handlers else [])})
        for method, handler in handlers.items():
            self.add_route(
                _dressed(api, handler),
                path,
                methods=["GET", "HEAD"] if method == "GET" else [method],
                name=f"{handler.__name__}_{method}_{path}".replace("/", "_"),
                # A streaming route reads its own body (see bot.channels.web.body).
                stream=method == "POST",
            )
        self.add_route(
            _preflight(api, methods),
            path,
            methods=["OPTIONS"],
            name=f"preflight_{path}".replace("/", "_"),
        )


def _trusted_proxies(settings: Settings) -> tuple[Network, ...]:
    try:
        return networks(settings.trusted_proxies)
    except ValueError as error:
        raise UnusableSetting(f"KNEEWISE_TRUSTED_PROXIES: {error}") from None


def _handlers(api: WebApi) -> dict[str, dict[str, _Handler]]:
    """Path -> method -> handler: all there is, beside HEAD and OPTIONS."""
    routes: dict[str, dict[str, _Handler]] = {
        "/api/v1/sessions": {"POST": api.start_session},
        "/api/v1/messages": {"POST": api.take_turn, "GET": api.read_messages},
        "/api/v1/case": {"GET": api.read_case},
        "/api/v1/export": {"GET": api.export},
        "/api/v1/session": {"DELETE": api.end_session},
        "/api/v1/openapi.json": {"GET": api.describe},
        "/healthz": {"GET": api.alive},
        "/readyz": {"GET": api.ready},
        "/metrics": {"GET": api.read_metrics},
        "/problems/<slug>": {"GET": api.explain_problem},
        "/widget/v1/kneewise.js": {"GET": api.no_widget},
    }
    for download in ("plan.pdf", "plan.ics", "summary.pdf", "diary.svg", "fhir"):
        routes[f"/api/v1/case/{download}"] = {"GET": api.not_yet}
    for path in PAGE_FILES:
        routes[path] = {"GET": api.page_file}
    return routes


def _dressed(api: WebApi, handler: _Handler) -> _Handler:
    # A plain function: Sanic writes attributes on handlers, which bound methods do not take.
    async def handle(request: Request, **parts: str) -> HTTPResponse:
        return api.dress(request, await handler(request, **parts))

    return handle


def _preflight(api: WebApi, methods: list[str]) -> _Handler:
    async def handle(request: Request, **parts: str) -> HTTPResponse:
        return api.preflight(request, methods)

    return handle


def _openapi_json() -> bytes:
    document = yaml.safe_load(OPENAPI.read_text(encoding="utf-8"))
    return json.dumps(document, ensure_ascii=False).encode()
