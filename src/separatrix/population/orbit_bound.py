"""How long an orbit's axis must be: a Poisson law that dominates what waits there.

All requests of a stream, each for a wait, are Poisson in number; without turns of fates no more can wait. With
turns this is not proved, since an attempt that turns to the worse may find the wait of another just over. Then the
mass beyond was at most 1.05 of the bound in 36 programs (load 0.1..0.8, time-outs of 0.5..8 services; a test has the
worst of them). What is not proved is checked: a verdict measures what lies at the bound, given each regime, and is
inconclusive beyond `separatrix.questions.long_run.MOST_AT_BOUND`.
"""

from __future__ import annotations

ORBIT_CUT = 1e-10
"""Most stationary mass that sized orbits may cut off, all together. Given a regime with a share s of all time, up to
1/s of it: 2e-7 was seen at the bound of a geometric orbit whose regime has s = 7e-5."""


def poisson_bound(mean: float, mass: float) -> tuple[int, float]:
    """Smallest n with P(Poisson(mean) >= n) <= mass, and that probability."""
    from scipy.special import pdtrc  # scipy.stats would cost half a second of start-up

    def beyond(n: int) -> float:
        return float(pdtrc(n - 1, mean)) if n > 0 else 1.0

    low, high = 0, 1
    while beyond(high) > mass:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if beyond(middle) > mass else (low, middle)
    return high, beyond(high)
