"""Where the learned models are, and what to do where one is not."""

from __future__ import annotations

from pathlib import Path

from separatrix.errors import DataError
from separatrix.koopman.autoencoder import Koopman
from separatrix.koopman.model_file import load


def learned_models(model_dir: str | Path) -> dict[str, Koopman]:
    """Server -> model, of every ``learned_model_<server>.pkl``; DataError where there is none."""
    places = sorted(
        Path(model_dir).glob("learned_model_server*.pkl"), key=lambda p: (len(p.name), p.name)
    )
    if not places:
        raise DataError(
            "holds no learned_model_server<k>.pkl", file=str(model_dir), hint="run training first"
        )
    return {server_of(place): load(place) for place in places}


def learned_model(model_path: str | Path) -> Koopman:
    """One model; where it is missing, the error names those that are there."""
    place = Path(model_path)
    if not place.exists():
        there = sorted(p.name for p in place.parent.glob("learned_model_server*.pkl"))
        raise DataError(
            "there is no such model",
            file=str(model_path),
            hint=f"training made {', '.join(there)}: there is one model a server, so generate data with a "
            "larger num_servers, or name one of these"
            if there
            else "run data_generation and training first",
        )
    return load(place)


def server_of(place: Path) -> str:
    """``server1`` of ``learned_model_server1.pkl``."""
    return place.stem.removeprefix("learned_model_")
