r"""Threads that wait for calls, and what happens when an attempt leaves a server.

The calls that one API waits for start together, and its attempt is done when the last of them is.
Of w attempts that wait, :math:`P_i` wait for call i: those whose call will be answered in time
(`answering`) and those between two attempts of it. For one call w = P; for two, how many wait for
both follows (:math:`P_1 + P_2 - w`); for more, calls of one attempt are matched at random.

Whose attempt leaves a server is drawn evenly from those at it: with chance y/q it is one of the y that
a caller waits for and that will be in time; the caller's attempt may then be done at the same moment.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from separatrix.population.frame import (
    Frame,
    Once,
    Outcome,
    certain,
    product,
    rest,
    summed,
)
from separatrix.population.lattice import Array, RateFunction, State
from separatrix.population.launches import Flow
from separatrix.population.station import Station


class Departures:
    """What happens when attempts leave the stations of a network."""

    def __init__(self, frame: Frame, flows: list[Flow]) -> None:
        self._frame = frame
        self._held = [flow for flow in flows if flow.answering is not None]
        self._joins: dict[str, Join] = {}
        self._known: dict[tuple[str, bool, int | None], list[Outcome]] = {}

    def join(self, flow: Flow, join: Join) -> None:
        """Say which join a call belongs to."""
        self._joins[flow.stream.name] = join

    def leaving(self, station: Station, good: bool, freed: int | None = None) -> list[Outcome]:
        """An attempt leaves `station`, served or failed: its thread goes on, its caller may, too.

        freed : axis of the phase of service that its thread leaves, if any.
        """
        key = (station.server.name, good, freed)
        if key not in self._known:
            # a chance is part of those of all servers below: worked out once for each state
            ways = self._leaving(station, good, freed)
            self._known[key] = [replace(way, chance=_once(way.chance)) for way in ways]
        return self._known[key]

    def _leaving(self, station: Station, good: bool, freed: int | None) -> list[Outcome]:
        found = station.on_leaving(freed)
        if good and station.cache is not None:
            found = self._frame.both(found, station.cache.filled(), certain)
        callers: list[Outcome] = []
        shares: list[RateFunction] = []
        for flow in self._held:
            axis = flow.answering
            if flow.station is not station or axis is None:
                continue
            whose = Outcome(_share(axis, station.q), {axis: -1})
            then = self._joins[flow.stream.name].answered(flow)
            callers += self._frame.both([whose], then, whose.chance)
            shares.append(whose.chance)
        if not callers:
            return found
        return self._frame.both(found, [*callers, Outcome(rest(shares), {})], certain)


def _once(chance: RateFunction) -> RateFunction:
    return chance if chance is certain else Once(chance)


def _share(part: int, whole: int) -> RateFunction:
    """Chance that one of `whole` is one of `part`, which is at most all of them."""
    return Once(lambda x: x[part] / np.maximum(np.maximum(x[whole], x[part]), 1e-300))


class Join:
    """The calls that one API of a station waits for.

    Attributes
    ----------
    station : the caller.
    flows : its calls, those waited for.
    waiting : number of attempts that wait, by state.
    """

    def __init__(
        self, frame: Frame, station: Station, api: str, flows: list[Flow], departures: Departures
    ) -> None:
        self.station, self.flows, self._departures = station, flows, departures
        self._frame = frame
        self._api = api
        self.axis: int | None = None
        if len(flows) > 1:
            threads = station.server.thread_pool
            name = f"waiting[{station.server.name}.{api}]"
            self.axis = frame.axis(name, threads + 1, "calls")
        if len(flows) > 2:
            frame.note(
                "of more than two calls of one attempt, which are still waited for is random"
            )
        axis = self.axis
        # asked for by the ways of all servers below: each worked out once for a state
        self._pending = {flow.stream.name: Once(self._waiters(flow)) for flow in flows}
        self._there = {flow.stream.name: Once(self._chance_there(flow)) for flow in flows}
        self.waiting: RateFunction = self.pending(flows[0]) if axis is None else (lambda x: x[axis])
        for flow in flows:
            departures.join(flow, self)

    def pending(self, flow: Flow) -> RateFunction:
        """Attempts that wait for this call."""
        return self._pending[flow.stream.name]

    def _waiters(self, flow: Flow) -> RateFunction:
        axes = self._members(flow)
        return lambda x: sum((x[a] for a in axes), start=np.zeros(()))

    def _members(self, flow: Flow) -> list[int]:
        assert flow.answering is not None  # noqa: S101 - joins are made of calls waited for
        return [flow.answering, *flow.waits]

    def begins(self) -> Outcome:
        """One attempt more waits."""
        return Outcome(certain, {} if self.axis is None else {self.axis: 1})

    def _over(self, flow: Flow, good: bool) -> list[Outcome]:
        """The attempt of one that waited for `flow` stops waiting and leaves."""
        one = Outcome(self._there[flow.stream.name], {} if self.axis is None else {self.axis: -1})
        leaves = self._frame.both([one], self._departures.leaving(self.station, good), one.chance)
        return [*leaves, Outcome(rest([one.chance]), {})]

    def _chance_there(self, flow: Flow) -> RateFunction:
        """1, but where more wait than are at the server, which cannot be reached: then less."""
        q, pending = self.station.q, self.pending(flow)

        def chance(x: State) -> Array:
            p = np.maximum(pending(x), 1e-300)
            return np.minimum(x[q] / p, 1.0) * np.minimum(self.waiting(x) / p, 1.0)

        return chance

    def answered(self, flow: Flow) -> list[Outcome]:
        """The call is answered: is the attempt done?"""
        others = [f for f in self.flows if f is not flow]
        if not others:
            return self._over(flow, True)
        pending, waiting = self.pending(flow), self.waiting
        rests = [self.pending(f) for f in others]

        def last(x: State) -> Array:
            w = np.maximum(waiting(x), 1e-300)
            still = np.ones(())
            for p in rests:
                still = still * (1.0 - np.minimum(p(x) / w, 1.0))
            elsewhere = np.maximum(w * (1.0 - still), w - pending(x))
            alone = np.maximum(w - elsewhere, 0.0) / np.maximum(pending(x), 1e-300)
            return np.clip(alone, 0.0, 1.0) * (waiting(x) > 0)

        over = self._frame.both([Outcome(last, {})], self._over(flow, True), last)
        return [*over, Outcome(rest([last]), {})]

    def failed(self, flow: Flow) -> list[Outcome]:
        """The call has failed: the attempt fails, and its other calls are given up."""
        found = self._over(flow, False)
        for other in self.flows:
            if other is not flow:
                found = self._frame.both(found, self._given_up(flow, other), certain)
        return found

    def _given_up(self, flow: Flow, other: Flow) -> list[Outcome]:
        pending, also, waiting = self.pending(flow), self.pending(other), self.waiting
        matched = len(self.flows) == 2

        def both(x: State) -> Array:
            w, p, o = waiting(x), np.maximum(pending(x), 1.0), also(x)
            surely = (pending(x) + o - w) / p
            return np.clip(
                surely if matched else np.maximum(surely, o / np.maximum(w, 1.0)), 0.0, 1.0
            )

        gone = [
            Outcome(product(both, _part(axis, also)), {axis: -1}) for axis in self._members(other)
        ]
        return [*gone, Outcome(rest([g.chance for g in gone]), {})]

    def mend(self, frame: Frame) -> None:
        """From states that cannot be reached (more waiting than threads, ...), a way back."""
        station = self.station
        q, threads, rate = station.q, station.server.thread_pool, 1.0 / station.phases.mean
        what = f"{station.server.name}.{self._api} is mended"
        waiting, axis = self.waiting, self.axis
        pendings = [self.pending(flow) for flow in self.flows]

        def too_many(x: State) -> Array:
            return np.maximum(station.held(x) - np.minimum(x[q], threads), 0.0)

        if axis is not None:
            nothing = summed(pendings)
            frame.move(what, lambda x: rate * (too_many(x) * (x[axis] > 0)), {axis: -1})

            def idle(x: State) -> Array:
                return rate * np.maximum(x[axis] - nothing(x), 0.0)

            frame.move(what, idle, {axis: -1})
        for flow, pending in zip(self.flows, pendings, strict=True):
            answering = flow.answering
            for member in self._members(flow):
                part = _part(member, pending)
                if axis is None:
                    frame.move(what, product(lambda x: rate * too_many(x), part), {member: -1})
                else:

                    def beyond(x: State, p: RateFunction = pending) -> Array:
                        return rate * np.maximum(p(x) - waiting(x), 0.0)

                    frame.move(what, product(beyond, part), {member: -1})
                if member == answering:
                    frame.move(what, _lost(member, flow.station.q, rate), {member: -1})


def _part(axis: int, whole: Callable[[State], Array]) -> RateFunction:
    return lambda x: x[axis] / np.maximum(whole(x), 1e-300)


def _lost(axis: int, queue: int, rate: float) -> RateFunction:
    return lambda x: rate * np.maximum(x[axis] - x[queue], 0.0)
