"""Write the report: a page that opens from disk without a network, the same as Markdown, and a summary."""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

from trainmark import errors, files, terminal
from trainmark.analysis import experiments
from trainmark.report import introduction, page, summary
from trainmark.report.sections import report_data


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--report", type=Path, required=True, help="folder of the tables and figures")
    parser.add_argument("--settings", required=True, help="settings digest of the experiment to show by preference")
    parser.add_argument("--machine", required=True, help="this computer's name; its runs are shown first")
    parser.add_argument("--grid", type=json.loads, required=True, help="axes of the configured grid, as JSON")
    parser.add_argument("--example", type=Path, required=True, help="folder of the shipped records")
    parser.add_argument("--comparisons", type=json.loads, required=True, help="as the configuration has them, as JSON")
    parser.add_argument("--page", type=Path, nargs=2, required=True, help="template and output of the HTML page")
    parser.add_argument("--markdown", type=Path, nargs=2, required=True, help="template and output of the Markdown")
    parser.add_argument("--summary", type=Path, required=True, help="output of the short Markdown")
    parser.add_argument("--introduction", type=Path, nargs=2, required=True, help="template and output, for Snakemake")
    args = parser.parse_args()
    preference = experiments.Preference(args.settings, args.machine)
    names = [each["name"] for each in args.comparisons]
    data = report_data.read_report(args.report, args.grid, names, preference, args.example)
    environment = Path(sys.prefix)
    if environment.parent == Path.cwd() and environment.name.startswith(".venv"):
        data = replace(data, program=f"{environment.name}/bin/python -m snakemake")
    document = page.write(page.with_figures(data, args.report / "figures"))
    for template, output in (args.page, args.markdown):
        files.write_whole(output, page.render(document, template))
    template, output = args.introduction
    files.write_whole(output, introduction.render(document, template))
    files.write_whole(args.summary, summary.write(data, document))
    terminal.say(f"trainmark: {document.first.sentence}")


if __name__ == "__main__":
    with errors.explained():
        main()
