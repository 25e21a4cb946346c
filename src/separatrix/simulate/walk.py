"""A run that is watched around a start set, which it leaves for a goal only seldom."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from separatrix.errors import NotConverged
from separatrix.simulate import layout as at
from separatrix.simulate.compile import Compiled
from separatrix.simulate.features import Features
from separatrix.simulate.journal import watched_score
from separatrix.simulate.run import Buffers
from separatrix.simulate.state import RunState, new_run

STARTS = 20  # attempts to stay around the start set for a while
SAMPLES = 200  # scores from which the median is taken
MOST_FILLING = 1e4  # how many times faster than the program a start set far from empty is filled


class Walk:
    """A program's runs between a start set and a goal, told apart by a score.

    Parameters
    ----------
    loop, compiled, features : the program; `features.watch` is on.
    seed : of the random stream.
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
        self.near, self.far, self._longest = float(near), float(far), longest
        self._up = near < far
        self._buffers = Buffers.fit(compiled, features, 1.0)
        self._words, self._floats = compiled.words, compiled.words.view(np.float64)
        self.events: int = 0

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

    def _views(self, state: RunState) -> tuple[NDArray[np.generic], ...]:
        b = self._buffers
        return (
            state.X, state.F, state.U, self._words, self._floats, b.rows, b.orbit, b.sketch, b.log,
            b.flog,
        )  # fmt: skip

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
