"""``python -m separatrix``."""

from separatrix.cli import main

main(prog_name="separatrix")
