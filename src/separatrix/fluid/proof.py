r"""Every fixed point of one plain server, proved: an interval test over the whole range of queue lengths.

While the queue is held at q, each source's orbits rest at one point, so that the fixed points are the roots of

.. math::
    g(q) = r(q)\,A(q) - \mu \min(q, c), \qquad A = \sum_i \lambda_i\,n(f_i), \qquad
    f_i = 1 - r(q)\,(1 - p_i(q)),

with r the room in the last place, :math:`p_i` the chance to be late, and n attempts for a chance f to fail
each: :math:`\sum_{a \le R} f^a` by attempt, :math:`1/(1 - f R/(R+1))` for the geometric orbit. Both g and its
derivative are enclosed (`separatrix.fluid.tail_slope`). A stretch of queue lengths where the enclosure of g leaves
out 0 has no root; one where that of g' does has one where g changes sign, and else none; any other is halved.
When none is left the roots are counted, each alone in its interval: existence by the sign change, uniqueness by
the derivative, as in the interval Newton test (Krawczyk, Computing 4, 1969; Neumaier, Interval Methods for
Systems of Equations, 1990).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from separatrix.fluid.field import FluidClosure
from separatrix.fluid.interval import Interval, exact, rising
from separatrix.fluid.tail_slope import tail_slope
from separatrix.model import Exponential, Fifo, Poisson, Program
from separatrix.population.network import Stream, network_of
from separatrix.population.sojourn import sojourn_tail

_FIRST = 64
_ROUNDS = 44  # a stretch is then as short as floats allow
_MOST = 4000


@dataclass(frozen=True)
class Proof:
    """All resting queue lengths of a program with one server.

    Attributes
    ----------
    isolated : (low, high) of the queue, one for each fixed point: exactly one lies inside, none outside.
    halvings : rounds that it took.
    """

    isolated: tuple[tuple[float, float], ...]
    halvings: int


def proved(program: Program, closure: FluidClosure = "staged") -> Proof | None:
    """The proof, or None: where the program is more than one plain server, or rounding leaves a stretch open.

    Plain: exponential service of one rate, first in first out, a bounded queue; Poisson sources that discard
    late responses, without budget or breaker.
    """
    if not _plain(program):
        return None
    balance = _Balance(program, closure)
    # roots are often round numbers: the first ends are not
    even = (np.arange(_FIRST) + 0.381966) / _FIRST * balance.size
    knots = np.unique(np.concatenate([even, balance.corners]))
    low, high = knots[:-1], knots[1:]
    found: list[tuple[float, float]] = []
    for halvings in range(_ROUNDS):
        open_ = balance.drift(Interval(low, high)).sign == 0
        low, high = low[open_], high[open_]
        steady = balance.slope(Interval(low, high)).sign != 0
        ends = balance.drift(exact(np.stack([low, high]))).sign
        if np.any(steady & (ends == 0).any(axis=0)):
            return None
        root = steady & (ends[0] * ends[1] < 0)
        found += list(zip(low[root].tolist(), high[root].tolist(), strict=True))
        low, high = low[~steady], high[~steady]
        if not len(low):
            return Proof(tuple(sorted(found)), halvings)
        middle = 0.5 * (low + high)
        if len(low) > _MOST or np.any((middle <= low) | (middle >= high)):
            return None
        low, high = np.concatenate([low, middle]), np.concatenate([middle, high])
    return None


def _plain(program: Program) -> bool:
    if len(program.servers) != 1:
        return False
    (server,) = program.servers
    extras = (server.admission, server.slowdown, server.cache)
    works = server.apis.values()
    return (
        extras == (None, None, None)
        and isinstance(server.discipline, Fifo)
        and not (server.drop_expired or server.fail_fast)
        and all(isinstance(w.law, Exponential) and not w.downstream for w in works)
        and len({w.processing_rate for w in works}) == 1
        and all(
            isinstance(s.arrivals, Poisson)
            and s.budget is None
            and s.breaker is None
            and s.late_responses == "discard"
            for s in program.sources
        )
    )


class _Balance:
    """g and its derivative over intervals of the queue length."""

    def __init__(self, program: Program, closure: FluidClosure) -> None:
        (server,) = program.servers
        self._threads, self.size = server.thread_pool, float(server.qsize)
        self._mu = next(iter(server.apis.values())).processing_rate
        self._geometric = closure == "geometric"
        self._streams = [s for s in network_of(program).streams if s.rate > 0]
        inner = (self._threads - 1.0, float(self._threads), self.size - 1.0)
        self.corners = np.array([0.0, *inner, self.size])

    def drift(self, q: Interval) -> Interval:
        """g [1/s]."""
        room = self._room(q)
        served = Interval(*(np.minimum(end, self._threads) for end in (q.low, q.high)))
        total = exact(np.zeros(np.shape(q.low)))
        for stream in self._streams:
            total = total + exact(stream.rate) * self._attempts(
                stream, self._fails(stream, q, room)
            )
        return room * total - exact(self._mu) * served

    def slope(self, q: Interval) -> Interval:
        """The derivative of g [1/s], one-sided where a corner is an end."""
        room = self._room(q)
        falls = _step(q, self.size - 1.0, 0.0, -1.0)
        total = by_queue = exact(np.zeros(np.shape(q.low)))
        for stream in self._streams:
            fails = self._fails(stream, q, room)
            rate = exact(stream.rate)
            total = total + rate * self._attempts(stream, fails)
            late = self._late(stream, q)
            # f' = -r' (1 - p) + r p'
            moved = room * self._late_slope(stream, q) - falls * (exact(1.0) - late)
            by_queue = by_queue + rate * (self._attempts_slope(stream, fails) * moved)
        served = _step(q, float(self._threads), 1.0, 0.0)
        return falls * total + room * by_queue - exact(self._mu) * served

    def _room(self, q: Interval) -> Interval:
        left = exact(self.size) - q
        return left.within(0.0, 1.0)

    def _late(self, stream: Stream, q: Interval) -> Interval:
        if not np.isfinite(stream.timeout):
            return exact(np.zeros(np.shape(q.low)))
        return rising(lambda n: sojourn_tail(n, stream.timeout, self._mu, self._threads), q).within(
            0.0, 1.0
        )

    def _late_slope(self, stream: Stream, q: Interval) -> Interval:
        if not np.isfinite(stream.timeout):
            return exact(np.zeros(np.shape(q.low)))
        ahead = q - exact(self._threads - 1.0)
        x = self._threads * self._mu * stream.timeout
        slope = tail_slope(ahead.within(0.0, np.inf), x, self._threads)
        return slope * _step(q, self._threads - 1.0, 0.0, 1.0)

    def _fails(self, stream: Stream, q: Interval, room: Interval) -> Interval:
        one = exact(1.0)
        return (one - room * (one - self._late(stream, q))).within(0.0, 1.0)

    def _attempts(self, stream: Stream, fails: Interval) -> Interval:
        if self._geometric:
            return exact(1.0) / (exact(1.0) - self._again(stream) * fails)
        total = exact(np.ones(np.shape(fails.low)))
        for _ in range(stream.retries):
            total = exact(1.0) + fails * total
        return total

    def _attempts_slope(self, stream: Stream, fails: Interval) -> Interval:
        if self._geometric:
            kept = exact(1.0) - self._again(stream) * fails
            return self._again(stream) / (kept * kept)
        total = exact(np.zeros(np.shape(fails.low)))
        for a in range(stream.retries, 0, -1):
            total = exact(float(a)) + fails * total
        return total

    @staticmethod
    def _again(stream: Stream) -> Interval:
        return exact(float(stream.retries)) / exact(stream.retries + 1.0)


def _step(q: Interval, corner: float, below: float, above: float) -> Interval:
    """A derivative that is one number below a corner and another above; both where q straddles it."""
    left, right = q.high <= corner, q.low >= corner
    return Interval(
        np.where(left, below, np.where(right, above, min(below, above))),
        np.where(left, below, np.where(right, above, max(below, above))),
    )
