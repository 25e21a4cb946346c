"""The learned reading: slow dynamics from series alone. torch is imported only to train."""

from __future__ import annotations

from separatrix.koopman.autoencoder import Koopman
from separatrix.koopman.basins import Basins, find_basins
from separatrix.koopman.contraction import bound
from separatrix.koopman.dataset import Trajectories
from separatrix.koopman.empirical import empirical
from separatrix.koopman.ensemble import fit_ensemble, timescale_intervals
from separatrix.koopman.linear import DMD, PolynomialEDMD, RadialEDMD
from separatrix.koopman.reading import from_counters, from_dataset, read_trajectories
from separatrix.koopman.settling import Settling, learned, together

__all__ = [
    "DMD",
    "Basins",
    "Koopman",
    "PolynomialEDMD",
    "RadialEDMD",
    "Settling",
    "Trajectories",
    "bound",
    "empirical",
    "find_basins",
    "fit_ensemble",
    "from_counters",
    "from_dataset",
    "learned",
    "read_trajectories",
    "timescale_intervals",
    "together",
]
