r"""Laws on the way: where a chain is at given times, also while its rates change in steps.

.. math:: \dot p(t) = p(t)\, Q(t),\qquad Q(t) = Q_i \text{ while piece } i \text{ of the schedule lasts.}

Near times are reached by uniformisation (`poisson`), whose error is bounded; where rate x time exceeds
:data:`MOST_STEPS`, by slow modes or a Krylov space (`horizon`), whose error is estimated. Errors of
successive pieces add up, since a later piece never enlarges a difference of two laws.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from separatrix.errors import ModelError, NotConverged, Problem
from separatrix.markov.generator import Chain, as_chain
from separatrix.markov.horizon import krylov_laws, slow_mode_laws
from separatrix.markov.poisson import Uniformised
from separatrix.markov.starts import Start, start_law
from separatrix.notebook import Shown

if TYPE_CHECKING:
    from separatrix.population.lattice import Population

Array: TypeAlias = NDArray[np.float64]
Way: TypeAlias = Literal["start", "uniformisation", "slow modes", "krylov"]
Method: TypeAlias = Literal["auto", "uniformisation", "slow modes", "krylov"]
Piece: TypeAlias = "tuple[Population | Chain, float]"
"""What holds, and for how long [s]."""

MOST_STEPS = 2e5
"""`auto` takes up to this many products before it looks for another way."""
_FAR_ENOUGH = 1e-9  # error at which slow modes need no Krylov space beside them
_LIMIT = 1e-6  # error above which a law is inconclusive


@dataclass(frozen=True)
class Course(Shown):
    """One expected quantity along the way: `values` has one entry per time."""

    name: str
    unit: str
    values: Array

    def to_dict(self) -> dict[str, Any]:
        """Numbers for JSON."""
        return {"name": self.name, "unit": self.unit, "values": [float(v) for v in self.values]}


@dataclass(frozen=True)
class Transient(Shown):
    """Laws at given times.

    Attributes
    ----------
    times : (k,) since the start [s], in the order asked for.
    laws : (k, *shape) probability of each state.
    errors : (k,) bound (uniformisation) or estimate on the sum of absolute errors of each law; by
        uniformisation it bounds the *relative* error of every entry as well.
    methods : how each law was found.
    status : ``"ok"``, or ``"inconclusive"`` with `reason`.
    held : (k,) what was in force at each time (at a change, what begins; at the end, what ended).
    """

    times: Array
    laws: Array
    errors: Array
    methods: tuple[Way, ...]
    status: Literal["ok", "inconclusive"]
    reason: str
    held: tuple[Population | Chain, ...] = field(repr=False, compare=False)

    def expected(self, values: Array) -> Array:
        r""":math:`\sum_x p_x(t) f(x)` at each time, for values that broadcast to the box's shape."""
        axes = tuple(range(1, self.laws.ndim))
        return np.asarray((self.laws * values).sum(axis=axes), dtype=np.float64)

    def courses(self) -> tuple[Course, ...]:
        """Mean of every axis, and every measure that all populations of the schedule name.

        A measure is the one of the population in force: served attempts of a server that is down count
        as such.

        Raises
        ------
        ModelError : the schedule is of bare chains, which name nothing.
        """
        held = [_population(p) for p in self.held]
        if not held:
            return ()
        grid = held[0].grid()
        found = [
            Course(f"mean {axis.name}", "requests", self.expected(x))
            for axis, x in zip(held[0].axes, grid, strict=True)
        ]
        for measure in held[0].measures:
            values = np.empty(len(held))
            for i, population in enumerate(held):
                same = [m for m in population.measures if m.name == measure.name]
                if not same:
                    break
                values[i] = float((self.laws[i] * same[0].value(grid)).sum())
            else:
                found.append(Course(measure.name, measure.unit, values))
        return tuple(found)

    def to_dict(self) -> dict[str, Any]:
        """Numbers for JSON, without the laws."""
        named = all(not isinstance(p, Chain) for p in self.held)
        return {
            "unit": "s", "status": self.status, "reason": self.reason,
            "times": [float(t) for t in self.times], "errors": [float(e) for e in self.errors],
            "methods": list(self.methods),
            "courses": [c.to_dict() for c in self.courses()] if named else [],
        }  # fmt: skip


def transient(
    population: Population | Chain, start: Start, times: Sequence[float], *, method: Method = "auto"
) -> Transient:
    """Laws of a chain at given times.

    Parameters
    ----------
    population : a population, or the chain made from it by `as_chain`.
    start : one state (coordinates or row-major number), or a law over the box.
    times : [s], each finite and >= 0, in any order.
    method : ``"auto"`` or one of the ways named in the module's description.

    Raises
    ------
    ModelError : a time is negative or not finite, or the start is no law over the box.
    NotConverged : the factors for a far time would not fit in memory.

    Examples
    --------
    >>> import numpy as np
    >>> from separatrix.markov.generator import chain_from_matrix
    >>> chain = chain_from_matrix(np.array([[0.0, 1.0], [3.0, 0.0]]))
    >>> transient(chain, 0, [0.0, 100.0]).laws.round(12)
    array([[1.  , 0.  ],
           [0.75, 0.25]])
    """
    wanted = _checked(times)
    return scheduled([(population, float(wanted.max(initial=0.0)))], start, wanted, method=method)


