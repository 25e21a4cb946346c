"""The answers on a grid of parameter values: arrays, rows, Parquet."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from separatrix.notebook import Shown
from separatrix.questions.point import NUMBERS, Engine

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class SweepResult(Shown):
    """The answers on a grid.

    Attributes
    ----------
    program : its name.
    engine : who answered.
    names : the parameters, as they were given, dotted.
    values : their values in SI units; the last parameter varies fastest.
    records : one per combination, in that order: verdict, status, reason and `point.NUMBERS`.
    """

    program: str
    engine: Engine
    names: tuple[str, ...]
    values: tuple[tuple[Any, ...], ...]
    records: tuple[dict[str, Any], ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of values of each parameter."""
        return tuple(map(len, self.values))

    def array(self, quantity: str) -> NDArray[Any]:
        """One quantity on the grid, of `shape`; texts for ``"verdict"``.

        Raises KeyError for an unknown quantity.
        """
        column = [r[quantity] for r in self.records]
        kind = np.float64 if quantity in NUMBERS else object
        return np.array(column, dtype=kind).reshape(self.shape)

    def to_frame(self) -> pd.DataFrame:
        """One row per point: the parameters, then the record."""
        import pandas as pd

        rows = [
            {**dict(zip(self.names, setting, strict=True)), **found}
            for setting, found in zip(product(*self.values), self.records, strict=True)
        ]
        return pd.DataFrame(rows)

    def save(self, path: str | Path) -> None:
        """Write the rows as Parquet, in one step. Raises DataError where the disk does not take it."""
        import io

        from separatrix.atomic import write_atomically

        buffer = io.BytesIO()
        self.to_frame().to_parquet(buffer, index=False)
        write_atomically(Path(path), buffer.getvalue())

    def finding(self) -> str:
        """The grid in one sentence."""
        words = [str(r["verdict"]) for r in self.records]
        counts = {word: words.count(word) for word in sorted(set(words))}
        said = ", ".join(f"{n} {word}" for word, n in counts.items())
        return f"{len(words)} points: {said}."

    def to_dict(self) -> dict[str, Any]:
        """For JSON, with a versioned schema."""
        return {
            "schema": "separatrix.sweep/1",
            "program": self.program,
            "engine": self.engine,
            "parameters": {n: list(v) for n, v in zip(self.names, self.values, strict=True)},
            "points": [
                {"setting": dict(zip(self.names, setting, strict=True)), **found}
                for setting, found in zip(product(*self.values), self.records, strict=True)
            ],
        }
