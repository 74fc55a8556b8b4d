"""Every table of the report that is made from the runs and compares them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from trainmark.analysis import break_even_sizes, cell_statistics, comparison_statistics, energy_use, host_bound


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
    everything = cell_statistics.read_runs(report / "runs.csv")
    runs = cell_statistics.comparable(everything, preferred_settings)
    shown = cell_statistics.choose_experiment(everything, preferred_settings)
    controls = cell_statistics.read_runs(report / "controls.csv")
    gpus = cell_statistics.read_specifications(report / "specifications.csv").query("kind == 'gpu'")
    peaks = cell_statistics.read_table(report / "peaks.csv")
    comparisons = comparison_statistics.article(runs, gpus, baseline)
    comparisons += comparison_statistics.configured(configured) or comparison_statistics.sensible(runs, baseline)
    cells = comparison_statistics.compare_all(runs, comparisons)
    return {
        "comparisons": cells,
        "comparisons_summary": comparison_statistics.summarise(cells),
        "unlike": comparison_statistics.unlike(runs, comparisons),
        "break_even": break_even_sizes.break_even(cells[cells["exhibit"] == "8"]),
        "tflops": break_even_sizes.tflops_ratios(runs, gpus),
        "utilisation": break_even_sizes.utilisation(runs, gpus, peaks),
        "products": break_even_sizes.best_products(peaks, gpus),
        "bottlenecks": host_bound.compare(runs, controls[cell_statistics.of_experiment(controls, shown)]),
        "outlying": break_even_sizes.outlying(runs),
        "drift": break_even_sizes.drift(runs),
        "gpu_states": break_even_sizes.gpu_states(runs),
        "energy": energy_use.per_cell(runs),
        "energy_comparisons": energy_use.ratios(runs, comparisons),
        "energy_unmeasured": energy_use.unmeasured(runs),
    }
