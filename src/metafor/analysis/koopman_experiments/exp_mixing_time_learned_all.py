"""Mixing time out of the learned models of all servers together."""

from __future__ import annotations

from metafor.analysis.koopman_experiments.models import learned_models
from separatrix.koopman.settling import Settling, learned, together
from separatrix.views.figures_canvas import save_figure
from separatrix.views.figures_koopman import settling_figure

PICTURE = "results/mixing_time_learned_all.png"


def mixing_time_learned_all(model_dir: str) -> Settling:
    """Settling times of all servers: the whole has settled when the last of them has.

    Writes ``results/mixing_time_learned_all.png``. Raises DataError where there are no models.
    """
    each = {name: learned(model) for name, model in learned_models(model_dir).items()}
    found = together(each)
    save_figure(settling_figure({"all": found, **each}), PICTURE)
    for delta, time in zip(found.deltas, found.mean, strict=True):
        print(f"all servers: to {100 * delta:g} % of the first distance: {time:.4g} s")
    print(f"all servers: {PICTURE}")
    return found
