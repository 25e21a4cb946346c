"""How long an orbit's axis must be: a Poisson law that dominates what waits there."""

from __future__ import annotations

ORBIT_CUT = 1e-10
"""Most stationary mass that sized orbits may cut off, all together: a tenth of what is promised,
so that the promise (1e-9) also holds for the law given that the service is stuck."""


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
