import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from separatrix.errors import ModelError, NotConverged
from separatrix.markov import loading, memory
from separatrix.markov.generator import Chain, as_chain, chain_from_matrix
from separatrix.markov.methods import solver_for
from separatrix.markov.scaled import Scaled
from separatrix.markov.stationary import stationary


@settings(deadline=None, max_examples=40)
@given(
    n=st.integers(2, 9),
    seed=st.integers(0, 2**32 - 1),
    span=st.sampled_from([1, 12, 100]),
    data=st.data(),
)
def test_random_irreducible_chains_against_high_precision(known, n, seed, span, data):
    rng = np.random.default_rng(seed)
    rates = 10.0 ** rng.uniform(-span, 0, (n, n)) * (rng.uniform(size=(n, n)) < 0.6)
    ring = np.arange(n)
    rates[ring, (ring + 1) % n] += 10.0 ** rng.uniform(-span, 0, n)
    np.fill_diagonal(rates, 0.0)
    chain = chain_from_matrix(rates)
    law = solver_for(chain, anchor=data.draw(st.integers(0, n - 1))).law()
    exact = [float(v) for v in known.mp_stationary(rates)]
    np.testing.assert_allclose(law.to_float(), exact, rtol=1e-13)
    target = np.zeros(n, bool)
    target[data.draw(st.integers(0, n - 1))] = True
    times = solver_for(chain, removed=target).right((~target).astype(float))
    exact = [float(v) for v in known.mp_hitting(rates, target)]
    np.testing.assert_allclose(times.to_float(), exact, rtol=1e-13)


def test_methods_orders_and_anchors_agree(known):
    chain = as_chain(known.retry_chain(40, 9, 9.0, 1.8))
    base = solver_for(chain, method="levels").law()
    others = [
        solver_for(chain, method="dense"),
        solver_for(chain, method="levels", reverse=True),
        solver_for(chain, method="levels", anchor=chain.n_states - 1),
        solver_for(chain, method="levels", anchor=137, block=7),
    ]
    for other in others:
        np.testing.assert_allclose(other.law().to_float(), base.to_float(), rtol=1e-13)
    assert others[0].method == "dense"
    assert others[0].reason == "asked for"


def test_killed_solves_left_right_and_signed(known):
    chain = as_chain(known.retry_chain(12, 5, 9.0, 0.9))
    target = np.zeros(chain.shape, bool)
    target[0, 0] = True
    solved = solver_for(chain, removed=target, killing=0.25)
    Q = np.zeros((60, 60))
    rows, cols, rates = chain.edges
    Q[rows, cols] = rates
    kept = np.flatnonzero(~target.reshape(-1))
    M = (np.diag(Q.sum(axis=1)) - Q)[np.ix_(kept, kept)] + 0.25 * np.eye(kept.size)
    b = np.random.default_rng(1).exponential(size=60)
    b[0] = 0.0
    right, left = np.linalg.solve(M, b[kept]), np.linalg.solve(M.T, b[kept])
    np.testing.assert_allclose(solved.right(b).to_float()[kept], right, rtol=1e-11)
    np.testing.assert_allclose(solved.left(b).to_float()[kept], left, rtol=1e-11)
    signed = b - b.mean() * ~target.reshape(-1)
    pair = np.stack([signed, b], axis=1)
    np.testing.assert_allclose(
        solved.signed_right(pair)[kept], np.linalg.solve(M, pair[kept]), rtol=1e-9
    )
    np.testing.assert_allclose(
        solved.signed_left(pair)[kept], np.linalg.solve(M.T, pair[kept]), rtol=1e-9
    )
    assert solved.right(b).to_float()[0] == 0.0


def test_anchored_solves(known):
    chain = as_chain(known.retry_chain(8, 4, 9.0, 0.9))
    solved = solver_for(chain, anchor=5)
    Q = np.zeros((32, 32))
    rows, cols, rates = chain.edges
    Q[rows, cols] = rates
    M = np.diag(Q.sum(axis=1)) - Q
    kept = np.delete(np.arange(32), 5)
    f = np.random.default_rng(2).normal(size=(32, 2))
    want = np.linalg.solve(M[np.ix_(kept, kept)], f[kept])
    np.testing.assert_allclose(solved.anchored_right(f)[kept], want, rtol=1e-9)
    want = np.linalg.solve(M[np.ix_(kept, kept)].T, f[kept])
    np.testing.assert_allclose(solved.anchored_left(f)[kept], want, rtol=1e-9)
    assert solved.anchored_right(f)[5].tolist() == [0.0, 0.0]


def test_what_cannot_be_solved_is_refused(known):
    chain = as_chain(known.retry_chain(4, 3, 9.0, 1.0))
    everything = np.ones(chain.shape, bool)
    with pytest.raises(ModelError, match="every state is removed"):
        solver_for(chain, removed=everything)
    corner = np.zeros(chain.shape, bool)
    corner[0, 0] = True
    with pytest.raises(ModelError, match="not a kept state"):
        solver_for(chain, removed=corner, anchor=0)
    with pytest.raises(ModelError, match="not a kept state"):
        solver_for(chain, anchor=99)
    with pytest.raises(ModelError, match="no stationary law"):
        solver_for(chain, removed=corner).law()
    for solve in (solver_for(chain).right, solver_for(chain).left):
        with pytest.raises(ModelError, match="no solution"):
            solve(np.ones(chain.n_states))


