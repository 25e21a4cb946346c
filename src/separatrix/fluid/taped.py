"""The mean dynamics of populations whose rates are written down: compiled, with exact derivatives.

A population with one queue, nothing but orbits besides, and few moves is quick enough in NumPy, and spares its
user the compiler's start (half a second); all others are run as tapes (`separatrix.population.tape`).
"""

from __future__ import annotations

import numpy as np

from separatrix.population import Array, Population
from separatrix.population.tape import Tape

FEW = 40
"""So many moves of one queue and its orbits are quicker in NumPy than the compiler's start."""
EDGE = 1e-6
"""Derivatives are taken at least so far inside the box, whose edges are bends."""


def tape_of(population: Population) -> Tape | None:
    """The tape by which a population is run; None where NumPy does."""
    queues, orbits = population.axes_of("queue"), population.axes_of("orbit")
    plain = queues == (0,) and len(orbits) == len(population.axes) - 1
    if plain and len(population.moving) <= FEW:
        return None
    return population.tape


def flows_of(tape: Tape, states: Array) -> tuple[Array, Array]:
    """Net and gross flow [1/s] of each coordinate at `states`, (..., n_axes), each in that shape."""
    flat = np.ascontiguousarray(states, dtype=np.float64).reshape(-1, tape.inputs)
    net, gross, _ = _flowing(tape, flat)
    return net.reshape(np.shape(states)), gross.reshape(np.shape(states))


def linearised(tape: Tape, states: Array, box: Array) -> tuple[Array, Array, Array]:
    """Velocity (m, n_axes), its derivatives (m, n_axes, n_axes) and the sum of all rates (m,), [1/s].

    box : (n_axes,) greatest coordinates; the derivatives are those just inside.
    """
    x = np.ascontiguousarray(states, dtype=np.float64)
    inside = np.clip(x, EDGE, np.maximum(np.maximum(box, x) - EDGE, EDGE))
    inside = np.where(box > 0, inside, x)
    net, slopes, total = _linear(tape, inside)
    edge = np.flatnonzero((inside != x).any(axis=1))
    if len(edge):
        net[edge], _, total[edge] = _flowing(tape, x[edge])
    return net, slopes, total


def _flowing(tape: Tape, x: Array) -> tuple[Array, Array, Array]:
    from separatrix.fluid.tape_kernel import flows, gamma_functions

    net, gross, total = np.zeros(x.shape), np.zeros(x.shape), np.zeros(len(x))
    flows(_parts(tape), x, net, gross, total, *gamma_functions())
    return net, gross, total


def _linear(tape: Tape, x: Array) -> tuple[Array, Array, Array]:
    from separatrix.fluid.tape_kernel import gamma_functions, linearise

    m, n = x.shape
    net, slopes, total = np.zeros((m, n)), np.zeros((m, n, n)), np.zeros(m)
    d = tape.depends
    entries = d.first, d.coordinate, d.one, d.two
    linearise(_parts(tape), entries, x, net, slopes, total, *gamma_functions())
    return net, slopes, total


def _parts(tape: Tape) -> tuple[object, ...]:
    return (
        tape.inputs, tape.constants, tape.operations, tape.operands, tape.outputs, tape.first,
        tape.axes, tape.steps,
    )  # fmt: skip
