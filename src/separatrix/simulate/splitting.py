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

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from separatrix.compiled import by_address
from separatrix.errors import NotConverged
from separatrix.simulate import layout as at
from separatrix.simulate import trials as desk_at
from separatrix.simulate.compile import Compiled
from separatrix.simulate.features import Features
from separatrix.simulate.journal import watched_score
from separatrix.simulate.run import Buffers
from separatrix.simulate.state import RunState, grown, new_run
from separatrix.simulate.trials import LOOP, make_trials, watch_start

STARTS = 20  # attempts to stay around the start set for a while
SAMPLES = 200  # scores from which the median is taken
MOST_FILLING = 1e4  # how many times faster than the program a start set far from empty is filled


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


class Splitting:
    """Steps of one passage, with a random stream of its own.

    Parameters
    ----------
    loop, compiled, features : the program; `features.watch` is on.
    near, far : scores that bound the start set and the goal; the start set is ``score <= near`` if
        `near` is less than `far`, else ``score >= near``.
    longest : an excursion between the two may take so long [s].
    """

    def __init__(
        self, loop: Callable[..., int], compiled: Compiled, features: Features,
        seed: np.random.SeedSequence, near: float, far: float, longest: float,
    ) -> None:  # fmt: skip
        self._loop, self._compiled, self._features = loop, compiled, features
        self._kernel = by_address(loop, LOOP)
        self._seed = seed
        self._rng = np.random.Generator(np.random.PCG64(seed))
        self.near, self.far, self._longest = float(near), float(far), longest
        self._up = near < far
        self._buffers = Buffers.fit(compiled, features, 1.0)
        self._words, self._floats = compiled.words, compiled.words.view(np.float64)
        self._rooms = [np.empty((0, 0), np.int64), np.empty((0, 0), np.int64)]
        self.events = 0

    def start(self, settle: float) -> RunState:
        """A state in the start set, `settle` seconds or more after it was first reached.

        A start set away from the empty service is reached by arrivals made ever more frequent.
        """
        first = new_run(
            self._compiled,
            self._features,
            self._seed,
            slots=max(16, 4 * int(self._words[at.MARGIN])),
        )
        if not self._up and not self._fill(first):
            raise NotConverged(
                f"no arrival rate brought the score to {self.near:g}",
                certificate="the start set can be reached; lower `stuck`",
            )
        for _ in range(STARTS):
            state = first.copy()
            self._renew(state)
            self._watch(state, self.far)
            if self._advance(state, state.now + settle):
                continue
            self._between(state)
            if self._advance(state, state.now + self._longest) and not self._arrived(state):
                return state
        return first  # it does not stay: the passage is not rare

    def typical(self, state: RunState, time: float) -> float:
        """The median score over `time` [s] around the start set, before the goal is reached."""
        scores = [self.score(state)]
        self._watch(state, self.far)
        for _ in range(SAMPLES):
            if self._advance(state, state.now + time / SAMPLES):
                break
            scores.append(self.score(state))
        return float(np.median(scores))

    def _fill(self, state: RunState) -> bool:
        """Whether arrivals, made more frequent, bring the score to `near`."""
        mine = self._words
        factor = 4.0
        while factor <= MOST_FILLING:
            words = mine.copy()
            for i in range(self._compiled.sources):
                rate = int(mine[at.P_STREAMS]) + i * at.P_STREAM_WORDS + at.RATE
                words.view(np.float64)[rate] *= factor
            self._words, self._floats = words, words.view(np.float64)
            try:
                state.F[at.LOW], state.F[at.HIGH] = -math.inf, self.near
                reached = self._advance(state, state.now + self._longest / factor)
            finally:
                self._words, self._floats = mine, mine.view(np.float64)
            if reached:
                return True
            factor *= 10.0
        return False

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

    def _views(self, state: RunState) -> tuple[NDArray[np.generic], ...]:
        b = self._buffers
        return (
            state.X, state.F, state.U, self._words, self._floats, b.rows, b.orbit, b.sketch, b.log,
            b.flog,
        )  # fmt: skip

    def _grown(self, rows: NDArray[np.int64], used: int) -> NDArray[np.int64]:
        """(n, words) states, the first `used` of them in use, with twice the room for attempts."""
        old = grown(rows[:used], rows.shape[1] // self._slot_words, self._slot_words)
        new = np.empty((len(rows), old.shape[1]), np.int64)
        new[:used] = old
        return new

    @property
    def _slot_words(self) -> int:
        return at.WIDE if self._features.wide else at.NARROW

    def score(self, state: RunState) -> float:
        """The watched score."""
        return float(watched_score(state.X, self._words, self._floats))

    def _advance(self, state: RunState, until: float) -> bool:
        """Go on to a watched bound; False where `until` [s] comes first."""
        before = int(state.X[at.EVENTS])
        state.F[at.UNTIL] = until
        while True:
            code = self._loop(*self._views(state))
            if code != at.NEED_SLOTS:
                break
            state.grow(len(state.X) // state.slot_words)
        self.events += int(state.X[at.EVENTS]) - before
        return code == at.STOPPED

    def _between(self, state: RunState) -> None:
        """Watch for the start set and the goal."""
        bounds = (self.near, self.far) if self._up else (self.far, self.near)
        state.F[at.LOW], state.F[at.HIGH] = bounds

    def _watch(self, state: RunState, level: float) -> None:
        """Watch for `level`, seen from the start set."""
        bounds = (-math.inf, level) if self._up else (level, math.inf)
        state.F[at.LOW], state.F[at.HIGH] = bounds

    def _beyond(self, state: RunState, level: float) -> bool:
        score = self.score(state)
        return score >= level if self._up else score <= level

    def _arrived(self, state: RunState) -> bool:
        return self._beyond(state, self.far)

    def _renew(self, state: RunState) -> None:
        state.U[at.RNG : at.RNG + 4] = self._rng.integers(0, 2**64, size=4, dtype=np.uint64)

    def _too_long(self, state: RunState, doing: str) -> NotConverged:
        return NotConverged(
            f"{doing} took more than {self._longest:g} s, at a score of {self.score(state):g}",
            certificate="every excursion ends in the start set or at the goal; choose levels that "
            "leave no resting point between them",
        )
