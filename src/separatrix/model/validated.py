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
    error: ValidationError, part: type, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> list[Problem]:
    """Pydantic's findings as problems, each with its dotted field, the value given and a remedy."""
    from separatrix.model.findings import findings

    names = [f.name for f in dataclasses.fields(part)]
    given = dict(zip(names, args, strict=False)) | kwargs
    return [
        Problem(f.message, ".".join(map(str, (part.__name__, *f.place))), f.hint)
        for f in findings(error, part, given, names)
    ]


@dataclass_transform(frozen_default=True)
def part(cls: type[T]) -> type[T]:
    """Make `cls` a frozen, validated model part.

    Unknown fields and non-finite numbers are errors; the constructor raises `ModelError` with all
    problems of the part at once.
    """
    decorated: Any = dataclass(cls, frozen=True, config=_CONFIG)
    original = decorated.__init__

    @functools.wraps(original)
    def checked(self: Any, *args: Any, **kwargs: Any) -> None:
        try:
            decorated.__pydantic_validator__.validate_python(
                ArgsKwargs(args, kwargs), self_instance=self
            )
        except ValidationError as error:
            raise ModelError(complaints(error, decorated, args, kwargs)) from None
        finally:
            # the deferred build, on the first call, puts pydantic's own constructor back
            decorated.__init__ = checked

    decorated.__init__ = checked
    return decorated
