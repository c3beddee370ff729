"""A small HTTP/1.1 client for measuring: one kept connection, no pool, no redirects, no cookies.

A general client costs several milliseconds of processor time a request, on the same two cores as
the server that is measured.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import urlsplit


class Connection:
    """One connection to one server, opened at the first request.

    Args:
        url: http://host:port.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(
        self, path: str, body: object, headers: tuple[str, ...] = ()
    ) -> tuple[int, bytes]:
        """Status and body of the answer to a JSON body.

        Raises:
            OSError, asyncio.IncompleteReadError: the server cannot be reached, or went away.
        """
        sent = json.dumps(body).encode()
        lines = (
            f"POST {path} HTTP/1.1",
            f"Host: {self._host}:{self._port}",
            "Content-Type: application/json",
            f"Content-Length: {len(sent)}",
            *headers,
            "",
            "",
        )
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, self._port)
        reader, writer = self._streams
        writer.write("\r\n".join(lines).encode() + sent)
        await writer.drain()
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        fields = {
            name.lower(): value.strip() for name, _, value in (h.partition(":") for h in head)
        }
        if fields.get("transfer-encoding", "").lower() == "chunked":
            received = await _chunks(reader)
        else:
            received = await reader.readexactly(int(fields.get("content-length", "0")))
        if fields.get("connection", "").lower() == "close":
            await self.close()
        return int(head[0].split()[1]), received

    async def close(self) -> None:
        """Closes the connection; the next request opens another."""
        if self._streams is not None:
            writer = self._streams[1]
            self._streams = None
            writer.close()
            try:
                await writer.wait_closed()
            except OSError:
                # The server closed it first; it is closed all the same.
                return


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    parts = []
    while size := int((await reader.readline()).split(b";")[0], 16):
        parts.append(await reader.readexactly(size))
        await reader.readline()
    await reader.readline()
    return b"".join(parts)


def document(received: bytes) -> Any:
    """The JSON value of a body; one a line (NDJSON) becomes a list."""
    lines = received.decode().splitlines()
    return json.loads(lines[0]) if len(lines) == 1 else [json.loads(line) for line in lines]
