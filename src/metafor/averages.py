r"""Averages over a law of the states, as Metafor defines them.

With m and v the queue's mean and variance, :math:`\mu` the arrival-weighted mean of the service rates, and
:math:`w_i` and :math:`\mu_i` the share and service rate of source i,

.. math:: \text{throughput}_i = w_i\,\mu\,P(q > 0),\quad \text{latency}_i = \frac{w_i m + 1}{\mu_i},\quad
   \text{latency variance}_i = \frac{w_i^2 v + w_i m + 2}{\mu_i^2} .

These three are kept as Metafor has them: they take every server for single-threaded, share the queue out between
the sources, and count the request's own service twice in the variance. What separatrix itself says
is in `separatrix.markov.steady`; see docs/why/metafor.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from metafor.chain import Array, Chain
from separatrix.errors import ModelError, Problem
from separatrix.markov import latency
from separatrix.model import Server, Source
from separatrix.population import Population, Sojourn
from separatrix.population.sojourn import sojourn_moments, sojourn_tail


class Averages(Chain):
    """A population of one queue and one orbit, and its averages.

    Parameters
    ----------
    population : from `separatrix.population.metafor.metafor`.
    server : its server.
    sources : its sources; a ``req_type`` is a place in this sequence.
    """

    def __init__(self, population: Population, server: Server, sources: Sequence[Source]) -> None:
        super().__init__(population)
        self.qsize, self.orbit_size = population.shape
        self._threads = server.thread_pool
        self._mus = np.array([server.apis[s.api].processing_rate for s in sources])
        rates = np.array([s.mean_rate for s in sources])
        self._shares = rates / rates.sum()
        self._mu = float(self._shares @ self._mus)
        r = float(self._shares @ np.array([s.retries for s in sources]))
        timeout = float(self._shares @ np.array([s.timeout for s in sources]))
        self._giving_up = 1.0 / ((r + 1.0) * timeout)

    # --- queue and orbit -------------------------------------------------------------------------

    def main_queue_size_average(self, pi: Array) -> float:
        """Mean number of requests at the server."""
        return float(self._queue(pi) @ np.arange(self.qsize))

    def main_queue_size_variance(self, pi: Array, mean: float) -> float:
        """Mean squared distance of that number from `mean`."""
        return float(self._queue(pi) @ (np.arange(self.qsize) - mean) ** 2)

    def main_queue_size_std(self, pi: Array, mean: float) -> float:
        """Square root of `main_queue_size_variance`."""
        return float(np.sqrt(self.main_queue_size_variance(pi, mean)))

    def main_queue_size_analysis(self, pi: Array) -> dict[str, Any]:
        """Mean, variance, standard deviation and law of the number of requests at the server."""
        mean = self.main_queue_size_average(pi)
        return {
            "mean": mean,
            "variance": self.main_queue_size_variance(pi, mean),
            "std": self.main_queue_size_std(pi, mean),
            "marginal": self._queue(pi),
        }

    def queue_full_probability(self, pi: Array) -> float:
        """Probability of the longest queue, ``qsize - 1``."""
        return float(self._queue(pi)[-1])

    def retry_queue_size_average(self, pi: Array) -> float:
        """Mean number of requests in the orbit."""
        return float(self._orbit(pi) @ np.arange(self.orbit_size))

    def retry_queue_size_variance(self, pi: Array, mean: float) -> float:
        """Mean squared distance of that number from `mean`."""
        return float(self._orbit(pi) @ (np.arange(self.orbit_size) - mean) ** 2)

    # --- by type of request ----------------------------------------------------------------------

    def throughput_average(self, pi: Array, req_type: int) -> float:
        """Served requests per second, as if there were one thread."""
        busy = float(self._queue(pi)[1:].sum())
        return self._mu * busy * self._share(req_type)

    def failure_rate_average(self, pi: Array, req_type: int) -> float:
        """Requests given up per second after their last attempt, out of the orbit."""
        return self._giving_up * self.retry_queue_size_average(pi) * self._share(req_type)

    def latency_average(self, pi: Array, req_type: int) -> float:
        """Metafor's mean time at the server [s]; see the module's description."""
        mean = self._share(req_type) * self.main_queue_size_average(pi)
        return (mean + 1.0) / float(self._mus[req_type])

    def latency_variance(self, pi: Array, req_type: int) -> float:
        """Metafor's variance of that time [s^2]; see the module's description."""
        share, m = self._share(req_type), self.main_queue_size_average(pi)
        spread = share**2 * self.main_queue_size_variance(pi, m) + share * m + 2.0
        return spread / float(self._mus[req_type]) ** 2

    def latency_std(self, pi: Array, req_type: int) -> float:
        """Square root of `latency_variance`."""
        return float(np.sqrt(self.latency_variance(pi, req_type)))

    def latency_percentile(self, pi: Array, req_type: int, percentile: float = 50.0) -> float:
        """The time [s] within which that share of the requests leaves the server.

        Metafor's own is broken; this one is the percentile of the time of an arrival that finds the
        queue in the law `pi`, first in first out, with the server's number of threads. All sources
        share the queue, so that all have the same.

        Parameters
        ----------
        percentile : in (0, 100).
        """
        self._share(req_type)
        mu, c = self._mu, self._threads
        sojourn = Sojourn(
            "request",
            tail=lambda x, t: sojourn_tail(x[0], t, mu, c),
            moments=lambda x: sojourn_moments(x[0], mu, c),
            weight=lambda x: np.ones_like(x[0]),
        )
        seen = replace(self.law, pi=self._in(pi))
        return latency(seen, sojourn, [percentile / 100.0]).percentiles[percentile / 100.0]

    def _queue(self, pi: Array) -> Array:
        return self._in(pi).sum(axis=1)

    def _orbit(self, pi: Array) -> Array:
        return self._in(pi).sum(axis=0)

    def _share(self, req_type: int) -> float:
        if not 0 <= req_type < self._shares.size:
            raise ModelError(
                Problem(
                    f"there is no request type {req_type}",
                    hint=f"types are the places of the sources, 0..{self._shares.size - 1}",
                )
            )
        return float(self._shares[req_type])
