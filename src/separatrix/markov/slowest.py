"""Whether the slowest mode of a spectrum can be trusted to stand for a whole law's approach to its limit."""

from __future__ import annotations

from math import exp, inf, log
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from separatrix.markov.spectrum import Spectrum

Array: TypeAlias = NDArray[np.float64]

_ROUNDED = 64.0 * 2.0**-52  # of balanced modes, relative to their largest entry


def log_reach(start: Array, log_pi: Array) -> float:
    r"""Logarithm of :math:`(\sum_x \mu_x^2 / \pi_x)^{1/2}`, which no mode of a reversible chain outweighs; over
    the recurrent states."""
    live = (start > 0.0) & np.isfinite(log_pi)
    logs = 2.0 * np.log(start[live]) - log_pi[live]
    return 0.5 * float(np.logaddexp.reduce(logs)) if logs.size else 0.0


def drowned(modes: Spectrum) -> float:
    """Relative error that rounding leaves in the sum of the slowest left mode.

    Modes are found balanced, left ones over the root of the law: what is largest there, in rare states, rounds
    the entries of the likely ones, and these make most of the sum.
    """
    half = 0.5 * modes.law.log_pi.reshape(-1)
    size = np.abs(modes.left[1]).reshape(-1)
    live = np.isfinite(half) & (size > 0.0)
    top = float((np.log(size[live]) - half[live]).max(initial=-inf))
    noise = log(_ROUNDED) + top + float(np.logaddexp.reduce(half)) - log(float(size.sum()))
    return exp(min(noise, 700.0))
