"""Request by request: the independent witness, which shares no approximation with the others."""

from separatrix.simulate.run import Request, Run, ServerTotals, StreamTotals, run_once

__all__ = ["Request", "Run", "ServerTotals", "StreamTotals", "run_once"]
