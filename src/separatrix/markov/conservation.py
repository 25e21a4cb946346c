r"""Whether a law flows as much into every state as out of it, and up as down across every level.

A stationary law balances not only every state but every set: across the cut between levels
:math:`k` and :math:`k+1` of an axis,

.. math:: \sum_{x_i \le k < y_i} \pi_x q_{xy} = \sum_{y_i \le k < x_i} \pi_x q_{xy} .

That sees what balance in every state is blind to: where two regions hardly exchange probability, a
law that weighs one of them wrongly balances in every state to 1e-13, but not across the pass.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from separatrix.markov.generator import Chain, sum_at
from separatrix.markov.scaled import Scaled, zeros
from separatrix.markov.stencil import steps

Array: TypeAlias = NDArray[np.float64]


def state_imbalance(chain: Chain, law: Scaled) -> Array:
    r""":math:`|\sum_y \pi_y q_{yx} / (\pi_x q_x) - 1|` for each state; 0 on states without mass."""
    if chain.listed is None:
        mantissa, exponent = law.mantissa.reshape(chain.shape), law.exponent.reshape(chain.shape)
        table = np.zeros(chain.shape)
        for sources, targets, rates in steps(chain):
            there = mantissa[targets]
            ratio = rates * mantissa[sources] / np.where(there > 0.0, there, 1.0)
            step = np.clip(exponent[sources] - exponent[targets], -2000, 2000).astype(np.int32)
            with np.errstate(over="ignore", under="ignore"):
                table[targets] += np.where(there > 0.0, np.ldexp(ratio, step), 0.0)
        inflow = table.reshape(-1)
    else:
        rows, cols, rates = chain.edges
        fine = law.mantissa[cols] > 0.0
        rows, cols, rates = rows[fine], cols[fine], rates[fine]
        step = np.clip(law.exponent[rows] - law.exponent[cols], -2000, 2000).astype(np.int32)
        with np.errstate(over="ignore", under="ignore"):
            relative = np.ldexp(rates * law.mantissa[rows] / law.mantissa[cols], step)
        inflow = sum_at(cols, relative, chain.n_states)
    outflow = chain.exit_rates().reshape(-1)
    live = (law.mantissa > 0.0) & (outflow > 0.0)
    return np.abs(np.divide(inflow, outflow, out=np.ones(inflow.size), where=live) - 1.0)


def flows_across(chain: Chain, law: Scaled, axis: int) -> tuple[Scaled, Scaled]:
    """Probability flow [1/s] up and down across every cut between neighbouring levels of an axis.

    Parameters
    ----------
    chain : a chain on a lattice.
    law : probabilities, flat.
    axis : number of the axis.

    Returns
    -------
    up, down : (m - 1,) for an axis of m levels; entry k belongs to the cut between k and k + 1.
    """
    cuts = chain.shape[axis] - 1
    both = [zeros(cuts), zeros(cuts)]
    mantissa, exponent = law.mantissa.reshape(chain.shape), law.exponent.reshape(chain.shape)
    others = tuple(i for i in range(len(chain.shape)) if i != axis)
    for sources, targets, rates in steps(chain):
        first, last = sources[axis].start, sources[axis].stop
        step = targets[axis].start - first
        if step == 0 or mantissa[sources].size == 0:
            continue
        power = exponent[sources]
        top = power.max(axis=others, keepdims=True)
        with np.errstate(under="ignore"):
            shift = np.maximum(power - top, -1100).astype(np.int32)
            sums = np.ldexp(mantissa[sources] * rates, shift).sum(axis=others)
        flow = Scaled.of(sums, top.reshape(-1))
        for k in range(abs(step)):
            # a jump from level x crosses the cuts x .. x + step - 1, or x - 1 .. x + step
            at = first + (k if step > 0 else -1 - k)
            every = zeros(cuts)
            every.mantissa[at : at + last - first] = flow.mantissa
            every.exponent[at : at + last - first] = flow.exponent
            side = 0 if step > 0 else 1
            both[side] = both[side].plus(every)
    return both[0], both[1]


def cut_imbalance(chain: Chain, law: Scaled, floor: float) -> float | None:
    """Largest relative difference of the flows up and down across any cut; None off a lattice.

    Parameters
    ----------
    floor : logarithm of the flow [1/s] below which a cut is not looked at.
    """
    if chain.listed is not None:
        return None
    worst = 0.0
    for axis in range(len(chain.shape)):
        up, down = flows_across(chain, law, axis)
        seen = np.flatnonzero(np.maximum(up.log(), down.log()) > floor)
        if seen.size == 0:
            continue
        up, down = up[seen], down[seen]
        if (np.minimum(up.mantissa, down.mantissa) == 0.0).any():
            return float("inf")
        worst = max(worst, float(np.abs(up.over(down).to_float() - 1.0).max()))
    return worst
