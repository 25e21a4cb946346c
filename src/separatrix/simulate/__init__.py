"""Request by request: the independent witness, which shares no approximation with the others."""

from separatrix.simulate.intervals import Estimate
from separatrix.simulate.result import SimulationResult
from separatrix.simulate.run import Request, Run, ServerTotals, StreamTotals, run_once
from separatrix.simulate.simulation import simulate

__all__ = [
    "Estimate",
    "Request",
    "Run",
    "ServerTotals",
    "SimulationResult",
    "StreamTotals",
    "run_once",
    "simulate",
]
