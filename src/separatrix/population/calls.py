"""What the end of a caller's own work sets off: its calls start, together or each by itself."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from separatrix.errors import Unsupported
from separatrix.population.call_times import APART, is_call
from separatrix.population.frame import (
    Frame,
    Jump,
    Once,
    Outcome,
    added,
    certain,
    crossed,
    product,
    rest,
    room,
)
from separatrix.population.joins import Departures, Join
from separatrix.population.lattice import RateFunction
from separatrix.population.launches import Flow
from separatrix.population.refusals import ENGINE
from separatrix.population.station import Station

MOST_WAYS = 256
"""Most ways in which the calls of one piece of work may go together."""


def make_joins(
    frame: Frame, stations: dict[str, Station], flows: list[Flow], departures: Departures
) -> dict[tuple[str, str], Join]:
    """(server, API) -> the join of the calls that it waits for."""
    joins: dict[tuple[str, str], Join] = {}
    for name, station in stations.items():
        for api in station.server.apis:
            waited = [f for f in flows if is_call(f, name, api) and f.stream.held]
            if waited:
                joins[name, api] = Join(frame, station, api, waited, departures)
                station.held_by.append(joins[name, api].waiting)
    return joins


def work(
    frame: Frame, station: Station, flows: list[Flow],
    joins: dict[tuple[str, str], Join], departures: Departures,
) -> None:  # fmt: skip
    """The work of a station's threads: phases of service, and what the end of the work sets off."""
    name = station.server.name
    for n, phase in enumerate(station.phases.phases):
        axis = station.occupied[n]
        gone = {} if axis is None else {axis: -1}
        rate = station.completion(n)
        if phase.after is not None:
            into = station.occupied[phase.after]
            if into is not None:
                on = _room(into, station.server.thread_pool)
                frame.move(f"{name}: next phase of service", product(rate, on), {**gone, into: 1})
            continue
        for api, part in phase.done.items():
            calls = [f for f in flows if is_call(f, name, api)]
            begun = [Outcome(_constant(part), gone)]
            groups = _together(frame, calls)
            found = [_ways(station, group) for group in groups]
            join = joins.get((name, api))
            leaves, fails = (departures.leaving(station, good, axis) for good in (True, False))
            leaves = leaves if join is None else [join.begins()]
            if frame.means:
                after = _apart(frame, [ways for ways, _ in found], leaves, fails)
            else:
                after = _after(found[0][0], leaves, fails)
            for outcome in frame.both(begun, after, begun[0].chance):
                frame.move(f"{name}: own work for {api} done", product(rate, outcome.chance),
                           outcome.jump)  # fmt: skip
            for group, (_, marginals) in zip(groups, found, strict=True):
                for flow, outcomes in zip(group, marginals, strict=True):
                    flow.made(product(rate, _constant(part)), outcomes)


def _together(frame: Frame, calls: list[Flow]) -> list[list[Flow]]:
    """Calls whose fates are worked out together: where only means are asked for, those to one server, of which
    the later ones find the earlier ones there."""
    if not frame.means:
        return [calls]
    servers = dict.fromkeys(flow.station.server.name for flow in calls)
    return [[f for f in calls if f.station.server.name == name] for name in servers]


def _ways(station: Station, calls: list[Flow]) -> tuple[list[_Ways], list[list[Outcome]]]:
    """Ways in which calls go that start together, and the outcomes of each call."""
    ways: list[_Ways] = [_Ways(certain, {}, {}, False)]
    marginals: list[list[Outcome]] = []
    for i, flow in enumerate(calls):
        before = any(f.station is flow.station for f in calls[:i])
        outcomes = flow.ended(flow.outcomes(flow.way.attempts[0]), caller=False)
        pairs = [(way, way.seen(o, flow) if before else o) for way in ways for o in outcomes]
        marginals.append([replace(o, chance=product(way.chance, o.chance)) for way, o in pairs])
        ways = [way.then(outcome, flow) for way, outcome in pairs]
        if len(ways) > MOST_WAYS:
            name = station.server.name
            raise Unsupported(
                ENGINE,
                f"{len(calls)} calls that start together (more than {MOST_WAYS} ways to go)",
                APART,
                f"servers.{name}",
            )
    return ways, marginals


def _after(ways: list[_Ways], leaves: list[Outcome], fails: list[Outcome]) -> list[Outcome]:
    """What follows the end of own work: calls start together, and the attempt waits or leaves."""
    found: list[Outcome] = []
    for way in ways:
        if way.failed:
            found += crossed([Outcome(way.chance, way.load)], fails)
        else:
            found += crossed([Outcome(way.chance, way.jump)], leaves)
    return found


def _apart(
    frame: Frame, groups: list[list[_Ways]], leaves: list[Outcome], fails: list[Outcome]
) -> list[Outcome]:
    """The same in the mean, for groups of calls that know nothing of each other: each by itself."""
    good = [_none_failed(ways) for ways in groups]
    found: list[Outcome] = []
    for i, ways in enumerate(groups):
        others = product(*good[:i], *good[i + 1 :])
        for way in ways:
            if way.failed or way.load == way.jump:
                found.append(Outcome(way.chance, way.load))
                continue
            found.append(Outcome(product(way.chance, others), way.jump))
            if others is not certain:
                found.append(Outcome(product(way.chance, rest([others])), way.load))
    every = product(*good)
    found += frame.both([Outcome(every, {})], leaves, every)
    if every is not certain:
        some = rest([every])
        found += frame.both([Outcome(some, {})], fails, some)
    return found


def _none_failed(ways: list[_Ways]) -> RateFunction:
    """Chance that none of a group's calls has failed at once."""
    failed = [way.chance for way in ways if way.failed]
    return Once(rest(failed)) if failed else certain


@dataclass(frozen=True)
class _Ways:
    """One way in which calls go that start together.

    Attributes
    ----------
    chance, jump : of all of them; `load` is the same jump without those that wait for an answer.
    failed : whether a call that is waited for has failed at once.
    """

    chance: RateFunction
    jump: Jump
    load: Jump
    failed: bool

    def seen(self, outcome: Outcome, flow: Flow) -> Outcome:
        """An outcome of one more call, to a server that calls before it have reached."""
        q = flow.station.q
        return replace(outcome, chance=_shifted(outcome.chance, q, self.load.get(q, 0)))

    def then(self, outcome: Outcome, flow: Flow) -> _Ways:
        """With one more call."""
        held = flow.stream.held
        waits = {*flow.waits, flow.answering} if held else set[int | None]()
        load = {i: step for i, step in outcome.jump.items() if i not in waits}
        return _Ways(
            product(self.chance, outcome.chance),
            added(self.jump, outcome.jump),
            added(self.load, load),
            self.failed or (held and outcome.ending == "failed"),
        )


def _shifted(chance: RateFunction, axis: int, by: int) -> RateFunction:
    """The chance once `axis` has grown."""
    if not by:
        return chance
    return lambda x: chance((*x[:axis], x[axis] + by, *x[axis + 1 :]))


def _room(axis: int, size: int) -> RateFunction:
    return lambda x: room(x[axis], size)


def _constant(value: float) -> RateFunction:
    return certain if value == 1.0 else lambda x: np.full((), value)
