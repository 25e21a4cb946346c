"""HTTP/1.1 over asyncio transports: the two ends of a connection, parsed by `httptools`.

Plain protocols instead of a framework: an attempt then costs a few tens of microseconds, so that
client and server hold their schedules (see `lag`) at rates that a framework would not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

MOST_BODY = 1_000_000
"""Bytes of a message's body that are read; a peer that sends more is cut off."""

_REASONS = {200: "OK", 404: "Not Found", 500: "Internal Server Error", 503: "Service Unavailable"}


def response_bytes(status: int) -> bytes:
    """A whole response with an empty body."""
    return f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Length: 0\r\n\r\n".encode()


class ServerEnd(asyncio.Protocol):
    """The server's end of one connection: hands each whole request to `take`.

    Attributes
    ----------
    gone : the client has closed the connection.
    """

    def __init__(self, take: Callable[[ServerEnd, str, dict[str, str]], None]) -> None:
        self._take = take
        self._parser = _parser("HttpRequestParser", self)
        self._transport: asyncio.Transport | None = None
        self._url = b""
        self._headers: dict[str, str] = {}
        self._read = 0
        self.gone = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client went away."""
        self.gone = True

    def data_received(self, data: bytes) -> None:
        """Feed the parser; whatever is not HTTP ends the connection."""
        self._read += len(data)
        if self._read > MOST_BODY or not _fed(self._parser, data):
            self.close()

    def answer(self, status: int) -> None:
        """Send a response, if anybody is still there to read it."""
        if not self.gone and self._transport is not None:
            self._transport.write(response_bytes(status))

    def close(self) -> None:
        """Drop the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    # --- what the parser calls ------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._url, self._headers = b"", {}

    def on_url(self, url: bytes) -> None:
        """A part of the request's path."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._read = 0
        self._take(self, self._url.decode("latin-1"), self._headers)


class ClientEnd(asyncio.Protocol):
    """The client's end of one connection: one request at a time.

    `ended` is called once for each request sent: with the status of its response, or with None
    where the connection was lost first.
    """

    def __init__(self) -> None:
        self._parser = _parser("HttpResponseParser", self)
        self._transport: asyncio.Transport | None = None
        self._ended: Callable[[int | None], None] | None = None
        self._read = 0
        self.open = False

    def send(self, request: bytes, ended: Callable[[int | None], None]) -> None:
        """Send a whole request."""
        self._ended = ended
        assert self._transport is not None  # noqa: S101 - connected before it is handed out
        self._transport.write(request)

    def close(self) -> None:
        """Drop the connection at once; a response under way is not waited for."""
        self._ended = None
        self.open = False
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast(asyncio.Transport, transport)
        self.open = True

    def connection_lost(self, exc: Exception | None) -> None:
        """The server went away."""
        self.open = False
        self._finish(None)

    def data_received(self, data: bytes) -> None:
        """Feed the parser; whatever is not HTTP ends the connection."""
        self._read += len(data)
        if (self._read > MOST_BODY or not _fed(self._parser, data)) and self._transport is not None:
            self._transport.abort()

    def on_message_complete(self) -> None:
        """The response is whole."""
        self._read = 0
        if not self._parser.should_keep_alive():
            self.open = False
        self._finish(int(self._parser.get_status_code()))
        if not self.open and self._transport is not None:
            self._transport.abort()

    def _finish(self, status: int | None) -> None:
        ended, self._ended = self._ended, None
        if ended is not None:
            ended(status)


class Pool:
    """Open connections to one address; idle ones are used again, the last returned first."""

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port
        self._idle: list[ClientEnd] = []

    def idle(self) -> ClientEnd | None:
        """An open connection that nobody uses, or None."""
        while self._idle:
            end = self._idle.pop()
            if end.open:
                return end
        return None

    async def connect(self) -> ClientEnd:
        """A new connection; OSError where there is nobody to connect to."""
        loop = asyncio.get_running_loop()
        _, end = await loop.create_connection(ClientEnd, self.host, self.port)
        return end

    def put(self, end: ClientEnd) -> None:
        """Return a connection whose response has come."""
        if end.open:
            self._idle.append(end)


def _parser(kind: str, callbacks: object) -> Any:
    import httptools  # the one place that needs the `emulate` extra

    return getattr(cast(Any, httptools), kind)(callbacks)


def _fed(parser: Any, data: bytes) -> bool:
    import httptools

    try:
        parser.feed_data(data)
    except (
        cast(Any, httptools).HttpParserError,
        cast(Any, httptools).HttpParserUpgrade,
    ):
        return False
    return True
