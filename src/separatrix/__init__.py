"""Separatrix: can this service get stuck, for how long, and which knob gets it out?

Everything a script needs is here; each name is imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from separatrix.errors import DataError, ModelError, NotConverged, Unsupported
    from separatrix.model import (
        Backoff,
        Breaker,
        Constants,
        DependentCall,
        Outage,
        Program,
        RetryBudget,
        Schedule,
        Server,
        Slowdown,
        Source,
        Spike,
        ThresholdAdmission,
        TokenBucket,
        Work,
    )
    from separatrix.model.explain import explain
    from separatrix.model.files import load, save
    from separatrix.population import Population, lower
    from separatrix.questions.verdict import Verdict, check
    from separatrix.telemetry import Counters, get_dataframe_from_time_range
    from separatrix.weights import CostWeights, Weights

_HOME = {
    "DataError": "errors", "ModelError": "errors", "NotConverged": "errors", "Unsupported": "errors",
    "Backoff": "model", "Breaker": "model", "Constants": "model", "DependentCall": "model",
    "Outage": "model", "Program": "model", "RetryBudget": "model", "Schedule": "model",
    "Server": "model", "Slowdown": "model", "Source": "model", "Spike": "model",
    "ThresholdAdmission": "model", "TokenBucket": "model", "Work": "model",
    "explain": "model.explain", "load": "model.files", "save": "model.files",
    "Population": "population", "lower": "population",
    "Verdict": "questions.verdict", "check": "questions.verdict",
    "Counters": "telemetry", "get_dataframe_from_time_range": "telemetry",
    "CostWeights": "weights", "Weights": "weights",
}  # fmt: skip

__all__ = [
    "Backoff",
    "Breaker",
    "Constants",
    "CostWeights",
    "Counters",
    "DataError",
    "DependentCall",
    "ModelError",
    "NotConverged",
    "Outage",
    "Population",
    "Program",
    "RetryBudget",
    "Schedule",
    "Server",
    "Slowdown",
    "Source",
    "Spike",
    "ThresholdAdmission",
    "TokenBucket",
    "Unsupported",
    "Verdict",
    "Weights",
    "Work",
    "check",
    "explain",
    "get_dataframe_from_time_range",
    "load",
    "lower",
    "save",
]


def __getattr__(name: str) -> object:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"separatrix has no {name!r}; it offers {', '.join(__all__)}")
    return getattr(import_module(f"separatrix.{home}"), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
