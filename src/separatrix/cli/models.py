"""The model that a command is asked about: a file or standard input, with values set on the way."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import click


def takes_model(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the argument MODEL.yaml and the option --set; it receives `program`."""

    @click.argument("model", metavar="MODEL.yaml")
    @click.option(
        "--set", "changes", multiple=True, metavar="PATH=VALUE",
        help="Change a value of the model for this run, such as web.retries=1.",
    )  # fmt: skip
    @functools.wraps(command)
    def with_program(*arguments: Any, model: str, changes: tuple[str, ...], **given: Any) -> Any:
        from separatrix.model.edits import assignment
        from separatrix.model.files import load
        from separatrix.model.parameters import with_parameters

        program = load(model)
        if changes:
            program = with_parameters(program, dict(map(assignment, changes)))
        return command(*arguments, program=program, **given)

    return with_program
