r"""Splitting a rare passage into likely steps: forward flux sampling with a fixed effort a step.

The score of the state (attempts at the servers plus requests known to come back, by weight) is cut by
levels :math:`\lambda_0 < \lambda_1 < \dots < \lambda_n` between the start set, at or before
:math:`\lambda_0`, and the goal, at or beyond :math:`\lambda_n`. From the start set the run crosses
:math:`\lambda_1` with a flux :math:`\Phi`; from its state at a crossing of :math:`\lambda_i` it reaches
:math:`\lambda_{i+1}` before it falls back to the start set with probability :math:`p_i`. Then

.. math:: k = \Phi \prod_{i=1}^{n-1} p_i

is the rate at which the start set is left for the goal, without bias whatever the levels (Allen,
Warren and ten Wolde, Phys. Rev. Lett. 94, 018104, 2005; Garvels and Kroese, Winter Simulation
Conference 1998, for the fixed effort). A state is one buffer, so a trial costs a copy and a fresh
random stream. Trials that fall back past the levels behind them are ended by a draw (see `trials`); the
states at a level then have weights, and trials start from each as often as its weight says (systematic
resampling).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from separatrix.compiled import by_address
from separatrix.simulate import layout as at
from separatrix.simulate import trials as desk_at
from separatrix.simulate.compile import Compiled
from separatrix.simulate.features import Features
from separatrix.simulate.state import RunState, grown
from separatrix.simulate.trials import LOOP, make_trials, watch_start
from separatrix.simulate.walk import Walk


@dataclass(frozen=True)
class Entries:
    """States at the crossing of a level.

    Attributes
    ----------
    states : (n, words) buffers.
    weights : (n,) how many trials each stands for.
    """

    states: NDArray[np.int64]
    weights: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.states)

    def copy(self) -> Entries:
        """The same in memory of its own."""
        return Entries(self.states.copy(), self.weights.copy())


@dataclass(frozen=True)
class Surface:
    """A level behind the one where trials start.

    Attributes
    ----------
    score : where it lies.
    survive : chance that a trial which falls back to it goes on.
    """

    score: float
    survive: float


@dataclass(frozen=True)
class Basin:
    """What was seen around the start set.

    Attributes
    ----------
    crossings : of the first level, each after a visit to the start set.
    time : spent since the start set was visited last rather than the goal [s].
    tipped : how often the goal was reached.
    entries : states at crossings.
    """

    crossings: int
    time: float
    tipped: int
    entries: Entries


class Splitting(Walk):
    """Steps of one passage, with a random stream of its own; parameters as of `Walk`."""

    def __init__(
        self, loop: Callable[..., int], compiled: Compiled, features: Features,
        seed: np.random.SeedSequence, near: float, far: float, longest: float,
    ) -> None:  # fmt: skip
        super().__init__(loop, compiled, features, seed, near, far, longest)
        self._kernel = by_address(loop, LOOP)
        self._rooms = [np.empty((0, 0), np.int64), np.empty((0, 0), np.int64)]

    def basin(self, state: RunState, first: float, crossings: int, time: float, keep: int) -> Basin:
        """Watch the start set from `state` on until `first` was crossed so often and so long [s].

        Keeps up to `keep` states at crossings, each as likely as any other. A run that tips starts
        again from the start set; what it spent beyond is never counted.
        """
        state = state.copy()
        self._renew(state)
        desk = np.zeros(desk_at.DESK_WORDS, np.int64)
        fdesk = desk.view(np.float64)
        fdesk[desk_at.BEGIN] = state.now
        before = int(state.X[at.EVENTS])
        kept, refuge = np.empty((keep, len(state.X)), np.int64), state.X.copy()
        bounds = (self.near, float(first), self.far, self._longest, crossings, time)
        while True:
            code = watch_start()(
                self._kernel, *self._views(state), *bounds, kept, refuge, desk, fdesk
            )  # fmt: skip
            if code != at.NEED_SLOTS:
                break
            kept = self._grown(kept, min(int(desk[desk_at.SEEN]), keep))
            refuge = self._grown(refuge[None], 1)[0]
            state.grow(len(state.X) // state.slot_words)
        if code == at.STOPPED:
            doing = "coming back" if desk[desk_at.BACK] else f"crossing {first:g}"
            raise self._too_long(state, doing)
        self.events += int(state.X[at.EVENTS]) - before
        seen, n = int(desk[desk_at.SEEN]), min(int(desk[desk_at.SEEN]), keep)
        watched = float(fdesk[desk_at.COUNTED]) + state.now - float(fdesk[desk_at.BEGIN])
        entries = Entries(kept[:n], np.ones(n))
        return Basin(seen, watched, int(desk[desk_at.TIPPED]), entries)

    def step(
        self, entries: Entries, level: float, trials: int, behind: Sequence[Surface] = ()
    ) -> tuple[float, Entries]:
        """The share of `trials` runs from `entries` that reach `level` before the start set, and where.

        behind : levels behind the entries, the nearest first.

        What it returns is overwritten by the next step but one.
        """
        order = self._resampled(entries.weights, trials)
        streams = self._rng.integers(0, 2**64, size=(trials, 4), dtype=np.uint64)
        surfaces = np.array([*(s.score for s in behind), self.near], np.float64)
        survive = np.array([*(s.survive for s in behind), 0.0], np.float64)
        state = RunState(entries.states[0].copy(), self._slot_words)
        pool = entries.states
        reached, weights = self._room(trials, pool), np.empty(trials)
        desk = np.zeros(desk_at.DESK_WORDS, np.int64)
        fdesk = desk.view(np.float64)
        while True:
            code = make_trials()(
                self._kernel, *self._views(state), pool, order, streams, surfaces, survive, float(level),
                self._longest, reached, weights, desk, fdesk,
            )  # fmt: skip
            if code != at.NEED_SLOTS:
                break
            pool = self._grown(pool, len(pool))
            reached = self._grown(reached, int(desk[desk_at.HITS]))
            state.grow(len(state.X) // state.slot_words)
        if code == at.STOPPED:
            raise self._too_long(state, f"going on to {level:g} or back")
        self.events += int(desk[desk_at.EVENTS])
        hits = int(desk[desk_at.HITS])
        found = Entries(reached[:hits], weights[:hits])
        return float(found.weights.sum()) / trials, found

    def _room(self, n: int, beside: NDArray[np.int64]) -> NDArray[np.int64]:
        """(n, words) for states as wide as those in `beside`, which lies elsewhere.

        Memory is used again, since fresh pages cost more than the states that are written there.
        """
        for i, room in enumerate(self._rooms):
            if not np.may_share_memory(room, beside):
                if room.shape[0] < n or room.shape[1] != beside.shape[1]:
                    self._rooms[i] = np.empty((n, beside.shape[1]), np.int64)
                return self._rooms[i][:n]
        raise AssertionError("one of two rooms is free")

    def _resampled(self, weights: NDArray[np.float64], trials: int) -> NDArray[np.int64]:
        """(trials,) indices, each as often as its weight says, up to one more or less."""
        edges = np.cumsum(weights) / weights.sum()
        points = (np.arange(trials) + self._rng.random()) / trials
        chosen = np.minimum(np.searchsorted(edges, points, side="right"), len(weights) - 1)
        return chosen.astype(np.int64)

    def _grown(self, rows: NDArray[np.int64], used: int) -> NDArray[np.int64]:
        """(n, words) states, the first `used` of them in use, with twice the room for attempts."""
        old = grown(rows[:used], rows.shape[1] // self._slot_words, self._slot_words)
        new = np.empty((len(rows), old.shape[1]), np.int64)
        new[:used] = old
        return new
