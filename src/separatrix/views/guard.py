"""Who may talk to the app: this machine's own pages, or whoever holds the token.

An ASGI layer that needs no framework. It refuses

* a Host that is not the one served (a name that was made to point at this machine),
* a request that another site's page makes (Origin or Sec-Fetch-Site),
* a request without the token, where one is set,
* a body longer than `MOST_BODY`,

and adds headers that keep the page from loading or sending anything anywhere else.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any, TypeAlias
from urllib.parse import parse_qs

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Asgi: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

MOST_BODY = 400_000
"""Bytes of a request: a model of the largest size that is read, and its wrapping."""
COOKIE = "separatrix_token"

_HEADERS = (
    (b"content-security-policy",
     b"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src data: blob:; "
     b"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)  # fmt: skip


class Guard:
    """The layer around the app.

    Parameters
    ----------
    app : what is guarded.
    hosts : values of the Host header that are served, such as ``"127.0.0.1:8000"``.
    token : secret that every request must carry, in the cookie or (once) in the query; None where
        only this machine can connect.
    """

    def __init__(self, app: Asgi, hosts: frozenset[str], token: str | None = None) -> None:
        self._app, self._hosts, self._token = app, hosts, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}
        refused = self._refusal(scope, headers)
        if refused is not None:
            await _answer(send, *refused)
            return
        extra = list(_HEADERS)
        if self._token is not None and self._given(scope) == self._token:
            cookie = f"{COOKIE}={self._token}; HttpOnly; SameSite=Strict; Path=/"
            extra.append((b"set-cookie", cookie.encode("latin-1")))

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", []), *extra]}
            await send(message)

        await self._app(scope, _bounded(receive), with_headers)

    def _refusal(self, scope: Scope, headers: dict[str, str]) -> tuple[int, str] | None:
        host = headers.get("host", "").lower()
        if host not in self._hosts:
            return 421, "this address is not served here"
        origin = headers.get("origin")
        if origin is not None and origin.lower() not in (f"http://{h}" for h in self._hosts):
            return 403, "requests from other sites are refused"
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            return 403, "requests from other sites are refused"
        if scope["method"] == "POST" and not headers.get("content-type", "").startswith(
            "application/json"
        ):
            # a form of another site can post anything but this without asking first
            return 415, "send application/json"
        if self._token is not None and not self._allowed(scope, headers):
            return 401, "open the address that was printed at the start: it carries the token"
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > MOST_BODY:
            return 413, f"more than {MOST_BODY:,} bytes"
        return None

    def _allowed(self, scope: Scope, headers: dict[str, str]) -> bool:
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
        except CookieError:
            cookie = None
        given = cookie.value if cookie is not None else self._given(scope)
        return hmac.compare_digest(given.encode(), (self._token or "").encode())

    @staticmethod
    def _given(scope: Scope) -> str:
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        return query.get("token", [""])[0]


def _bounded(receive: Receive) -> Receive:
    """Read no more than `MOST_BODY` bytes, whatever the request said of its length."""
    read = 0

    async def bounded() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > MOST_BODY:
            return {"type": "http.disconnect"}
        return message

    return bounded


async def _answer(send: Send, status: int, text: str) -> None:
    body = text.encode()
    start = [(b"content-type", b"text/plain; charset=utf-8"), *_HEADERS]
    await send({"type": "http.response.start", "status": status, "headers": start})
    await send({"type": "http.response.body", "body": body})
