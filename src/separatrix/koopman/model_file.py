"""Learned models on disk: one safetensors file whose header carries a JSON description.

Nothing is ever unpickled. A directory stands for the file ``koopman.safetensors`` in it.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from separatrix.atomic import write_atomically
from separatrix.errors import DataError
from separatrix.koopman.dataset import Scaling
from separatrix.koopman.network import Perceptron
from separatrix.koopman.readout import Readout

if TYPE_CHECKING:
    from separatrix.koopman.autoencoder import Koopman

Array: TypeAlias = NDArray[np.float64]

NAME = "koopman.safetensors"
_FORMAT = "separatrix koopman 2"
_KEY = "separatrix"
_MOST_BYTES = 1 << 30
_SETTINGS = (
    "latent", "hidden", "delays", "longest", "epochs", "patience", "batch", "rate", "validation",
    "seed",
)  # fmt: skip


def place_of(path: str | os.PathLike[str]) -> Path:
    """The file that `path` means: itself, or the file in the directory it names."""
    place = Path(path)
    return place / NAME if place.is_dir() or not place.suffix else place


def save(model: Koopman, path: str | os.PathLike[str]) -> None:
    """Write a fitted model, whole or not at all; DataError where the disk does not take it."""
    from safetensors.numpy import save as to_bytes

    tensors: dict[str, Array] = {
        "generator": model.generator_,
        "mean": model.scaling_.mean,
        "deviation": model.scaling_.deviation,
        "starts": model.starts_,
        "begins": model.begins_,
        "sample": model.sample_,
    }
    net, readout = model.encoder_, model.readout_
    tensors |= {"encoder.bypass": net.bypass, "slope": readout.slope, "limit": readout.limit}
    for i, (w, b) in enumerate(zip(net.weights, net.biases, strict=True)):
        tensors[f"encoder.{i}.weight"], tensors[f"encoder.{i}.bias"] = w, b
    header = {
        "format": _FORMAT,
        "settings": model.settings,
        "names": list(model.names_),
        "step": model.step_,
        "lags": model.lags_,
        "validation_loss": model.validation_loss_,
        "history": model.history_,
    }
    plain = {k: np.ascontiguousarray(v, dtype=np.float64) for k, v in tensors.items()}
    content = to_bytes(plain, metadata={_KEY: json.dumps(header, sort_keys=True)})
    place = place_of(path)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(
            f"cannot be written: {error.strerror}", file=str(place), hint="give another place"
        ) from None
    write_atomically(place, content)


def load(path: str | os.PathLike[str]) -> Koopman:
    """Read what `save` wrote.

    Raises DataError where there is no such file, or it is damaged, foreign, or not a stable model.
    """
    import safetensors

    library: Any = safetensors  # its compiled part ships no types
    place = place_of(path)
    name = str(place)
    hint = "a model is made by `separatrix learn DATA -o model/`; foreign files are never unpickled"
    try:
        if place.stat().st_size > _MOST_BYTES:
            raise DataError(f"is larger than {_MOST_BYTES >> 20} MB", file=name, hint=hint)
        with library.safe_open(name, framework="numpy") as archive:
            metadata: dict[str, str] = archive.metadata() or {}
            tensors: dict[str, Any] = {key: archive.get_tensor(key) for key in archive.keys()}  # noqa: SIM118
    except OSError as error:
        raise DataError(
            f"cannot be read: {error.strerror or error}", file=name, hint=hint
        ) from None
    except library.SafetensorError as error:
        raise DataError(f"is no model of ours, or damaged: {error}", file=name, hint=hint) from None
    if _KEY not in metadata:
        raise DataError("is a safetensors file, but no model of ours", file=name, hint=hint)
    try:
        return _model(json.loads(metadata[_KEY]), tensors)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"is damaged: {error!r}", file=name, hint=hint) from None


def _model(header: Any, tensors: dict[str, Any]) -> Koopman:
    from separatrix.koopman.autoencoder import Koopman

    if header["format"] != _FORMAT:
        raise ValueError(f"the format is {header['format']!r}, expected {_FORMAT!r}")
    for key, tensor in tensors.items():
        if tensor.dtype != np.float64 or not np.isfinite(tensor).all():
            raise ValueError(f"{key} does not hold finite float64 numbers")
    settings = {key: header["settings"][key] for key in _SETTINGS}
    size = settings.pop("latent")
    model = Koopman(size, **settings)
    model.names_ = tuple(map(str, header["names"]))
    model.step_, model.delays_ = float(header["step"]), model.delays
    model.lags_ = [int(k) for k in header["lags"]]
    model.validation_loss_ = float(header["validation_loss"])
    model.history_ = [float(x) for x in header["history"]]
    model.scaling_ = Scaling(tensors["mean"], tensors["deviation"])
    model.starts_, model.sample_ = tensors["starts"], tensors["sample"]
    model.begins_ = tensors["begins"]
    channels, latent = len(model.names_), len(tensors["generator"])
    if not (model.step_ > 0.0 and (model.scaling_.deviation > 0.0).all()):
        raise ValueError("the step and the deviations must be > 0")
    _expect(tensors["mean"], (channels,))
    _expect(tensors["deviation"], (channels,))
    _expect(tensors["generator"], (latent, latent))
    shape = (channels,) if model.delays == 1 else (model.delays, channels)
    _expect(tensors["starts"], (len(tensors["starts"]), *shape))
    _expect(tensors["begins"], (len(tensors["starts"]),))
    _expect(tensors["sample"], (len(tensors["sample"]), model.delays * channels))
    if np.linalg.eigvalsh(tensors["generator"] + tensors["generator"].T).max() >= 0.0:
        raise ValueError("the latent step is not stable")
    _expect(tensors["slope"], (channels, latent))
    _expect(tensors["limit"], (channels,))
    encoder = _encoder(tensors, (model.delays * channels, *model.hidden, latent))
    model.restore(encoder, Readout(tensors["slope"], tensors["limit"]), tensors["generator"])
    return model


def _encoder(tensors: dict[str, Any], sizes: tuple[int, ...]) -> Perceptron:
    layers = range(len(sizes) - 1)
    weights = tuple(tensors[f"encoder.{i}.weight"] for i in layers)
    biases = tuple(tensors[f"encoder.{i}.bias"] for i in layers)
    for i in layers:
        _expect(weights[i], (sizes[i + 1], sizes[i]))
        _expect(biases[i], (sizes[i + 1],))
    bypass = tensors["encoder.bypass"]
    _expect(bypass, (sizes[-1], sizes[0]))
    return Perceptron(weights, biases, bypass)


def _expect(tensor: Any, shape: tuple[int, ...]) -> None:
    if tensor.shape != shape:
        raise ValueError(f"a tensor has shape {tensor.shape}, expected {shape}")
