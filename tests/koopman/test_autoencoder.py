"""The autoencoder on a small chain whose modes are known, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from separatrix.errors import DataError, NotConverged
from separatrix.koopman import Koopman, Trajectories, find_basins, fit_ensemble, timescale_intervals


def small(**changes):
    return Koopman(
        **{"latent": 4, "hidden": (12,), "epochs": 3, "batch": 256, "device": "cpu", **changes}
    )


def test_the_slowest_timescale_is_that_of_the_chain(model, chain):
    assert model.timescales_[0] == pytest.approx(chain.timescales[0], rel=0.15)
    assert (np.abs(model.eigenvalues_) < 1.0).all()
    assert (np.diff(model.timescales_) <= 1e-12).all()


def test_predictions_are_conditional_means(model, chain):
    for start in (0, 6, 12):
        found = model.predict([float(start)], [1, 5, 20, 200])[:, 0]
        wanted = [chain.mean(start, k) for k in (1, 5, 20, 200)]
        assert found == pytest.approx(wanted, abs=0.8)
    # from everywhere the prediction ends at the limit
    ends = model.predict(np.arange(13.0)[:, None], [100_000])[:, 0]
    assert np.allclose(ends, model.limit_)


def test_an_eigenfunction_decays_by_its_eigenvalue(model, chain):
    # exact, from every state: E[phi(X_k)] = lambda^k phi(x)
    phi = model.eigenfunctions(np.arange(13.0)[:, None])[:, 0].real
    k = 5
    wanted = model.eigenvalues_[0].real ** k * phi
    found = np.linalg.matrix_power(chain.P, k) @ phi
    spread = np.ptp(phi)
    assert np.abs(found - wanted).max() < 0.1 * spread


def test_the_step_is_linear_between_predictions(model):
    z = model.latent([[3.0]])
    twice = z @ model.transition_.T @ model.transition_.T
    again = model.scaling_.undo(model.decode(twice))
    assert np.allclose(again, model.predict([3.0], [2]))
    # the modes span what is seen near rest
    eps = 1e-6
    value, right, left = model.eigen()
    direction = np.zeros(len(value))
    direction[0] = eps
    seen = (model.decode(direction[None]) - model.decode(0 * direction[None])) / eps
    assert np.allclose(
        (left[:, 0] @ model.modes_).real, seen[0] * model.scaling_.deviation, atol=1e-4
    )
    assert right.shape == left.shape


def test_the_same_seed_gives_the_same_model(chain, runs):
    first, again = (small(seed=3).fit(runs, chain.step) for _ in range(2))
    other = small(seed=4).fit(runs, chain.step)
    assert np.array_equal(first.generator_, again.generator_)
    assert first.history_ == again.history_
    assert not np.array_equal(first.generator_, other.generator_)


def test_oscillations_and_delays():
    # one coordinate of a damped rotation: two delays make the state
    angle, decay = 0.3, 0.97
    rng = np.random.default_rng(0)
    runs = []
    for _ in range(30):
        phase, size = rng.random() * 6.3, 1 + rng.random()
        k = np.arange(60)
        runs.append(size * decay**k * np.cos(angle * k + phase))
    model = small(latent=4, delays=2, epochs=30, batch=512, longest=20).fit(runs)
    first = model.eigenvalues_[0]
    assert abs(first) == pytest.approx(decay, abs=0.02)
    assert abs(np.angle(first)) == pytest.approx(angle, abs=0.03)
    ahead = model.predict(runs[0][:2, None], 10)[:, 0]
    assert ahead == pytest.approx(runs[0][2:12], abs=0.25)


def test_two_sides_are_told_apart():
    # a walk in a double well: pushed to 2 or to 10, crossing at 6
    n, step = 13, 1.0
    P = np.zeros((n, n))
    for i in range(n):
        pull = -0.25 if i in (3, 4, 5) or i > 10 else 0.25 if i in (7, 8, 9) or i < 2 else 0.0
        up, down = (0.3 + pull * 0.9, 0.3 - pull * 0.9)
        P[i, min(i + 1, n - 1)] += up
        P[i, max(i - 1, 0)] += down
        P[i, i] += 1 - up - down
    rng = np.random.default_rng(1)
    x = np.array([0, 12] * 20)
    out = [x]
    steps = P.cumsum(axis=1)
    for _ in range(600):
        x = np.minimum((steps[x] < rng.random(40)[:, None]).sum(axis=1), n - 1)
        out.append(x)
    runs = list(np.array(out).T.astype(float)[:, :, None])
    model = small(hidden=(24,), latent=5, epochs=15, batch=1024).fit(runs, step)
    found = find_basins(model, runs)
    # exact committor from 0 to 12
    h = np.zeros(n)
    h[-1] = 1.0
    inner = slice(1, n - 1)
    h[inner] = np.linalg.solve(np.eye(n - 2) - P[inner, inner], P[inner, -1])
    states = np.arange(n, dtype=float)[:, None]
    off = np.abs(h - 0.5) > 0.1
    assert (found.stuck(states) == (h > 0.5))[off].all()
    assert np.abs(found.committor(states) - h).mean() < 0.1
    assert found.to_dict()["separation"] > 6.0


def test_one_side_is_not_taken_for_two(model, runs):
    with pytest.raises(NotConverged, match="do not show two sides"):
        find_basins(model, runs)


def test_an_ensemble_of_fits_has_an_interval(chain, runs):
    models = fit_ensemble(
        runs, 3, step=chain.step, latent=4, hidden=(12,), epochs=4, batch=512, device="cpu"
    )
    (first, *_) = timescale_intervals(models, 2)
    assert first.low < first.mean < first.high
    assert {m.seed for m in models} == {0, 1, 2}
    assert np.isnan(timescale_intervals(models[:1])[0].low)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Koopman(0), "latent is 0"),
        (lambda: Koopman(epochs=0, batch=0), "epochs is 0; batch is 0"),
        (lambda: Koopman(hidden=()), "smallest hidden layer is 0"),
        (lambda: Koopman(rate=2.0), "learning rate is 2"),
        (
            lambda: small(device="warp").fit(np.random.default_rng(0).random((3, 90))),
            "device 'warp'",
        ),
        (lambda: small().fit(np.ones((3, 90))), "never changes"),
        (lambda: small().fit(np.random.default_rng(0).random((1, 90))), "one run only"),
        (lambda: small().fit(np.random.default_rng(0).random((2, 5))), "too short"),
        (lambda: small(delays=9).fit(np.random.default_rng(0).random((2, 5))), "too short"),
        (lambda: small().fit(np.full((3, 90), np.nan)), "x0 is nan at sample 0 of run 0"),
        (lambda: small(validation=1.5).fit(np.random.default_rng(0).random((3, 90))), "share"),
        (
            lambda: small().fit(Trajectories.of(np.random.default_rng(0).random((3, 90))), 2.0),
            "sampled every 1 s, not every 2 s",
        ),
        (lambda: fit_ensemble([[1.0, 2.0]], 0), "0 fits"),
    ],
)
def test_hostile_settings_and_data(make, message):
    with pytest.raises(DataError, match=message):
        make()
