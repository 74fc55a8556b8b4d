"""Time to accuracy: how long a training takes until its model is good enough, the measure of MLPerf Training.

The time per epoch says how fast a machine computes, this one how long its user waits. The batch size is in it: a large
one has short epochs and needs more of them.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from trainmark.analysis import cell_statistics, comparison_statistics, comparisons, table_files
from trainmark.analysis.series_names import BASELINE, WHO
from trainmark.contents import tables
from trainmark.records.record import NOT_CONVERGED, OK


def per_cell(shown: pd.DataFrame, against: pd.DataFrame) -> pd.DataFrame:
    """How long the runs of each cell took to their target, and over the baseline's.

    Nobody knows how long a run that never reached the target would have taken: it is neither left out nor averaged, but
    counts as longer than all that did, as MLPerf takes one that does not converge for the slowest. So ``seconds`` is a
    median, and a time only where more than half of the runs reached the target. The ratios need every time: each run of
    both sides has reached it. Runs that the convergence gate excludes count as runs that never did.

    Args:
        shown: runs of the experiment shown, whatever became of them; of stacks that a lock pins or not.
        against: as ``ranking.against_baseline`` gives it.

    Returns:
        Rows of time_to_accuracy.csv, of the cells whose models have a target: the number of ``runs`` that trained to
        their end and of those that ``reached`` it; ``epochs`` and ``seconds``, the medians, NaN where half of the runs
        or more never did; ``speed_up``, baseline time over the cell's, as the ratio of the geometric means with Welch's
        95 % interval, NaN where a run of either side never did, where a side has one run (the interval alone), or
        where there is no baseline. The baseline's own is 1.
    """
    trained = shown["status"].isin([OK, NOT_CONVERGED]) & shown["target_accuracy"].notna()
    runs = cell_statistics.alike(comparisons.pinned(shown[trained]))
    if runs.empty:
        return table_files.nothing("time_to_accuracy")
    counts = (runs["status"] == OK) & runs["seconds_to_target"].notna()
    runs = runs.assign(
        counts=counts,
        seconds=runs["seconds_to_target"].astype(float).where(counts, np.inf),
        epochs=runs["epochs_to_target"].astype(float).where(counts, np.inf),
    )
    groups = runs.groupby(cell_statistics.CELL)
    found = groups.agg(
        target_accuracy=("target_accuracy", "first"),
        runs=("counts", "size"),
        reached=("counts", "sum"),
        epochs=("epochs", "median"),
        seconds=("seconds", "median"),
    ).replace(np.inf, np.nan)
    ratios = _ratios(runs[groups["counts"].transform("all")], against)
    found = found.reset_index().merge(ratios, how="left", on=cell_statistics.CELL)
    return cell_statistics.in_order(found, cell_statistics.CELL)[tables.named("time_to_accuracy").keys]


def _ratios(runs: pd.DataFrame, against: pd.DataFrame) -> pd.DataFrame:
    """The cells' columns, and ``speed_up``, ``low`` and ``high`` over the baseline, where that can be had.

    Args:
        runs: of cells each of whose runs has ``seconds``.
        against: as for ``per_cell``.
    """
    keys = [*cell_statistics.CELL, "speed_up", "low", "high"]
    if runs.empty or against.empty:
        return pd.DataFrame(columns=keys).astype(dict.fromkeys(keys[-3:], float) | {"batch_size": int})
    base = dict(zip(WHO, against[BASELINE].iloc[0]))
    cells = comparison_statistics.moments(runs.assign(fit_seconds=runs["seconds"]))
    everyone = {axis: tuple(cells[axis].unique()) for axis in WHO}
    found = comparisons.compare(cells, comparisons.Comparison("", everyone, base))[keys]
    itself = (found[WHO] == pd.Series(base)).all(axis=1)
    return found.assign(**{limit: found[limit].astype(float).mask(itself) for limit in ("low", "high")})
