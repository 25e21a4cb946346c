"""``CostWeights(...).fit(counters).score(counters)``: the estimator that ties the methods together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

from separatrix.errors import DataError
from separatrix.telemetry import Counters
from separatrix.weights.one_pass import Loader, summarise
from separatrix.weights.quantile import LEAST_SHARE, QUANTILE, as_weights, calibrate
from separatrix.weights.regression import RegressionOptions, regress
from separatrix.weights.result import Weights
from separatrix.weights.rows import BUDGET
from separatrix.weights.summary import Summary

if TYPE_CHECKING:
    from separatrix.weights.score import LoadScore

FitMethod = Literal["regression", "quantile", "notebook"]
METHODS: tuple[FitMethod, ...] = ("regression", "quantile", "notebook")
Data = Counters | Summary | Iterable[Counters | Loader]
"""One table; a finished summary; or tables, or functions that read one, in any number."""


@dataclass
class CostWeights:
    """Cost weights of metadata operations, in the manner of scikit-learn.

    >>> model = CostWeights().fit(counters)
    >>> model.weights_.as_mapping()
    >>> model.score(counters).loads

    Parameters
    ----------
    method : ``"regression"`` (CPU load on operations; the default), ``"quantile"`` (the notebook's
        idea, repaired) or ``"notebook"`` (the notebook to the letter).
    quantile, least_share : settings of the two quantile methods.
    regression : settings of the regression.
    rows : most intervals kept for the regression; more are sampled.
    cluster : a Dask client or scheduler name to read on, None for this process.

    Attributes
    ----------
    weights_ : the `Weights`, after `fit`.
    summary_ : the `Summary` of the fitted telemetry, after `fit`.
    """

    method: FitMethod = "regression"
    quantile: float = QUANTILE
    least_share: float = LEAST_SHARE
    regression: RegressionOptions = RegressionOptions()  # noqa: RUF009 - it is frozen
    rows: int = BUDGET
    cluster: Any = None

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise DataError(
                f"unknown method {self.method!r}", hint="regression, quantile or notebook"
            )
        self._weights: Weights | None = None
        self._summary: Summary | None = None

    @property
    def weights_(self) -> Weights:
        """The fitted weights; DataError before `fit`."""
        if self._weights is None:
            raise DataError("these weights are not fitted yet", hint="call fit(counters) first")
        return self._weights

    @property
    def summary_(self) -> Summary:
        """The summary of the fitted telemetry; DataError before `fit`."""
        if self._summary is None:
            raise DataError("these weights are not fitted yet", hint="call fit(counters) first")
        return self._summary

    def fit(self, data: Data, y: None = None) -> CostWeights:
        """Find the weights and return the estimator itself; `y` is ignored, as in scikit-learn.

        Raises
        ------
        DataError : no telemetry, no operation, or (regression) no CPU load.
        """
        if isinstance(data, Summary):
            summary = data
        elif isinstance(data, Counters):
            summary = Summary(budget=self.rows).add(data)
        else:
            summary = summarise(data, budget=self.rows, cluster=self.cluster)
        self._summary = summary
        provenance = provenance_of(summary)
        if self.method == "regression":
            self._weights = regress(summary, self.regression, provenance)
            return self
        mode = "notebook" if self.method == "notebook" else "repaired"
        source = data if mode == "notebook" and isinstance(data, Counters) else summary
        found = calibrate(source, quantile=self.quantile, least_share=self.least_share, mode=mode)
        self._weights = as_weights(found, mode=mode, provenance=provenance)
        return self

    def score(self, data: Counters) -> LoadScore:
        """Return the load score of every interval and server, with its uncertainty."""
        from separatrix.weights.score import score

        return score(self.weights_, data)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the settings by name, as scikit-learn's tools expect."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    def set_params(self, **settings: Any) -> CostWeights:
        """Change settings by name and return the estimator itself."""
        for name, value in settings.items():
            if name not in self.__dataclass_fields__:
                known = ", ".join(self.__dataclass_fields__)
                raise DataError(f"unknown setting {name!r}", hint=f"known: {known}")
            setattr(self, name, value)
        self.__post_init__()
        return self


def provenance_of(summary: Summary) -> dict[str, Any]:
    """Return where a summary's telemetry came from, as plain values for the file of weights."""
    from separatrix import __version__
    from separatrix.telemetry.zones import stamp

    quality = summary.quality
    some = summary.n_intervals > 0
    return {
        "separatrix": cast(str, __version__),
        "fs": summary.fs,
        "zone": summary.zone,
        "from": stamp(summary.start, summary.zone) if some else None,
        "to": stamp(summary.end, summary.zone) if some else None,
        "intervals": summary.n_intervals,
        "targets": list(summary.targets),
        "sources": list(summary.sources),
        "repairs": {kind.value: entry.count for kind, entry in quality.repairs.items()},
        "left_out": [list(pair) for pair in quality.failures],
    }
