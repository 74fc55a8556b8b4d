"""Compare the cells as the article does, and as the configuration says or is sensible."""

import argparse
import json
from pathlib import Path

from trainmark import comparing, consumption, errors, files, findings, tables


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", required=True, help="settings digest of the experiment to compare by preference")
    parser.add_argument("--comparisons", type=json.loads, required=True, help="as the configuration has them, as JSON")
    parser.add_argument("--baseline", required=True, help="a machine, or auto")
    parser.add_argument("report", type=Path, help="folder of runs.csv and specifications.csv, and of what is written")
    args = parser.parse_args()
    runs = tables.comparable(tables.read_runs(args.report / "runs.csv"), args.settings)
    gpus = tables.read_specifications(args.report / "specifications.csv").query("kind == 'gpu'")
    peaks = tables.read_table(args.report / "peaks.csv")
    comparisons = comparing.article(runs, gpus, args.baseline)
    comparisons += comparing.configured(args.comparisons) or comparing.sensible(runs, args.baseline)
    cells = comparing.compare_all(runs, comparisons)
    written = {
        "comparisons": cells,
        "comparisons_summary": comparing.summarise(cells),
        "break_even": findings.break_even(cells[cells["exhibit"] == "8"]),
        "tflops": findings.tflops_ratios(runs, gpus),
        "utilisation": findings.utilisation(runs, gpus, peaks),
        "products": findings.best_products(peaks, gpus),
        "outlying": findings.outlying(runs),
        "drift": findings.drift(runs),
        "energy": consumption.per_cell(runs),
        "energy_comparisons": consumption.ratios(runs, comparisons),
        "energy_unmeasured": consumption.unmeasured(runs),
    }
    for name, table in written.items():
        files.write_whole(args.report / f"{name}.csv", table.to_csv(index=False))


if __name__ == "__main__":
    with errors.explained():
        main()
