"""The solver of a chain: which method fits its size and shape, and why.

A chain's times, laws and committors need the same states removed again and again; `solver_for` factors
them once (or, for lattices that no elimination fits, iterates anew at each solve; see `Solver`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from separatrix.errors import ModelError, NotConverged, Problem
from separatrix.markov.banded import Breakdown
from separatrix.markov.classes import can_reach
from separatrix.markov.generator import Chain, Mask
from separatrix.markov.levels import eliminate_by_levels
from separatrix.markov.loading import worth_loading
from separatrix.markov.solver import Method, Solver

Array: TypeAlias = NDArray[np.float64]
Sides: TypeAlias = Literal["both", "left", "right"]

_DENSE_BELOW = 300  # states; below this a band saves nothing
_NESTED_FROM = 12_000  # states; below, an elimination by levels takes a tenth of a second or two
_NESTED_WORK = 5e8  # multiplications of an elimination by levels that take about half a second
_LOADED_FROM = 500  # states; where compiled code is loaded nested dissection is faster from here on
_DIRECT_WORK = 3e11  # multiplications of a nested dissection that take forty seconds
_ONE_SIDED_FROM = 2_500_000  # states; below, factors of both sides take less than 3 GB


def solver_for(
    chain: Chain,
    *,
    removed: Mask | None = None,
    killing: float = 0.0,
    anchor: int | None = None,
    method: Method = "auto",
    reverse: bool = False,
    block: int = 32,
    sides: Sides = "both",
    load: Array | None = None,
    strip: int | None = None,
) -> Solver:
    """Solver of the chain on its kept states, free of subtractions.

    Parameters
    ----------
    chain : off-diagonal rates.
    removed : states to leave out (a target set), of the box's shape; none by default.
    killing : constant extra rate [1/s] out of every kept state.
    anchor : row-major number of the kept state to eliminate last; by default the first kept one,
        or one where the chain lingers too long for an ordinary pivot.
    method : ``"levels"`` (panels along the longest axis), ``"nested"`` (nested dissection, compiled;
        a lattice of few states a level is cut in levels, unless in the opposite order),
        ``"dense"``, ``"aggregated"`` (no factors: every solve iterates; see `aggregation`), or
        ``"auto"``, which takes the last for lattices of three axes and more whose elimination would
        take minutes, and nested dissection after all where that does not converge. From 500 to some
        12,000 states it goes by levels until these have cost the half second that the compiled code of
        nested dissection takes to load (see `loading`), and is several times as fast from then on.
    reverse : eliminate, or iterate, in the opposite order, as an independent check of the digits.
    block : pivots per panel, by levels.
    sides : ``"left"`` keeps what a stationary law and solves from the left need, ``"right"`` what
        hitting times need: half the memory of nested dissection, but every further solve eliminates
        again. Elimination by levels keeps both.
    load : a right-hand side >= 0 (n,) that nested dissection eliminates along; `right` of this
        very array then costs next to nothing.
    strip : nested dissection cuts the longest axis into strips of so many levels first, one after the
        other towards the anchor, so that no front joins states whose rates a float64 cannot hold
        beside each other. By default it does so where the chain drifts steeply.

    Raises
    ------
    ModelError : no state is kept, the anchor is removed, or some state cannot reach the anchor
        or a removed state.
    NotConverged : the factors would not fit in memory, or a pivot underflows.
    """
    n = chain.n_states
    gone = np.zeros(chain.shape, dtype=np.bool_) if removed is None else removed
    kept = np.flatnonzero(~gone.reshape(-1))
    if kept.size == 0:
        raise ModelError("every state is removed: nothing is left to solve for")
    last = int(kept[0]) if anchor is None else anchor
    if not 0 <= last < n or gone.reshape(-1)[last]:
        raise ModelError(f"the anchor, state {last}, is not a kept state")
    picked, reason = _choose(method, chain, kept.size)
    solved: Solver | None = None
    failed: tuple[int, float] | None = None
    try:
        if picked == "aggregated":
            from separatrix.markov.aggregation.or_eliminated import AggregatedOrEliminated
            from separatrix.markov.aggregation.solver import Aggregated

            _require_reachable(chain, gone, killing, last)
            first = Aggregated(chain, gone, killing, last, picked, reason, reverse=reverse)
            if method == "aggregated":
                return first

            def eliminated(why: str) -> Solver:
                found = solver_for(
                    chain, removed=removed, killing=killing, anchor=anchor, method="nested",
                    reverse=reverse, block=block, sides=sides, load=load, strip=strip,
                )  # fmt: skip
                return replace(found, reason=f"{reason}; {why}")

            return AggregatedOrEliminated(first, eliminated)
        if picked == "nested":
            # not at module level: small chains must not wait for numba
            from separatrix.markov.nested.solver import eliminate_nested
            from separatrix.markov.nested.strips import deep_levels, narrow_along

            axis = narrow_along(chain) if strip is None and not reverse else None
            strip = deep_levels(chain) if strip is None and axis is None else strip
            solved = eliminate_nested(
                chain,
                gone,
                killing,
                last,
                reason,
                reverse=reverse,
                sides=sides,
                load=load,
                strip=strip,
                axis=axis,
            )
        else:
            solved = eliminate_by_levels(
                chain, gone, killing, last, (picked, reason), reverse, block
            )
    except Breakdown as failure:
        failed = failure.position, failure.pivot
    if failed is not None:
        # only here: while an exception is handled it keeps the factors of the failed attempt alive
        trouble = _explained(chain, gone, last, *failed)
        if not isinstance(trouble, NotConverged):
            raise trouble
        again: list[tuple[Method, int | None, int | None]] = []
        if picked == "nested" and strip is None:
            from separatrix.markov.nested.strips import strip_levels

            again.append(("nested", strip_levels(chain), anchor))
        elif anchor is None:
            # the chain lingers where it last got stuck: there the anchor's extended range helps
            again.append((picked, strip, failed[0]))
        if method == "auto" and picked != "nested" and _is_lattice(chain):
            # in fronts every row has a power of two of its own
            again.append(("nested", strip, anchor))
        for how, levels, end in again:
            try:
                found = solver_for(
                    chain, removed=removed, killing=killing, anchor=end, method=how,
                    reverse=reverse, block=block, sides=sides, load=load, strip=levels,
                )  # fmt: skip
            except NotConverged as failure:
                trouble = failure.with_traceback(None)
                continue
            why = reason if how == picked else f"{reason}, but {trouble}"
            return replace(found, reason=why)
        raise trouble
    assert solved is not None  # noqa: S101 (it failed otherwise)
    if (removed is not None or killing > 0.0) and not solved.anchor_exit.mantissa[0] > 0.0:
        raise _explained(chain, gone, last, last, 0.0)
    return solved


def sides_for(chain: Chain, side: Sides) -> Sides:
    """`side` where factors of both would weigh gigabytes, else both."""
    return side if chain.n_states >= _ONE_SIDED_FROM else "both"


def _explained(
    chain: Chain, gone: Mask, anchor: int, state: int, pivot: float
) -> ModelError | NotConverged:
    """Why the pivot of `state` vanished: it is stuck for ever, or only for longer than 1e290 s."""
    goal = gone.copy()
    goal.reshape(-1)[anchor] = anchor != state
    if can_reach(chain, goal).reshape(-1)[state]:
        return NotConverged(
            f"the elimination underflows at {chain.label(state)}; name it as the anchor",
            partial=state,
            certificate=f"pivot {pivot:.3g} 1/s",
        )
    return _stuck(chain, gone, anchor, state)


def _require_reachable(chain: Chain, gone: Mask, killing: float, anchor: int) -> None:
    """What an elimination finds out by a pivot that vanishes, and an iteration would not."""
    goal = gone.copy()
    goal.reshape(-1)[anchor] = True
    lost = np.flatnonzero(~can_reach(chain, goal))
    if lost.size and killing == 0.0:
        raise _stuck(chain, gone, anchor, int(lost[0]))
    if gone.any() and killing == 0.0 and not can_reach(chain, gone).reshape(-1)[anchor]:
        raise _stuck(chain, gone, anchor, anchor)


def _stuck(chain: Chain, gone: Mask, anchor: int, state: int) -> ModelError:
    places = [chain.label(anchor)] * (anchor != state) + ["a removed state"] * bool(gone.any())
    place = " or ".join(places)
    return ModelError(
        Problem(f"{chain.label(state)} cannot reach {place}", hint="the chain is reducible there")
    )


def _is_lattice(chain: Chain) -> bool:
    return chain.listed is None and len(chain.shape) > 1


def _choose(method: Method, chain: Chain, n: int) -> tuple[Method, str]:
    lattice = _is_lattice(chain)
    if method in ("nested", "aggregated") and not lattice:
        raise ModelError(f"method={method!r} needs a chain on a lattice; use method='levels'")
    if method != "auto":
        return method, "asked for"
    if n < _DENSE_BELOW:
        return "dense", f"{n} states are few"
    if not lattice:
        return "levels", f"{n} states without a lattice"
    width = chain.n_states // max(chain.shape)
    small = n < _NESTED_FROM and n * width**2 < _NESTED_WORK
    if small and not (n >= _LOADED_FROM and worth_loading(n, width)):
        return "levels", f"{n} states of bandwidth {width}: no compiled code to wait for"
    if len(chain.shape) > 2:
        from separatrix.markov.nested.effort import chain_operations

        work = chain_operations(chain)
        if work > _DIRECT_WORK:
            return "aggregated", f"{n} states: nested dissection would take {work:.1g} operations"
    return "nested", f"{n} states of bandwidth {width}: by levels {n * width**2:.1g} operations"
