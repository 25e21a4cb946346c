"""Separatrices: a linear saddle, and where the dynamics go from either side."""

from __future__ import annotations

import numpy as np
import pytest

from separatrix.errors import Unsupported
from separatrix.fluid.basins import basins, stable_manifold
from separatrix.fluid.field import mean_field
from separatrix.fluid.rest import rest_from


@pytest.mark.parametrize("angle", [0.3, 1.0, 2.2])
def test_the_manifold_of_a_linear_saddle_is_its_eigenvector(angle):
    stable = np.array([np.cos(angle), np.sin(angle)])
    unstable = np.array([np.cos(angle + 1.0), np.sin(angle + 1.0)])
    vectors = np.stack([stable, unstable], axis=1)
    matrix = vectors @ np.diag([-2.0, 0.7]) @ np.linalg.inv(vectors)
    line = stable_manifold(lambda x: matrix @ x, np.zeros(2), matrix, -np.ones(2), np.ones(2))
    off = line @ np.array([-stable[1], stable[0]])
    assert np.abs(off).max() < 1e-6
    # from edge to edge
    assert np.abs(line[0]).max() == pytest.approx(1.0, abs=1e-6)
    assert np.abs(line[-1]).max() == pytest.approx(1.0, abs=1e-6)


def test_states_to_either_side_go_to_different_rests(service):
    population = mean_field(service(rate=8.0, retries=1, qsize=60), "geometric")
    found = basins(population)
    low, _, high = found.points
    inner = found.separatrix[(found.separatrix[:, 1] > 0.5) & (found.separatrix[:, 0] > 2)]
    for at in inner[:: max(len(inner) // 6, 1)]:
        pair = at + np.array([[-0.5, 0.0], [0.5, 0.0]])
        assert found.recovers(pair).tolist() == [True, False]
        ends = [rest_from(population, start).state for start in pair]
        np.testing.assert_allclose(ends[0], low.state, atol=1e-4)
        np.testing.assert_allclose(ends[1], high.state, atol=1e-3)


def test_a_safe_service_has_no_separatrix(service):
    found = basins(mean_field(service(rate=3.0), "geometric"))
    assert found.separatrix.shape == (0, 2)
    assert found.recovers(np.array([[59.0, 3.0]])).all()


def test_more_than_a_plane_is_refused(service):
    with pytest.raises(Unsupported, match="geometric"):
        basins(mean_field(service(retries=3)))


def test_what_is_no_saddle_is_refused():
    with pytest.raises(Unsupported, match="saddle"):
        stable_manifold(lambda x: -x, np.zeros(2), -np.eye(2), -np.ones(2), np.ones(2))
