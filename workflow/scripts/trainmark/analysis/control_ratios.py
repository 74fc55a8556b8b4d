"""Controls, in each of which one thing is otherwise, compared with the plain runs of their cells."""

from __future__ import annotations

import pandas as pd

from trainmark.analysis import cell_statistics, comparison_statistics, table_files
from trainmark.analysis.series_names import BASELINE, WHO
from trainmark.contents import tables
from trainmark.experiment import controls
from trainmark.records.record import OK


def compare(runs: pd.DataFrame, controlled: pd.DataFrame) -> pd.DataFrame:
    """Plain time / time of the control, of every cell that has both.

    Args:
        runs: comparable runs that are ok.
        controlled: runs of controls of the same experiment, whatever became of them.

    Returns:
        Rows of control_ratios.csv: ``speed_up`` with its 95 % interval, by the statistics of any comparison, above 1
        where the control is faster, and the medians of ``test_accuracy``; the plain runs are the baseline, the control
        is the candidate. Cells whose two sides differ in more than the control changes (versions, threads) are left
        out, and those whose plain runs have no more threads than the control.
    """
    parts = [table_files.nothing("control_ratios")]
    for control, part in controlled[controlled["status"] == OK].groupby("control"):
        held_to = controls.threads(control)
        plain = runs[runs["intra_op_threads"] > held_to] if held_to else runs
        alike = [column for column in cell_statistics.APART if column not in controls.changed(control)]
        apart = cell_statistics.differing(pd.concat([plain, part]), cell_statistics.CELL, alike)
        baseline, candidate = comparison_statistics.moments(plain), comparison_statistics.moments(part)
        cells = comparison_statistics.speed_ups(baseline, candidate, cell_statistics.CELL)
        cells = cells[~cells.set_index(cell_statistics.CELL).index.isin(apart.index)]
        parts.append(cells.assign(control=control)[tables.named("control_ratios").keys])
    found = pd.concat([part for part in parts if len(part)] or parts)
    return cell_statistics.in_order(found, ["control", *cell_statistics.CELL])


def overall(cells: pd.DataFrame) -> pd.DataFrame:
    """The geometric mean over the cells of each control, machine, stack and device.

    Returns:
        As ``summarise`` has it; and ``test_accuracy_baseline`` and ``_candidate``, the means over the cells.
    """
    sides = {baseline: cells[axis] for axis, baseline in zip(WHO, BASELINE)}
    summary = comparison_statistics.summarise(cells.assign(comparison=cells["control"], exhibit="", **sides))
    accuracies = ["test_accuracy_baseline", "test_accuracy_candidate"]
    means = (
        cells.groupby([*WHO, "control"])[accuracies].mean().rename_axis(index={"control": "comparison"}).reset_index()
    )
    return summary[summary["model"] == comparison_statistics.ALL_MODELS].merge(means, on=[*WHO, "comparison"])
