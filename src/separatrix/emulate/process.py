"""The life of a process of an emulation: settings in, a port out, a start time in, a result out.

Settings, addresses and results are lines of JSON over the pipes to the process that started it.
When that process goes, its end of the pipe closes and this one ends, too: nothing is left behind.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import resource
import sys
import threading
from collections.abc import Callable, Coroutine
from typing import Any, cast


def settings() -> dict[str, Any]:
    """The next line from the parent process; ends this one where there is none."""
    line = sys.stdin.readline()
    if not line:
        os._exit(1)
    return cast(dict[str, Any], json.loads(line))


def say(message: dict[str, Any]) -> None:
    """Send one line to the parent process."""
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


async def told() -> dict[str, Any]:
    """The next line from the parent, awaited; from then on, its going ends this process."""
    message = await asyncio.to_thread(settings)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    return message


def _end_with_parent() -> None:
    if not sys.stdin.readline():
        os._exit(1)


def run(main: Callable[[dict[str, Any]], Coroutine[Any, Any, None]]) -> None:
    """Run `main` with the settings on an event loop, with as many sockets as the system allows."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    given = settings()
    gc.freeze()
    asyncio.run(main(given))


async def until(loop_time: float) -> float:
    """Sleep until a moment of the loop's clock; the delay behind it [s]."""
    loop = asyncio.get_running_loop()
    await asyncio.sleep(max(loop_time - loop.time(), 0.0))
    return loop.time() - loop_time
