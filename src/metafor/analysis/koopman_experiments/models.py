"""Where the learned models are, and what to do where one is not."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

from separatrix.errors import DataError
from separatrix.koopman.autoencoder import Koopman
from separatrix.koopman.model_file import load

_MODEL = re.compile(r"learned_model_server\d+\.pkl")


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


def learned_model(model_path: str | Path) -> tuple[str, Koopman]:
    """The server (``server1``) and its model.

    Metafor's README simulates one server and then asks for the second one's model. Where there is only
    one server's model in the directory, that one is read, and a warning says so. Where there are
    several, the error names them.
    """
    place = Path(model_path)
    if not place.exists():
        there = sorted(place.parent.glob("learned_model_server*.pkl"))
        if len(there) != 1 or not _MODEL.fullmatch(place.name):
            raise DataError(
                "there is no such model",
                file=str(model_path),
                hint=f"training made {', '.join(p.name for p in there)}: there is one model a server, so "
                "generate data with a larger num_servers, or name one of these"
                if there
                else "run data_generation and training first",
            )
        warnings.warn(
            f"there is no {place.name}: one server was simulated (num_servers = 1), and its model, "
            f"{there[0].name}, is read instead",
            stacklevel=3,
        )
        place = there[0]
    return server_of(place), load(place)


def server_of(place: Path) -> str:
    """``server1`` of ``learned_model_server1.pkl``."""
    return place.stem.removeprefix("learned_model_")
