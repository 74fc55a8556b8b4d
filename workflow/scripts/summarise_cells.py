"""Summarise the runs of each cell."""

import argparse
from pathlib import Path

from trainmark import errors, files
from trainmark.analysis import cell_statistics


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=Path, help="runs.csv")
    parser.add_argument("output", type=Path, help="cells.csv, to be written")
    args = parser.parse_args()
    files.write_whole(
        args.output, cell_statistics.csv_text(cell_statistics.summarise(cell_statistics.read_runs(args.runs)))
    )


if __name__ == "__main__":
    with errors.explained():
        main()
