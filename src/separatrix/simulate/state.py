"""The whole state of a run, in one buffer: made, grown, copied, given another random stream."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from separatrix.errors import NotConverged
from separatrix.simulate import layout as at
from separatrix.simulate.compile import Compiled
from separatrix.simulate.features import Features

MOST_SLOTS = 20_000_000  # a run with more attempts outstanding at once is not a service any more


class RunState:
    """One run between two events.

    Attributes
    ----------
    X, F, U : the run's one buffer, read as int64, float64 and uint64 (see `layout`).
    """

    def __init__(self, words: NDArray[np.int64], slot_words: int) -> None:
        self.slot_words = slot_words
        self._adopt(words)

    def _adopt(self, words: NDArray[np.int64]) -> None:
        self.X = words
        self.F = words.view(np.float64)
        self.U = words.view(np.uint64)

    @property
    def nbytes(self) -> int:
        """Size of the whole state [bytes]."""
        return self.X.nbytes

    @property
    def now(self) -> float:
        """Time of the last event or sample [s]."""
        return float(self.F[at.NOW])

    def copy(self) -> RunState:
        """The same state in memory of its own: it goes on exactly as this one would."""
        return RunState(self.X.copy(), self.slot_words)

    def reseed(self, seed: np.random.SeedSequence) -> None:
        """Go on with another random stream."""
        self.U[at.RNG : at.RNG + 4] = seed.generate_state(4, np.uint64)

    def grow(self, slots: int) -> None:
        """Add `slots` free slots at the end of the buffer; slots in use stay where they are."""
        begin = len(self.X)
        if (begin // self.slot_words) + slots > MOST_SLOTS:
            raise NotConverged(
                f"more than {MOST_SLOTS:,} attempts are outstanding at {self.now:g} s",
                certificate="the number of attempts stays bounded; lower the arrival rate or the "
                "timeouts, or simulate a shorter time",
            )
        self._adopt(grown(self.X[None], slots, self.slot_words)[0])


def grown(states: NDArray[np.int64], slots: int, slot_words: int) -> NDArray[np.int64]:
    """(n, words) states with `slots` free slots more at the end of each."""
    n, begin = states.shape
    words = np.concatenate([states, np.zeros((n, slots * slot_words), np.int64)], axis=1)
    new = begin + np.arange(slots) * slot_words
    words[:, new[:-1]] = new[1:]
    words[:, new[-1]] = words[:, at.FREE]
    words[:, at.FREE] = new[0]
    words[:, at.FREE_LEFT] += slots
    return words


def new_run(
    compiled: Compiled,
    features: Features,
    seed: np.random.SeedSequence,
    *,
    slots: int | None = None,
) -> RunState:
    """A run at time 0: servers empty, threads idle, caches as warm as the program says.

    State machines start in their stationary law; the remaining lives of warm cache entries are
    uniform over the time to live.

    slots : room for attempts at the start; None for a guess from the program.
    """
    P, G = compiled.words, compiled.words.view(np.float64)
    state = RunState(
        np.zeros(compiled.run_words, np.int64), at.WIDE if features.wide else at.NARROW
    )
    X, F = state.X, state.F
    clocks = P[at.X_CLOCKS]
    F[clocks : clocks + compiled.clocks] = np.inf
    for i in range(len(compiled.servers)):
        v = P[at.X_SERVERS] + i * at.SERVER_WORDS
        F[v + at.SPEED] = 1.0
        F[v + at.TOKENS] = G[P[at.P_SERVERS] + i * at.P_SERVER_WORDS + at.ADMIT_B]
    for i in range(len(compiled.streams)):
        ss = P[at.X_STREAMS] + i * at.STREAM_WORDS
        F[ss + at.FACTOR] = 1.0
        F[ss + at.BUDGET] = G[P[at.P_STREAMS] + i * at.P_STREAM_WORDS + at.BUDGET_BURST]
    if P[at.N_BREAKS] > 0:
        F[clocks] = G[P[at.P_BREAKS]]
    F[at.LOW], F[at.HIGH] = -np.inf, np.inf
    state.reseed(seed)
    own = np.random.SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, 1))
    rng = np.random.Generator(np.random.PCG64(own))
    for i in range(compiled.sources):
        sp = P[at.P_STREAMS] + i * at.P_STREAM_WORDS
        if P[sp + at.ARRIVALS] == at.MACHINE:
            law = G[P[sp + at.P_TABLE] :][: P[sp + at.TABLE_SIZE]]
            phase = min(int(np.searchsorted(law, rng.random(), side="right")), len(law) - 1)
            X[P[at.X_STREAMS] + i * at.STREAM_WORDS + at.PHASE] = phase
    for i, live in enumerate(compiled.warm):
        vp = P[at.P_SERVERS] + i * at.P_SERVER_WORDS
        if P[vp + at.CACHE_KEYS] > 0:
            expiry = F[P[vp + at.X_CACHE] :][: P[vp + at.CACHE_KEYS]]
            expiry[:] = -1.0
            expiry[:live] = rng.random(int(live)) * G[vp + at.CACHE_TTL]
    state.grow(slots if slots is not None else _guess(compiled))
    return state


@functools.cache
def _least(margin: int) -> int:
    return max(64, 4 * margin)


def _guess(compiled: Compiled) -> int:
    """Slots for a start: a small service should never grow, a large one grows a few times."""
    P, G = compiled.words, compiled.words.view(np.float64)
    outstanding = 0.0
    for i in range(compiled.sources):
        sp = P[at.P_STREAMS] + i * at.P_STREAM_WORDS
        if P[sp + at.ARRIVALS] == at.POISSON:
            outstanding += G[sp + at.RATE] * G[sp + at.TIMEOUT]
    for j in range(len(compiled.servers)):
        outstanding += P[P[at.P_SERVERS] + j * at.P_SERVER_WORDS + at.QSIZE]
    return int(min(max(outstanding, _least(int(P[at.MARGIN]))), 2000))
