"""The exact reading: a population's Markov chain, solved without a subtraction.

Importing it needs NumPy alone; SciPy is imported where it is used.
"""

from separatrix.markov.committor import Committor, committor, hitting_probability
from separatrix.markov.elimination import Elimination, eliminate
from separatrix.markov.generator import Chain, as_chain, chain_from_matrix, generator
from separatrix.markov.hitting import HittingTimes, Passage, hitting_times
from separatrix.markov.measures import Average, Count, Latency, Steady, latency, steady
from separatrix.markov.mixing import MixingTime, mixing_time
from separatrix.markov.passage import Quantile, hitting_quantiles
from separatrix.markov.quasistationary import QuasiStationary, quasi_stationary, slow_exit
from separatrix.markov.spectrum import Spectrum, spectrum
from separatrix.markov.stationary import Certificate, StationaryLaw, stationary

__all__ = [
    "Average", "Certificate", "Chain", "Committor", "Count", "Elimination", "HittingTimes",
    "Latency", "MixingTime", "Passage", "Quantile", "QuasiStationary", "Spectrum",
    "StationaryLaw", "Steady", "as_chain", "chain_from_matrix", "committor", "eliminate",
    "generator", "hitting_probability", "hitting_quantiles", "hitting_times", "latency",
    "mixing_time", "quasi_stationary", "slow_exit", "spectrum", "stationary", "steady",
]  # fmt: skip
