"""Mixing time out of one server's learned model."""

from __future__ import annotations

from metafor.analysis.koopman_experiments.models import learned_model
from separatrix.koopman.contraction import bound
from separatrix.koopman.settling import Settling, learned
from separatrix.views.figures_canvas import save_figure
from separatrix.views.figures_koopman import settling_figure


def mixing_time_learned(model_path: str) -> Settling:
    """Settling times that a learned model predicts from its training starts, and their bound.

    Writes ``results/mixing_time_learned_<server>.png`` and returns the predicted times. Where there
    is one server's model only, it is read whatever number `model_path` names, with a warning: so the README's
    example runs as printed. Raises DataError where the model is missing or foreign.
    """
    server, model = learned_model(model_path)
    found = learned(model)
    picture = f"results/mixing_time_learned_{server}.png"
    save_figure(settling_figure({"learned": found, "bound": bound(model)}), picture)
    for delta, time in zip(found.deltas, found.mean, strict=True):
        print(f"{server}: to {100 * delta:g} % of the first distance: {time:.4g} s")
    print(f"{server}: {picture}")
    return found
