from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from separatrix.markov.scaled import Scaled, product, zeros

entries = st.lists(
    st.tuples(st.floats(0.5, 1.0, exclude_max=True) | st.just(0.0), st.integers(-5000, 5000)),
    min_size=1,
    max_size=6,
)


def vector(pairs):
    return Scaled.of(np.array([m for m, _ in pairs]), np.array([e for _, e in pairs]))


def exact(x):
    return [Fraction(float(m)) * Fraction(2) ** int(e) if m else Fraction(0)
            for m, e in zip(x.mantissa, x.exponent, strict=True)]  # fmt: skip


def close(got, want, parts):
    for g, w in zip(exact(got), want, strict=True):
        assert abs(g - w) <= Fraction(parts, 2**52) * w


@given(entries, st.integers(0, 2**32 - 1))
def test_product_keeps_every_entry_right(pairs, seed):
    x = vector(pairs)
    rng = np.random.default_rng(seed)
    A = np.ldexp(rng.uniform(0.5, 1.0, (4, x.size)), rng.integers(-900, 900, (4, x.size)))
    A[rng.uniform(size=A.shape) < 0.3] = 0.0
    want = [
        sum((Fraction(float(a)) * v for a, v in zip(row, exact(x), strict=True)), Fraction(0))
        for row in A
    ]
    close(product(A, x), want, 4 * x.size)


@given(entries, entries)
def test_sum_product_quotient_and_total(one, two):
    size = min(len(one), len(two))
    a, b = vector(one[:size]), vector(two[:size])
    close(a.plus(b), [p + q for p, q in zip(exact(a), exact(b), strict=True)], 2)
    close(a.times(b), [p * q for p, q in zip(exact(a), exact(b), strict=True)], 2)
    close(a.total(), [sum(exact(a), Fraction(0))], size + 1)
    positive = np.flatnonzero(b.mantissa)
    if positive.size:
        quotient = a[positive].over(b[positive])
        want = [exact(a)[i] / exact(b)[i] for i in positive]
        close(quotient, want, 2)


def test_range_and_logarithm():
    x = Scaled.of(np.array([0.75, 0.5, 0.0, 1.0]), np.array([3000, -3000, 7, 0]))
    np.testing.assert_array_equal(x.to_float(), [np.inf, 0.0, 0.0, 1.0])
    ln2 = np.log(2.0)
    np.testing.assert_allclose(
        x.log(), [np.log(0.75) + 3000 * ln2, -3001 * ln2, -np.inf, 0.0], rtol=1e-15
    )


def test_empty_products():
    assert product(np.zeros((3, 0)), zeros(0)).size == 3
    assert product(np.zeros((0, 2)), zeros(2)).size == 0
    np.testing.assert_array_equal(product(np.ones((2, 2)), zeros(2)).to_float(), [0.0, 0.0])


def test_a_product_of_small_coefficients_and_small_entries_is_kept():
    x = vector([(0.5, 0), (0.5, -388)])
    A = np.array([[0.0, 0.6 * 2.0**-680]])
    close(product(A, x), [Fraction(0.6 * 2.0**-680) * exact(x)[1]], 4)
