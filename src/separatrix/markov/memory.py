"""How much memory a computation may take, read before it starts."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

_TRIFLE = 2**24  # bytes


def available_bytes() -> int | None:
    """Bytes that can be allocated without swapping; None where the system does not say.

    The smaller of the machine's available memory and what the control group leaves.
    """
    limits: list[int] = []
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                limits.append(int(line.split()[1]) * 1024)
    except (OSError, ValueError):
        pass
    group = Path("/sys/fs/cgroup")
    try:
        ceiling = (group / "memory.max").read_text(encoding="ascii").strip()
        if ceiling != "max":
            used = int((group / "memory.current").read_text(encoding="ascii"))
            limits.append(max(int(ceiling) - used, 0))
    except (OSError, ValueError):
        pass
    return min(limits) if limits else None


def short_of(need: float) -> int | None:
    """Bytes that are free where fewer than `need` are; None where these fit, or the system does not say.

    A trifle fits: to ask the system would take longer than to eliminate a small chain.
    """
    if need < _TRIFLE:
        return None
    free = available_bytes()
    return free if free is not None and need > free else None


def human_bytes(count: float) -> str:
    """A number of bytes in words, such as ``1.9 GB``."""
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= size:
            return f"{Decimal(count) / size:.3g} {unit}"  # a count may be beyond a float
    return f"{count:.0f} B"
