import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import coo_array

from separatrix.errors import ModelError
from separatrix.markov.generator import as_chain, as_mask, chain_from_matrix, generator
from separatrix.population.lattice import Axis, Population, Transition


def box(shape, *transitions):
    axes = tuple(Axis(f"axis{i}", n, "queue") for i, n in enumerate(shape))
    return Population("p", "staged", axes, transitions)


@given(
    shape=st.tuples(st.integers(1, 6), st.integers(1, 5), st.integers(1, 4)),
    jumps=st.lists(st.tuples(*[st.integers(-2, 2)] * 3), min_size=1, max_size=6),
    seed=st.integers(0, 2**32 - 1),
)
def test_rows_sum_to_zero_and_entries_are_the_rates(shape, jumps, seed):
    rng = np.random.default_rng(seed)
    tables = []
    transitions = []
    for k, jump in enumerate(jumps):
        table = rng.exponential(size=shape) * rng.integers(0, 2, shape)
        for place in np.ndindex(*shape):
            if any(not 0 <= v + j < n for v, j, n in zip(place, jump, shape, strict=True)):
                table[place] = 0.0
        tables.append(table)
        transitions.append(Transition(f"t{k}", jump, lambda x, t=table: t))
    Q = generator(box(shape, *transitions)).toarray()
    assert np.abs(Q.sum(axis=1)).max() <= 1e-13 * max(1.0, np.abs(Q).max())
    expected = np.zeros_like(Q)
    for table, jump in zip(tables, jumps, strict=True):
        for place in np.ndindex(*shape):
            if table[place] and any(jump):
                there = tuple(v + j for v, j in zip(place, jump, strict=True))
                expected[
                    np.ravel_multi_index(place, shape), np.ravel_multi_index(there, shape)
                ] += table[place]
    off = Q.copy()
    np.fill_diagonal(off, 0.0)
    np.testing.assert_allclose(off, expected, rtol=1e-15)


def test_known_generator_of_the_retry_chain(known):
    chain = as_chain(known.retry_chain(3, 2, 9.0, 4.5))
    Q = generator(chain).toarray()
    assert Q.shape == (6, 6)
    assert Q[2, 0] == 10.0  # (1,0) -> (0,0)
    np.testing.assert_allclose(Q[1, 0], 1.0 / (4 * 4.5))  # (0,1) -> (0,0): gives up
    np.testing.assert_allclose(Q[5, 4], 1.0 / 4.5)  # a full queue: retries give up too
    np.testing.assert_allclose(chain.exit_rates().reshape(-1), -np.diag(Q), rtol=1e-15)
    assert chain.label(5) == "queue = 2, orbit = 1"


def test_scalar_rates_broadcast_and_equal_jumps_merge():
    both = box(
        (3,),
        Transition("a", (1,), lambda x: 2.0 * (x[0] < 2)),
        Transition("b", (1,), lambda x: 3.0 * (x[0] < 2)),
        Transition("nothing happens", (0,), lambda x: np.float64(7.0)),
    )
    chain = as_chain(both)
    assert chain.jumps == ((1,),)
    np.testing.assert_array_equal(chain.stencil[0], [5.0, 5.0, 0.0])


@pytest.mark.parametrize(
    ("rate", "message"),
    [
        (lambda x: np.where(x[0] == 1, -1.0, 0.0), r"'bad' has rate -1.0 1/s at axis0 = 1"),
        (lambda x: np.where(x[0] == 2, np.nan, 0.0), r"'bad' has rate nan 1/s at axis0 = 2"),
        (lambda x: np.where(x[0] == 0, np.inf, 0.0), r"'bad' has rate inf 1/s at axis0 = 0"),
        (lambda x: np.ones_like(x[0]), r"'bad' with jump \(2,\) leaves the box at axis0 = 2"),
    ],
)
def test_bad_rates_name_transition_and_state(rate, message):
    with pytest.raises(ModelError, match=message):
        as_chain(box((4,), Transition("bad", (2,), rate)))


def test_all_bad_transitions_are_reported_together():
    low = Transition("low", (-1,), lambda x: np.ones_like(x[0]))
    high = Transition("high", (1,), lambda x: np.ones_like(x[0]))
    odd = Transition("odd", (1, 0), lambda x: np.ones_like(x[0]))
    with pytest.raises(ModelError) as caught:
        as_chain(box((4,), low, high, odd))
    assert len(caught.value.problems) == 3


def test_matrix_forms_agree_and_duplicates_add():
    dense = np.array([[-9.0, 2.0, 0.0], [1.0, 4.0, 1.0], [0.0, 3.0, 0.0]])
    sparse = coo_array(
        ([1.0, 1.0, 1.0, 1.0, 3.0], ([0, 0, 1, 1, 2], [1, 1, 0, 2, 1])), shape=(3, 3)
    )
    a, b = generator(chain_from_matrix(dense)), generator(chain_from_matrix(sparse))
    np.testing.assert_array_equal(a.toarray(), b.toarray())
    np.testing.assert_array_equal(chain_from_matrix(dense).exit_rates(), [2.0, 2.0, 3.0])


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (np.ones((2, 3)), "2 x 3"),
        (np.ones(4), "1 dimensions"),
        (np.zeros((0, 0)), "0 x 0"),
        (np.array([[0.0, -2.0], [1.0, 0.0]]), "from state 0 to state 1 is"),
        (np.array([[0.0, np.nan], [1.0, 0.0]]), "from state 0 to state 1 is"),
    ],
)
def test_hostile_matrices(matrix, message):
    with pytest.raises(ModelError, match=message):
        chain_from_matrix(matrix)


def test_chain_without_transitions():
    chain = as_chain(box((2, 2)))
    assert chain.edges.rates.size == 0
    assert generator(chain).nnz in (0, 4)


def test_masks_are_checked():
    chain = as_chain(box((2, 3)))
    with pytest.raises(ModelError, match="target is empty"):
        as_mask(np.zeros((2, 3), bool), chain, "target")
    with pytest.raises(ModelError, match="boolean mask"):
        as_mask(np.zeros((2, 3)), chain, "target")
    with pytest.raises(ModelError, match=r"shape \(3, 2\)"):
        as_mask(np.ones((3, 2), bool), chain, "target")
    assert as_mask(np.ones(6, bool), chain, "target").shape == (2, 3)
