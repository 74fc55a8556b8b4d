"""Rename a machine: its folder, and its name in all of its records."""

import argparse
from pathlib import Path

from trainmark import errors, grid, merging


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("machine", help="its name now")
    parser.add_argument("name", help="its name to be")
    args = parser.parse_args()
    count = merging.rename(args.machine, args.name, grid.MACHINES, Path("workflow/schemas"))
    print(f"trainmark: {args.machine} is now {args.name}, in {count} files. If it is this computer, also set")
    print(f"  machine: {args.name}\nin config/config.yaml, or its next runs are filed under its old name.")


if __name__ == "__main__":
    with errors.explained():
        main()
