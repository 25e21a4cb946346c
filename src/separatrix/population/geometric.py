r"""The geometric closure: one orbit per stream, a geometric number of retries.

Coordinates are the queue length q and, for each stream with r > 0 retries, the number o of doomed
requests. Each retries at rate :math:`r/((r+1)\bar T)` and gives up at rate
:math:`1/((r+1)\bar T)`, with :math:`\bar T` the mean of time-out plus backoff. A retry that will be
answered in time leaves the orbit; one that is refused or doomed stays.

The number of retries is right in the mean only; being unbounded for some and none for others, it
recovers too early. It is cheap at any retry count.
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


def geometric_axes(station: Station) -> tuple[Axis, ...]:
    r"""The axes of the geometric closure.

    Doomed requests enter at a rate of at most :math:`\lambda` and stay at most
    :math:`(r+1)\bar T` in the mean: o is stochastically below
    Poisson(:math:`\lambda (r+1) \bar T`).
    """
    server = station.server
    axes = [Axis(f"queue[{server.name}]", server.qsize + 1, "queue")]
    retrying = [stream for stream in station.streams if stream.retries]
    for stream in retrying:
        size, cut = server.orbit_size, 0.0
        if size is None:
            mean = stream.rate * (stream.retries + 1) * _mean_wait(stream)
            size, cut = poisson_bound(mean, ORBIT_CUT / len(retrying))
            size = max(size, 2)
        axes.append(Axis(f"orbit[{stream.name}]", size, "orbit", cut))
    return tuple(axes)


def _mean_wait(stream: Stream) -> float:
    return stream.timeout + sum(stream.waits) / stream.retries


def geometric(name: str, station: Station) -> Population:
    """The geometric closure of a single-server program; see the module's description."""
    axes = geometric_axes(station)
    n = len(axes)
    transitions = [Transition("service completion", _jump(n, 0, -1), service(station))]
    launches: list[Launch] = []
    failures: dict[str, RateFunction] = {}
    orbit = 0
    for stream in station.streams:
        if stream.retries:
            orbit += 1
        moves, new_launches, failure = _stream(
            station, stream, axes, orbit if stream.retries else None
        )
        transitions += moves
        launches += new_launches
        failures[stream.name] = failure
    return Population(
        name=name,
        closure="geometric",
        axes=axes,
        transitions=tuple(transitions),
        measures=measures(station, launches, failures),
        sojourns=sojourns(station, launches),
        notes=(
            *station.notes,
            "the number of retries is geometric with the right mean (recovers too early)",
        )
        if orbit
        else station.notes,
    )


def _jump(n: int, *steps: int) -> tuple[int, ...]:
    """A jump from (axis, step, axis, step, ...)."""
    jump = [0] * n
    for axis, step in zip(steps[::2], steps[1::2], strict=True):
        jump[axis] = step
    return tuple(jump)


def _stream(
    station: Station, stream: Stream, axes: tuple[Axis, ...], orbit: int | None
) -> tuple[list[Transition], list[Launch], RateFunction]:
    n, fast = len(axes), station.server.fail_fast
    new = Launch(
        stream,
        lambda x: np.full((), stream.rate),
        Fates(station, stream.timeout, stream.retries + 1 if fast else 1),
    )
    fates = new.fates
    if orbit is None:

        def fails(x: State) -> Array:
            return new.rate(x) * (1.0 - fates.in_time(x[0]))

        admitted = Transition(f"arrival of {stream.name}", _jump(n, 0, 1), new.of(fates.admitted))
        return [admitted], [new], fails

    wait = (stream.retries + 1) * _mean_wait(stream)
    retry = Launch(
        stream,
        lambda x: (stream.retries / wait) * x[orbit],
        Fates(station, stream.timeout, stream.retries if fast else 1),
    )
    again = retry.fates
    size = axes[orbit].size

    def space(x: State) -> Array:
        return room(x[orbit], size - 1)

    def accepted(x: State) -> Array:
        """New requests that leave the orbit as it is, and doomed retries, which stay in it."""
        fresh = fates.in_time(x[0]) + fates.doomed(x[0]) * (1.0 - space(x))
        return new.rate(x) * fresh + retry.rate(x) * again.doomed(x[0])

    def doomed(x: State) -> Array:
        return new.rate(x) * fates.doomed(x[0]) * space(x)

    def refused(x: State) -> Array:
        return new.rate(x) * fates.refused(x[0]) * space(x)

    def given_up(x: State) -> Array:
        leaving = x[orbit] / wait
        return leaving + retry.rate(x) * again.refused(x[0]) if fast else leaving

    def overflow(x: State) -> Array:
        beyond = new.rate(x) * (1.0 - space(x)) * fates.doomed(x[0])
        lost = fates.refused(x[0]) * (1.0 if fast else 1.0 - space(x))
        return beyond + new.rate(x) * lost

    transitions = [
        Transition(f"{stream.name}: accepted", _jump(n, 0, 1), accepted),
        Transition(f"{stream.name}: accepted, doomed", _jump(n, 0, 1, orbit, 1), doomed),
        Transition(
            f"retry of {stream.name}: answered in time",
            _jump(n, 0, 1, orbit, -1),
            retry.of(again.in_time),
        ),
        Transition(f"{stream.name}: given up", _jump(n, orbit, -1), given_up),
    ]
    if not fast:
        transitions.append(Transition(f"{stream.name}: refused", _jump(n, orbit, 1), refused))
    return transitions, [new, retry], summed([given_up, overflow])
