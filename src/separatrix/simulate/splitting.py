r"""Splitting a rare passage into likely steps: forward flux sampling with a fixed effort a step.

The score of the state (attempts at the servers plus requests known to come back, by weight) is cut by
levels :math:`\lambda_0 < \lambda_1 < \dots < \lambda_n` between the start set, at or before
:math:`\lambda_0`, and the goal, at or beyond :math:`\lambda_n`. From the start set the run crosses
:math:`\lambda_1` with a flux :math:`\Phi`; from its state at a crossing of :math:`\lambda_i` it reaches
:math:`\lambda_{i+1}` before it falls back to the start set with probability :math:`p_i`. Then

.. math:: k = \Phi \prod_{i=1}^{n-1} p_i

is the rate at which the start set is left for the goal, without bias whatever the levels (Allen,
Warren and ten Wolde, Phys. Rev. Lett. 94, 018104, 2005; Garvels and Kroese, Winter Simulation
Conference 1998, for the fixed effort). A state is one buffer, so a step costs a copy and a fresh
random stream.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from separatrix.errors import NotConverged
from separatrix.simulate import layout as at
from separatrix.simulate.compile import Compiled
from separatrix.simulate.features import Features
from separatrix.simulate.journal import watched_score
from separatrix.simulate.run import Buffers
from separatrix.simulate.state import RunState, new_run

Entries = list[NDArray[np.int64]]
STARTS = 20  # attempts to stay around the start set for a while
SAMPLES = 200  # scores from which the median is taken
MOST_FILLING = 1e4  # how many times faster than the program a start set far from empty is filled


@dataclass(frozen=True)
class Basin:
    """What was seen around the start set.

    Attributes
    ----------
    crossings : of the first level, each after a visit to the start set.
    time : spent since the start set was visited last rather than the goal [s].
    tipped : how often the goal was reached.
    entries : states at crossings; state : where it was left.
    """

    crossings: int
    time: float
    tipped: int
    entries: Entries
    state: RunState


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
        self._seed = seed
        self._rng = np.random.Generator(np.random.PCG64(seed))
        self.near, self.far, self._longest = near, far, longest
        self._up = near < far
        self._buffers = Buffers.fit(compiled, features, 1.0)
        self._words, self._floats = compiled.words, compiled.words.view(np.float64)
        self.events = 0

    def start(self, settle: float) -> RunState:
        """A state in the start set, `settle` seconds or more after it was first reached.

        A start set away from the empty service is reached by arrivals made ever more frequent.
        """
        first = new_run(self._compiled, self._features, self._seed, slots=128)
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
        """Watch the start set until `first` was crossed so often and so long was watched [s].

        Keeps up to `keep` states at crossings, each as likely as any other. A run that tips starts
        again from the start set; what it spent beyond is never counted.
        """
        self._renew(state)
        begin, counted, tipped, seen = state.now, 0.0, 0, 0
        entries: Entries = []
        refuge = state.copy()
        while seen < crossings or counted + state.now - begin < time:
            # towards the first level
            self._watch(state, first)
            if not self._advance(state, state.now + self._longest):
                raise self._too_long(state, f"crossing {first:g}")
            entry = state.X.copy()
            if len(entries) < keep:
                entries.append(entry)
            elif (place := int(self._rng.integers(seen + 1))) < keep:
                entries[place] = entry
            seen += 1
            # back, or over to the goal
            self._between(state)
            if not self._advance(state, state.now + self._longest):
                raise self._too_long(state, "coming back")
            if self._arrived(state):
                tipped += 1
                counted += state.now - begin
                state = refuge.copy()
                self._renew(state)
                begin = state.now
            elif seen % 16 == 0:
                refuge = state.copy()
        return Basin(seen, counted + state.now - begin, tipped, entries, state)

    def step(self, entries: Entries, level: float, trials: int) -> tuple[int, Entries]:
        """How many of `trials` runs from `entries` reach `level` before the start set, and where."""
        order: list[int] = self._rng.permutation(len(entries)).tolist()
        streams = self._rng.integers(0, 2**64, size=(trials, 4), dtype=np.uint64)
        reached: Entries = []
        low, high = (self.near, level) if self._up else (level, self.near)
        state = RunState(entries[0].copy(), self._slot_words)
        for i in range(trials):
            entry = entries[order[i % len(order)]]
            if len(entry) == len(state.X):
                state.X[:] = entry
            else:
                state = RunState(entry.copy(), self._slot_words)
            state.U[at.RNG : at.RNG + 4] = streams[i]
            state.F[at.LOW], state.F[at.HIGH] = low, high
            if not self._advance(state, float(state.F[at.NOW]) + self._longest):
                raise self._too_long(state, f"going on to {level:g} or back")
            if self._beyond(state, level):
                reached.append(state.X.copy())
        return len(reached), reached

    @property
    def _slot_words(self) -> int:
        return at.WIDE if self._features.wide else at.NARROW

    def score(self, state: RunState) -> float:
        """The watched score."""
        return float(watched_score(state.X, self._words, self._floats))

    def _advance(self, state: RunState, until: float) -> bool:
        """Go on to a watched bound; False where `until` [s] comes first."""
        before = int(state.X[at.EVENTS])
        b = self._buffers
        state.F[at.UNTIL] = until
        while True:
            code = self._loop(
                state.X, state.F, state.U, self._words, self._floats, b.rows, b.orbit, b.sketch,
                b.log, b.flog,
            )  # fmt: skip
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
