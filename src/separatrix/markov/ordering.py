"""The order in which states are eliminated: level by level along the longest axis."""

from __future__ import annotations

from typing import Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from separatrix.markov.generator import Chain

Index: TypeAlias = NDArray[np.int64]


def elimination_order(chain: Chain, states: Index) -> tuple[Index, int]:
    """The given states in an order of small bandwidth, and that bandwidth.

    On a lattice the longest axis varies slowest, so that one level of it couples to the next only;
    the bandwidth is about the product of the other axes. Elsewhere the given order is kept
    unless the reverse Cuthill-McKee order has a smaller bandwidth.

    Parameters
    ----------
    chain : the rates.
    states : row-major numbers of the states to order.

    Returns
    -------
    order : the same numbers, reordered.
    width : largest distance in the order between two states joined by an edge.
    """
    if chain.listed is None and len(chain.shape) > 1:
        axes = sorted(range(len(chain.shape)), key=lambda i: -chain.shape[i])
        values = np.unravel_index(states, chain.shape)
        rank = np.ravel_multi_index(
            tuple(values[i] for i in axes), tuple(chain.shape[i] for i in axes)
        )
        order = states[np.argsort(rank, kind="stable")]
        return order, _bandwidth(chain, order)
    width = _bandwidth(chain, states)
    if chain.listed is None or states.size < 300 or width < 30:
        return states, width
    other = _cuthill_mckee(chain, states)
    narrower = _bandwidth(chain, other)
    return (other, narrower) if narrower < width else (states, width)


def _bandwidth(chain: Chain, order: Index) -> int:
    position = np.full(chain.n_states, -1, dtype=np.int64)
    position[order] = np.arange(order.size)
    i, j = position[chain.edges.rows], position[chain.edges.cols]
    distance = np.abs(i - j)[(i >= 0) & (j >= 0)]
    return int(distance.max(initial=0))


def _cuthill_mckee(chain: Chain, states: Index) -> Index:
    from scipy.sparse import csgraph, csr_array

    n = chain.n_states
    rows, cols, rates = chain.edges
    graph = cast(Any, csr_array((rates, (rows, cols)), shape=(n, n)))[states][:, states]
    both_ways = (graph + graph.T).tocsr()
    permutation: Any = cast(Any, csgraph).reverse_cuthill_mckee(both_ways, symmetric_mode=True)
    return states[np.asarray(permutation, dtype=np.int64)]
