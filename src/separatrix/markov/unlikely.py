"""How far down a computed law can be trusted, and its unlikely part found again where it cannot.

Eliminations and iterations alike keep what lies within the range of a float64. Entries that are less
likely than `HELD` beside the likeliest may have lost something; they are found again from the others
(see `nested.deepening`), with a bound.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from separatrix.markov.conservation import state_imbalance
from separatrix.markov.generator import Chain
from separatrix.markov.scaled import Scaled

Array: TypeAlias = NDArray[np.float64]

BALANCED = 1e-9
"""Relative imbalance of a state, and bound on an entry's error, up to which an entry is certified."""

HELD = -575.0
"""Logarithm of 1e-250: what an entry may be beside the largest and still be taken as eliminated."""

_DEEP = -900  # power of two below which an entry may have lost something beside the largest one


@dataclass(frozen=True)
class Trusted:
    """A law, and down to where it is right as far as can be told.

    Attributes
    ----------
    law : probabilities, flat.
    imbalance : (n,) relative difference of inflow and outflow of each state.
    floor : logarithm of the probability down to which entries are certified; ``-inf`` where all are.
    bound : relative error of the entries below `HELD`, given the others; 0 where there are none.
    """

    law: Scaled
    imbalance: Array
    floor: float
    bound: float


def is_deep(law: Scaled) -> bool:
    """Whether some entries may have left the range in which eliminations keep all digits."""
    return int((law.exponent - law.exponent.max()).min()) < _DEEP


def trusted(chain: Chain, law: Scaled) -> Trusted:
    """A law with its unlikely entries found again, where it has such and the chain is on a lattice."""
    floor, bound = -inf, 0.0
    if is_deep(law) and chain.listed is None:
        # not at module level: it brings numba
        from separatrix.markov.nested.deepening import deepened

        log = law.log()
        floor = float(log.max()) + HELD
        found = deepened(chain, law, log < floor)
        bound = found.error
        if bound <= BALANCED:
            law, floor = found.law, -inf
    imbalance = state_imbalance(chain, law)
    wrong = imbalance > BALANCED
    return Trusted(law, imbalance, max(floor, float(law.log()[wrong].max(initial=-inf))), bound)
