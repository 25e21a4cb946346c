"""The reference page of the command line, written from the commands themselves."""

from __future__ import annotations

import click


def manual(main: click.Group) -> str:
    """Markdown with the help of every command, in the order of `main`."""
    parts = [
        "# The command line",
        "",
        "Written from the commands' own help. Every command that takes a model reads standard input for `-`.",
        "Results go to standard output, progress and errors to standard error; colours end where the",
        "output is no terminal or `NO_COLOR` is set.",
    ]
    parent = click.Context(main, info_name="separatrix", help_option_names=["-h", "--help"])
    for name, command in main.commands.items():
        context = click.Context(
            command, parent, info_name=name, max_content_width=100, terminal_width=80
        )
        text = command.get_help(context)
        parts += ["", f"## {name}", "", *(f"    {line}".rstrip() for line in text.splitlines())]
    return "\n".join(parts) + "\n"
