"""`python -m shareasm` is the command `shareasm`."""

from shareasm.cli import main

main(prog_name="shareasm")
