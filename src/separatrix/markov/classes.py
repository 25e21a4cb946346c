"""Which states can reach which: asked before an iteration, and to say why an elimination broke down."""

from __future__ import annotations

from typing import Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from separatrix.markov.generator import Chain, Mask

Index: TypeAlias = NDArray[np.int64]


def closed_classes(chain: Chain) -> list[Index]:
    """The sets of states that the chain, once inside, never leaves (row-major numbers)."""
    from scipy.sparse import csgraph

    found: tuple[int, Any] = cast(Any, csgraph).connected_components(
        _graph(chain, None), directed=True, connection="strong"
    )
    count, label = found[0], np.asarray(found[1], dtype=np.int64)
    rows, cols, _ = chain.edges
    leaks = np.zeros(count, dtype=np.bool_)
    leaks[label[rows[label[rows] != label[cols]]]] = True
    return [np.flatnonzero(label == c) for c in np.flatnonzero(~leaks)]


def can_reach(chain: Chain, target: Mask, stop: Mask | None = None) -> Mask:
    """States from which some state of `target` can be reached, `target` included, before `stop`."""
    return _search(chain, target, forward=False, stop=stop)


def reachable_from(chain: Chain, start: Mask, stop: Mask) -> Mask:
    """States that can be reached from `start` on paths that end when they enter `stop`."""
    return _search(chain, start, forward=True, stop=stop)


def _search(chain: Chain, roots: Mask, *, forward: bool, stop: Mask | None) -> Mask:
    from scipy import sparse
    from scipy.sparse import csgraph

    n = chain.n_states
    # one extra node with an edge to every root: a single search then starts from all of them
    graph = _graph(chain, stop)
    graph = graph if forward else graph.T.tocsr()
    sources = np.flatnonzero(roots.reshape(-1))
    graph.resize((n, n + 1))
    first = sparse.csr_array(
        (np.ones(sources.size), (np.zeros(sources.size, np.int64), sources)), shape=(1, n + 1)
    )
    joined = cast(Any, sparse).vstack([graph, first]).tocsr()
    found = np.asarray(
        cast(Any, csgraph).breadth_first_order(joined, n, directed=True, return_predecessors=False),
        dtype=np.int64,
    )
    seen = np.zeros(n + 1, dtype=np.bool_)
    seen[found] = True
    return cast(Mask, seen[:n].reshape(chain.shape))


def _graph(chain: Chain, stop: Mask | None) -> Any:
    from scipy.sparse import csr_array

    rows, cols, _ = chain.edges
    if stop is not None:
        leaving = ~stop.reshape(-1)[rows]
        rows, cols = rows[leaving], cols[leaving]
    shape = (chain.n_states, chain.n_states)
    return csr_array((np.ones(rows.size), (rows, cols)), shape=shape)
