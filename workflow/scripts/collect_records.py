"""Read every record, check it, and write the tables that all else reads."""

import argparse
from pathlib import Path

from trainmark import collecting, errors, grid


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--on-bad-record", choices=["stop", "skip"], required=True, help="what to do with bad files")
    parser.add_argument("output", type=Path, help="folder in which the tables are written")
    args = parser.parse_args()
    skip = args.on_bad_record == "skip"
    left_out = collecting.collect(grid.MACHINES, Path("workflow/schemas"), args.output, skip)
    if left_out:
        count = f"{len(left_out)} file{'s' * (len(left_out) > 1)}"
        print(f"trainmark: {count} cannot be used: left out and listed in {args.output}/left_out.csv", flush=True)


if __name__ == "__main__":
    with errors.explained():
        main()
