r"""The staged closure: the orbit is kept by attempt number.

Coordinates are the queue length q and, for each stream and each attempt number a = 0 .. r-1, the
number :math:`o_a` of doomed requests whose attempt `a` the client has still to give up. Attempt `a`
of a doomed request is given up, and attempt `a + 1` launched, at rate :math:`1/(T + b_{a+1})` with
the time-out T and the mean backoff b. A doomed last attempt needs no coordinate: it only leaves its
load in the queue.

Approximations: the fate of an attempt is drawn when it arrives, from the queue it finds; the fixed
time-out is an exponential wait of the same mean.
"""

from __future__ import annotations

import numpy as np

from separatrix.population.flows import (
    ORBIT_CUT,
    Fates,
    Launch,
    measures,
    poisson_bound,
    room,
    service,
    sojourns,
    summed,
)
from separatrix.population.lattice import (
    Array,
    Axis,
    Population,
    RateFunction,
    State,
    Transition,
)
from separatrix.population.streams import Station, Stream


def staged_axes(station: Station) -> tuple[Axis, ...]:
    r"""The axes of the staged closure.

    Requests enter attempt a's orbit at a rate of at most :math:`\lambda` and stay
    :math:`T + b_{a+1}` in the mean, so :math:`o_a` is stochastically below
    Poisson(:math:`\lambda (T + b_{a+1})`), which bounds the mass that a finite axis cuts off.
    """
    server = station.server
    axes = [Axis(f"queue[{server.name}]", server.qsize + 1, "queue")]
    stages = [(stream, a) for stream in station.streams for a in range(stream.retries)]
    for stream, a in stages:
        size, cut = server.orbit_size, 0.0
        if size is None:
            mean = stream.rate * (stream.timeout + stream.waits[a])
            size, cut = poisson_bound(mean, ORBIT_CUT / len(stages))
            size = max(size, 2)
        axes.append(Axis(f"orbit[{stream.name},{a}]", size, "orbit", cut))
    return tuple(axes)


def staged(name: str, station: Station) -> Population:
    """The staged closure of a single-server program; see the module's description."""
    axes = staged_axes(station)
    transitions = [Transition("service completion", _jump(len(axes), {0: -1}), service(station))]
    launches: list[Launch] = []
    failures: dict[str, RateFunction] = {}
    first = 1
    for stream in station.streams:
        failed: list[RateFunction] = []
        for a in range(stream.retries + 1):
            tries = stream.retries - a + 1 if station.server.fail_fast else 1
            launch = Launch(
                stream,
                _launch_rate(stream, a, first),
                Fates(station, stream.timeout, tries),
            )
            launches.append(launch)
            source = first + a - 1 if a > 0 else None
            target = first + a if a < stream.retries else None
            moves, lost = _moves(launch, a, source, target, axes, station.server.fail_fast)
            transitions += moves
            failed.append(lost)
        failures[stream.name] = summed(failed)
        first += stream.retries
    return Population(
        name=name,
        closure="staged",
        axes=axes,
        transitions=tuple(transitions),
        measures=measures(station, launches, failures),
        sojourns=sojourns(station, launches),
        notes=station.notes,
    )


def _launch_rate(stream: Stream, a: int, first: int) -> RateFunction:
    if a == 0:
        return lambda x: np.full((), stream.rate)
    rate, axis = 1.0 / (stream.timeout + stream.waits[a - 1]), first + a - 1
    return lambda x: rate * x[axis]


def _jump(n: int, steps: dict[int, int]) -> tuple[int, ...]:
    return tuple(steps.get(i, 0) for i in range(n))


def _moves(
    launch: Launch,
    a: int,
    source: int | None,
    target: int | None,
    axes: tuple[Axis, ...],
    fail_fast: bool,
) -> tuple[list[Transition], RateFunction]:
    """Transitions of one attempt number, and the rate at which it ends requests in failure."""
    fates = launch.fates
    leave = {} if source is None else {source: -1}
    what = f"attempt {a} of {launch.stream.name}"
    rate = launch.rate

    def enters(x: State) -> Array:
        """1 where the target orbit has room; a doomed request beyond it is lost, and counted."""
        return np.zeros(()) if target is None else room(x[target], axes[target].size - 1)

    def served_or_lost(x: State) -> Array:
        return rate(x) * (fates.in_time(x[0]) + fates.doomed(x[0]) * (1.0 - enters(x)))

    def doomed(x: State) -> Array:
        return rate(x) * fates.doomed(x[0]) * enters(x)

    def waits_refused(x: State) -> Array:
        return rate(x) * fates.refused(x[0]) * enters(x)

    def ends_refused(x: State) -> Array:
        stays = 1.0 if fail_fast else 1.0 - enters(x)
        return rate(x) * fates.refused(x[0]) * stays

    def failure(x: State) -> Array:
        return rate(x) * fates.doomed(x[0]) * (1.0 - enters(x)) + ends_refused(x)

    n = len(axes)
    moves = [Transition(f"{what}: accepted", _jump(n, {**leave, 0: 1}), served_or_lost)]
    if target is not None:
        enter = {**leave, target: 1}
        moves.append(Transition(f"{what}: accepted, doomed", _jump(n, {**enter, 0: 1}), doomed))
        if not fail_fast:
            moves.append(Transition(f"{what}: refused", _jump(n, enter), waits_refused))
    if source is not None:
        moves.append(Transition(f"{what}: refused, given up", _jump(n, leave), ends_refused))
    return moves, failure
