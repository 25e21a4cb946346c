"""A real server and a real client on this machine: the second witness."""

from separatrix.emulate.experiment import emulate
from separatrix.emulate.lag import Lag
from separatrix.emulate.result import Emulation
from separatrix.emulate.target import Target, parse_target

__all__ = ["Emulation", "Lag", "Target", "emulate", "parse_target"]
