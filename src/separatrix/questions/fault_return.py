r"""Before, during and after a fault: how the service fares, and how long it takes to be back.

The law of the chain is carried through the schedule (`scheduled`): before the first fault, through each
piece in which some rate differs, and on after the last. With p the law when the last fault ends, B the
healthy set and T the time to B under the normal rates,

.. math:: E[T] = \sum_x p(x)\,E_x[T],\qquad
   \mathrm{Var}\,T = \sum_x p(x)\,\bigl(\mathrm{Var}_x T + (E_x[T] - E[T])^2\bigr).

A mean can rest on a rare trap that lasts for ages; hence the quantiles, and the probability of the trap.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Any, Literal

import numpy as np

from separatrix.errors import ModelError, Problem
from separatrix.markov.generator import as_chain
from separatrix.markov.hitting import Passage, hitting_times
from separatrix.markov.passage import Quantile, hitting_quantiles
from separatrix.markov.transient import Course, scheduled
from separatrix.model import Program, Schedule
from separatrix.model.during import during
from separatrix.model.faults import Fault
from separatrix.model.parameters import Path, with_parameters
from separatrix.notebook import Shown
from separatrix.population import Array, Closure, Population, lower
from separatrix.questions.regimes import regimes
from separatrix.questions.shared_box import boxed


@dataclass(frozen=True)
class FaultReturn(Shown):
    """What a fault does, and when the service is back.

    Attributes
    ----------
    times : (k,) instants [s] at which the courses are given.
    courses : mean queue and orbits, goodput and the other measures at each of them.
    begin, end : when the first fault begins and the last one ends [s].
    back : mean and standard deviation of the time [s] from the end of the faults to the healthy set.
    quantiles : its median and 99th percentile.
    healthy_at_end : probability of being in the healthy set when the faults end.
    trapped : probability of settling in the stuck set after them; 0 where there is one regime.
    error : absolute error of every probability (bound or estimate).
    states : of the chain.
    status : ``"ok"``, or ``"inconclusive"`` with `reason`.
    """

    times: Array
    courses: tuple[Course, ...]
    begin: float
    end: float
    back: Passage
    quantiles: tuple[Quantile, ...]
    healthy_at_end: float
    trapped: float
    error: float
    states: int
    status: Literal["ok", "inconclusive"]
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "schema": "separatrix.fault_return/1", "unit": "s", "status": self.status,
            "reason": self.reason, "times": self.times.tolist(),
            "courses": [course.to_dict() for course in self.courses],
            "fault_begin": self.begin, "fault_end": self.end, "back": self.back.to_dict(),
            "quantiles": [quantile.to_dict() for quantile in self.quantiles],
            "healthy_at_end": self.healthy_at_end, "trapped": self.trapped,
            "absolute_error": self.error, "states": self.states,
        }  # fmt: skip


def fault_return(
    program: Program,
    faults: Sequence[Fault] | None = None,
    *,
    after: float | None = None,
    points: int = 60,
    closure: Closure = "auto",
) -> FaultReturn:
    """Run a program before, during and after its faults, from an empty service at time 0.

    Parameters
    ----------
    faults : what happens; by default the program's own schedule. Overlapping ones multiply.
    after : how long [s] the courses go on when the faults are over; by default as long as all before.
    points : number of instants of the courses.
    closure : see `lower`.

    Raises
    ------
    ModelError : no fault, `after` not > 0, `points` below 2; `Unsupported` where no chain carries the
        program.
    NotConverged : the chain would not fit in memory.
    """
    schedule = Schedule(tuple(program.faults.faults if faults is None else faults))
    if not schedule.faults:
        raise ModelError(Problem("no fault is given", "faults", "give a spike or an outage"))
    tail = schedule.end if after is None else after
    if not 0.0 < tail < np.inf:
        raise ModelError(Problem(f"after must be > 0 s and finite; got {tail!r}", "after"))
    if points < 2:
        raise ModelError(Problem(f"points must be at least 2; got {points}", "points"))
    normal = with_parameters(program, {("faults",): schedule})  # refuses faults that hit nothing
    base = boxed(normal, schedule, closure)
    # the chain of normal rates: faults are pieces of the schedule, not part of it
    quiet = lower(with_parameters(base, {("faults",): Schedule()}), closure)
    found = regimes(quiet)
    times = schedule.breakpoints
    pieces: list[tuple[Population, float]] = [(quiet, times[0])] if times[0] > 0.0 else []
    for begin, end in pairwise(times):
        pieces.append((lower(during(base, schedule, begin), closure), end - begin))
    pieces.append((quiet, tail))
    wanted = np.append(np.linspace(0.0, times[-1] + tail, points), times[-1])
    start = np.zeros(quiet.shape)
    start.flat[0] = 1.0
    way = scheduled(pieces, start, wanted)
    law = np.maximum(way.laws[-1], 0.0)
    law /= law.sum()
    chain = as_chain(quiet)
    back = hitting_times(chain, found.healthy)
    quantiles = hitting_quantiles(back, law, (0.5, 0.99))
    reasons = [way.reason, back.reason if back.status != "ok" else ""]
    reasons += [quantile.reason for quantile in quantiles]
    reason = "; ".join(filter(None, reasons))
    stuck = 0.0 if found.committor is None else float((law * found.committor.complement).sum())
    order = np.argsort(wanted[:-1], kind="stable")
    return FaultReturn(
        times=wanted[:-1],
        courses=tuple(Course(c.name, c.unit, c.values[order]) for c in way.courses()),
        begin=times[0],
        end=times[-1],
        back=back.at(law),
        quantiles=quantiles,
        healthy_at_end=float(law[found.healthy].sum()),
        trapped=stuck,
        error=float(way.errors.max()),
        states=quiet.n_states,
        status="inconclusive" if reason else "ok",
        reason=reason,
    )


def fault_return_over(
    program: Program,
    parameters: Mapping[Path, Sequence[object]],
    faults: Sequence[Fault] | None = None,
    **how: Any,
) -> list[tuple[dict[Path, object], FaultReturn]]:
    """The same at every combination of values of some parameters, the last one varying fastest.

    Parameters
    ----------
    parameters : values by name; names as in `with_parameters`, among them Metafor's, such as
        ``("server", "52", "api", "insert", "processing_rate")``, ``("source", "client", "timeout")``,
        ``("source", "client", "arrival_rate")``, ``("server", "52", "qsize")``,
        ``("server", "52", "orbit_size")``, ``("source", "client", "retries")`` and
        ``("server", "52", "thread_pool")``.
    how : as in `fault_return`.

    Raises ModelError for an unknown name, a value that cannot be, or a parameter without values.
    """
    if not parameters or not all(len(values) for values in parameters.values()):
        raise ModelError(
            Problem("a parameter has no values", "parameters", "give each at least one")
        )
    settings = [
        dict(zip(parameters, values, strict=True)) for values in product(*parameters.values())
    ]
    # all settings first: a wrong one is told before hours of work
    programs = [with_parameters(program, setting) for setting in settings]
    return [
        (setting, fault_return(changed, faults, **how))
        for setting, changed in zip(settings, programs, strict=True)
    ]
