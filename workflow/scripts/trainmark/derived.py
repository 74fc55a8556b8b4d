"""Every table of the report that is made from the runs and compares them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from trainmark import bottlenecks, comparing, consumption, findings, tables


def derive(
    report: Path, preferred_settings: str, configured: Iterable[Mapping[str, Any]], baseline: str
) -> dict[str, pd.DataFrame]:
    """The tables, by the names of their files.

    Args:
        report: folder of runs.csv, controls.csv, peaks.csv and specifications.csv.
        preferred_settings: settings digest of the experiment to compare if there are runs of it.
        configured: the configuration's comparisons; without any, the sensible ones are made.
        baseline: a machine, or auto.

    Raises:
        TrainmarkError: if there are runs, and none of that machine.
    """
    everything = tables.read_runs(report / "runs.csv")
    runs = tables.comparable(everything, preferred_settings)
    shown = tables.choose_experiment(everything, preferred_settings)
    controls = tables.read_runs(report / "controls.csv")
    gpus = tables.read_specifications(report / "specifications.csv").query("kind == 'gpu'")
    peaks = tables.read_table(report / "peaks.csv")
    comparisons = comparing.article(runs, gpus, baseline)
    comparisons += comparing.configured(configured) or comparing.sensible(runs, baseline)
    cells = comparing.compare_all(runs, comparisons)
    return {
        "comparisons": cells,
        "comparisons_summary": comparing.summarise(cells),
        "unlike": comparing.unlike(runs, comparisons),
        "break_even": findings.break_even(cells[cells["exhibit"] == "8"]),
        "tflops": findings.tflops_ratios(runs, gpus),
        "utilisation": findings.utilisation(runs, gpus, peaks),
        "products": findings.best_products(peaks, gpus),
        "bottlenecks": bottlenecks.compare(runs, controls[tables.of_experiment(controls, shown)]),
        "outlying": findings.outlying(runs),
        "drift": findings.drift(runs),
        "gpu_states": findings.gpu_states(runs),
        "energy": consumption.per_cell(runs),
        "energy_comparisons": consumption.ratios(runs, comparisons),
        "energy_unmeasured": consumption.unmeasured(runs),
    }
