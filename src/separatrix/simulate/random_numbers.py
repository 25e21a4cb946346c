r"""The random stream of a run, four words of its state, and the draws made from it.

xoshiro256++ (Blackman and Vigna, *Scrambled linear pseudorandom number generators*, ACM TOMS 47(4),
2021); exponentials by the ziggurat of 256 layers (Marsaglia and Tsang, J. Stat. Softw. 5(8), 2000).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from separatrix.compiled import compiled

_R = 7.69711747013104972  # where the ziggurat's tail begins
_V = 0.0039496598225815571993  # area of each of its layers


def _layers() -> tuple[Any, Any]:
    """(257,) right edges of the layers and the density there."""
    edge = np.empty(257)
    edge[0] = _V * np.exp(_R)
    edge[1] = _R
    for i in range(2, 256):
        edge[i] = -np.log(_V / edge[i - 1] + np.exp(-edge[i - 1]))
    edge[256] = 0.0
    return edge, np.exp(-edge)


EDGE, DENSITY = _layers()


def _bits(U: Any) -> Any:
    """Sixty-four random bits; advances the four words at the start of `U`."""
    a, b, c, d = U[0], U[1], U[2], U[3]
    s = a + d
    out = ((s << np.uint64(23)) | (s >> np.uint64(41))) + a
    shifted = b << np.uint64(17)
    c ^= a
    d ^= b
    b ^= c
    a ^= d
    c ^= shifted
    d = (d << np.uint64(45)) | (d >> np.uint64(19))
    U[0], U[1], U[2], U[3] = a, b, c, d
    return out


bits = compiled(_bits)


def _uniform(U: Any) -> float:
    """A number in [0, 1) with 53 random bits."""
    return float(bits(U) >> np.uint64(11)) * (1.0 / 9007199254740992.0)


uniform = compiled(_uniform)


def _below(U: Any, n: int) -> int:
    """An integer in 0 .. n-1."""
    return min(int(uniform(U) * n), n - 1)


below = compiled(_below)


def _exponential(U: Any) -> float:
    """An exponential of mean 1."""
    base = 0.0
    while True:
        b = bits(U)
        i = int(b & np.uint64(255))
        x = float(b >> np.uint64(11)) * (1.0 / 9007199254740992.0) * EDGE[i]
        if x < EDGE[i + 1]:
            return base + x
        if i == 0:
            base += _R  # memoryless: the tail is the law again
        elif DENSITY[i] + (DENSITY[i + 1] - DENSITY[i]) * uniform(U) < np.exp(-x):
            return base + x  # under the curve, between the layer's two heights


exponential = compiled(_exponential)


def _normal(U: Any) -> float:
    """A standard normal (Box and Muller, with an exponential for the squared radius)."""
    return np.sqrt(2.0 * exponential(U)) * np.cos(2.0 * np.pi * uniform(U))


normal = compiled(_normal)


def _gamma(U: Any, shape: float) -> float:
    """A gamma of mean `shape` >= 1 and scale 1 (Marsaglia and Tsang, ACM TOMS 26(3), 2000)."""
    d = shape - 1.0 / 3.0
    c = 1.0 / np.sqrt(9.0 * d)
    while True:
        x = normal(U)
        v = (1.0 + c * x) ** 3
        if v > 0.0 and -exponential(U) < 0.5 * x * x + d - d * v + d * np.log(v):
            return d * v


gamma = compiled(_gamma)
