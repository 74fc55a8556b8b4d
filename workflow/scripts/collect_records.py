"""Read every record and write the one table that all else reads."""

import argparse
from pathlib import Path

from trainmark import collecting, errors, grid


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=Path, help="one row a run, to be written")
    parser.add_argument("machines", type=Path, help="one row a machine, to be written")
    args = parser.parse_args()
    collecting.collect(grid.MACHINES, Path("workflow/schemas"), args.runs, args.machines)


if __name__ == "__main__":
    with errors.explained():
        main()
