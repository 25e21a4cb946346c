"""Small chains the slow and obvious way: the generator state by state, averages by a dense solve."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array, diags_array
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import spsolve

from separatrix.population import Population


def moves(population: Population) -> csr_array:
    """Rates between states; checks that none is negative and that no jump leaves the box."""
    number = np.arange(population.n_states).reshape(population.shape)
    rows, columns, values = [], [], []
    for transition, rate in population.rates(population.grid()):
        assert np.all(rate >= -1e-13), transition.name
        states = np.argwhere(rate > 0)
        targets = states + np.array(transition.jump)
        inside = np.all((targets >= 0) & (targets < population.shape), axis=1)
        assert inside.all(), (transition.name, states[~inside][0])
        rows.append(number[tuple(states.T)])
        columns.append(number[tuple(targets.T)])
        values.append(rate[tuple(states.T)])
    entries = (np.concatenate(rows), np.concatenate(columns))
    return csr_array(
        (np.concatenate(values), entries), shape=(population.n_states, population.n_states)
    )


def dense(population: Population) -> np.ndarray:
    """The generator."""
    rates = moves(population).toarray()
    return rates - np.diag(rates.sum(axis=1))


def recurrent(rates: csr_array) -> np.ndarray:
    """The states of the one closed class; fails where there are several."""
    count, of = connected_components(rates, connection="strong")
    rows, columns = rates.nonzero()
    closed = np.setdiff1d(np.arange(count), of[rows[of[rows] != of[columns]]])
    assert closed.size == 1, f"{closed.size} closed classes"
    return np.flatnonzero(of == closed[0])


def law(Q: np.ndarray | csr_array) -> np.ndarray:
    """The stationary law of a generator or of rates; 0 where the chain does not return."""
    rates = csr_array(Q).tolil()
    rates.setdiag(0)
    rates = rates.tocsr()
    rates.eliminate_zeros()
    states = recurrent(rates)
    inner = rates[states][:, states]
    # balance, but for one state: its share is 1 before all are normalised
    balance = (inner - diags_array(inner.sum(axis=1))).T.tocsc()
    others = spsolve(balance[1:, 1:], -balance[1:, [0]].toarray().ravel())
    shares = np.concatenate([[1.0], np.atleast_1d(others)])
    pi = np.zeros(rates.shape[0])
    pi[states] = shares / shares.sum()
    return pi


def averages(population: Population) -> dict[str, float]:
    """Long-run value of every measure, and the rate of accepted attempts."""
    pi = law(moves(population))
    x = population.grid()
    found = {
        m.name: float(np.broadcast_to(m.value(x), population.shape).ravel() @ pi)
        for m in population.measures
    }
    accepted = sum(np.broadcast_to(s.weight(x), population.shape) for s in population.sojourns)
    return {**found, "accepted": float(accepted.ravel() @ pi)}


def marginal(population: Population, axis: int) -> np.ndarray:
    """The stationary law of one coordinate."""
    joint = law(moves(population)).reshape(population.shape)
    return joint.sum(axis=tuple(i for i in range(joint.ndim) if i != axis))
