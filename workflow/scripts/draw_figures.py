"""Draw the report's figures."""

import argparse
from pathlib import Path

from trainmark import errors, files
from trainmark.analysis import convergence, experiments, table_files
from trainmark.report.figures import drawing, figure_list, figure_spec, looks


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", required=True, help="settings digest of the experiment to draw by preference")
    parser.add_argument("--machine", required=True, help="this computer's name; its runs are shown first")
    parser.add_argument("--references", type=Path, nargs="+", required=True, help="config/references.yaml and the like")
    parser.add_argument("--png", choices=["True", "False"], required=True, help="whether to draw PNGs, too")
    parser.add_argument("report", type=Path, help="folder of the tables")
    parser.add_argument("output", type=Path, help="folder of the figures")
    args = parser.parse_args()
    preference = experiments.Preference(args.settings, args.machine)
    runs = experiments.of_shown(table_files.read(args.report, "runs"), preference)
    settings = table_files.read(args.report, "experiments").set_index("settings_digest")["settings"]
    references = [convergence.load(path) for path in args.references]
    fitting = convergence.fitting(references, settings[runs["settings_digest"].iloc[0]])
    planned = figure_list.plan(args.report, runs, fitting)
    with files.whole_folder(args.output) as folder:
        drawing.draw_all(planned, looks.assign_looks(runs), folder, args.png == "True")
        figure_spec.write_index(planned, folder / "figures.json")


if __name__ == "__main__":
    with errors.explained():
        main()
