"""What an archive holds, before anything is repaired: datasets by name, and how names are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt

from separatrix.telemetry.counters import Stored

Floats = npt.NDArray[np.float64]
Layout = Literal["tts", "h5lmt"]

UNKNOWN_MDS = "unknown_mds"
"""Name, as in pytokio, of the one metadata server of an h5lmt file, which does not name it."""

_NOT_OPERATIONS = frozenset({"read", "write", "readop", "writeop", "readbyte", "writebyte"})


@dataclass(frozen=True, eq=False)
class Dataset:
    """One table of an archive.

    Attributes
    ----------
    stamps : (n,) epoch seconds as stored.
    values : (n_columns, n) float64 as stored.
    columns : the names that the file gives; may be fewer than the columns.
    stored : counts per step or rates per second (loads are "rates").
    source : what the archiver read, such as ``"lmt"``; "" where the file does not say.
    """

    stamps: npt.NDArray[np.int64]
    values: Floats
    columns: tuple[str, ...]
    stored: Stored
    source: str


@dataclass(frozen=True, eq=False)
class Archive:
    """The metadata part of one file: operations by their names in the singular, and CPU load.

    ``step`` [s] is the distance of the first two stamps; ``absent`` names the wanted operations
    that the file does not hold, ``others`` the operations it holds that were not wanted.
    """

    layout: Layout
    step: float
    operations: Mapping[str, Dataset]
    cpu: Dataset | None
    absent: tuple[str, ...]
    others: tuple[str, ...]


def operation_name(leaf: str) -> tuple[str, Stored] | None:
    """Return operation and kind of a TTS dataset: ``"statfss"`` is counts of ``"statfs"``."""
    if leaf.endswith("rates"):
        name, kind = leaf.removesuffix("rates"), "rates"
    elif leaf.endswith("s") and leaf != "timestamps":
        name, kind = leaf.removesuffix("s"), "counts"
    else:
        return None
    return None if name in _NOT_OPERATIONS or not name else (name, kind)


def array_of(data: Any, kind: type[np.generic]) -> Any:
    """Return a dataset's values as this type, copied only where they are of another."""
    values = data[...]
    return values if values.dtype == kind else np.ascontiguousarray(values, dtype=kind)


def text_of(value: object) -> str | None:
    """Decode an attribute; real files hold the literal text 'None' for an absent version."""
    if value is None:
        return None
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return None if text in ("None", "") else text


def names_of(value: object) -> tuple[str, ...]:
    """Decode an attribute that lists names, of fixed width or not."""
    if value is None:
        return ()
    items = np.atleast_1d(cast(Any, value)).tolist()
    return tuple((text_of(item) or "").rstrip("\x00") for item in items)


def groups_of(file: Any) -> str:
    """Return the sentence that tells which groups a file holds."""
    return f"it holds the groups {', '.join(list[str](file)) or 'none'}"
