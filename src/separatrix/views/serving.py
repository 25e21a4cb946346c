"""Serving the app: a socket on this machine, a guard around it, and one address to open."""

from __future__ import annotations

import asyncio
import ipaddress
import secrets
import socket
from collections.abc import Callable
from typing import Any, cast

from separatrix.errors import ModelError, Problem
from separatrix.model import Program
from separatrix.views.guard import Guard


def serve(
    program: Program | None,
    *,
    host: str = "127.0.0.1",
    port: int = 8642,
    ready: Callable[[str], None],
) -> None:
    """Serve the app until it is interrupted.

    Parameters
    ----------
    program : the model that the page begins with.
    host, port : where to listen. Loopback needs no token; any other address gets one, and only a
        request that carries it is answered.
    ready : told the address to open, once it is served.

    Raises ModelError where the address cannot be listened on.
    """
    import uvicorn  # heavy, and only needed here

    from separatrix.views.app import create_app

    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        raise ModelError(
            Problem(f"{host!r} is no IP address", "--host", "write 127.0.0.1")
        ) from None
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    with socket.socket(family) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((str(address), port))
        except OSError as error:
            raise ModelError(
                Problem(
                    f"cannot listen on {host}:{port}: {error.strerror}", "--port", "give another"
                )
            ) from None
        port = int(listening.getsockname()[1])
        shown = f"[{address}]" if address.version == 6 else str(address)
        token = None if address.is_loopback else secrets.token_urlsafe(24)
        hosts = {f"{shown}:{port}"}
        if address.is_loopback:
            hosts.add(f"localhost:{port}")
        guarded = Guard(cast(Any, create_app(program)), frozenset(hosts), token)
        config = uvicorn.Config(
            cast(Any, guarded), log_level="warning", timeout_graceful_shutdown=1, lifespan="off"
        )
        server = uvicorn.Server(config)
        url = f"http://{shown}:{port}/" + (f"?token={token}" if token else "")
        asyncio.run(_until_interrupted(server, listening, lambda: ready(url)))


async def _until_interrupted(
    server: Any, listening: socket.socket, ready: Callable[[], None]
) -> None:
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started and not serving.done():
        await asyncio.sleep(0.01)
    ready()
    await serving
