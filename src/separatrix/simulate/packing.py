"""Arrays and a small header as bytes, for disk and for other processes; reading never unpickles."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from separatrix.errors import DataError

Arrays = dict[str, NDArray[Any]]


def pack(header: dict[str, Any], arrays: Arrays) -> bytes:
    """The header (JSON) and the arrays as the bytes of an ``.npz`` file."""
    out = io.BytesIO()
    text = np.frombuffer(json.dumps(header, sort_keys=True).encode(), np.uint8)
    np.savez(out, allow_pickle=False, header=text, **arrays)
    return out.getvalue()


def unpack(data: bytes, name: str = "data") -> tuple[dict[str, Any], Arrays]:
    """The header and the arrays that `pack` made bytes of; DataError where they are not that."""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in archive.files}
        header: Any = json.loads(arrays.pop("header").tobytes())
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"not a file of ours: {error}", file=name, hint="remove it") from None
    if not isinstance(header, dict):
        raise DataError("not a file of ours: its header is no mapping", file=name, hint="remove it")
    return cast(dict[str, Any], header), arrays
