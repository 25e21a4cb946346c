"""Why a change to a kernel changes no answer, where several have the same reason."""

from __future__ import annotations

from typing import TypeAlias

Equivalent: TypeAlias = tuple[tuple[str, str, str, tuple[tuple[str, str], ...]], ...]
"""Function, line, reason, and the changes: what stands there before and after."""

UNIT = "only the unit of a row changes, which its power of two undoes"
SMALL = "what is dropped, or not, is far below a rounding error"
CHOICE = "the other branch gives the same number"
EMPTY = "nothing is there to work on"
MORE = "a border may list states that no rate joins to the box"
FIRST = "the first pivot is the smallest so far"
TIE = "of two pivots as small either may be blamed"
