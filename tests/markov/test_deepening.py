"""Laws of chains so steep that no front holds them, against 30-digit arithmetic; and what the bound is worth."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from separatrix.markov import unlikely
from separatrix.markov.generator import Chain, chain_from_matrix
from separatrix.markov.methods import solver_for
from separatrix.markov.nested import deepening
from separatrix.markov.nested.deepening import deepened
from separatrix.markov.scaled import Scaled
from separatrix.markov.stationary import stationary


def exact_logs(chain: Chain) -> np.ndarray:
    """Logarithms of the law by elimination state by state (Grassmann, Taksar and Heyman)."""
    n = chain.n_states
    rate: list[dict[int, mpmath.mpf]] = [{} for _ in range(n)]
    sources: list[set[int]] = [set() for _ in range(n)]
    with mpmath.workdps(30):
        for i, j, value in zip(*(v.tolist() for v in chain.edges), strict=True):
            rate[i][j] = rate[i].get(j, mpmath.mpf(0)) + value
            sources[j].add(i)
        removed = []
        for k in range(n - 1, 0, -1):
            on = {j: v for j, v in rate[k].items() if j < k}
            pivot = mpmath.fsum(on.values())
            into = {i: rate[i].pop(k) for i in sources[k] if i < k}
            removed.append((k, into, pivot))
            for i, v in into.items():
                for j, u in on.items():
                    if i != j:
                        rate[i][j] = rate[i].get(j, mpmath.mpf(0)) + v / pivot * u
                        sources[j].add(i)
        law = [mpmath.mpf(1)] * n
        for k, into, pivot in reversed(removed):
            law[k] = mpmath.fsum(law[i] * v for i, v in into.items()) / pivot
        total = mpmath.fsum(law)
        return np.array([float(mpmath.log(p / total)) for p in law]).reshape(chain.shape)


@pytest.mark.parametrize("method", ["nested", "levels"])
@pytest.mark.parametrize(
    ("shape", "up", "decades"), [((70, 8), 1e-12, 80.0), ((90, 6), 1e-3, 80.0)]
)
def test_steep_laws_in_every_entry(known, shape, up, decades, method):
    """Elimination alone balances here in every state to 1e-9 and is wrong by 5e-7, down to nothing at all."""
    chain = known.steep(shape, up, decades, 0)
    exact = exact_logs(chain)
    assert exact.min() < -300 * np.log(10.0)
    found = stationary(chain, method, certify=True)
    assert (found.status, found.floor) == ("ok", -np.inf)
    np.testing.assert_allclose(found.log_pi, exact, rtol=0.0, atol=2e-12)
    assert found.certificate.agreement < 1e-12
    assert found.certificate.residual < 1e-13
    assert found.certificate.rounding < 1e-10


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 1000), held=st.floats(0.05, 0.9), off=st.floats(-60.0, 60.0))
def test_the_bound_holds_whatever_the_start(known, seed, held, off):
    chain = known.steep((12, 5), 0.2, 6.0, seed)
    exact = solver_for(chain, method="levels").law()
    log = exact.log()
    free = log < np.quantile(log, 1.0 - held)
    start = Scaled.of(exact.mantissa, exact.exponent + np.where(free, int(off), 0))
    found = deepened(chain, start, free)
    wrong = np.abs(found.law.over(exact).to_float() - 1.0)
    assert wrong[~free].max() == 0.0
    assert wrong.max() <= found.error + 1e-14
    assert not 1e-9 < found.error < np.inf


def test_rounds_cut_short_bound_nothing(known, monkeypatch):
    chain = known.steep((40, 5), 0.5, 6.0, 3)
    exact = solver_for(chain, method="levels").law()
    free = exact.log() < exact.log().max() - 5.0
    far = Scaled.of(exact.mantissa, exact.exponent + np.where(free, 90, 0))
    monkeypatch.setattr(deepening, "_ROUNDS", 2)
    assert deepened(chain, far, free).error == np.inf
    assert deepened(chain, exact, np.zeros(200, dtype=np.bool_)).rounds == 0


def test_more_rounds_sharpen_a_bound_and_it_still_holds(monkeypatch):
    """More rounds used to be made only where each halved the bound."""
    rng = np.random.default_rng(1)
    shape = (1500, 4)
    level, side = np.indices(shape)
    jumps = ((1, 0), (-1, 0), (0, 1), (0, -1))
    rates = (0.5 * (level < 1499), 1.0 * (level > 0), 1.0 * (side < 3), 1.0 * (side > 0))
    tables = tuple(rate * rng.uniform(0.5, 2.0, shape) for rate in rates)
    chain = Chain(shape, ("level", "side"), jumps, tables)
    exact = solver_for(chain, method="levels").law()
    log = exact.log()
    free = log < log.max() - 100.0
    usual = deepened(chain, exact, free)
    monkeypatch.setattr(deepening, "_ENOUGH", 0.0)
    monkeypatch.setattr(deepening, "_PROMISED", 0.0)
    longer = deepened(chain, exact, free)
    assert longer.rounds > usual.rounds
    assert longer.error < 0.8 * usual.error
    wrong = np.abs(longer.law.over(exact).to_float() - 1.0)
    assert wrong.max() <= longer.error + 5e-13


def deep_well(rare: float) -> Chain:
    """A slope of 1e-30 a level to a well of 3 x 3 states that is left at the rate `rare`."""
    shape = (15, 3)
    level = np.indices(shape)[0]
    up = np.where(level < 11, 1e-30, 1.0)
    down = np.where(level == 12, rare, 1.0)
    up[-1], down[0] = 0.0, 0.0
    across = np.ones(shape)
    right, left = across.copy(), across.copy()
    right[:, -1], left[:, 0] = 0.0, 0.0
    return Chain(
        shape, ("level", "side"), ((1, 0), (-1, 0), (0, 1), (0, -1)), (up, down, right, left)
    )


def test_an_unlikely_well_that_holds_the_chain_is_not_certified():
    easy = stationary(deep_well(1e-2), "nested")
    assert (easy.status, easy.floor) == ("ok", -np.inf)
    # seen from the likely states, all of the well's mass came in long ago
    hard = stationary(deep_well(1e-60), "nested")
    assert hard.status == "ok"
    assert hard.floor == pytest.approx(unlikely.HELD + hard.log_pi.max())
    assert hard.to_dict()["certified_log10"] == pytest.approx(-250.0, abs=2.0)


def test_states_that_are_never_entered_stay_at_zero(known):
    chain = known.steep((30, 4), 1e-12, 3.0, 1)
    tables = [table.copy() for table in chain.stencil]
    tables[0][19] = 0.0  # nobody gets above level 19
    cut = Chain(chain.shape, chain.names, chain.jumps, tuple(tables))
    tables[4][19] = 0.0
    found = stationary(cut, "nested", anchor=0)
    assert (found.status, found.floor) == ("ok", -np.inf)
    assert found.pi[20:].max() == 0.0
    np.testing.assert_allclose(found.log_pi[:20].min(), exact_logs(cut)[:20].min(), rtol=1e-13)


def test_off_a_lattice_two_orders_tell_how_far_down_a_law_is_right():
    n = 60
    rates = np.diag(np.full(n - 1, 1e-12), 1) + np.diag(np.ones(n - 1), -1)
    law = stationary(chain_from_matrix(rates))
    assert law.status == "ok"
    assert law.certificate.agreement < 1e-9
    sure = law.log_pi > law.floor
    assert sure.sum() > 25  # a single panel holds 1e-300
    exact = np.arange(n) * np.log(1e-12)
    np.testing.assert_allclose(law.log_pi[sure], exact[sure], rtol=0.0, atol=1e-9)
