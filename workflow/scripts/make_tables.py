"""Make every other table from the collected ones: cells, comparisons, published figures and claims."""

import argparse
import json
from pathlib import Path

from trainmark import errors
from trainmark.analysis import comparison_tables, experiments, ledger
from trainmark.ingest import catalogue


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", required=True, help="settings digest of the experiment to compare by preference")
    parser.add_argument("--machine", required=True, help="this computer's name; its runs are shown first")
    parser.add_argument("--comparisons", type=json.loads, required=True, help="as the configuration has them, as JSON")
    parser.add_argument("--baseline", required=True, help="a machine, or auto")
    parser.add_argument("--hardware", type=Path, nargs="+", required=True, help="files like config/hardware.yaml")
    parser.add_argument("--claims", type=Path, nargs="+", required=True, help="files like config/claims/article.yaml")
    parser.add_argument("report", type=Path, help="folder of the collected tables, and of what is written")
    args = parser.parse_args()
    preference = experiments.Preference(args.settings, args.machine)
    further = ledger.load(args.claims), catalogue.load(args.hardware)
    comparison_tables.write(
        comparison_tables.Inputs(args.report, preference, args.comparisons, args.baseline, *further)
    )


if __name__ == "__main__":
    with errors.explained():
        main()
