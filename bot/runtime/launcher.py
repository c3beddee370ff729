"""Starts the server: a Sanic app of our own, with nothing of Rasa's HTTP interface.

Rasa's own server brings routes that read and change any conversation, and a REST channel without
any check; here only what credentials.yml names is there. The server listens as soon as the
channels are imported; the agent is loaded behind it, and until then it says that it is not ready.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import os
import socket
import sys
import time
from collections.abc import Callable, Iterable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import yaml
from sanic import Sanic
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from bot.records import Records, RecordsUnavailable, shared_records
from bot.runtime import tensorflow_free, unused_parts
from bot.runtime.logs import configure_logs
from bot.runtime.training import ensure_model
from bot.runtime.turns import TurnPipeline
from bot.settings import PROJECT, Settings, settings_from

logger = logging.getLogger(__name__)

REQUEST_BYTES = 64 * 1024
STOP_SECONDS = 10.0
ERASE_EVERY_SECONDS = 3600.0


class CannotListen(Exception):
    """The address or port cannot be used; the message says what to do."""


class CannotStore(Exception):
    """The database cannot be used; the message says what to do."""


def channels_named(credentials: Path) -> list[Any]:
    """The channels that credentials.yml names by class path.

    Raises:
        ImportError, AttributeError: a class that does not exist.
        ValueError: a name without a dot (Rasa's own channels are never exposed).
    """
    tensorflow_free.install()
    found = []
    named: dict[str, Any] = yaml.safe_load(credentials.read_text(encoding="utf-8")) or {}
    for path, options in named.items():
        module, _, name = path.rpartition(".")
        if not module:
            raise ValueError(f"{credentials}: {path} is a channel of Rasa's own: they are not used")
        found.append(getattr(importlib.import_module(module), name).from_credentials(options))
    return found


def build_app(
    settings: Settings,
    *,
    project: Path = PROJECT,
    channels: Iterable[Any] | None = None,
    catalogue: Any = None,
    emergency_number: Callable[[str], str | None] = lambda clinic: None,
) -> Sanic:
    """The Sanic app, which loads the agent in the background once it runs.

    `app.ctx` offers `settings`, `records`, `catalogue`, `pipeline` (`TurnPipeline`) and `ready()`:
    what is checked and whether it is in order, all true when a turn would be answered.

    Args:
        settings: of the server.
        project: the folder with endpoints.yml, credentials.yml and what the model is made from.
        channels: instead of those that credentials.yml names.
        catalogue: handed on to the channels.
        emergency_number: of a clinic by id, for the message when nothing else works.

    Raises:
        RecordsUnavailable: the database cannot be opened.
    """
    app = Sanic("kneewise", configure_logging=False)
    app.config.REQUEST_MAX_SIZE = REQUEST_BYTES
    app.config.GRACEFUL_SHUTDOWN_TIMEOUT = STOP_SECONDS
    app.config.FALLBACK_ERROR_FORMAT = "json"
    app.config.ACCESS_LOG = False
    records = shared_records(settings.database)
    pipeline = TurnPipeline(records, emergency_number)
    app.ctx.settings = settings
    app.ctx.records = records
    app.ctx.catalogue = catalogue
    app.ctx.pipeline = pipeline
    app.ctx.ready = lambda: readiness(pipeline, records)
    for channel in channels_named(project / "credentials.yml") if channels is None else channels:
        app.blueprint(channel.blueprint(_refuse))

    background: list[asyncio.Task[None]] = []

    async def begin(_: Sanic, __: Any) -> None:
        background.append(asyncio.create_task(_load_into(pipeline, project)))
        background.append(asyncio.create_task(_erase_expired(records)))

    async def end(_: Sanic, __: Any) -> None:
        for task in background:
            task.cancel()
        await pipeline.stop(STOP_SECONDS)

    async def close(_: Sanic, __: Any) -> None:
        records.close()

    app.register_listener(begin, "after_server_start")
    app.register_listener(end, "before_server_stop")
    app.register_listener(close, "after_server_stop")
    return app


def readiness(pipeline: TurnPipeline, records: Records) -> dict[str, bool]:
    """What a turn needs, and whether it is in order."""
    try:
        records.check()
    except RecordsUnavailable:
        return {"assistant": pipeline.ready, "records": False}
    return {"assistant": pipeline.ready, "records": True}


async def _refuse(_: Any) -> None:
    raise RuntimeError("channels hand their turns to app.ctx.pipeline")


async def _load_into(pipeline: TurnPipeline, project: Path) -> None:
    """Load the agent and answer what was left unanswered."""
    began = time.monotonic()
    try:
        agent = await asyncio.get_running_loop().run_in_executor(None, _load, project)
    except Exception as error:  # the server stays up, not ready, and the log says why
        # The text of the exception may be written: nobody has said anything yet.
        logger.critical("the assistant could not be loaded: %s", error, exc_info=error)
        return
    pipeline.use(agent)
    _tell(f"Kneewise is ready after {time.monotonic() - began:.1f} s.")
    try:
        answered = await pipeline.recover()
    except RecordsUnavailable:
        # They stay in the inbox: the next message of their session answers them.
        logger.exception("turns that were left unanswered could not be looked up")
        return
    if answered:
        logger.info("answered %d turns that were left unanswered", answered)


async def _erase_expired(records: Records) -> None:
    while True:
        try:
            erased = records.erase_expired(datetime.now(timezone.utc))
            if erased:
                logger.info("erased %d expired sessions", erased)
        except RecordsUnavailable:
            logger.exception("expired sessions could not be erased")
        await asyncio.sleep(ERASE_EVERY_SECONDS)


def _load(project: Path) -> Any:
    """Load the agent; runs in a thread while the server already answers."""
    from bot.runtime.agent import load_agent

    return load_agent(ensure_model(project), project / "endpoints.yml")


def check_database(url: str) -> None:
    """See that the database's URL can be used, before anything slow begins.

    A folder that is not there is more often a slip of the keyboard than a wish: only the default
    one, `var/`, is made.

    Raises:
        CannotStore: the URL is none, its driver is not installed, or it is SQLite without a file
            or in a folder that is not there.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        # Not quoted: it may hold a password.
        raise CannotStore(
            "KNEEWISE_DATABASE is not a database URL such as sqlite:////var/lib/kneewise/kneewise.db"
        ) from None
    named = f"KNEEWISE_DATABASE={parsed.render_as_string(hide_password=True)}"
    try:
        parsed.get_dialect().dbapi()  # type: ignore[attr-defined]  # missing in the stubs
    except (ArgumentError, ImportError) as error:
        raise CannotStore(f"{named} cannot be used: {error}") from None
    if parsed.get_backend_name() != "sqlite" or url == Settings().database:
        return
    if not parsed.database or parsed.database == ":memory:":
        raise CannotStore(
            f"{named} names no file, so conversations would be lost. "
            "Name one: sqlite:////var/lib/kneewise/kneewise.db"
        )
    folder = Path(parsed.database).resolve().parent
    if not folder.is_dir():
        raise CannotStore(f"{named}: there is no folder {folder}. Make it with: mkdir -p {folder}")


def listening_socket(host: str, port: int) -> socket.socket:
    """A bound socket.

    Raises:
        CannotListen: the port is taken, not allowed, or the host is not an address of this machine.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        bound = socket.socket(family)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except OSError as error:
        raise CannotListen(
            f"Cannot listen on {host}:{port}: {error.strerror}. "
            f"Choose another port, for example: make run PORT={port + 1}"
        ) from error
    return bound


def serve(host: str | None = None, port: int | None = None, *, project: Path = PROJECT) -> None:
    """Run the server until it is told to stop (SIGINT or SIGTERM).

    Args:
        host, port: instead of `HOST` and `PORT`; port 0 takes a free one.
        project: the folder of the assistant.

    Raises:
        UnusableSetting: from the environment.
        CannotStore, CannotListen: see there.
        RecordsUnavailable: the database cannot be opened.
        KnowledgeError: a mistake in the knowledge or clinic files.
        TrainingFailed: the model cannot be trained.
    """
    settings = settings_from()
    check_database(settings.database)
    bound = listening_socket(
        settings.host if host is None else host, settings.port if port is None else port
    )
    prepare_process(settings)
    catalogue, emergency_number = _catalogue()
    ensure_model(project)
    app = build_app(
        settings, project=project, catalogue=catalogue, emergency_number=emergency_number
    )
    run(app, bound)


def prepare_process(settings: Settings) -> None:
    """Set up what must be in place before Rasa is imported."""
    # Rasa reports use to its maker unless it is told not to; nothing of ours may call anywhere.
    os.environ["RASA_TELEMETRY_ENABLED"] = "false"
    tensorflow_free.install()
    unused_parts.install()
    configure_logs(settings.log_conversations)


def run(app: Sanic, bound: socket.socket) -> None:
    """Serve the app on a bound socket until SIGINT or SIGTERM; says where, and when it ended."""
    address, chosen = bound.getsockname()[:2]
    shown = f"[{address}]" if ":" in address else address

    async def say_where(_: Sanic, __: Any) -> None:
        _tell(f"Kneewise listens on http://{shown}:{chosen} (stop it with Ctrl-C)")

    app.register_listener(say_where, "after_server_start")
    app.run(sock=bound, access_log=False, debug=False)
    _tell("Kneewise has stopped.")


def _tell(line: str) -> None:
    """A line for the person who started it, shown at once also through a pipe."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _catalogue() -> tuple[Any, Callable[[str], str | None]]:
    from bot.catalogue import load_catalogue

    catalogue = load_catalogue()

    def emergency_number(clinic: str) -> str | None:
        found = catalogue.clinics.get(clinic)
        return None if found is None else found.emergency_number

    return catalogue, emergency_number


if __name__ == "__main__":
    serve()
