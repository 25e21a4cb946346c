"""The decorator of every part of a model: a frozen pydantic dataclass that knows all its fields."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any, TypeVar, dataclass_transform

from pydantic import ConfigDict, ValidationError
from pydantic.dataclasses import dataclass
from pydantic_core import ArgsKwargs

from separatrix.errors import ModelError, Problem

T = TypeVar("T")
_CONFIG = ConfigDict(extra="forbid", allow_inf_nan=False, defer_build=True)


def complaints(
    error: ValidationError, place: str = "", positional: tuple[str, ...] = ()
) -> list[Problem]:
    """Pydantic's findings as problems, each with its dotted field, the value given and a remedy.

    `positional` names the fields that pydantic knows by their position only.
    """
    found: list[Problem] = []
    for detail in error.errors(include_url=False):
        loc = [str(p) for p in detail["loc"]]
        if detail["loc"] and isinstance(detail["loc"][0], int) and positional:
            loc[0] = positional[detail["loc"][0]]
        field = ".".join([place, *loc] if place else loc)
        given = repr(detail.get("input"))
        if len(given) > 60:
            given = given[:57] + "..."
        message, hint = detail["msg"], ""
        bounds = detail.get("ctx", {})
        if detail["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
            message, hint = "unknown field", "check its spelling, or remove it"
        elif detail["type"] in ("missing", "missing_argument"):
            message, hint = "is missing", "give it a value"
        elif detail["type"] == "value_error":
            message = message.removeprefix("Value error, ")
        elif detail["type"] == "greater_than":
            message = f"must be > {bounds['gt']}, got {given}"
        elif detail["type"] == "greater_than_equal":
            message = f"must be >= {bounds['ge']}, got {given}"
        elif detail["type"] == "less_than_equal":
            message = f"must be <= {bounds['le']}, got {given}"
        else:
            message = f"{message}, got {given}"
        found.append(Problem(message, field, hint))
    return found


@dataclass_transform(frozen_default=True)
def part(cls: type[T]) -> type[T]:
    """Make `cls` a frozen, validated model part.

    Unknown fields and non-finite numbers are errors; the constructor raises `ModelError` with all
    problems of the part at once.
    """
    decorated: Any = dataclass(cls, frozen=True, config=_CONFIG)
    fields = tuple(f.name for f in dataclasses.fields(decorated))
    original = decorated.__init__

    @functools.wraps(original)
    def checked(self: Any, *args: Any, **kwargs: Any) -> None:
        try:
            decorated.__pydantic_validator__.validate_python(
                ArgsKwargs(args, kwargs), self_instance=self
            )
        except ValidationError as error:
            raise ModelError(complaints(error, cls.__name__, fields)) from None
        finally:
            # the deferred build, on the first call, puts pydantic's own constructor back
            decorated.__init__ = checked

    decorated.__init__ = checked
    return decorated
