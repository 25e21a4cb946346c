r"""The rates of a finite Markov chain: a lattice stencil or a list of edges, never a diagonal.

A population on a box has, for every jump :math:`J_k`, one array of rates :math:`a_k(x)` on the
grid. Its generator is

.. math:: Q_{x,y} = \sum_{k:\,x + J_k = y} a_k(x) \quad (x \ne y), \qquad
          Q_{x,x} = -\sum_{y \ne x} Q_{x,y}.

Elimination reads the off-diagonal rates only: a diagonal is always rebuilt as a sum of them, so
that nothing is ever subtracted. States are numbered in row-major order.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from separatrix.errors import ModelError, NotConverged, Problem
from separatrix.markov.faulty_rates import first_problem
from separatrix.markov.memory import human_bytes, short_of

if TYPE_CHECKING:
    from separatrix.population.lattice import Population

Array: TypeAlias = NDArray[np.float64]
Index: TypeAlias = NDArray[np.int64]
Mask: TypeAlias = NDArray[np.bool_]


class Edges(NamedTuple):
    """Positive off-diagonal rates as parallel arrays: ``rates[e]`` from `rows[e]` to `cols[e]`."""

    rows: Index
    cols: Index
    rates: Array


@dataclass(frozen=True)
class Chain:
    """Off-diagonal rates of a Markov chain on a box, given by a stencil or by edges.

    Attributes
    ----------
    shape : number of values of each axis; ``(n,)`` for a chain without a lattice.
    names : one name per axis, for messages.
    jumps : the distinct jumps of the stencil; empty where the chain is given by edges.
    stencil : one array of rates [1/s] of the box's shape per jump, 0 where the jump leaves it.
    listed : the edges, where the chain is given by edges.
    """

    shape: tuple[int, ...]
    names: tuple[str, ...]
    jumps: tuple[tuple[int, ...], ...] = ()
    stencil: tuple[Array, ...] = ()
    listed: Edges | None = None

    @property
    def n_states(self) -> int:
        """Number of states in the box."""
        return prod(self.shape)

    @cached_property
    def table(self) -> Array:
        """(k, n) rates [1/s] of the stencil's jumps, states in row-major order."""
        whole = self.stencil[0].base if self.stencil else None
        if whole is not None and whole.shape == (len(self.jumps), *self.shape):
            # as `as_chain` made it: the stencil is this table's rows
            return whole.reshape(len(self.jumps), -1)
        return np.stack([rate.reshape(-1) for rate in self.stencil])

    @cached_property
    def edges(self) -> Edges:
        """All positive rates as edges between row-major state numbers, computed once."""
        if self.listed is not None:
            return self.listed
        strides = _strides(self.shape)
        rows: list[Index] = []
        cols: list[Index] = []
        values: list[Array] = []
        for jump, rate in zip(self.jumps, self.stencil, strict=True):
            flat = rate.reshape(-1)
            source = np.flatnonzero(flat)
            offset = sum(j * s for j, s in zip(jump, strides, strict=True))
            rows.append(source)
            cols.append(source + offset)
            values.append(flat[source])
        if not rows:
            return Edges(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
        return Edges(np.concatenate(rows), np.concatenate(cols), np.concatenate(values))

    def exit_rates(self) -> Array:
        """Total rate [1/s] out of each state, of the box's shape: the negated diagonal of Q."""
        if self.listed is not None:
            total = sum_at(self.listed.rows, self.listed.rates, self.n_states)
            return total.reshape(self.shape)
        total = np.zeros(self.shape)
        for rate in self.stencil:
            total += rate
        return total

    def label(self, number: int) -> str:
        """One state in words, such as ``queue[52] = 3, orbit[client,0] = 1``."""
        values = np.unravel_index(number, self.shape)
        return ", ".join(f"{n} = {int(v)}" for n, v in zip(self.names, values, strict=True))


def as_chain(source: Population | Chain) -> Chain:
    """Rates of a population on its grid, checked; a chain passes unchanged.

    Raises
    ------
    ModelError : a rate is negative, infinite or NaN, or is positive where the jump leaves the box;
        every such transition is named with its first bad state.
    NotConverged : the rates alone would not fit in memory; checked before anything is allocated.
    """
    if isinstance(source, Chain):
        return source
    require_room(source)
    shape = source.shape
    names = tuple(axis.name for axis in source.axes)
    grid = source.grid()
    problems: list[Problem] = []
    every = dict.fromkeys(tuple(int(j) for j in t.jump) for t in source.transitions)
    jumps = [jump for jump in every if any(jump) and len(jump) == len(shape)]
    table = np.zeros((len(jumps), *shape))
    for transition in source.transitions:
        jump = tuple(int(j) for j in transition.jump)
        if len(jump) != len(shape):
            problems.append(
                Problem(
                    f"transition {transition.name!r} jumps in {len(jump)} axes,"
                    f" but the population has {len(shape)}"
                )
            )
            continue
        rate = np.broadcast_to(np.asarray(transition.rate(grid), dtype=np.float64), shape)
        bad = first_problem(rate, jump, shape, names, transition.name)
        if bad is not None:
            problems.append(bad)
        elif any(jump):
            table[jumps.index(jump)] += rate
    if problems:
        raise ModelError(problems)
    return Chain(shape, names, tuple(jumps), tuple(table))


def require_room(population: Population) -> None:
    """Refuse a population whose rates would not fit in memory; nothing is allocated.

    Raises
    ------
    NotConverged : with the estimate, what is free, and what to do instead.
    """
    # one table of rates a jump, and at most four more at a time while they are computed
    tables = len({transition.jump for transition in population.transitions}) + 4
    needed = 8 * tables * population.n_states
    if (free := short_of(needed)) is not None:
        raise NotConverged(
            f"the rates of {Decimal(population.n_states):.3g} states would take {human_bytes(needed)}, and "
            f"{human_bytes(free)} are free; take the geometric closure, state an orbit_size, or "
            "simulate",
            certificate="memory estimate",
        )


def chain_from_matrix(Q: Any) -> Chain:
    """A chain without a lattice, from the off-diagonal entries of a square generator.

    Parameters
    ----------
    Q : (n, n) dense array or SciPy sparse matrix or array; its diagonal is ignored and rebuilt.

    Raises
    ------
    ModelError : not square, or an off-diagonal entry is negative or not finite.
    """
    if hasattr(Q, "tocoo"):
        coo = Q.tocoo()
        n, m = (int(k) for k in coo.shape)
        rows, cols, rates = coo.row, coo.col, coo.data
        key = np.asarray(rows, np.int64) * m + np.asarray(cols, np.int64)
        unique, place = np.unique(key, return_inverse=True)
        rates = np.bincount(place.reshape(-1), np.asarray(rates, np.float64), unique.size)
        rows, cols = np.divmod(unique, m)
    else:
        dense = np.asarray(Q, dtype=np.float64)
        if dense.ndim != 2:
            raise ModelError(f"a generator is a square matrix; got {dense.ndim} dimensions")
        n, m = dense.shape
        rows, cols = np.nonzero(dense)
        rates = dense[rows, cols]
    if n != m or n == 0:
        raise ModelError(f"a generator is a square matrix; got {n} x {m}")
    keep = (rows != cols) & (rates != 0.0)
    rows, cols, rates = rows[keep].astype(np.int64), cols[keep].astype(np.int64), rates[keep]
    bad = np.flatnonzero(~(np.isfinite(rates) & (rates > 0.0)))
    if bad.size:
        e = int(bad[0])
        raise ModelError(
            Problem(
                f"rate from state {rows[e]} to state {cols[e]} is {rates[e]!r} 1/s",
                hint="rates must be finite and >= 0",
            )
        )
    return Chain((n,), ("state",), listed=Edges(rows, cols, np.asarray(rates, np.float64)))


def generator(source: Population | Chain) -> Any:
    r"""Sparse generator :math:`Q` [1/s] with rows that sum to 0, states in row-major order.

    Returns
    -------
    Q : (n, n) ``scipy.sparse.csr_array``.

    Raises
    ------
    ModelError : as `as_chain`.
    """
    from scipy import sparse

    chain = as_chain(source)
    n = chain.n_states
    if chain.listed is not None:
        rows, cols, rates = chain.listed
        listed: Any = cast(Any, sparse).coo_array((rates, (rows, cols)), shape=(n, n)).tocsr()
        return (listed - cast(Any, sparse).diags_array(chain.exit_rates())).tocsr()
    strides = _strides(chain.shape)
    entries = [
        (sum(j * s for j, s in zip(jump, strides, strict=True)), rate.reshape(-1))
        for jump, rate in zip(chain.jumps, chain.stencil, strict=True)
    ]
    entries.append((0, -chain.exit_rates().reshape(-1)))
    entries.sort(key=lambda entry: entry[0])  # columns ascend within a row: no sorting is needed
    table = np.stack([values for _, values in entries], axis=1)
    present = table != 0.0
    kind = np.int32 if table.size < 2**31 else np.int64
    offsets = np.array([offset for offset, _ in entries], dtype=kind)
    columns = np.arange(n, dtype=kind)[:, None] + offsets
    ends = np.concatenate([[0], np.cumsum(present.sum(axis=1))]).astype(kind)
    parts = (table[present], columns[present], ends)
    return cast(Any, sparse).csr_array(parts, shape=(n, n))


def sum_at(places: Index, values: Array, size: int) -> Array:
    """Sums of the values that share a place, for places 0..size-1."""
    return np.asarray(np.bincount(places, values, size), dtype=np.float64)


def as_mask(target: Any, chain: Chain, what: str) -> Mask:
    """A set of states as a boolean array of the box's shape, checked.

    Raises
    ------
    ModelError : the shape differs, or no state is in the set.
    """
    mask = np.asarray(target)
    if mask.dtype != np.bool_:
        raise ModelError(f"{what} must be a boolean mask over the states; got dtype {mask.dtype}")
    if mask.size != chain.n_states or (mask.ndim > 1 and mask.shape != chain.shape):
        raise ModelError(f"{what} has shape {mask.shape}; the states have shape {chain.shape}")
    if not mask.any():
        raise ModelError(Problem(f"{what} is empty", hint="name at least one state"))
    return cast(Mask, mask.reshape(chain.shape))


def _strides(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(prod(shape[i + 1 :]) for i in range(len(shape)))
