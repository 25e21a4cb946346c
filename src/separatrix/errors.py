"""The errors Separatrix raises on purpose; each ends in something the reader can do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


class SeparatrixError(Exception):
    """Base of every error that Separatrix raises on purpose."""


@dataclass(frozen=True)
class Problem:
    """One thing wrong with what the user gave: where, what, and the remedy.

    Attributes
    ----------
    message : what is wrong, with the offending value.
    field : dotted place in the model, such as ``"sources.client.timeout"``; may be empty.
    hint : what to do about it; may be empty.
    file, line : place in the file that was read, where there is one (line counts from 1).
    """

    message: str
    field: str = ""
    hint: str = ""
    file: str | None = None
    line: int | None = None

    def __str__(self) -> str:
        place = ""
        if self.file is not None:
            place = f"{self.file}:{self.line}: " if self.line is not None else f"{self.file}: "
        field = f"{self.field}: " if self.field else ""
        hint = f"; {self.hint}" if self.hint else ""
        return f"{place}{field}{self.message}{hint}"


class ModelError(SeparatrixError, ValueError):
    """A model that cannot be right. Carries *all* problems found, not only the first."""

    def __init__(self, problems: list[Problem] | Problem | str) -> None:
        if isinstance(problems, str):
            problems = Problem(problems)
        self.problems: list[Problem] = (
            [problems] if isinstance(problems, Problem) else list(problems)
        )
        super().__init__("\n".join(str(p) for p in self.problems))


class Unsupported(ModelError):
    """A correct model with a feature that the named engine cannot honour.

    Engines raise this instead of ignoring the feature.
    """

    def __init__(self, engine: str, feature: str, hint: str, field: str = "") -> None:
        self.engine = engine
        self.feature = feature
        super().__init__(Problem(f"the {engine} engine cannot honour {feature}", field, hint))


class DataError(SeparatrixError):
    """Telemetry or another data file that cannot be read as what it claims to be."""

    def __init__(self, message: str, *, file: str | None = None, hint: str = "") -> None:
        self.file = file
        self.hint = hint
        prefix = f"{file}: " if file else ""
        suffix = f"; {hint}" if hint else ""
        super().__init__(f"{prefix}{message}{suffix}")


def reason_of(error: SeparatrixError) -> str:
    """What went wrong, for people: without the name and the number of the check that failed."""
    return error.reason if isinstance(error, NotConverged) else str(error)


class NotConverged(SeparatrixError):
    """A computation that could not certify its answer.

    Attributes
    ----------
    partial : whatever was computed, never to be read as the answer.
    certificate : the name and value of the check that failed.
    reason : the message without it.
    """

    def __init__(self, message: str, *, partial: Any = None, certificate: str = "") -> None:
        self.partial = partial
        self.reason = message
        self.certificate = certificate
        super().__init__(f"{message}; failed check: {certificate}" if certificate else message)
