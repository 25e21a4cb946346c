r"""Quantiles from sketches of durations: counts in buckets 3 % wide, merged by addition.

A bucket is a float's exponent and the first five bits of its mantissa, so octaves are cut into 32
equal parts and a quantile is off by at most 1/64 of its value (compare DDSketch: Masson, Rim and
Lee, PVLDB 12(12), 2019, with logarithmic buckets; this one needs no logarithm per duration).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from separatrix.simulate import layout as at


def bucket_edges() -> NDArray[np.float64]:
    """(BUCKETS + 1,) edges of the buckets [s]; what lies outside is counted in the outermost."""
    index = np.arange(at.BUCKETS + 1)
    octave, part = index >> at.SUB_BITS, index & ((1 << at.SUB_BITS) - 1)
    return np.ldexp(1.0 + part / (1 << at.SUB_BITS), at.LOWEST_EXPONENT + octave)


def quantiles(counts: NDArray[np.integer], shares: tuple[float, ...]) -> NDArray[np.float64]:
    """Quantiles of sketches, interpolated within the bucket; NaN where nothing was counted.

    Parameters
    ----------
    counts : (..., BUCKETS) sketches.
    shares : (q,) which quantiles, each in 0..1.

    Returns
    -------
    (..., q) durations [s].
    """
    edges = bucket_edges()
    below = np.cumsum(counts, axis=-1, dtype=np.int64)
    total = below[..., -1]
    found = np.full((*counts.shape[:-1], len(shares)), np.nan)
    for q, share in enumerate(shares):
        wanted = share * total
        bucket = np.minimum(np.sum(below < wanted[..., None], axis=-1), at.BUCKETS - 1)
        inside = np.take_along_axis(counts, bucket[..., None], axis=-1)[..., 0]
        before = np.take_along_axis(below, bucket[..., None], axis=-1)[..., 0] - inside
        part = np.clip((wanted - before) / np.maximum(inside, 1), 0.0, 1.0)
        value = edges[bucket] + part * (edges[bucket + 1] - edges[bucket])
        found[..., q] = np.where(total > 0, value, np.nan)
    return found
