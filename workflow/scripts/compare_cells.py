"""Compare the cells as the configuration says, or as is sensible."""

import argparse
import json
from pathlib import Path

from trainmark import comparing, errors, files, tables


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", required=True, help="settings digest of the experiment to compare by preference")
    parser.add_argument("--comparisons", type=json.loads, required=True, help="as the configuration has them, as JSON")
    parser.add_argument("--baseline", required=True, help="a machine, or auto")
    parser.add_argument("runs", type=Path, help="runs.csv")
    parser.add_argument("cells", type=Path, help="one row a compared cell, to be written")
    parser.add_argument("summary", type=Path, help="one row a candidate and model, to be written")
    args = parser.parse_args()
    runs = tables.comparable(tables.read_runs(args.runs), args.settings)
    comparisons = comparing.configured(args.comparisons) or comparing.sensible(runs, args.baseline)
    cells = comparing.compare_all(runs, comparisons)
    files.write_whole(args.cells, cells.to_csv(index=False))
    files.write_whole(args.summary, comparing.summarise(cells).to_csv(index=False))


if __name__ == "__main__":
    with errors.explained():
        main()
