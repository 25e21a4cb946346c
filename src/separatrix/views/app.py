"""The app: one page on this machine, where a person turns a knob and watches the answer move.

Every answer is worked out here from the model that the page sends; nothing is kept between requests,
nothing is read from or written to the file system on their behalf. Quick answers are computed in the
request; exact ones and simulations stream lines of JSON and end when their page goes away.
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import AsyncIterator, Callable
from functools import partial
from importlib.resources import files
from math import inf
from typing import Any, cast

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from separatrix.errors import ModelError, NotConverged, Problem, SeparatrixError, Unsupported
from separatrix.gallery import FAMILIES, gallery, title
from separatrix.model import Program
from separatrix.model.edits import Document, in_units
from separatrix.model.files import dumps, loads
from separatrix.model.parameters import Path
from separatrix.views.page import finite

MOST_STATES = 400_000
"""States of a chain that the app works out; more is for the command line."""
MOST_EVENTS = 2e8
"""Events of a simulation that the app runs, by a rough count."""
MOST_AT_ONCE = 2
"""Exact answers and simulations that run at the same time, whoever asks."""
_CHAINS = {
    "geometric": "exact chain, retries counted as one group",
    "staged": "exact chain, retries counted attempt by attempt",
}
_TYPES = {"js": "text/javascript", "css": "text/css", "html": "text/html"}
_ASSETS = (
    "app.js", "figures.js", "knobs.js", "links.js", "page.css", "app.css", "plotly-cartesian.min.js",
)  # fmt: skip


def create_app(program: Program | None = None) -> Starlette:
    """The app as an ASGI application, without its `Guard`.

    Parameters
    ----------
    program : the model that the page begins with; None for the first of the gallery.
    """
    models = gallery()
    first = dumps(program) if program is not None else next(iter(models.values())).read_text()
    examples = [
        {
            "name": name,
            "title": title(path),
            "family": path.parent.name == FAMILIES,
            "yaml": path.read_text(),
        }
        for name, path in models.items()
    ]
    room = asyncio.Semaphore(MOST_AT_ONCE)

    async def page(_: Request) -> Response:
        return Response(_asset("app.html"), media_type=_TYPES["html"])

    async def asset(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in _ASSETS:
            return JSONResponse({"error": "no such asset"}, 404)
        return Response(_asset(name), media_type=_TYPES[name.rsplit(".", 1)[1]])

    async def start(_: Request) -> Response:
        return JSONResponse({"yaml": first, "examples": examples})

    async def quick(request: Request) -> Response:
        return await _answer(request, _quick)

    async def exact(request: Request) -> Response:
        return await _streamed(request, room, _exact)

    async def simulation(request: Request) -> Response:
        return await _streamed(request, room, _simulation)

    return Starlette(
        routes=[
            Route("/", page),
            Route("/assets/{name}", asset),
            Route("/api/start", start),
            Route("/api/glance", quick, methods=["POST"]),
            Route("/api/exact", exact, methods=["POST"]),
            Route("/api/simulate", simulation, methods=["POST"]),
        ]
    )


def _asset(name: str) -> str:
    return (files("separatrix.views") / "assets" / name).read_text(encoding="utf-8")


def _error(error: Exception) -> dict[str, Any]:
    """What the page is told; a fault of ours is also written where the app was started."""
    if not isinstance(error, SeparatrixError):
        logging.getLogger(__name__).error("a question was not answered", exc_info=error)
        told = f"a fault of ours ({type(error).__name__}: {error}); please report it with the model"
        return {"error": "fault", "problems": [{"text": told, "line": None, "field": ""}]}
    if isinstance(error, ModelError):
        problems = [{"text": str(p), "line": p.line, "field": p.field} for p in error.problems]
        kind = "unsupported" if isinstance(error, Unsupported) else "model"
        return {"error": kind, "problems": problems}
    kind = "inconclusive" if isinstance(error, NotConverged) else "data"
    return {"error": kind, "problems": [{"text": str(error), "line": None, "field": ""}]}


async def _asked(request: Request) -> dict[str, Any]:
    try:
        asked: Any = await request.json()
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError):
        raise ModelError(Problem("the request is no JSON")) from None
    if not isinstance(asked, dict) or not isinstance(cast(Any, asked).get("yaml"), str):
        raise ModelError(Problem("the request carries no model", "yaml"))
    return cast(dict[str, Any], asked)


async def _answer(request: Request, work: Callable[[dict[str, Any]], object]) -> Response:
    try:
        asked = await _asked(request)
        return await run_in_threadpool(lambda: _said(work(asked)))
    except Exception as error:
        # what is wrong with the model is the answer to it, not a failure of the request; and a page that gets
        # no answer at all would wait, or say that the connection is gone
        return JSONResponse(_error(error))


def _said(answer: object) -> Response:
    try:
        return JSONResponse(answer)
    except ValueError:  # an infinity is rare, and looking for it takes as long as writing the rest
        return JSONResponse(finite(answer))


def _quick(asked: dict[str, Any]) -> object:
    """The mean dynamics of the model, with the changes of the sliders written into its text."""
    from separatrix.questions.glance import glance
    from separatrix.views.glance_tiles import load_caption

    document = Document(asked["yaml"], "model")
    changes: Any = asked.get("changes") or {}
    if not isinstance(changes, dict):
        raise ModelError(Problem("must be a mapping of paths to values", "changes"))
    if changes:
        document.set_all(in_units(document.program, cast(dict[Path, object], changes)))
    divided = asked.get("divided") is True
    found = glance(document.program, divided=divided, patient=False)
    caption = "" if found.range is None else load_caption(found.range)
    if found.curve is None and len(document.program.servers) > 1:
        caption = "Left out here: for several services this curve takes seconds. The report has it."
    about = document.program.description
    return {
        "yaml": document.text,
        "about": about,
        "horizon": 2 * document.program.faults.end + 60.0
        if document.program.faults.faults
        else 300.0,
        **found.to_dict(),
        "range_finding": caption,
    }


Say = Callable[[dict[str, Any]], None]


async def _streamed(
    request: Request, room: asyncio.Semaphore, work: Callable[[dict[str, Any], Say], None]
) -> Response:
    """Lines of JSON as `work` says them, from a thread; its page going away ends it."""
    try:
        asked = await _asked(request)
    except SeparatrixError as error:
        return JSONResponse(_error(error), 422)
    if room.locked():
        return JSONResponse({"error": "busy", "problems": [{"text": "try again in a moment"}]}, 429)
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
    gone = threading.Event()

    def say(line: dict[str, Any]) -> None:
        if gone.is_set():
            raise _Gone
        loop.call_soon_threadsafe(lines.put_nowait, line)

    def run() -> None:
        try:
            work(asked, say)
        except _Gone:
            pass
        except Exception as error:  # as above
            loop.call_soon_threadsafe(lines.put_nowait, _error(error))
        finally:
            loop.call_soon_threadsafe(lines.put_nowait, None)

    async def body() -> AsyncIterator[bytes]:
        async with room:
            thread = asyncio.create_task(run_in_threadpool(run))
            try:
                while (line := await lines.get()) is not None:
                    yield json.dumps(finite(line)).encode() + b"\n"
            finally:
                gone.set()
                await asyncio.shield(thread)

    return StreamingResponse(body(), media_type="application/x-ndjson")


class _Gone(Exception):
    """The page that asked is not there any more."""


def _exact(asked: dict[str, Any], say: Say) -> None:
    """The exact verdict: first by one orbit, then by attempt number where that is affordable."""
    from separatrix.population import lower
    from separatrix.questions.dear import dearness
    from separatrix.questions.verdict import check
    from separatrix.views.tables import passage_lines

    program = loads(asked["yaml"], "model")
    told: set[str] = set()
    for closure in ("geometric", "auto"):
        population = lower(program, closure)
        if population.closure in told:
            break
        dear = dearness(population, inf, states=MOST_STATES)
        if dear:
            raise ModelError(
                Problem(
                    f"{dear} is not worked out here",
                    hint="ask with `separatrix check`, or lower qsize",
                )
            )
        say({"stage": f"{_CHAINS[population.closure]}, {population.n_states:,} states"})
        verdict = check(program, closure=closure)
        rows = [("verdict", verdict.sentence), *passage_lines(verdict)]
        rows.append(
            ("worked out from", f"{_CHAINS[population.closure]}, {population.n_states:,} states")
        )
        say({"closure": population.closure, "rows": rows, "verdict": verdict.to_dict()})
        told.add(population.closure)


def _simulation(asked: dict[str, Any], say: Say) -> None:
    """Replications of the model through its own faults, with a line for every few of them."""
    from separatrix.questions.timeline import timeline

    program = loads(asked["yaml"], "model")
    horizon, runs = _number(asked, "horizon", 300.0), int(_number(asked, "runs", 50.0))
    rate = sum(s.mean_rate * (1 + s.retries) for s in program.sources)
    rate *= max(1, len(program.servers))
    if not 1 <= runs <= 10_000 or not rate * 3 * horizon * runs <= MOST_EVENTS:
        raise ModelError(
            Problem(
                f"about {rate * 3 * horizon * runs:.2g} events are more than the "
                f"{MOST_EVENTS:.0e} that the app simulates",
                hint="ask for fewer runs or a shorter time, or use `separatrix simulate`",
            )
        )
    found = timeline(
        program, horizon=horizon, runs=runs, workers=1, progress=partial(_progress, say)
    )
    say({"timeline": found.to_dict(), "finding": found.finding()})


def _progress(say: Say, done: int, total: int) -> None:
    say({"done": done, "total": total})


def _number(asked: dict[str, Any], name: str, default: float) -> float:
    value: Any = asked.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e9:
        raise ModelError(Problem(f"must be a number above 0, got {value!r}", name))
    return float(value)
