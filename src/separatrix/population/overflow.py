r"""How many were refused lately by a queue that is not full now.

Seen backwards, a queue is a walk of drift :math:`\nu = A - a` and variance :math:`\sigma^2 = A + a` a second
(attempts are sent at A, and served at a by a server that is always busy) that is held at its bound, b places above.
What holds it there is what was refused, and that is by how much the free walk X would have passed the bound
(Harrison, Brownian Motion and Stochastic Flow Systems, 1985, 1.8 and 2.2): with :math:`s = \sigma \sqrt T`,
:math:`n = \nu T / s`, :math:`\beta = b / s` and :math:`z = n - \beta`

.. math::
    L = \operatorname{E} \bigl(\max_{u \le T} X_u - b\bigr)^+ = s \Bigl[ z\,\Phi(z) + \varphi(z) +
    \frac{\Phi(z) - e^{2 n \beta}\,\Phi(-n - \beta)}{2 n} \Bigr] .
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from separatrix.population.lattice import Array

_LEVEL = 1e-5
"""Drifts below this share of a deviation count as none: there the last term is 0/0, and its limit as good."""


def refused_lately(places: ArrayLike, sent: ArrayLike, served: ArrayLike, duration: float) -> Array:
    r"""Mean number of attempts refused within the last `duration`, L.

    Parameters
    ----------
    places : b, the places left now, >= 0.
    sent, served : A and a [1/s], A + a > 0.
    duration : T [s], > 0.

    Returns
    -------
    Numbers, in the common shape.
    """
    from scipy.special import log_ndtr, ndtr

    b, sent, served = (np.asarray(x, dtype=np.float64) for x in (places, sent, served))
    s = np.sqrt((sent + served) * duration)
    n, beta = (sent - served) * duration / s, b / s
    z = n - beta
    flat = np.abs(n) < _LEVEL
    drift = np.where(flat, 1.0, n)
    returns = (ndtr(z) - np.exp(2.0 * drift * beta + log_ndtr(-drift - beta))) / (2.0 * drift)
    level = _density(z) - beta * ndtr(-beta)
    found = s * (z * ndtr(z) + _density(z) + np.where(flat, level, returns))
    return np.asarray(np.maximum(found, 0.0), dtype=np.float64)


def _density(z: Array) -> Array:
    return np.asarray(np.exp(-0.5 * z**2) / np.sqrt(2.0 * np.pi), dtype=np.float64)
