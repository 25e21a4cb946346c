"""What an operation costs: the result of every method, its file, and the load it predicts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast, get_args

import numpy as np
import numpy.typing as npt

from separatrix.errors import DataError
from separatrix.notebook import Shown
from separatrix.weights.link import Link

Floats = npt.NDArray[np.float64]
Method = Literal["regression", "quantile", "notebook"]
Status = Literal["ok", "inconclusive"]
Basis = Literal["measured", "prior", "dropped", "nested", "absent"]
"""Where a weight comes from: the data; the prior (the data say less than it does); dropped by the
notebook's share rule; counted in another operation; never seen."""


@dataclass(frozen=True)
class Response(Shown):
    """CPU load that a load score causes: u = base + c g(s), s the score smoothed by `lag`.

    Attributes
    ----------
    base : server -> CPU load without any operation [percent].
    gain : c, CPU percent per unit of score at score 0.
    link : g, its knee in units of score.
    lag : weights of this interval, the one before, and so on; they sum to 1.
    highest : largest score that was seen; beyond it u is extrapolated.
    """

    base: Mapping[str, float]
    gain: float
    link: Link
    lag: tuple[float, ...] = (1.0,)
    highest: float = math.inf

    def cpu(self, score: Floats, server: str) -> Floats:
        """Return the CPU load [percent] at a steady score."""
        base = self.base.get(server, self.mean_base)
        return base + self.gain * self.link(score)

    @property
    def mean_base(self) -> float:
        """Mean load without any operation over servers [percent]."""
        return math.fsum(self.base.values()) / len(self.base) if self.base else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "base_percent": dict(self.base),
            "gain_percent": self.gain,
            "bend": self.link.bend,
            "knee": self.link.knee,
            "lag": list(self.lag),
            "highest_score": self.highest if math.isfinite(self.highest) else None,
        }

    @staticmethod
    def from_dict(plain: Mapping[str, Any]) -> Response:
        """Rebuild a response from what `to_dict` returned; ValueError where it cannot be one."""
        highest = plain["highest_score"]
        found = Response(
            base={str(k): float(v) for k, v in plain["base_percent"].items()},
            gain=float(plain["gain_percent"]),
            link=Link(float(plain["bend"]), float(plain["knee"])),
            lag=tuple(float(h) for h in plain["lag"]),
            highest=math.inf if highest is None else float(highest),
        )
        numbers = (*found.base.values(), found.gain, found.link.bend, found.link.knee, *found.lag)
        if not all(map(math.isfinite, numbers)):
            raise ValueError("a number of the response is not finite")
        if found.gain < 0.0 or found.link.bend < 0.0 or found.link.knee <= 0.0:
            raise ValueError("gain and bend must be >= 0 and knee > 0")
        if not found.lag or min(found.lag) < 0.0:
            raise ValueError("lag must be numbers >= 0")
        return found


