"""`training` as Metafor's README calls it, over `separatrix.koopman`.

The file ``learned_model_server1.pkl`` has Metafor's name and a safe content (safetensors with a JSON
header): read it with `separatrix.koopman.model_file.load`. Nothing here pickles or unpickles.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from metafor.data_generation.sim_data import SimData, read_sim_data
from separatrix.errors import DataError
from separatrix.koopman.autoencoder import Koopman
from separatrix.koopman.dataset import Trajectories

MODEL_DIR = "models"
_LEAST_RUNS = 2
_PARTS = 10  # that a single run is cut into


def training(data_dir: str = "data/", epochs: int = 1000, *, seed: int = 0) -> dict[str, Koopman]:
    """Learn a model from each ``server<k>/sim_data.pkl``; write ``models/learned_model_server<k>.pkl``.

    Parameters
    ----------
    data_dir : where `data_generation` left its files.
    epochs : at most; training ends when the validation loss gains nothing more.
    seed : of all random streams.

    Raises DataError where there are no data, or where they cannot be learned from.
    """
    places = sorted(Path(data_dir).glob("server*/sim_data.pkl"), key=_number)
    if not places:
        raise DataError(
            "holds no server<k>/sim_data.pkl", file=str(data_dir), hint="run data_generation first"
        )
    # models of servers of an earlier, longer row must not be taken for this one's
    for old in Path(MODEL_DIR).glob("learned_model_server*.pkl"):
        old.unlink()
    models: dict[str, Koopman] = {}
    for place in places:
        name = f"server{_number(place)}"
        model = Koopman(epochs=epochs, seed=seed).fit(trajectories(read_sim_data(place)))
        models[name] = model
        path = os.path.join(MODEL_DIR, f"learned_model_{name}.pkl")
        model.save(path)
        print(
            f"{name}: {len(model.history_) - 1} epochs, slowest timescale "
            f"{model.timescales_[0]:.4g} s: {path}"
        )
    return models


def trajectories(data: SimData) -> Trajectories:
    """The queue, and the orbit where there is one, from empty and from after each fault."""
    import numpy as np

    runs = Trajectories.of(
        list(np.stack([data.queue, data.orbit], axis=-1)), data.step, ["queue", "orbit"]
    )
    pieces = runs.without(data.faults).varying()
    return pieces if pieces.runs >= _LEAST_RUNS else pieces.cut(_PARTS)


def _number(place: Path) -> int:
    found = re.fullmatch(r"server(\d+)", place.parent.name)
    return int(found[1]) if found else 0
