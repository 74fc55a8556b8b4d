"""Write the report's page: one file that opens from disk without a network."""

import argparse
import json
from pathlib import Path

from trainmark import errors, files, page


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--report", type=Path, required=True, help="folder of the tables and figures")
    parser.add_argument("--template", type=Path, required=True, help="the page's Jinja2 template")
    parser.add_argument("--settings", required=True, help="settings digest of the experiment to show by preference")
    parser.add_argument("--grid", type=json.loads, required=True, help="axes of the configured grid, as JSON")
    parser.add_argument("--comparisons", type=json.loads, required=True, help="as the configuration has them, as JSON")
    parser.add_argument("output", type=Path, help="the page, to be written")
    args = parser.parse_args()
    data = page.read_report(args.report, args.grid, [each["name"] for each in args.comparisons])
    files.write_whole(args.output, page.render(data, args.template, args.settings))
    print(f"trainmark: the report is {args.output}", flush=True)


if __name__ == "__main__":
    with errors.explained():
        main()
