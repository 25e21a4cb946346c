r"""What the number of doomed among those who wait says of their chances.

Of a busy server with a queue of q, seen backwards, attempts came as a Poisson stream of rate :math:`c\mu` (the
departures of the reversed queue), N of the kind in question within the time-out T. The one that came u ago stands
behind q - 1 less those that came after it; it is late with the chance P that no more are served in the T - u that
are left, and :math:`\operatorname{E} P = p(q - 1)` whatever u. Two that came u < v ago share what came within u, so
that their lateness is that of two normal variables of correlation :math:`\rho = u/T`, each below its bound; and the
younger is *one of those that came after the older*, which stands one place further ahead for it: its bound is that
of a queue shorter by one. With :math:`\Phi(h_n) = p(n - 1)`, :math:`\Phi_2` the law of the two, u, v even over T,

.. math::
    m = \operatorname{E} P^2 = \int_0^1 \Phi_2(h_q, h_q; \rho)\,d\rho, \qquad
    C = 2 \int_0^1 (1 - \rho)\,\Phi_2(h_q, h_{q-1}; \rho)\,d\rho - p^2 ,

m of one and C, the covariance, of two. What the place of the other takes from C is about
:math:`p\,(p(q-1) - p(q-2))`: as much as all the rest where some ten attempts wait, so that C is negative where most
are late. A service takes :math:`P - P^-` from each chance, :math:`P^-` that of a queue shorter by one; the same
integrals between :math:`P - P^-` and P are :math:`m_\Delta` and :math:`C_\Delta`.

As their number is Poisson, the sum :math:`\Sigma` of the chances has the variance :math:`N(m + NC)`. The number o of
doomed (a uniform number below one's chance) has N(p - m) more, the noise of those numbers, so that the best linear
estimates by o (Buehlmann's credibility) of :math:`\Sigma`, and of what a service takes from it, have the slopes

.. math::
    Z = \frac{m + NC}{p + NC}, \qquad Z_\delta = \frac{m_\Delta + N C_\Delta}{p + NC} ,

and :math:`N C_\Delta / (p + NC)` is that of what it takes from those that are not doomed: the number of these, a
thinned Poisson stream, knows nothing of o.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from separatrix.population.lattice import Array

_POINTS = np.polynomial.legendre.leggauss(24)
_ANGLES, _WEIGHTS = 0.25 * np.pi * (_POINTS[0] + 1.0), 0.25 * np.pi * _POINTS[1]
_FAR = 38.0
"""Beyond so many deviations a normal law has no mass that a float could hold."""


@dataclass(frozen=True)
class Credibility:
    """How the sums over those who wait follow their doomed; each slope is by one doomed more than N p.

    Attributes
    ----------
    chances : of the sum of their chances to be late, 0..1.
    taken : of what a service takes from it.
    worse : of what it takes from those that are not doomed.
    """

    chances: Array
    taken: Array
    worse: Array


@dataclass(frozen=True)
class Chances:
    """Moments of the chances to be late of attempts that wait, all in the shape of the queue lengths asked.

    Attributes
    ----------
    late : p(q - 1), the mean; gain : what a service takes from it, p(q - 1) - p(q - 2).
    own, own_gain : m and :math:`m_\\Delta`, of one attempt.
    shared, shared_gain : C and :math:`C_\\Delta`, of two.
    """

    late: Array
    gain: Array
    own: Array
    own_gain: Array
    shared: Array
    shared_gain: Array

    def slopes(self, waiting: Array) -> Credibility:
        """Slopes where N = `waiting` attempts of the kind are there, in the mean."""
        known = np.maximum(self.own + waiting * self.shared, 0.0)
        spread = known + np.maximum(self.late - self.own, 0.0)
        safe = np.where(spread > 0.0, spread, 1.0)
        told = waiting * self.shared_gain
        return Credibility(known / safe, (self.own_gain + told) / safe, told / safe)


def chances(late: Array, one_less: Array, two_less: Array) -> Chances:
    """The moments, by p(q - 1), p(q - 2) and p(q - 3)."""
    gain = np.maximum(late - one_less, 0.0)
    own, shared = _joint(late, late)[0], _joint(late, one_less)[1]
    own_gain = own - _joint(late, one_less)[0]
    both = 2.0 * shared - _joint(late, two_less)[1] - _joint(one_less, one_less)[1]
    return Chances(late, gain, own, own_gain, shared - late**2, 0.5 * both - late * gain)


def _joint(one: Array, other: Array) -> tuple[Array, Array]:
    r"""Integrals over :math:`\rho` of :math:`\Phi_2(h, k; \rho)`, even and weighted by :math:`2 (1 - \rho)`.

    Plackett's :math:`\partial \Phi_2 / \partial \rho = \varphi_2` (Biometrika 41, 1954) leaves one integral,

    .. math:: \Phi(h)\,\Phi(k) + \int_0^{\pi/2} (1 - \sin\theta)^{1, 2}\,
       \exp\Bigl(-\frac{h^2 + k^2 - 2 h k \sin\theta}{2 \cos^2\theta}\Bigr) \frac{d\theta}{2\pi} .
    """
    from scipy.special import ndtri

    h, k = (np.clip(ndtri(np.asarray(p, dtype=np.float64)), -_FAR, _FAR) for p in (one, other))
    even = weighted = np.asarray(one * other, dtype=np.float64)
    for angle, weight in zip(_ANGLES.tolist(), _WEIGHTS.tolist(), strict=True):
        far, sine = 2.0 * np.cos(angle) ** 2, np.sin(angle)
        # (h - k)^2 apart, for h = k the rest is smooth up to the right angle
        exponent = (h - k) ** 2 / far + h * k / (1.0 + sine)
        density = np.exp(-exponent) * weight / (2.0 * np.pi)
        even = even + (1.0 - sine) * density
        weighted = weighted + (1.0 - sine) ** 2 * density
    return even, weighted
