"""Draw the figures and write the report: a page that opens from disk, the same as Markdown, and a summary.

One process does all of it, since to start one and to read the tables takes as long as to write the page; and it writes
while its children draw.
"""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

from trainmark import errors, files, terminal
from trainmark.analysis import convergence, experiments
from trainmark.experiment import workloads
from trainmark.report import introduction, page, summary
from trainmark.report.figures import drawing, figure_list, figure_spec, looks
from trainmark.report.sections import report_data


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--report", type=Path, required=True, help="folder of the tables")
    parser.add_argument("--settings", required=True, help="settings digest of the experiment to show by preference")
    parser.add_argument("--machine", required=True, help="this computer's name; its runs are shown first")
    parser.add_argument("--grid", type=json.loads, required=True, help="axes of the configured grid, as JSON")
    parser.add_argument("--example", type=Path, required=True, help="folder of the shipped records")
    parser.add_argument("--comparisons", type=json.loads, required=True, help="as the configuration has them, as JSON")
    parser.add_argument("--references", type=Path, nargs="+", required=True, help="config/references.yaml and the like")
    parser.add_argument("--png", choices=["True", "False"], required=True, help="whether to draw PNGs, too")
    parser.add_argument("--figures", type=Path, required=True, help="output folder of the figures")
    parser.add_argument("--page", type=Path, nargs=2, required=True, help="template and output of the HTML page")
    parser.add_argument("--markdown", type=Path, nargs=2, required=True, help="template and output of the Markdown")
    parser.add_argument("--summary", type=Path, required=True, help="output of the short Markdown")
    parser.add_argument("--introduction", type=Path, nargs=2, required=True, help="template and output, for Snakemake")
    return parser.parse_args()


def read(args: argparse.Namespace) -> report_data.ReportData:
    preference = experiments.Preference(args.settings, args.machine)
    names = [each["name"] for each in args.comparisons]
    data = report_data.read_report(args.report, args.grid, names, preference, args.example)
    environment = Path(sys.prefix)
    if environment.parent == Path.cwd() and environment.name.startswith(".venv"):
        data = replace(data, program=f"{environment.name}/bin/python -m snakemake")
    return data


def main() -> None:
    args = read_arguments()
    data = read(args)
    references = [convergence.load(path) for path in args.references]
    settings = workloads.canonical_json(data.settings[data.experiment[0]])
    planned = figure_list.plan(data.tables, data.runs, convergence.fitting(references, settings))
    with files.whole_folder(args.figures) as folder:
        with drawing.drawing(planned, looks.assign_looks(data.runs), folder, args.png == "True") as finish:
            figure_spec.write_index(planned, folder / "figures.json")
            data = page.with_figures(data, figure_spec.index(planned), folder)
            document = page.write(data)
            texts = {
                args.markdown[1]: page.render(document, args.markdown[0]),
                args.introduction[1]: introduction.render(document, args.introduction[0]),
                args.summary: summary.write(data, document),
            }
            finish()
        texts[args.page[1]] = page.render(document, args.page[0])
    for output, text in texts.items():
        files.write_whole(output, text)
    terminal.say(f"trainmark: {document.first.sentence}")


if __name__ == "__main__":
    with errors.explained():
        main()
