"""Draw the figures and write the report, in one process that writes while its children draw."""

import argparse
import json
from dataclasses import replace
from pathlib import Path

from trainmark import errors, files, terminal
from trainmark.analysis import convergence, experiments
from trainmark.experiment import workloads
from trainmark.report import introduction, page, summary
from trainmark.report.figures import drawing, figure_list, figure_spec, looks
from trainmark.report.sections import report_data


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--report", type=Path, required=True, help="folder of the tables, and of all that is made")
    parser.add_argument("--templates", type=Path, required=True, help="folder of the templates")
    parser.add_argument("--settings", required=True, help="settings digest of the experiment to show by preference")
    parser.add_argument("--machine", required=True, help="this computer's name; its runs are shown first")
    parser.add_argument("--grid", type=json.loads, required=True, help="axes of the configured grid, as JSON")
    parser.add_argument("--example", type=Path, required=True, help="folder of the shipped records")
    parser.add_argument("--comparisons", type=json.loads, required=True, help="as the configuration has them, as JSON")
    parser.add_argument("--references", type=Path, nargs="+", required=True, help="config/references.yaml and the like")
    parser.add_argument("--png", choices=["True", "False"], required=True, help="whether to draw PNGs, too")
    args = parser.parse_args()
    preference = experiments.Preference(args.settings, args.machine)
    names = [each["name"] for each in args.comparisons]
    data = report_data.read_report(args.report, args.grid, names, preference, args.example)
    data = replace(data, program=report_data.snakemake_here())
    settings = workloads.canonical_json(data.settings[data.experiment[0]])
    references = convergence.fitting([convergence.load(path) for path in args.references], settings)
    planned = figure_list.plan(data.tables, data.runs, references)
    with files.whole_folder(args.report / "figures") as folder:
        with drawing.drawing(planned, looks.assign_looks(data.runs), folder, args.png == "True") as finish:
            figure_spec.write_index(planned, folder / "figures.json")
            data = page.with_figures(data, figure_spec.index(planned), folder)
            document = page.write(data)
            texts = {"report.md": page.render(document, args.templates / "report.md.j2")}
            texts["introduction.rst"] = introduction.render(document, args.templates / "introduction.rst.j2")
            texts["summary.md"] = summary.write(data, document)
            finish()
        texts["index.html"] = page.render(document, args.templates / "page.html.j2")
    for name, text in texts.items():
        files.write_whole(args.report / name, text)
    terminal.say(f"trainmark: {document.first.sentence}")


if __name__ == "__main__":
    with errors.explained():
        main()
