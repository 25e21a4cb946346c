import numpy as np

from separatrix.markov.generator import Chain, Edges, as_chain
from separatrix.markov.ordering import elimination_order


def test_longest_axis_varies_slowest(known):
    wide = as_chain(known.retry_chain(5, 30, 9.0, 1.0))
    order, width = elimination_order(wide, np.arange(wide.n_states))
    assert width == 6  # five queue values and the diagonal jump
    assert sorted(order.tolist()) == list(range(150))
    some, narrower = elimination_order(wide, np.arange(60))
    assert some.size == 60
    assert narrower <= width


def test_scattered_chains_are_reordered(known):
    n = 500
    shuffle = np.random.default_rng(3).permutation(n)
    rows, cols = shuffle[:-1], shuffle[1:]
    edges = Edges(np.concatenate([rows, cols]), np.concatenate([cols, rows]), np.ones(2 * n - 2))
    order, width = elimination_order(Chain((n,), ("s",), listed=edges), np.arange(n))
    assert width == 1
    assert sorted(order.tolist()) == list(range(n))


def test_given_order_stays_where_it_is_narrow(known):
    chain = known.birth_death(np.ones(400), np.ones(400))
    order, width = elimination_order(chain, np.arange(401))
    assert width == 1
    np.testing.assert_array_equal(order, np.arange(401))
