"""Telemetry of metadata servers: many formats in, one typed table and its quality report out."""

from separatrix.telemetry.accounts import Accounts, concat_accounts
from separatrix.telemetry.counters import NESTED, OPERATIONS, Counters
from separatrix.telemetry.joining import concat
from separatrix.telemetry.quality import DataQuality, QualityLog, Repair, RepairCount

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
]
