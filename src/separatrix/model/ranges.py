"""Values of a parameter as a command line gives them: lists and ranges.

``0,1,2`` lists; ``0..5`` counts; ``20/s..100/s:9`` spaces nine values evenly, and
``100ms..10s:5log`` by equal ratios. Both ends are included.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from separatrix.errors import ModelError, Problem
from separatrix.model.edits import assignment
from separatrix.model.quantities import NOTATIONS
from separatrix.model.tree import Scalar

MOST = 10_000
_RANGE = re.compile(r"(.+?)\.\.(.+?)(?::([0-9]{1,6})(log)?)?")


def values_of(text: str) -> tuple[str, tuple[Scalar, ...]]:
    """Split ``"web.retries=0..5"`` into the path and its values.

    Raises ModelError for what is neither a list nor a range.
    """
    path, equals, given = text.partition("=")
    if not (equals and path.strip() and given.strip()):
        raise ModelError(Problem(f"{text!r} varies nothing", hint="write PATH=0..5"))
    path = path.strip()
    match = _RANGE.fullmatch(given.strip())
    if match is None:
        return path, tuple(assignment(f"{path}={item}")[1] for item in given.split(","))
    first, last, count, log = match.groups()
    if count is None:
        return path, _counted(path, first, last)
    n = int(count)
    if not 2 <= n <= MOST:
        raise ModelError(Problem(f"{n} values", path, f"ask for 2 to {MOST:,}"))
    low, high = _ends(path, first, last)
    if log and not (low > 0 and high > 0):
        raise ModelError(Problem("equal ratios need positive ends", path, "leave out `log`"))
    if log:
        ratio = (high / low) ** (1 / (n - 1))
        found = [*(low * ratio**i for i in range(n - 1)), high]
    else:
        found = [*(low + (high - low) * i / (n - 1) for i in range(n - 1)), high]
    # counts must be whole; other quantities do not mind
    return path, tuple(int(v) if v.is_integer() and abs(v) < 1e15 else v for v in found)


def _counted(path: str, first: str, last: str) -> tuple[int, ...]:
    try:
        low, high = int(first), int(last)
    except ValueError:
        hint = f'say how many: "{path}={first}..{last}:9"'
        raise ModelError(Problem("only whole numbers can be counted", path, hint)) from None
    if not 0 <= high - low < MOST:
        hint = "write the smaller number first" if high < low else f"at most {MOST:,} are taken"
        raise ModelError(Problem(f"{first}..{last} has no or too many values", path, hint))
    return tuple(range(low, high + 1))


def _ends(path: str, first: str, last: str) -> tuple[float, float]:
    """Both ends in SI units, read in the first notation that understands both."""
    reads: list[Callable[[object], float]] = [NOTATIONS[u].read for u in ("factor", "s", "1/s")]
    for read in (*reads, NOTATIONS["share"].read):
        try:
            return read(first), read(last)
        except ValueError:
            continue
    raise ModelError(Problem(f"{first!r} and {last!r} are no quantities of one kind", path, ""))
