"""A real server whose assistant never loads: for the tests of what comes before a turn.

Usage: bare_server.py EMPTY_FOLDER [SCOPE=LIMIT ...]

`/boom?said=TEXT` is a route with a mistake in it, whose exception holds the text.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NoReturn

from sanic import Request

from bot.catalogue import load_catalogue
from bot.runtime.launcher import build_app, listening_socket, prepare_process, run
from bot.settings import settings_from

settings = settings_from()
prepare_process(settings)

from bot.channels.web import WebChannel  # noqa: E402  # after TensorFlow is kept out

app = build_app(
    settings,
    project=Path(sys.argv[1]),
    channels=[WebChannel(dict(pair.split("=") for pair in sys.argv[2:]))],
    catalogue=load_catalogue(),
)


@app.get("/boom")
async def boom(request: Request) -> NoReturn:
    raise RuntimeError(request.args["said"])


run(app, listening_socket("127.0.0.1", 0))
