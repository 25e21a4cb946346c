"""The time from one regime to another, with its median and 99th percentile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from separatrix.errors import NotConverged
from separatrix.markov.hitting import hitting_times
from separatrix.markov.passage import hitting_quantiles
from separatrix.notebook import Shown
from separatrix.population import Array
from separatrix.questions.regimes import Mask

if TYPE_CHECKING:
    from separatrix.markov.generator import Chain


@dataclass(frozen=True)
class Passage(Shown):
    """A time to get from one regime to the other [s]: mean, median and 99th percentile."""

    mean: float
    std: float
    p50: float
    p99: float
    relative_error: float

    def to_dict(self) -> dict[str, Any]:
        """For JSON; seconds."""
        return dict(vars(self))


def passage(chain: Chain, target: Mask, start: Array) -> Passage:
    """Mean and quantiles of the time to a set from a law of starts.

    Raises NotConverged where a quantile could not be certified.
    """
    times = hitting_times(chain, target)
    moments = times.at(start)
    p50, p99 = hitting_quantiles(times, start, (0.5, 0.99))
    for quantile in (p50, p99):
        if quantile.status != "ok":
            raise NotConverged(
                f"the {100 * quantile.probability:g} % quantile of a hitting time is not certain",
                partial=quantile,
                certificate=quantile.reason,
            )
    error = max(moments.error, p50.error, p99.error)
    return Passage(moments.mean, moments.std, p50.time, p99.time, error)
