r"""A look-aside cache beside a station: the number of dead keys as an axis (0 is a warm cache).

Of K keys, D are dead; a live entry ends at rate :math:`1/\tau` and a completed service fills a key.
Attempts reach the queue for dead keys only, but several may wait for the same key: q of them for
D dead keys ask for :math:`D(1 - e^{-q/D})` different ones, so that a completion
fills a dead key with probability

.. math:: \varphi = \min\bigl(1, \tfrac{D}{q} (1 - e^{-q/D})\bigr).

A new request hits with probability 1 - D/K. A retry asks for the key that was dead when its request
came: it hits if somebody else filled it meanwhile, :math:`1 - e^{-\theta w / K}` after a wait w at
:math:`\theta` completions per second.

With many keys the axis counts them in bundles of equal size; the mean is the same, the noise larger.
"""

from __future__ import annotations

import numpy as np

from separatrix.model.service import LookAsideCache
from separatrix.population.frame import Frame, Outcome, RateFunction, rest
from separatrix.population.lattice import Array, State

BUNDLES = 32
"""Most values, less one, of the axis of dead keys."""


class Cache:
    """The cache of one station.

    Attributes
    ----------
    axis : of the dead keys, in bundles.
    """

    def __init__(
        self, frame: Frame, server: str, cache: LookAsideCache, queue: int, done: RateFunction
    ) -> None:
        self._keys, self._ttl, self._queue, self._done = cache.keys, cache.ttl, queue, done
        self.bundles = min(cache.keys, BUNDLES)
        self._bundle = cache.keys / self.bundles
        self.axis = frame.axis(f"cold[{server}]", self.bundles + 1, "cache")
        frame.move(
            f"entry of {server} ends",
            # below zero beyond the last value, where only the mean dynamics look: they are led back
            lambda x: (self.bundles - x[self.axis]) / cache.ttl,
            {self.axis: 1},
        )
        frame.note(
            "cache entries live exponential times of the mean ttl; the keys waited for are spread "
            "evenly over the dead ones"
        )
        if self._bundle > 1:
            frame.note(f"cache entries are counted in bundles of {self._bundle:g} keys")

    def hit(self, x: State) -> Array:
        """Probability that a new request hits."""
        return np.clip(1.0 - x[self.axis] / self.bundles, 0.0, 1.0)

    def hit_again(self, wait: float) -> RateFunction:
        """Probability that a request that missed hits when it comes back after `wait` [s]."""
        return lambda x: 1.0 - np.exp(-self._done(x) * wait / self._keys)

    def filled(self) -> list[Outcome]:
        """A service is completed: it may fill a dead key."""
        axis = self.axis

        def fills(x: State) -> Array:
            dead = self._bundle * x[axis]
            load = x[self._queue] / np.maximum(dead, 1e-12)
            distinct = np.where(load > 1e-9, -np.expm1(-load) / np.maximum(load, 1e-9), 1.0)
            return distinct * np.minimum(x[axis], 1.0) / self._bundle

        return [Outcome(fills, {axis: -1}), Outcome(rest([fills]), {})]
