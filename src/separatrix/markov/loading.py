"""When the compiled code of nested dissection is loaded: once waiting for it has cost as much.

Loading takes about half a second of a process's life and makes lattices of 500 to 12,000 states three to
six times as fast. Whoever asks for one of them must not wait for it, whoever sweeps over hundreds should not
do without: so lattices go by levels until these eliminations together have cost what loading costs, and
nested from then on. At worst that is twice the cost of knowing beforehand (Karlin et al., Algorithmica 3
(1988) 79).
"""

from __future__ import annotations

import sys

_LOADING = 0.5  # CPU seconds
_STATE = 8e-6  # CPU seconds by levels for each state
_MULTIPLICATION = 1e-9  # and for each multiplication


class _Spent:
    """CPU seconds that eliminations by levels have taken in this process, as estimated from their sizes."""

    seconds = 0.0


def worth_loading(states: int, width: int) -> bool:
    """Whether one more elimination should use compiled code; counts it as done by levels if not.

    Parameters
    ----------
    states : how many are kept.
    width : states of a level.
    """
    if "separatrix.markov.nested.solver" in sys.modules:
        return True
    if _Spent.seconds >= _LOADING:
        return True
    _Spent.seconds += states * (_STATE + width**2 * _MULTIPLICATION)
    return False
