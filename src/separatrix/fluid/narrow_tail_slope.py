r"""How fast the chance of being late grows with the queue, enclosed closely over a narrow box.

The chance behind k departures is :math:`p(k) = \Gamma(k)^{-1} \int \varphi(u)\,u^{k-1} e^{-u}\,du` with
:math:`0 \le \varphi \le 1` (`separatrix.fluid.tail_slope`). It is analytic, and in a disc of radius :math:`\rho < k`

.. math:: |p(z)| \le B = p(k + \rho)\,G, \qquad G = \frac{\Gamma(k - \rho)}{|\Gamma(k - \rho + i\rho)|},

as p rises on the real line, and the quotient falls with the real part and rises with the imaginary one. Cauchy's
estimate, :math:`|p^{(m)}| \le m!\,B/\rho^m`, bounds the error of a difference of fourth order, and what a narrow
range of k adds; and of the range of x = at, with :math:`|\partial_x p(z)| \le G/c`.
"""

from __future__ import annotations

import numpy as np

from separatrix.fluid.interval import LIBRARY, Interval
from separatrix.population import Array
from separatrix.population.sojourn import sojourn_tail

_STEP = 0.01  # of rho


def narrow_tail_slope(k: Interval, x: Interval, threads: int) -> Interval | None:
    """Enclosure of p'(k) per departure, for one box of k > 0 and x = c mu t; None where it is not narrow enough."""
    from scipy.special import gammaln, loggamma

    middle, half = 0.5 * float(k.low + k.high), 0.5 * float(k.high - k.low)
    at, spread = 0.5 * float(x.low + x.high), 0.5 * float(x.high - x.low)
    rho = min(0.5 * middle, (1.0 + middle) ** 0.5)
    h = _STEP * rho
    if not half < h or k.low <= 0:
        return None

    def late(shift: Array) -> Array:
        return sojourn_tail(middle + shift + threads - 1.0, 1.0, at / threads, threads)

    behind, before, after, ahead, far = late(np.array([-2 * h, -h, h, 2 * h, rho]))
    left = middle - rho
    growth = float(np.exp(gammaln(left) - loggamma(complex(left, rho)).real)) * (1.0 + 1e-9)
    bound = min(float(far) * (1.0 + LIBRARY), 1.0) * growth
    slope = (8.0 * (after - before) - (ahead - behind)) / (12.0 * h)
    rounding = LIBRARY * (8.0 * (after + before) + ahead + behind) / (12.0 * h)
    truncated = 4.0 * h**4 * bound / (rho - 2.0 * h) ** 5
    wide = 2.0 * bound * half / (rho - half) ** 2 + growth * spread / (threads * (rho - half))
    # the ends of the ranges themselves are rounded
    error = (rounding + truncated + wide) * (1.0 + 1e-6) + 1e-300
    return Interval(np.asarray(max(slope - error, 0.0)), np.asarray(slope + error))