@dataclass(frozen=True, eq=False)
class Weights(Shown):
    """Cost of each operation relative to a unit, with 95 % intervals.

    Attributes
    ----------
    method : how they were found.
    operations : names in the singular.
    values : (K,) weight of one operation. Regression: the average operation of the fitted telemetry
        has weight 1, so that a load score is comparable with a plain count. Quantile and
        notebook: the cheapest kept operation has weight 1.
    low, high : (K,) ends of the intervals; NaN where the method gives none, or no upper end.
    covariance : (K, K) of the values, for the uncertainty of scores; zeros where there is none.
    basis : where each weight comes from.
    unit : CPU percent per unit weight and operation per second, on average over the fitted load
        [percent s]; NaN where the method does not look at the CPU.
    response : the curve from score to CPU load, None where the method has none.
    status, reason : ``"inconclusive"`` where the data cannot tell costs apart; values are then the
        prior's.
    details : numbers that belong to the method (quantiles, chosen shrinkage, p-values ...), plain.
    provenance : files, time range, zone, settings and data quality, plain.
    """

    method: Method
    operations: tuple[str, ...]
    values: Floats
    low: Floats
    high: Floats
    covariance: Floats
    basis: tuple[Basis, ...]
    unit: float = math.nan
    response: Response | None = None
    status: Status = "ok"
    reason: str = ""
    details: Mapping[str, Any] = field(default_factory=dict[str, Any])
    provenance: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def __getitem__(self, operation: str) -> float:
        """Return the weight of one operation, 0 for one that is unknown."""
        if operation not in self.operations:
            return 0.0
        return float(self.values[self.operations.index(operation)])

    def as_mapping(self) -> dict[str, float]:
        """Return operation -> weight."""
        return dict(zip(self.operations, self.values.tolist(), strict=True))

    @property
    def costs(self) -> dict[str, float]:
        """Operation -> CPU cost [percent s]: percent of the server per operation per second."""
        return {o: v * self.unit for o, v in self.as_mapping().items()}

    def aligned(self, operations: Sequence[str]) -> tuple[Floats, Floats]:
        """Return values and covariance in the order of `operations`; unknown ones weigh 0."""
        at = [self.operations.index(o) if o in self.operations else -1 for o in operations]
        known = np.array([i >= 0 for i in at], dtype=np.float64)
        index = np.maximum(at, 0)
        both = np.outer(known, known)
        return self.values[index] * known, self.covariance[np.ix_(index, index)] * both

    def to_dict(self) -> dict[str, Any]:
        """Return plain dictionaries, lists and numbers; numbers that are not finite become None."""
        rows = {
            o: {
                "weight": _plain(self.values[k]),
                "low": _plain(self.low[k]),
                "high": _plain(self.high[k]),
                "cost_percent_s": _plain(self.values[k] * self.unit),
                "basis": self.basis[k],
            }
            for k, o in enumerate(self.operations)
        }
        return {
            "separatrix_weights": 1,
            "method": self.method,
            "status": self.status,
            "reason": self.reason,
            "unit_percent_s": _plain(self.unit),
            "weights": rows,
            "covariance": [[_plain(v) for v in row] for row in self.covariance.tolist()],
            "response": self.response.to_dict() if self.response else None,
            "details": plain(self.details),
            "provenance": plain(self.provenance),
        }

    @staticmethod
    def from_dict(record: Mapping[str, Any]) -> Weights:
        """Rebuild weights from what `to_dict` returned.

        Raises
        ------
        DataError : where the record is not of weights, or of an unknown version.
        """
        version = record.get("separatrix_weights")
        if version != 1:
            raise DataError(
                f"not a file of weights (separatrix_weights is {version!r}, known is 1)",
                hint="make one with `separatrix weights ... -o weights.yaml`",
            )
        try:
            rows = cast(Mapping[str, Mapping[str, Any]], record["weights"])
            names = tuple(str(o) for o in rows)
            response = record["response"]
            found = Weights(
                method=_one_of(record["method"], Method),
                operations=names,
                values=_column(rows, "weight"),
                low=_column(rows, "low"),
                high=_column(rows, "high"),
                covariance=np.array(
                    [[_number(v) for v in row] for row in record["covariance"]]
                ).reshape(len(names), len(names)),
                basis=tuple(_one_of(row["basis"], Basis) for row in rows.values()),
                unit=_number(record["unit_percent_s"]),
                response=Response.from_dict(response) if response else None,
                status=_one_of(record["status"], Status),
                reason=str(record["reason"]),
                details=dict(record["details"]),
                provenance=dict(record["provenance"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as wrong:
            raise DataError(
                f"damaged file of weights: {type(wrong).__name__}: {wrong}",
                hint="write it again with `separatrix weights`",
            ) from wrong
        for operation, value in found.as_mapping().items():
            if value < 0.0 or math.isinf(value):
                raise DataError(f"weights must be finite and >= 0, got {value:g} for {operation!r}")
        return found


def plain(value: Any) -> Any:
    """Return a value as plain dictionaries, lists, texts and finite numbers (None for others)."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in cast(Mapping[Any, Any], value).items()}
    if isinstance(value, np.ndarray):
        return plain(cast(Any, value).tolist())
    if isinstance(value, list | tuple):
        return [plain(v) for v in cast(Sequence[Any], value)]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value


def _plain(value: Any) -> float | None:
    number = float(value)
    return number if math.isfinite(number) else None


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)


def _one_of(value: Any, allowed: Any) -> Any:
    if value not in get_args(allowed):
        raise ValueError(f"{value!r} is none of {', '.join(get_args(allowed))}")
    return value


def _column(rows: Mapping[str, Mapping[str, Any]], name: str) -> Floats:
    return np.array([_number(row[name]) for row in rows.values()], dtype=np.float64)
