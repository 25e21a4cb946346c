"""Mixing time measured on simulated runs."""

from __future__ import annotations

from metafor.analysis.koopman_experiments.models import learned_model
from metafor.data_generation.sim_data import read_sim_data
from metafor.koopman_AE_model.train import trajectories
from separatrix.koopman.empirical import empirical
from separatrix.koopman.settling import Settling, learned
from separatrix.views.figures_canvas import save_figure
from separatrix.views.figures_koopman import settling_figure


def mixing_time_simulation(model_path: str, data_path: str) -> Settling:
    """Settling times of the runs in `data_path`; draws them beside the model's.

    Writes ``results/mixing_time_simulation_<server>.png`` and returns the measured times.
    Raises DataError where a file is missing or foreign.
    """
    server, model = learned_model(model_path)
    data = trajectories(read_sim_data(data_path)).select(model.names_)
    found = empirical(data)
    picture = f"results/mixing_time_simulation_{server}.png"
    save_figure(settling_figure({"simulated": found, "learned": learned(model)}), picture)
    for delta, time in zip(found.deltas, found.mean, strict=True):
        known = f"{time:.4g} s" if time == time else "not shown by so few runs"
        print(f"{server}: to {100 * delta:g} % of the first distance: {known}")
    if found.reason:
        print(f"{server}: {found.reason}")
    print(f"{server}: {picture}")
    return found
