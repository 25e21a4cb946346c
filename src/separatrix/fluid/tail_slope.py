r"""How fast the chance of being late grows with the queue, enclosed.

Behind k departures at rate :math:`a = c\mu` an attempt is late with chance

.. math:: p(k) = E\,\varphi(X_k), \qquad \varphi(u) = \min(1, e^{-(x-u)/c}), \quad x = at,

with :math:`X_k` gamma distributed of shape k (`separatrix.population.sojourn`). :math:`X_k` is a gamma process in
k, whose jumps y come at rate :math:`e^{-y}/y\,dy`; its generator gives, with :math:`w = x - u > 0`,

.. math::
    p'(k) = E\,D(x - X_k), \qquad
    D(w) = e^{-w/c}\int_{(1-1/c)w}^{w} \frac{1-e^{-s}}{s}\,ds + (1 - e^{-w/c})\,E_1(w) \ge 0 .

Every factor of D rises or falls with w, and P(X_k <= u) falls with k: over cells of u all is enclosed by ends.
"""

from __future__ import annotations

import numpy as np

from separatrix.fluid.interval import Interval, exact, falling, rising
from separatrix.population import Array

_CELLS = 96


def tail_slope(k: Interval, x: float, threads: int) -> Interval:
    """Enclosure of p'(k) per departure, in the shape of `k` >= 0; `x` = c mu t."""
    from scipy.special import gammainc

    ends = np.unique(
        np.concatenate([np.linspace(0.0, x, _CELLS), x - np.geomspace(1e-6, 1.0, _CELLS // 3) * x])
    )
    weight = _jumps(Interval(x - ends[1:], x - ends[:-1]), threads)
    shapes = Interval(np.maximum(k.low, 1e-300)[..., None], np.maximum(k.high, 1e-300)[..., None])
    below = falling(lambda shape: gammainc(shape, ends), shapes).within(0.0, 1.0)
    mass = Interval(below.low[..., 1:], below.high[..., 1:]) - Interval(
        below.low[..., :-1], below.high[..., :-1]
    )
    return (mass.within(0.0, 1.0) * weight).total().within(0.0, np.inf)


def _jumps(w: Interval, threads: int) -> Interval:
    """D over cells of w >= 0."""
    from scipy.special import exp1

    share = 1.0 / threads

    def between(v: Array) -> Array:
        return np.asarray(_entire(v) - _entire((1.0 - share) * v))

    # the difference of two entire integrals loses digits for small w: an absolute error is allowed
    grown = rising(between, w)
    grown = Interval(np.maximum(grown.low - 1e-13, 0.0), grown.high + 1e-13)
    stays = falling(lambda v: np.exp(-share * v), w)
    leaves = rising(lambda v: -np.expm1(-share * v), w)
    # E_1 has no end at 0, where (1 - e^{-w/c}) E_1(w) <= (w/c) E_1(w) goes to 0 and is below 1/(c e)
    over = falling(lambda v: exp1(np.maximum(v, 1e-300)), w)
    most = exact(np.full(np.shape(w.low), 0.37 * share))
    product = leaves * over
    return stays * grown + Interval(product.low, np.minimum(product.high, most.high))


def _entire(z: Array) -> Array:
    r""":math:`\int_0^z (1 - e^{-s})/s\,ds`."""
    from scipy.special import exp1

    with np.errstate(divide="ignore", invalid="ignore"):
        large = exp1(z) + np.log(z) + np.euler_gamma
    series = z - z**2 / 4 + z**3 / 18 - z**4 / 96 + z**5 / 600 - z**6 / 4320
    return np.where(z > 0.02, large, series)
