"""Velocities, derivatives and paths of the mean dynamics against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from separatrix.errors import ModelError
from separatrix.fluid.field import follow, jacobians, mean_field, velocity
from separatrix.model import Outage, Schedule, Spike
from separatrix.model.parameters import with_parameter


def test_a_path_fills_an_ample_server_exponentially(service):
    # M/M/c below c: q = lambda/mu (1 - e^{-mu t})
    path = follow(service(rate=30.0, retries=0, threads=20), 1.0)
    expected = 3 * -np.expm1(-10 * path.times)
    np.testing.assert_allclose(path.total("queue"), expected, atol=1e-4)
    assert path.status == "ok"


def test_a_spike_and_an_outage_act_from_their_begin_to_their_end(service):
    calm = service(rate=20.0, retries=0, threads=10, qsize=100)
    faults = Schedule((Spike("c", 2.0, 3.0, 2.0), Outage("s", 8.0, 1.0)))
    path = follow(with_parameter(calm, ("faults",), faults), 14.0)
    queue = dict(zip(path.times.round(6), path.total("queue"), strict=True))
    assert queue[3.0] == pytest.approx(2.0, abs=1e-4)
    assert queue[5.0] == pytest.approx(4.0, abs=1e-4)
    assert queue[8.0] == pytest.approx(2.0, abs=1e-4)
    assert queue[9.0] == pytest.approx(22.0, abs=1e-3)
    assert queue[14.0] == pytest.approx(2.0, abs=1e-3)


def test_derivatives_of_a_linear_field_are_exact(service):
    population = mean_field(service(rate=30.0, retries=0, threads=20))
    slopes = jacobians(population, np.array([[1.0], [5.0], [19.0]]))
    np.testing.assert_allclose(slopes[:, 0, 0], -10.0, rtol=1e-6)


def test_derivatives_predict_the_velocity_nearby(service):
    population = mean_field(service(retries=2))
    state, step = np.array([22.0, 3.0, 1.0]), np.array([1e-3, -2e-3, 1e-3])
    predicted = velocity(population, state) + jacobians(population, state[None])[0] @ step
    np.testing.assert_allclose(velocity(population, state + step), predicted, atol=1e-4)


def test_the_box_is_never_left(service):
    path = follow(service(rate=40.0, retries=2), 60.0)
    assert path.states.min() >= 0
    assert path.total("queue").max() <= 60.0
    assert path.total("queue")[-1] == pytest.approx(60.0, abs=1.0)


@pytest.mark.parametrize("horizon", [0.0, np.inf])
def test_a_horizon_that_cannot_be_is_refused(service, horizon):
    with pytest.raises(ModelError, match="horizon"):
        follow(service(), horizon)
