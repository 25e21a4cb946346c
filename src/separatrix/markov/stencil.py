"""Sums over the jumps of a chain, without a list of its edges where there is a lattice."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from separatrix.markov.generator import Chain, Mask, sum_at
from separatrix.markov.scaled import Scaled

Array: TypeAlias = NDArray[np.float64]
Index: TypeAlias = NDArray[np.int64]
Box: TypeAlias = tuple[slice, ...]


class Step(NamedTuple):
    """One jump: `rates` [1/s] from the states of `sources` to those of `targets`, box to box."""

    sources: Box
    targets: Box
    rates: Array


def steps(chain: Chain) -> Iterator[Step]:
    """The jumps of a lattice chain, each with the boxes that it joins."""
    for jump, rates in zip(chain.jumps, chain.stencil, strict=True):
        sizes = list(zip(jump, chain.shape, strict=True))
        sources = tuple(slice(max(0, -j), max(n - max(0, j), 0)) for j, n in sizes)
        targets = tuple(slice(max(0, j), max(n - max(0, -j), 0)) for j, n in sizes)
        yield Step(sources, targets, rates[sources])


def rates_into(chain: Chain, states: Mask) -> Array:
    """Rate [1/s] from each state outside `states` into it, flat; 0 inside."""
    if chain.listed is not None:
        flat = states.reshape(-1)
        rows, cols, rates = chain.listed
        entering = flat[cols] & ~flat[rows]
        return sum_at(rows[entering], rates[entering], chain.n_states)
    # in row-major order a jump is a shift: what it would wrap around has no rate
    n, inside = chain.n_states, states.reshape(-1).astype(np.float64)
    total = np.zeros(n)
    for shift, rates in zip(offsets(chain).tolist(), chain.table, strict=True):
        if 0 <= shift < n:
            total[: n - shift] += rates[: n - shift] * inside[shift:]
        elif -n < shift < 0:
            total[-shift:] += rates[-shift:] * inside[:shift]
    total[states.reshape(-1)] = 0.0
    return total


def offsets(chain: Chain) -> Index:
    """(k,) change of the row-major number by each jump."""
    shape = chain.shape
    strides = np.array([prod(shape[i + 1 :]) for i in range(len(shape))], dtype=np.int64)
    return np.array(chain.jumps, dtype=np.int64).reshape(-1, len(shape)) @ strides


def rates_from(chain: Chain, state: int) -> tuple[Index, Array]:
    """Where one state jumps to, and at which rates [1/s]."""
    if chain.listed is not None:
        own = chain.listed.rows == state
        return chain.listed.cols[own], chain.listed.rates[own]
    rates = np.array([rate.reshape(-1)[state] for rate in chain.stencil])
    live = rates > 0.0
    return (state + offsets(chain))[live], rates[live]


def squared_jumps(chain: Chain, kept: Mask, f: Array) -> tuple[Array, Array]:
    r""":math:`\sum_y q_{xy} (f_y - f_x)^2`, and what rounding adds to it, flat; 0 off `kept`.

    Parameters
    ----------
    kept : states x to sum from.
    f : values over the box, flat, each right to a few units in the last place.
    """
    doubt = 4.0 * 2.0**-52
    if chain.listed is not None:
        rows, cols, rates = chain.listed
        own = kept.reshape(-1)[rows]
        rows, cols, rates = rows[own], cols[own], rates[own]
        jump, noise = f[cols] - f[rows], doubt * (f[cols] + f[rows])
        square = rates * jump**2
        extra = rates * (2.0 * np.abs(jump) + noise) * noise
        return sum_at(rows, square, f.size), sum_at(rows, extra, f.size)
    table = f.reshape(chain.shape)
    total, more = np.zeros((2, *chain.shape))
    for sources, targets, rates in steps(chain):
        jump, noise = table[targets] - table[sources], doubt * (table[targets] + table[sources])
        total[sources] += rates * jump**2
        more[sources] += rates * (2.0 * np.abs(jump) + noise) * noise
    total[~kept] = more[~kept] = 0.0
    return total.reshape(-1), more.reshape(-1)


def expected_over_jumps(chain: Chain, h: Scaled, removed: Mask) -> Scaled:
    r""":math:`\sum_y q_{xy} h_y` for each state x, with h = 0 on the removed states; 0 for states that are kept."""
    total = Scaled.of(np.zeros(h.size))
    rows, cols, rates = chain.edges
    inside = ~removed.reshape(-1)[cols] & removed.reshape(-1)[rows]
    rows, cols, rates = rows[inside], cols[inside], rates[inside]
    if rows.size == 0:
        return total
    terms = Scaled.of(rates).times(h[cols])
    top = np.full(h.size, total.exponent[0])
    np.maximum.at(top, rows, terms.exponent)
    with np.errstate(under="ignore"):
        shifted = np.ldexp(
            terms.mantissa, np.maximum(terms.exponent - top[rows], -1100).astype(np.int32)
        )
    return Scaled.of(sum_at(rows, shifted, h.size), top)
