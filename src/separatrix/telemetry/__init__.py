"""Telemetry of metadata servers: many formats in, one typed table and its quality report out."""

from separatrix.telemetry.accounts import Accounts, concat_accounts
from separatrix.telemetry.counters import NESTED, OPERATIONS, Counters
from separatrix.telemetry.joining import concat
from separatrix.telemetry.notebook import get_dataframe_from_time_range
from separatrix.telemetry.quality import DataQuality, QualityLog, Repair, RepairCount
from separatrix.telemetry.reading import load, read

__all__ = [
    "NESTED",
    "OPERATIONS",
    "Accounts",
    "Counters",
    "DataQuality",
    "QualityLog",
    "Repair",
    "RepairCount",
    "concat",
    "concat_accounts",
    "get_dataframe_from_time_range",
    "load",
    "read",
]
