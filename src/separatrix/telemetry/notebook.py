"""pytokio's call for notebooks: one dataset over a range of dates, as it is stored."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from separatrix.telemetry import tokio
from separatrix.telemetry.files import dated_files, store_templates
from separatrix.telemetry.quality import QualityLog
from separatrix.telemetry.zones import Instant, instant

if TYPE_CHECKING:
    import pandas as pd


def get_dataframe_from_time_range(
    fsname: str,
    dataset_name: str,
    datetime_start: Instant,
    datetime_end: Instant | None = None,
    *,
    tz: str = "UTC",
    config: str | os.PathLike[str] | Mapping[str, Any] | None = None,
) -> pd.DataFrame | None:
    """Return the rows of one dataset that begin in [datetime_start, datetime_end).

    The values are those stored: only -0.0 of TTS files becomes NaN; h5lmt zeros stay, nothing is
    moved (`reading.load` repairs and aligns). Counts and rates are derived from one another. Unlike
    in pytokio, the zone is an argument and not the machine's, a column that only a later day has is
    kept, and unnamed columns are told apart as ``#j``. Rows that two files hold are the later's.

    Parameters
    ----------
    fsname : key of the store's ``hdf5_files``.
    dataset_name : such as ``"mdtargets/openrates"`` or ``"/mdservers/cpuload"``.
    datetime_start, datetime_end : local times of `tz` where they are naive; end default start.
    config : see `files.store_templates`.

    Returns
    -------
    Table with a naive local time index and one column per component, or None where no file exists.

    Raises
    ------
    DataError : a bad file, an unknown file system or zone, a dataset in no form in a file.
    """
    import numpy as np
    import pandas as pd

    start = instant(datetime_start, tz)
    end = start if datetime_end is None else instant(datetime_end, tz)
    files = dated_files(store_templates(config), fsname, start, end, tz, QualityLog())
    result: pd.DataFrame | None = None
    for path in files:
        held = tokio.read_dataset(path, dataset_name)
        keep = (held.stamps >= start) & (held.stamps < end)
        values = held.values[keep]
        with tokio.opened(path) as file:
            if tokio.layout_of(file, path) == "tts":
                values = np.where((values == 0.0) & np.signbit(values), np.nan, values)
        width = values.shape[1]
        names = [*held.columns[:width], *(f"#{j}" for j in range(len(held.columns), width))]
        table = pd.DataFrame(values, index=held.stamps[keep], columns=pd.Index(names))
        if result is not None:
            table = pd.concat([result.loc[~result.index.isin(table.index)], table]).sort_index()
        result = table
    if result is None:
        return None
    local = pd.to_datetime(result.index, unit="s", utc=True).tz_convert(tz).tz_localize(None)
    return result.set_axis(pd.DatetimeIndex(local), axis=0)