def scheduled(
    pieces: Sequence[Piece],
    start: Start,
    times: Sequence[float] | Array | None = None,
    *,
    method: Method = "auto",
) -> Transient:
    """Laws of a chain whose rates change in steps, as a fault or a load schedule makes them.

    Parameters
    ----------
    pieces : what holds and for how long [s], in order; all on the same box.
    start : one state, or a law over the box.
    times : [s] since the start, in any order; by default the ends of the pieces.
    method : as in `transient`.

    Raises
    ------
    ModelError : no piece, pieces on different boxes, a negative or non-finite duration or time, a time
        beyond the schedule, or a start that is no law over the box.
    """
    if not pieces:
        raise ModelError(Problem("the schedule is empty", hint="give at least one piece"))
    durations = _checked([duration for _, duration in pieces])
    chains = _on_one_box([held for held, _ in pieces])
    ends = np.cumsum(durations)
    wanted = ends if times is None else _checked(times)
    if wanted.size and wanted.max() > ends[-1] * (1.0 + 1e-12):
        raise ModelError(
            Problem(
                f"time {float(wanted.max()):g} s is beyond the schedule's {float(ends[-1]):g} s",
                hint="let the last piece last longer",
            )
        )
    place = np.minimum(np.searchsorted(ends, wanted, side="right"), len(pieces) - 1)
    law = start_law(start, chains[0].shape).reshape(-1)
    laws = np.empty((wanted.size, law.size))
    errors = np.zeros(wanted.size)
    methods: list[Way] = ["start"] * wanted.size
    carried, begin = 0.0, 0.0
    came: Way = "start"
    for i, (chain, end) in enumerate(zip(chains, ends, strict=True)):
        mine = np.flatnonzero(place == i)
        mine = mine[np.argsort(wanted[mine], kind="stable")]
        local = np.append(np.minimum(wanted[mine], end) - begin, durations[i])
        found, error, ways = _piece(chain, law, local, method)
        laws[mine], errors[mine] = found[:-1], carried + error[:-1]
        for j, way in zip(mine, ways, strict=False):
            methods[j] = came if way == "start" else way
        came = came if ways[-1] == "start" else ways[-1]
        law, carried, begin = found[-1], carried + float(error[-1]), float(end)
    worst = float(errors.max(initial=0.0))
    good = worst <= _LIMIT
    return Transient(
        times=wanted,
        laws=laws.reshape(-1, *chains[0].shape),
        errors=errors,
        methods=tuple(methods),
        status="ok" if good else "inconclusive",
        reason="" if good else f"the error estimate {worst:.2g} of a law exceeds {_LIMIT:.0e}",
        held=tuple(pieces[int(i)][0] for i in place.tolist()),
    )


def _piece(
    chain: Chain, law: Array, times: Array, method: Method
) -> tuple[Array, Array, list[Way]]:
    """Laws at increasing times within one piece."""
    clock = Uniformised(chain)
    laws = np.tile(law, (times.size, 1))
    errors = np.zeros(times.size)
    ways: list[Way] = ["start"] * times.size
    near = method == "uniformisation" or method == "auto"
    now, at, error, far = law, 0.0, 0.0, times.size
    for i, t in enumerate(times):
        if not near or (method == "auto" and clock.steps(float(t)) > MOST_STEPS):
            far = i
            break
        if t > at:
            now, more = clock.advance(now, float(t) - at)
            error, at = error + more, float(t)
        laws[i], errors[i] = now, error
        ways[i] = "uniformisation" if t > 0.0 else "start"
    while far < times.size and times[far] == 0.0:
        far += 1
    if far < times.size:
        laws[far:], errors[far:], ways[far:] = _far(chain, law, times[far:], clock.rate, method)
    return laws, errors, ways


def _far(
    chain: Chain, law: Array, times: Array, rate: float, method: Method
) -> tuple[Array, Array, list[Way]]:
    """Laws at increasing times > 0, each by the way with the smaller error estimate."""
    laws = np.tile(law, (times.size, 1))
    errors = np.full(times.size, np.inf)
    ways: list[Way] = ["slow modes"] * times.size
    if method != "krylov":
        try:
            laws, errors = slow_mode_laws(chain, law, times)
        except ModelError:
            # several closed classes: there is no single law to settle to
            if method == "slow modes":
                raise
    if method != "slow modes" and (errors > _FAR_ENOUGH).any():
        other = krylov_laws(chain, law, times, rate)
        for i in np.flatnonzero(other.errors < errors):
            laws[i], errors[i], ways[i] = other.laws[i], other.errors[i], "krylov"
    if not np.isfinite(errors).all():
        raise NotConverged("the law at a far time", partial=laws, certificate="error is not finite")
    return np.maximum(laws, 0.0), errors, ways


def _on_one_box(held: list[Population | Chain]) -> list[Chain]:
    chains = [as_chain(p) for p in held]
    for i, chain in enumerate(chains):
        if chain.shape != chains[0].shape:
            raise ModelError(
                Problem(
                    f"piece {i} has states of shape {chain.shape}, piece 0 of {chains[0].shape}",
                    "schedule",
                    "state the same qsize and orbit_size in both",
                )
            )
    return chains


def _checked(values: Sequence[float] | Array) -> Array:
    array = np.array(values, dtype=np.float64).reshape(-1)
    bad = np.flatnonzero(~(np.isfinite(array) & (array >= 0.0)))
    if bad.size:
        raise ModelError(f"a time must be finite and >= 0 s; got {float(array[bad[0]])!r}")
    return array


def _population(held: Population | Chain) -> Population:
    if isinstance(held, Chain):
        raise ModelError("a bare chain names no measures; use `expected`, or give populations")
    return held
