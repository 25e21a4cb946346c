import numpy as np

from separatrix.markov.classes import can_reach, closed_classes, reachable_from
from separatrix.markov.generator import chain_from_matrix


def test_classes_and_reach():
    # 0 <-> 1 -> 2 <-> 3, 4 absorbing, 5 -> 0
    rates = np.zeros((6, 6))
    for i, j in [(0, 1), (1, 0), (1, 2), (2, 3), (3, 2), (5, 0)]:
        rates[i, j] = 1.0
    chain = chain_from_matrix(rates)
    assert [c.tolist() for c in closed_classes(chain)] == [[2, 3], [4]]

    def mask(*states):
        return np.isin(np.arange(6), states)

    assert np.flatnonzero(can_reach(chain, mask(1, 4))).tolist() == [0, 1, 4, 5]
    assert np.flatnonzero(reachable_from(chain, mask(5), mask(1))).tolist() == [0, 1, 5]
    assert np.flatnonzero(reachable_from(chain, mask(5), mask(4))).tolist() == [0, 1, 2, 3, 5]
