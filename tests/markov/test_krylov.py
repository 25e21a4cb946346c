import numpy as np
from scipy.linalg import expm

from separatrix.markov.arnoldi import Arnoldi, leading_pairs
from separatrix.markov.krylov import ExponentialAction


def stiff(n, seed):
    rng = np.random.default_rng(seed)
    A = rng.exponential(size=(n, n)) * 10.0 ** rng.uniform(-6, 0, (n, 1))
    np.fill_diagonal(A, 0.0)
    return np.diag(A.sum(axis=1) + 10.0 ** rng.uniform(-6, 0, n)) - A


def test_exponential_action_of_a_stiff_chain():
    n, gamma = 40, 0.2
    M = stiff(n, 7)
    resolvent = np.linalg.inv(np.eye(n) + gamma * M)
    b = np.ones(n)
    action = ExponentialAction(lambda f: resolvent @ f, b, gamma)
    action.space.grow(30)
    value = action.evaluator(np.array(action.space.basis[:30]), 30)
    assert value is not None
    for t in (0.05, 1.0, 50.0):
        np.testing.assert_allclose(value(t), expm(-t * M) @ b, atol=1e-8)


def test_exponential_action_of_a_defective_chain():
    n, rate, gamma = 30, 2.0, 3.0
    M = rate * (np.eye(n) - np.eye(n, k=1))
    resolvent = np.linalg.inv(np.eye(n) + gamma * M)
    action = ExponentialAction(lambda f: resolvent @ f, np.ones(n), gamma)
    action.space.grow(n)
    k = action.space.dimension
    value = action.evaluator(np.array(action.space.basis[:k]), k)
    assert value is not None
    np.testing.assert_allclose(value(10.0), expm(-10.0 * M) @ np.ones(n), atol=1e-7)


def test_a_space_that_closes_and_an_empty_one():
    space = Arnoldi(lambda f: 2.0 * f, np.ones(3))
    space.grow(5)
    assert space.complete
    assert space.dimension == 1
    nothing = ExponentialAction(lambda f: f, np.zeros(3), 1.0)
    nothing.space.grow(2)
    value = nothing.evaluator(np.zeros((0, 2)), 5)
    assert value is not None
    assert value(1.0).tolist() == [0.0, 0.0]


def test_a_projection_that_is_no_contraction_is_refused():
    action = ExponentialAction(lambda f: np.array([3.0, 0.1]) * f, np.ones(2), 1.0)
    action.space.grow(2)
    assert action.evaluator(np.eye(2), 2) is None


def test_leading_pairs_of_a_diagonal_operator():
    d = np.linspace(1.0, 100.0, 60) ** 2
    found = leading_pairs(lambda f: d * f, np.ones(60), 3, tolerance=1e-10, limit=60)
    np.testing.assert_allclose(found.values.real, d[:-4:-1], rtol=1e-9)
    assert found.residuals.max() < 1e-9
