r"""Solves along whole lines of a lattice, without a subtraction: the smoother of the aggregation.

A line holds the states that differ in one coordinate only. With everything off the line fixed, the
expected times x on it balance

.. math:: x_i\,(u_i + d_i + \ell_i) = b_i + x_{i-1} u_{i-1} + x_{i+1} d_{i+1} ,

with :math:`u, d` the rates of single steps along the line, :math:`\ell` the rate of every other jump, and
:math:`b` the flow that other jumps bring. Eliminating from one end,

.. math:: s_i = u_i + \lambda_i,\quad \lambda_{i+1} = \ell_{i+1} + d_{i+1} \lambda_i / s_i,\quad
          b_{i+1} \mathrel{+}= b_i u_i / s_i,\qquad x_i = (b_i + x_{i+1} d_{i+1}) / s_i .
"""

from __future__ import annotations

from typing import Any

from separatrix.compiled import compiled

_TINY = 1e-295  # smaller flows are dropped, far above the subnormal numbers


def _gather(
    base: Any,
    at: Any,
    axis: Any,
    shape: Any,
    strides: Any,
    jumps: Any,
    rates: Any,
    source: Any,
    x: Any,
    up: Any,
    down: Any,
    leave: Any,
    flow: Any,
) -> Any:
    """Rates along one line, rates off it, and the flow that jumps from other states bring."""
    m, step = shape[axis], strides[axis]
    for i in range(m):
        up[i] = down[i] = leave[i] = 0.0
        flow[i] = source[base + i * step]
    for k in range(jumps.shape[0]):
        away, offset = False, 0
        inside = True
        for a in range(shape.size):
            if a != axis and jumps[k, a] != 0:
                away = True
                offset += jumps[k, a] * strides[a]
                inside &= 0 <= at[a] - jumps[k, a] < shape[a]
        along = jumps[k, axis]
        if not away and along == 1:
            for i in range(m):
                up[i] = rates[k, base + i * step]
            continue
        if not away and along == -1:
            for i in range(m):
                down[i] = rates[k, base + i * step]
            continue
        for i in range(m):
            leave[i] += rates[k, base + i * step]
        if inside:
            first = base - offset - along * step
            for i in range(max(along, 0), min(m + along, m)):
                y = first + i * step
                flow[i] += rates[k, y] * x[y]


def _sweep(
    axis: Any,
    shape: Any,
    strides: Any,
    jumps: Any,
    rates: Any,
    killing: Any,
    source: Any,
    x: Any,
    backwards: Any,
    at: Any,
    up: Any,
    down: Any,
    leave: Any,
    flow: Any,
    kept: Any,
) -> Any:
    """Solve every line along an axis, one after the other; returns 1 at a dead end, else 0."""
    m, step = shape[axis], strides[axis]
    d = shape.size
    lines = x.size // m
    for number in range(lines):
        rest = lines - 1 - number if backwards else number
        base = 0
        for a in range(d - 1, -1, -1):
            if a != axis:
                at[a] = rest % shape[a]
                rest //= shape[a]
                base += at[a] * strides[a]
        gather(base, at, axis, shape, strides, jumps, rates, source, x, up, down, leave, flow)
        for i in range(m):
            leave[i] += killing
            if not kept[base + i * step]:
                # nobody is here: the flow that comes has been counted as killed where it left
                up[i] = down[i] = flow[i] = 0.0
                leave[i] = 1.0
            pivot = up[i] + leave[i]
            if pivot <= 0.0:
                if flow[i] > 0.0 or i + 1 == m:
                    return 1
                pivot = 1.0
            up[i] /= pivot
            flow[i] /= pivot
            if i + 1 < m:
                back = down[i + 1]
                flow[i + 1] += flow[i] * up[i] * pivot
                leave[i + 1] += back * (leave[i] / pivot)
                # what i + 1 gives back to i, as the substitution needs it
                down[i] = back / pivot if kept[base + i * step] else 0.0
        for i in range(m - 1, -1, -1):
            value = flow[i] + (x[base + (i + 1) * step] * down[i] if i + 1 < m else 0.0)
            x[base + i * step] = value if value > _TINY else 0.0
    return 0


gather = compiled(_gather, inner=True)
sweep = compiled(_sweep)
