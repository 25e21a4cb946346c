"""Resting points by following the mean dynamics, where the drift has bends."""

from __future__ import annotations

import numpy as np
import pytest
from tests.strategies.three_tiers import tiers

from separatrix import lower
from separatrix.fluid.rest import rests_from
from separatrix.questions.fluid_verdict import fluid_verdict
from separatrix.questions.tipping import fluid_tipping


def test_tiers_that_wait_for_each_other_rest_where_every_attempt_takes_its_mean():
    population = lower(tiers(), means_only=True)
    corners = np.array([[0.0] * len(population.shape), [n - 1.0 for n in population.shape]])
    for rest in rests_from(population, corners):
        assert rest.status == "ok", rest.reason
        # Little's law: 150/s times 20 + 50 + 50 ms, times 50 + 50 ms, times 50 ms
        assert rest.state[:3] == pytest.approx([18.0, 15.0, 7.5], abs=1e-3)


def test_what_cannot_rest_badly_cannot_be_tipped():
    verdict = fluid_verdict(tiers())
    assert verdict.word == "safe"
    # simulated: 18.2 s (18.0 .. 18.4), with a full outage before it
    assert verdict.recovery == pytest.approx(20, rel=0.25)
    assert fluid_tipping(tiers(), 10.0).size == np.inf
