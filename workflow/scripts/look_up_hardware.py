"""Look up what was published of each machine's processor and GPU."""

import argparse
import csv
from pathlib import Path

from trainmark import errors, files
from trainmark.ingest import catalogue


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hardware", type=Path, nargs="+", required=True, help="files like config/hardware.yaml")
    parser.add_argument("machines", type=Path, help="machines.csv")
    parser.add_argument("output", type=Path, help="one row a processor or GPU, to be written")
    args = parser.parse_args()
    with args.machines.open(newline="") as file:
        rows = catalogue.look_up(csv.DictReader(file), catalogue.load(args.hardware))
    files.write_whole(args.output, catalogue.csv_text(rows))


if __name__ == "__main__":
    with errors.explained():
        main()
