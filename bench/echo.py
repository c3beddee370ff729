"""A bare Sanic server that sends back what it gets: the floor under every figure.

python -m bench.echo PORT
"""

from __future__ import annotations

import sys

from sanic import HTTPResponse, Request, Sanic


def serve(port: int) -> None:
    """Answers POST /echo on 127.0.0.1 until it is stopped."""
    app = Sanic("echo", configure_logging=False)

    @app.post("/echo")  # type: ignore[untyped-decorator]  # Sanic is untyped
    async def echo(request: Request) -> HTTPResponse:
        return HTTPResponse(request.body, content_type="application/json")

    app.run("127.0.0.1", port, access_log=False, debug=False, motd=False)


if __name__ == "__main__":
    serve(int(sys.argv[1]))
