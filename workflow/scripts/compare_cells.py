"""Compare the cells as the article does, and as the configuration says or is sensible."""

import argparse
import json
from pathlib import Path

from trainmark import errors
from trainmark.analysis import comparison_tables


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", required=True, help="settings digest of the experiment to compare by preference")
    parser.add_argument("--comparisons", type=json.loads, required=True, help="as the configuration has them, as JSON")
    parser.add_argument("--baseline", required=True, help="a machine, or auto")
    parser.add_argument("report", type=Path, help="folder of the collected tables, and of what is written")
    args = parser.parse_args()
    comparison_tables.write(comparison_tables.Inputs(args.report, args.settings, args.comparisons, args.baseline))


if __name__ == "__main__":
    with errors.explained():
        main()
