"""Flows across the levels of a box: balanced for a law, and blind neither to wells nor to range."""

from __future__ import annotations

import numpy as np
import pytest

from separatrix.markov.committor import committor
from separatrix.markov.conservation import cut_imbalance, flows_across, state_imbalance
from separatrix.markov.generator import Chain
from separatrix.markov.scaled import Scaled
from separatrix.markov.stationary import stationary


def double_well(rare: float) -> Chain:
    """Two wells of 5 x 3 states, joined by a pass that is crossed rarely."""
    shape = (11, 3)
    x = np.arange(11)[:, None] * np.ones(3)
    up, down = np.where(x < 5, rare, 1.0), np.where(x > 5, rare, 1.0)
    up[-1], down[0] = 0.0, 0.0
    across = np.ones(shape)
    right, left = across.copy(), across.copy()
    right[:, -1], left[:, 0] = 0.0, 0.0
    return Chain(shape, ("x", "y"), ((1, 0), (-1, 0), (0, 1), (0, -1)), (up, down, right, left))


def test_a_cut_counts_every_jump_over_it():
    shape = (4, 2)
    two = np.zeros(shape)
    two[0], two[1] = 3.0, 5.0
    back = np.zeros(shape)
    back[3, 1] = 7.0
    chain = Chain(shape, ("x", "y"), ((2, 0), (-3, 0)), (two, back))
    pi = np.full(8, 0.125)
    up, down = flows_across(chain, Scaled.of(pi), 0)
    np.testing.assert_allclose(up.to_float(), np.array([6.0, 16.0, 10.0]) / 8.0)
    np.testing.assert_allclose(down.to_float(), np.array([7.0, 7.0, 7.0]) / 8.0)


def test_a_wrong_weight_of_one_well_shows_where_balance_in_every_state_does_not():
    chain = double_well(1e-4)
    law = stationary(chain)
    assert law.certificate.flows is not None
    assert law.certificate.flows < 1e-14
    x = np.arange(11)[:, None] * np.ones(3)
    # weighs one well twice, and between the wells what a current between them would leave
    there = committor(chain, x == 0, x == 10).probability
    wrong = Scaled.of((law.pi * (1.0 + there)).reshape(-1))
    assert state_imbalance(chain, wrong).max() < 1e-13
    assert cut_imbalance(chain, wrong, -np.inf) == pytest.approx(0.5, rel=0.01)


def test_flows_far_below_the_range_of_floats():
    chain = double_well(1e-50)
    law = stationary(chain, "levels")
    assert law.certificate.flows is not None
    assert law.certificate.flows < 1e-12
    assert law.log_pi.min() < np.log(1e-240)


def test_no_levels_without_a_lattice(known):
    chain = known.birth_death(np.ones(4), np.ones(4))
    assert stationary(chain).certificate.flows is None
