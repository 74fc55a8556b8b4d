"""Draw the report's figures."""

import argparse
from pathlib import Path

from trainmark import convergence, errors, exhibits, figures, files, gallery, tables


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", required=True, help="settings digest of the experiment to draw by preference")
    parser.add_argument("--references", type=Path, required=True, help="config/references.yaml")
    parser.add_argument("report", type=Path, help="folder of the tables")
    parser.add_argument("output", type=Path, help="folder of the figures")
    args = parser.parse_args()
    runs = tables.of_shown_experiment(tables.read_runs(args.report / "runs.csv"), args.settings)
    planned = gallery.plan(args.report, runs, convergence.load(args.references))
    with files.whole_folder(args.output) as folder:
        figures.draw_all(planned, figures.assign_looks(runs), folder)
        exhibits.write_index(planned, folder / "figures.json")


if __name__ == "__main__":
    with errors.explained():
        main()
