"""The command line: commands, flags and exit codes; nothing else."""

from __future__ import annotations

import click

from separatrix import __version__
from separatrix.cli.agreements import agree
from separatrix.cli.app import app
from separatrix.cli.calibration import calibrate
from separatrix.cli.exits import EXIT_CODES, Commands
from separatrix.cli.first_steps import completion, demo, init
from separatrix.cli.koopman import learn, settle
from separatrix.cli.passages import passage
from separatrix.cli.placement import place
from separatrix.cli.proof import capacity, prove
from separatrix.cli.remedies import remedy
from separatrix.cli.reports import diff, report
from separatrix.cli.simulation import simulate
from separatrix.cli.sweeps import sweep
from separatrix.cli.tipping import tipping
from separatrix.cli.verdicts import check, explain, schema
from separatrix.cli.weights import score, weights


@click.group(
    cls=Commands, context_settings={"help_option_names": ["-h", "--help"]}, epilog=EXIT_CODES
)
@click.version_option(__version__, prog_name="separatrix")
def main() -> None:
    """Can this service get stuck, for how long, and which knob gets it out?

    \b
    Examples:
      separatrix demo
      separatrix init && separatrix check service.yaml
      separatrix check --help
    """


COMMANDS = (
    demo,
    init,
    check,
    explain,
    simulate,
    passage,
    prove,
    capacity,
    calibrate,
    sweep,
    remedy,
    tipping,
    learn,
    settle,
    agree,
    place,
    report,
    diff,
    app,
    weights,
    score,
    schema,
    completion,
)
for command in COMMANDS:
    main.add_command(command)
