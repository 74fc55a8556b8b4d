"""Say of each published claim what the measurements say of it."""

import argparse
from pathlib import Path

from trainmark import errors, files
from trainmark.analysis import cell_statistics, claims


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", required=True, help="settings digest of the experiment to judge by preference")
    parser.add_argument("--claims", type=Path, nargs="+", required=True, help="files like config/claims.yaml")
    parser.add_argument("report", type=Path, help="folder of the tables that are read and written")
    args = parser.parse_args()
    ledger = claims.load(args.claims)
    runs = cell_statistics.comparable(cell_statistics.read_runs(args.report / "runs.csv"), args.settings)
    ids = cell_statistics.hardware_ids(cell_statistics.read_specifications(args.report / "specifications.csv"))
    peaks = cell_statistics.read_table(args.report / "peaks.csv")
    verdicts = claims.judge_all(ledger, runs, peaks, ids)
    files.write_whole(args.report / "claims.csv", cell_statistics.csv_text(verdicts))
    files.write_whole(args.report / "published.csv", cell_statistics.csv_text(claims.published(ledger, runs, ids)))


if __name__ == "__main__":
    with errors.explained():
        main()
