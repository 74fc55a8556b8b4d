"""Judge each published claim by the measurements."""

import argparse
from pathlib import Path

from trainmark import errors
from trainmark.analysis import cell_statistics, claims, table_files


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", required=True, help="settings digest of the experiment to judge by preference")
    parser.add_argument("--claims", type=Path, nargs="+", required=True, help="files like config/claims.yaml")
    parser.add_argument("report", type=Path, help="folder of the tables that are read and written")
    args = parser.parse_args()
    ledger = claims.load(args.claims)
    runs = cell_statistics.comparable(table_files.read(args.report, "runs"), args.settings)
    ids = cell_statistics.hardware_ids(table_files.read(args.report, "specifications"))
    verdicts = claims.judge_all(ledger, runs, table_files.read(args.report, "peaks"), ids)
    table_files.write(args.report, "claims", verdicts)
    table_files.write(args.report, "published", claims.published(ledger, runs, ids))


if __name__ == "__main__":
    with errors.explained():
        main()