def test_stuck_states_are_named():
    absorbing = chain_from_matrix(np.array([[0.0, 1.0, 1.0], [0.0, 0.0, 0.0], [1.0, 0.0, 0.0]]))
    with pytest.raises(ModelError, match="state = 1 cannot reach state = 0"):
        solver_for(absorbing)
    target = np.array([False, False, True])
    with pytest.raises(ModelError, match="state = 1 cannot reach a removed state"):
        solver_for(absorbing, removed=target, anchor=1)
    with pytest.raises(ModelError, match="state = 1 cannot reach state = 0 or a removed state"):
        solver_for(absorbing, removed=target)


def test_underflow_is_reported_not_swallowed():
    rates = np.zeros((4, 4))
    rates[1, 2] = rates[2, 1] = 1.0
    rates[2, 0] = 1e-300
    rates[0, 1] = rates[0, 3] = 1.0
    target = np.array([False, False, False, True])
    with pytest.raises(NotConverged, match="underflows at state = 2") as caught:
        solver_for(chain_from_matrix(rates), removed=target, anchor=0)
    assert caught.value.partial == 2  # naming it as the anchor moves it to extended range
    solved = solver_for(chain_from_matrix(rates), removed=target)
    assert solved.anchor == 2
    # from {1, 2} it takes 2e300 s to get to 0, from where half of all visits come back
    np.testing.assert_allclose(solved.right((~target) * 1.0).to_float()[:3], [2e300, 4e300, 4e300])


def test_compiled_code_is_loaded_once_waiting_for_it_has_cost_as_much(known, monkeypatch):
    chain = as_chain(known.retry_chain(40, 20, 9.0, 1.8))
    small = as_chain(known.retry_chain(40, 12, 9.0, 1.8))
    nested = solver_for(chain, method="nested").law()
    assert solver_for(chain).method == "nested"
    assert solver_for(small).method == "levels"
    monkeypatch.setattr(loading._Spent, "seconds", 0.0)
    monkeypatch.setattr(loading, "_LOADING", 0.02)  # three times 800 states
    picked = []
    for _ in range(5):
        monkeypatch.delitem(sys.modules, "separatrix.markov.nested.solver", raising=False)
        solver_for(small)  # never nested: does not count
        solved = solver_for(chain)
        picked.append(solved.method)
        np.testing.assert_allclose(solved.law().to_float(), nested.to_float(), rtol=1e-13)
    assert picked == ["levels"] * 3 + ["nested"] * 2


def test_times_beyond_the_range_of_a_float64_are_no_answer():
    """Rates 60 decades apart: by levels a law of nothing at all passed for `ok`."""
    shape = (11, 25)
    level, side = np.indices(shape)
    inside = (level < 10, level > 0, side < 24, side > 0)
    rates = (2.9e-35, 1.5e-4, 1.7e25, 2.5e-3)
    tables = tuple(rate * own for rate, own in zip(rates, inside, strict=True))
    chain = Chain(shape, ("level", "side"), ((1, 0), (-1, 0), (0, 1), (0, -1)), tables)
    exact = level * np.log(2.9e-35 / 1.5e-4) + side * np.log(1.7e25 / 2.5e-3)
    exact -= exact.max()
    law = stationary(chain)
    assert (law.status, law.method) == ("ok", "nested")
    assert "underflows" in law.reason
    np.testing.assert_allclose(law.log_pi, exact, rtol=0.0, atol=1e-11)
    with pytest.raises(NotConverged, match="underflows"):
        stationary(chain, "levels")


def test_a_law_that_is_none_is_not_ok(monkeypatch):
    chain = chain_from_matrix(np.array([[0.0, 1.0], [3.0, 0.0]]))
    module = sys.modules[stationary.__module__]
    usual = module._deep_law

    def broken(*args):
        solved, found = usual(*args)
        nothing = Scaled(np.full(2, np.nan), np.zeros(2, dtype=np.int64))
        return solved, replace(found, law=nothing)

    monkeypatch.setattr(module, "_deep_law", broken)
    law = stationary(chain)
    assert law.status == "inconclusive"
    assert "miss 1 by nan" in law.reason


def test_memory_is_estimated_beforehand(known, monkeypatch):
    chain = as_chain(known.retry_chain(40, 20, 9.0, 1.8))
    monkeypatch.setattr(memory, "_TRIFLE", 1_000)
    monkeypatch.setattr(memory, "available_bytes", lambda: 10_000)
    with pytest.raises(NotConverged, match=r"needs .* are free"):
        solver_for(chain, method="levels")
    monkeypatch.setattr(memory, "available_bytes", lambda: None)
    solver_for(chain, method="levels")
