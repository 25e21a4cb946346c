"""The model that a command is asked about: a file or standard input, with values set on the way."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import click


def paths_in_model(ctx: click.Context, _: click.Parameter, begun: str) -> list[str]:
    """For a shell: the paths below which the model has values, as far as it can be read."""
    from separatrix.errors import SeparatrixError
    from separatrix.model.files import load
    from separatrix.model.parameters import known_paths

    for word in (ctx.params.get("model"), *ctx.args):  # an option half typed leaves all in `args`
        if word not in (None, "-"):
            with suppress(SeparatrixError):
                return [path for path in known_paths(load(word)) if path.startswith(begun)]
    return []


setting = click.option(
    "--set", "changes", multiple=True, metavar="PATH=VALUE", shell_complete=paths_in_model,
    help="Change a value of the model for this run, such as web.retries=1.",
)  # fmt: skip
"""The option --set of a command over one model."""


def takes_model(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the argument MODEL.yaml and the option --set; it receives `program`."""

    @click.argument("model", type=click.Path(), metavar="MODEL.yaml")
    @setting
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
