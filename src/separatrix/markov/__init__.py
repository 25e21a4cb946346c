"""The exact reading: a population's Markov chain, solved without a subtraction.

Importing it needs NumPy alone; SciPy is imported where it is used.
"""

from separatrix.markov.committor import Committor, committor, hitting_probability
from separatrix.markov.deadline import Deadline, hit_within
from separatrix.markov.generator import Chain, as_chain, chain_from_matrix, generator
from separatrix.markov.hitting import HittingTimes, Passage, hitting_times
from separatrix.markov.latency import Latency, latency
from separatrix.markov.measures import Average, Count, Steady, steady
from separatrix.markov.metastability import Metastability, conductance, metastability
from separatrix.markov.metastable import Metastable, metastable
from separatrix.markov.methods import solver_for
from separatrix.markov.mixing import MixingTime, mixing_time
from separatrix.markov.passage import Quantile, hitting_quantiles
from separatrix.markov.quasistationary import QuasiStationary, quasi_stationary, slow_exit
from separatrix.markov.solver import Solver
from separatrix.markov.spectrum import Spectrum, spectrum
from separatrix.markov.stationary import Certificate, StationaryLaw, stationary
from separatrix.markov.transient import Transient, scheduled, transient

__all__ = [
    "Average",
    "Certificate",
    "Chain",
    "Committor",
    "Count",
    "Deadline",
    "HittingTimes",
    "Latency",
    "Metastability",
    "Metastable",
    "MixingTime",
    "Passage",
    "Quantile",
    "QuasiStationary",
    "Solver",
    "Spectrum",
    "StationaryLaw",
    "Steady",
    "Transient",
    "as_chain",
    "chain_from_matrix",
    "committor",
    "conductance",
    "generator",
    "hit_within",
    "hitting_probability",
    "hitting_quantiles",
    "hitting_times",
    "latency",
    "metastability",
    "metastable",
    "mixing_time",
    "quasi_stationary",
    "scheduled",
    "slow_exit",
    "solver_for",
    "spectrum",
    "stationary",
    "steady",
    "transient",
]  # fmt: skip
