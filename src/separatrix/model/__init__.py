"""What a user describes: servers, work, sources, policies and faults."""

from separatrix.model.arrivals import Mixture, PhaseType, Poisson, StateMachine, Trace
from separatrix.model.faults import Outage, Schedule, Slowdown, Spike
from separatrix.model.limits import Limit
from separatrix.model.parts import Constants, DependentCall, Server, Source, Work
from separatrix.model.policies import (
    AdaptiveLifo,
    Backoff,
    Breaker,
    CoDel,
    ConcurrencyLimit,
    Fifo,
    Lifo,
    RetryBudget,
    ThresholdAdmission,
    TokenBucket,
)
from separatrix.model.program import Program
from separatrix.model.service import (
    Deterministic,
    Empirical,
    Erlang,
    Exponential,
    Hyperexponential,
    LoadSlowdown,
    Lognormal,
    LookAsideCache,
    Pareto,
    Weibull,
)

__all__ = [
    "AdaptiveLifo",
    "Backoff",
    "Breaker",
    "CoDel",
    "ConcurrencyLimit",
    "Constants",
    "DependentCall",
    "Deterministic",
    "Empirical",
    "Erlang",
    "Exponential",
    "Fifo",
    "Hyperexponential",
    "Lifo",
    "Limit",
    "LoadSlowdown",
    "Lognormal",
    "LookAsideCache",
    "Mixture",
    "Outage",
    "Pareto",
    "PhaseType",
    "Poisson",
    "Program",
    "RetryBudget",
    "Schedule",
    "Server",
    "Slowdown",
    "Source",
    "Spike",
    "StateMachine",
    "ThresholdAdmission",
    "TokenBucket",
    "Trace",
    "Weibull",
    "Work",
]
