"""The barest channel over the pipeline: no token, no checks; for the tests of the runtime only."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from rasa.core.channels.channel import InputChannel
from sanic import Blueprint, Request
from sanic.response import HTTPResponse, json

from bot.records import IdReused, RecordsUnavailable
from bot.runtime.turns import NotReady, TurnKept


class PlainChannel(InputChannel):  # type: ignore[misc]
    """Three routes: whether it is ready, one turn, everything said."""

    @classmethod
    def from_credentials(cls, credentials: Any) -> PlainChannel:
        """Nothing to configure."""
        return cls()

    def blueprint(self, on_new_message: Any) -> Blueprint:
        """The routes."""
        routes = Blueprint("plain")
        routes.add_route(ready, "/ready")
        routes.add_route(turn, "/turn/<session>/<client_id>", methods=["POST"])
        routes.add_route(said, "/said/<session>")
        return routes


async def ready(request: Request) -> HTTPResponse:
    """200 with the checks when all are in order, else 503."""
    checks = request.app.ctx.ready()
    return json(checks, status=200 if all(checks.values()) else 503)


async def turn(request: Request, session: str, client_id: str) -> HTTPResponse:
    """Take the body as what was typed."""
    records, now = request.app.ctx.records, datetime.now(timezone.utc)
    known = records.session(session) or records.create_session(
        id=session,
        clinic="default",
        locale="en",
        channel="plain",
        token_hash="",
        created_at=now,
        expires_at=now + timedelta(days=1),
    )
    try:
        text = request.body.decode()
        return json(await request.app.ctx.pipeline.take(known, client_id, text=text))
    except (NotReady, TurnKept, RecordsUnavailable) as error:
        return json({"error": type(error).__name__}, status=503)
    except IdReused as error:
        return json({"error": type(error).__name__}, status=409)


async def said(request: Request, session: str) -> HTTPResponse:
    """The outbox of a session."""
    return json(request.app.ctx.records.messages(session))
