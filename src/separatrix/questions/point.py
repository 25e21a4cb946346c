"""One program put to one engine: the answer as a flat record, the same from every engine.

What goes in and out is text and numbers only, so that a record can be made on another machine and
kept in a file.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from math import nan
from typing import Any, Literal

from separatrix.errors import NotConverged, Unsupported
from separatrix.model import Program
from separatrix.model.files import loads
from separatrix.model.parameters import Path, with_parameters

Engine = Literal["markov", "fluid", "simulation"]
ENGINES: tuple[Engine, ...] = ("markov", "fluid", "simulation")

NUMBERS = (
    "recovery_mean_s", "recovery_p50_s", "recovery_p99_s", "collapse_mean_s", "goodput_share",
    "stuck_goodput_share", "queue", "mixing_time_s", "return_mean_s", "return_std_s",
    "return_p50_s", "return_p99_s", "trapped", "states", "cpu_s",
)  # fmt: skip
"""Numeric columns of a record; NaN where an engine does not know, infinite for never."""


def record(
    text: str, changes: Mapping[Path, object], engine: Engine, options: Mapping[str, Any]
) -> dict[str, Any]:
    """Put the program `text` (YAML) with `changes` to `engine`.

    Returns the verdict, status, reason and `NUMBERS`. What cannot be answered is a record, too: its
    verdict is ``"inconclusive"`` and its reason says why.

    Parameters
    ----------
    options : of the engine: `closure` of the analytic ones; of markov also `faults`, True for the
        time from the end of the program's faults to the healthy set (``return_...``) and the
        probability of being stuck for good then (``trapped``), see `fault_return`; `timed` of the
        fluid one, False to leave its recovery time out; `runs`, `events` and `seed` of simulation.

    Raises ModelError where the changed program is wrong.
    """
    program = with_parameters(loads(text), changes)
    found: dict[str, Any] = {"verdict": "inconclusive", "status": "inconclusive", "reason": ""}
    found |= dict.fromkeys(NUMBERS, nan)
    begin = time.process_time()
    try:
        found |= _ASK[engine](program, options)
    except (NotConverged, Unsupported) as error:
        found["reason"] = str(error)
    found["cpu_s"] = time.process_time() - begin
    return found


def _markov(program: Program, options: Mapping[str, Any]) -> dict[str, Any]:
    from separatrix.questions.verdict import check

    verdict = check(program, closure=options.get("closure", "auto"))
    first = verdict.regimes[0]
    found: dict[str, Any] = {
        "verdict": verdict.word, "status": verdict.status, "reason": verdict.reason,
        "goodput_share": first.goodput_share, "queue": first.queue,
        "mixing_time_s": verdict.spectrum.mixing_time(), "states": verdict.population.n_states,
    }  # fmt: skip
    if len(verdict.regimes) > 1:
        found["stuck_goodput_share"] = verdict.regimes[1].goodput_share
    back = verdict.recovery
    never = float("inf")
    found["recovery_mean_s"] = never if back is None else back.mean
    found["recovery_p50_s"] = never if back is None else back.p50
    found["recovery_p99_s"] = never if back is None else back.p99
    if verdict.collapse is not None:
        found["collapse_mean_s"] = verdict.collapse.mean
    if options.get("faults", False):
        found |= _after_faults(program, options.get("closure", "auto"))
        if found["return_reason"]:
            found["status"] = "inconclusive"
            found["reason"] = "; ".join(filter(None, (found["reason"], found["return_reason"])))
        del found["return_reason"]
    return found


def _after_faults(program: Program, closure: Any) -> dict[str, Any]:
    """How long the way back takes when the program's faults are over."""
    from separatrix.questions.fault_return import fault_return

    seen = fault_return(program, closure=closure, points=2)
    half, late = (next(q.time for q in seen.quantiles if q.probability == p) for p in (0.5, 0.99))
    return {
        "return_mean_s": seen.back.mean, "return_std_s": seen.back.std, "return_p50_s": half,
        "return_p99_s": late, "trapped": seen.trapped,
        "return_reason": seen.reason if seen.status != "ok" else "",
    }  # fmt: skip


def _fluid(program: Program, options: Mapping[str, Any]) -> dict[str, Any]:
    from separatrix.questions.fluid_verdict import fluid_verdict

    verdict = fluid_verdict(
        program, closure=options.get("closure", "auto"), timed=options.get("timed", True)
    )
    return {
        "verdict": verdict.word, "status": "ok" if not verdict.reason else "inconclusive",
        "reason": verdict.reason, "recovery_mean_s": verdict.recovery,
        "recovery_p50_s": verdict.recovery, "recovery_p99_s": verdict.recovery,
        "goodput_share": verdict.low_share, "stuck_goodput_share": verdict.high_share,
        "queue": verdict.low[0],
    }  # fmt: skip


def _simulation(program: Program, options: Mapping[str, Any]) -> dict[str, Any]:
    from separatrix.questions.levels import levels
    from separatrix.questions.simulated import seen_verdict

    usual = levels(program)
    verdict = seen_verdict(program, usual.healthy, usual.stuck, **options)
    back, falls = verdict.recovery, verdict.collapse
    return {
        "verdict": verdict.word, "status": "ok" if verdict.word != "inconclusive" else "inconclusive",
        "reason": verdict.reason, "recovery_mean_s": back.mean, "recovery_p50_s": back.p50,
        "recovery_p99_s": back.p99, "collapse_mean_s": nan if falls is None else falls.mean,
    }  # fmt: skip


_ASK = {"markov": _markov, "fluid": _fluid, "simulation": _simulation}

OPTIONS: dict[Engine, frozenset[str]] = {
    "markov": frozenset({"closure", "faults"}),
    "fluid": frozenset({"closure", "timed"}),
    "simulation": frozenset({"runs", "events", "seed"}),
}
"""Engine -> options that it takes."""
