"""Iterated aggregation against direct elimination, entry by entry, also where wells hardly exchange."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from separatrix.errors import ModelError, NotConverged
from separatrix.markov import methods
from separatrix.markov.aggregation import iteration
from separatrix.markov.aggregation.blocks import blocks_law, blocks_times, over_blocks, spread
from separatrix.markov.aggregation.iteration import block_sides, iterate
from separatrix.markov.committor import committor
from separatrix.markov.generator import Chain, as_chain
from separatrix.markov.hitting import hitting_times
from separatrix.markov.methods import solver_for
from separatrix.markov.nested import factors
from separatrix.markov.scaled import Scaled
from separatrix.markov.stationary import stationary
from separatrix.model import DependentCall, Program, Server, Source, Work
from separatrix.population import lower


@pytest.fixture(autouse=True)
def small_blocks_chains(monkeypatch):
    """Small chains would be eliminated whole: let the blocks have a fraction of that work."""
    monkeypatch.setattr(iteration, "_WORK", 300.0)


def box(shape: tuple[int, ...], seed: int) -> Chain:
    """Random rates of single steps along every axis and of some jumps along two, one of length 2."""
    rng = np.random.default_rng(seed)
    d = len(shape)
    jumps = [tuple(int(i == a) * s for i in range(d)) for a in range(d) for s in (1, -1)]
    jumps += [(1, -1, *(0,) * (d - 2)), (-1, *(0,) * (d - 2), 1), (2, *(0,) * (d - 1))]
    jumps = list(dict.fromkeys(jumps))
    places = np.indices(shape)
    tables = []
    for jump in jumps:
        inside = np.ones(shape, dtype=bool)
        for axis, step in enumerate(jump):
            inside &= (places[axis] + step >= 0) & (places[axis] + step < shape[axis])
        tables.append(np.where(inside, 10.0 ** rng.uniform(-1, 1, shape), 0.0))
    return Chain(shape, tuple(f"axis{i}" for i in range(d)), tuple(jumps), tuple(tables))


@settings(deadline=None, max_examples=10)
@given(shape=st.sampled_from([(14, 9), (7, 6, 5), (5, 4, 4, 3)]), seed=st.integers(0, 1000))
def test_law_times_and_committors_as_by_elimination(shape, seed):
    chain = box(shape, seed)
    law, other = stationary(chain, "aggregated"), stationary(chain, "levels")
    assert law.method == "aggregated"
    assert law.status == "ok"
    np.testing.assert_allclose(law.pi, other.pi, rtol=1e-9)
    target = np.zeros(shape, dtype=bool)
    target[0] = True
    far = np.zeros(shape, dtype=bool)
    far[-1, -1] = True
    times = hitting_times(chain, target, method="aggregated")
    direct = hitting_times(chain, target, method="levels")
    np.testing.assert_allclose(times.mean, direct.mean, rtol=1e-8)
    np.testing.assert_allclose(times.std, direct.std, rtol=1e-6)
    split, exact = (committor(chain, target, far, method=m) for m in ("aggregated", "levels"))
    np.testing.assert_allclose(split.probability, exact.probability, rtol=1e-8)


def test_two_regimes_that_hardly_exchange(known, monkeypatch):
    monkeypatch.setattr(iteration, "_WORK", 1500.0)
    chain = as_chain(known.retry_chain(200, 50, 8.5, 9.0))
    found = iterate(chain)
    assert block_sides(chain) != (1, 1)
    law = stationary(chain, "nested")
    off = np.abs(found.x / law.pi - 1.0).max()
    assert off < 1e-9
    assert off < 3.0 * found.error  # what it says is still missing
    # 5.4e12 s, from one start
    target = np.zeros(chain.shape, dtype=bool)
    target[0, 0] = True
    start = np.zeros(chain.shape)
    start[-1, -1] = 1.0
    back = iterate(chain, removed=target, source=start)
    assert np.ldexp(back.x.sum(), back.power) == pytest.approx(5414287993831.893, rel=1e-9)


def test_exact_weights_are_a_fixed_point_of_the_blocks():
    chain = box((7, 5, 4), 3)
    law = stationary(chain, "levels")
    for sides in ((2, 2, 2), (3, 1, 4), (7, 5, 1)):
        np.testing.assert_allclose(blocks_law(chain, law.pi, sides), 1.0, rtol=1e-12)
    removed = np.zeros(chain.shape, dtype=bool)
    removed[0] = True
    start = np.zeros(chain.shape)
    start[6, 4, 3] = 2.0
    solved = solver_for(chain, removed=removed, killing=0.2, method="levels")
    times = solved.left(start.reshape(-1)).to_float().reshape(chain.shape)
    factor, power = blocks_times(chain, times, start, (2, 3, 2), ~removed, 0.2)
    np.testing.assert_allclose(np.ldexp(factor[~removed], power), 1.0, rtol=1e-12)


def test_blocks_sum_and_spread():
    x = np.arange(15.0).reshape(5, 3)
    sums = over_blocks(x, (2, 2))
    assert sums.tolist() == [[8.0, 7.0], [32.0, 19.0], [25.0, 14.0]]
    assert spread(sums, (2, 2), x.shape)[4].tolist() == [25.0, 25.0, 14.0]


def test_every_solve_of_an_elimination():
    chain = box((6, 5, 4), 8)
    removed = np.zeros(chain.shape, dtype=bool)
    removed[5, :, 1] = True
    rng = np.random.default_rng(2)
    b = np.where(removed.reshape(-1), 0.0, rng.standard_normal(removed.size))
    how = {"removed": removed, "killing": 0.05, "anchor": 7}
    one, other = (solver_for(chain, method=m, **how) for m in ("aggregated", "levels"))
    for solve in ("signed_right", "signed_left", "anchored_right", "anchored_left"):
        found, exact = getattr(one, solve)(b), getattr(other, solve)(b)
        np.testing.assert_allclose(found, exact, atol=1e-8 * np.abs(exact).max())
    c = np.abs(b)
    np.testing.assert_allclose(one.left(c).log(), other.left(c).log(), atol=1e-9)
    assert one.anchor_exit.to_float() == pytest.approx(other.anchor_exit.to_float(), rel=1e-9)
    far = Scaled.of(c, 5000)  # a source beyond the range of floats
    np.testing.assert_allclose(one.left(far).log(), other.left(far).log(), rtol=1e-9)


def test_refusals(monkeypatch, known):
    with pytest.raises(ModelError, match="lattice"):
        iterate(known.birth_death(np.ones(4), np.ones(4)))
    chain = box((8, 6), 1)
    with pytest.raises(ModelError, match="nothing leaves"):
        solver_for(chain, method="aggregated").left(np.ones(48))
    monkeypatch.setattr(iteration, "_ROUNDS", 6)
    with pytest.raises(NotConverged, match="after 6 rounds") as caught:
        stationary(chain, "aggregated")
    assert caught.value.partial.shape == (8, 6)
    assert "a round" in str(caught.value)


def test_a_tandem_of_two_servers_as_by_elimination():
    program = Program("tandem")
    on = DependentCall("back", "front", "put", "fire_and_forget", timeout=0.6, retry=1)
    program.add_server(Server("front", {"get": Work(10.0, (on,))}, qsize=6, orbit_size=4))
    program.add_server(Server("back", {"put": Work(9.0)}, qsize=5, orbit_size=4))
    program.add_source(Source("clients", "get", 6.0, timeout=0.4, retries=2))
    program.connect("clients", "front")
    chain = as_chain(lower(program, "geometric"))
    assert chain.shape == (7, 6, 4, 4)
    law, exact = (stationary(chain, method) for method in ("aggregated", "levels"))
    np.testing.assert_allclose(law.pi, exact.pi, rtol=1e-10)
    assert (exact.pi == 0.0).any()  # more doomed than the queue holds: only on the way
    healthy = np.zeros(chain.shape, dtype=bool)
    healthy[:3, :3, :2, :2] = True
    back, direct = (hitting_times(chain, healthy, method=m) for m in ("aggregated", "levels"))
    np.testing.assert_allclose(back.mean, direct.mean, rtol=1e-10)
    np.testing.assert_allclose(back.std, direct.std, rtol=1e-8)


@pytest.fixture
def automatic_aggregation(monkeypatch):
    """Let ``auto`` take small lattices of three axes for ones whose elimination would take minutes."""
    for bound in ("_DENSE_BELOW", "_NESTED_FROM"):
        monkeypatch.setattr(methods, bound, 100)  # the chains of blocks stay below
    monkeypatch.setattr(methods, "_DIRECT_WORK", 0.0)


def test_a_second_iteration_goes_another_way(monkeypatch):
    chain = box((7, 6, 5), 4)
    law, exact = stationary(chain, "aggregated", certify=True), stationary(chain, "levels")
    assert (law.method, law.status) == ("aggregated", "ok")
    assert 0.0 < law.certificate.agreement < law.error < 1e-10
    off = np.abs(law.pi / exact.pi - 1.0).max()
    assert off <= law.error
    target = np.zeros(chain.shape, dtype=bool)
    target[0] = True
    times = hitting_times(chain, target, method="aggregated", certify=True, second_moment=False)
    direct = hitting_times(chain, target, method="levels", second_moment=False)
    assert np.abs(times.mean[1:] / direct.mean[1:] - 1.0).max() <= times.error < 1e-10
    # a coarse step that puts the weight of a slow set wrong shows: the other way's blocks differ
    usual = iteration.blocks_law

    def wrong(chain, x, sides):
        factor = usual(chain, x, sides)
        return factor * np.where(np.indices(x.shape)[0] < sides[0], 1.01, 1.0)

    monkeypatch.setattr(iteration, "blocks_law", wrong)
    found = stationary(chain, "aggregated", certify=True)
    assert found.status == "inconclusive"
    assert found.certificate.agreement > 1e-3


def test_what_does_not_converge_is_eliminated(monkeypatch, automatic_aggregation):
    chain = box((7, 6, 5), 4)
    assert stationary(chain).method == "aggregated"
    monkeypatch.setattr(iteration, "_ROUNDS", 6)
    law, exact = stationary(chain, certify=True), stationary(chain, "levels")
    assert (law.method, law.status) == ("nested", "ok")
    assert "iterated aggregation did not converge (changes shrink by" in law.reason
    np.testing.assert_allclose(law.pi, exact.pi, rtol=1e-12)
    target = np.zeros(chain.shape, dtype=bool)
    target[0] = True
    far = np.zeros(chain.shape, dtype=bool)
    far[-1, -1] = True
    times, direct = hitting_times(chain, target), hitting_times(chain, target, method="levels")
    assert (times.method, times.status) == ("nested", "ok")
    np.testing.assert_allclose(times.mean, direct.mean, rtol=1e-12)
    np.testing.assert_allclose(times.std, direct.std, rtol=1e-11)
    split, exact = committor(chain, target, far), committor(chain, target, far, method="levels")
    assert split.method == "nested"
    np.testing.assert_allclose(split.probability, exact.probability, rtol=1e-12)


def test_every_solve_gives_way(monkeypatch, automatic_aggregation):
    chain = box((6, 5, 4), 8)
    removed = np.zeros(chain.shape, dtype=bool)
    removed[5, :, 1] = True
    b = np.where(removed.reshape(-1), 0.0, np.random.default_rng(2).standard_normal(removed.size))
    how = {"removed": removed, "killing": 0.05, "anchor": 7}
    exact = solver_for(chain, method="levels", **how)
    monkeypatch.setattr(iteration, "_ROUNDS", 4)
    for solve, source in (
        ("left", np.abs(b)),
        ("right", np.abs(b)),
        ("signed_right", b),
        ("anchored_left", b),
    ):
        solver = solver_for(chain, **how)
        assert solver.method == "aggregated"
        found, want = (getattr(one, solve)(source) for one in (solver, exact))
        found, want = (v.to_float() if isinstance(v, Scaled) else v for v in (found, want))
        assert (solver.method, solver.anchor) == ("nested", 7)
        np.testing.assert_allclose(found, want, atol=1e-12 * np.abs(want).max())
    solver = solver_for(chain, **how)
    assert solver.anchor_exit.to_float() == pytest.approx(exact.anchor_exit.to_float(), rel=1e-12)
    assert solver.method == "nested"


def test_neither_way_is_open(monkeypatch, automatic_aggregation):
    monkeypatch.setattr(iteration, "_ROUNDS", 4)
    monkeypatch.setattr(factors, "short_of", lambda need: 10_000)
    with pytest.raises(NotConverged, match=r"neither.*a round.*needs .* are free") as caught:
        stationary(box((7, 6, 5), 4))
    assert caught.value.partial.shape == (7, 6, 5)


def half_apart(shape, seed, *, down):
    """A box whose upper half along the first axis is never entered, nor left but for `down`."""
    chain = box(shape, seed)
    low = np.indices(shape)[0] < shape[0] // 2
    tables = []
    for jump, rates in zip(chain.jumps, chain.stencil, strict=True):
        after = np.indices(shape)[0] + jump[0] < shape[0] // 2
        crossing = (low != after) & (low | (not down))
        tables.append(np.where(crossing, 0.0, rates))
    return Chain(shape, chain.names, chain.jumps, tuple(tables))


def test_reducible_chains_are_told_as_by_elimination():
    apart = half_apart((8, 6, 5), 3, down=False)
    target = np.zeros(apart.shape, dtype=bool)
    target[0] = True
    point = np.zeros(apart.shape, dtype=bool)
    point[3, 2, 2] = True
    for method in ("aggregated", "levels"):
        with pytest.raises(ModelError, match="2 closed classes"):
            stationary(apart, method)
        with pytest.raises(ModelError, match="cannot be reached from axis0 = 4, axis1 = 0"):
            hitting_times(apart, target, method=method)
        with pytest.raises(ModelError, match="cannot reach"):
            committor(apart, target, point, method=method)
    chain = half_apart((8, 6, 5), 3, down=True)
    law, exact = (stationary(chain, method) for method in ("aggregated", "levels"))
    assert law.pi[4:].max() == 0.0
    np.testing.assert_allclose(law.pi, exact.pi, rtol=1e-9)
    rescued = hitting_times(chain, target, method="nested")
    with pytest.raises(NotConverged, match="2000 jumps among states that it never comes back to"):
        hitting_times(chain, target, method="aggregated")
    assert rescued.status == "ok"


def test_rounds_that_lead_nowhere_end_early(monkeypatch, known):
    monkeypatch.setattr(iteration, "_WORK", 0.0)  # one block: lines alone
    found = iterate(as_chain(known.retry_chain(100, 20, 9.0, 4.5)))
    assert found.rounds == iteration._JUDGED
    assert found.error > 1.0


def test_times_from_states_that_no_round_has_judged_are_refused():
    """A law down to 1e-287: its smallest entries are iterated, but nothing says how well."""
    chain = box((8, 3, 3), 5)
    tables = list(chain.stencil)
    tables[0] = tables[0] * 1e-41  # up the first axis
    for number in (6, 8):  # the other ways up it
        tables[number] = tables[number] * 0.0
    steep = Chain(chain.shape, chain.names, chain.jumps, tuple(tables))
    target = np.zeros(chain.shape, dtype=bool)
    target[0] = True
    with pytest.raises(NotConverged, match="cannot weigh"):
        hitting_times(steep, target, method="aggregated")
    law, exact = (stationary(steep, method) for method in ("aggregated", "levels"))
    assert law.floor == -np.inf
    np.testing.assert_allclose(law.log_pi, exact.log_pi, rtol=0.0, atol=1e-9)
