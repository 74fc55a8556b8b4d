"""Draw the report's figures."""

import argparse
from pathlib import Path

from trainmark import comparing, errors, figures, tables


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", required=True, help="settings digest of the experiment to draw by preference")
    parser.add_argument("runs", type=Path, help="runs.csv")
    parser.add_argument("comparisons", type=Path, help="comparisons.csv")
    parser.add_argument("output", type=Path, help="folder of the figures")
    args = parser.parse_args()
    comparisons = comparing.read_cells(args.comparisons)
    figures.draw_all(tables.read_runs(args.runs), comparisons, args.settings, args.output)


if __name__ == "__main__":
    with errors.explained():
        main()
