"""Rename a machine: its folder, and its name in all of its records."""

import argparse
from pathlib import Path

from trainmark import errors, terminal
from trainmark.experiment import grid
from trainmark.ingest import renaming


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("machine", help="its current name")
    parser.add_argument("name", help="its new name")
    args = parser.parse_args()
    count = renaming.rename(args.machine, args.name, grid.MACHINES, Path("workflow/schemas"))
    terminal.say(f"trainmark: {args.machine} is now {args.name}, in {count} files. If it is this computer, also set")
    terminal.say(f"  machine: {args.name}", "in config/config.yaml, or its next runs are filed under its old name.")
    if (grid.MACHINES / args.machine).exists():
        terminal.say(f"Files that are not results stay in {grid.MACHINES / args.machine}.")


if __name__ == "__main__":
    with errors.explained(), errors.terminable():
        main()
