"""Summarise the runs of each cell."""

import argparse
from pathlib import Path

from trainmark import errors
from trainmark.analysis import cell_statistics, table_files


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("report", type=Path, help="folder of the tables that are read and written")
    args = parser.parse_args()
    table_files.write(args.report, "cells", cell_statistics.summarise(table_files.read(args.report, "runs")))


if __name__ == "__main__":
    with errors.explained():
        main()
