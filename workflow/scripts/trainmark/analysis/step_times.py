"""The mean step of a training from its second epoch on: what is published of larger models."""

from __future__ import annotations

import pandas as pd

from trainmark.analysis import cell_statistics, table_files
from trainmark.contents import tables

_RUN = [*cell_statistics.CELL, "repeat", "settings_digest", "protocol"]


def per_cell(runs: pd.DataFrame, steps: pd.DataFrame) -> pd.DataFrame:
    """What a step of each cell takes.

    Args:
        runs: comparable runs that are ok.
        steps: steps.csv.

    Returns:
        Rows of step_times.csv, medians over the runs of a cell that have a second epoch. ``energy_scope`` and
        ``joules_per_epoch`` are empty where the runs have no energy, or counted different things.
    """
    known = runs.merge(steps, on=_RUN)
    if known.empty:
        return table_files.nothing("step_times")
    per_second = known["train_samples"] / (known["steady_state_step_seconds"] * known["steps_per_epoch"])
    joules = known["energy_joules"].astype(float) / known["epochs"]
    known = known.assign(steady_state_samples_per_second=per_second, joules_per_epoch=joules)
    groups = known.groupby(cell_statistics.CELL)
    values = ["steady_state_step_seconds", "steady_state_samples_per_second", "fit_seconds", "joules_per_epoch"]
    found = groups[values].median().join(groups.size().rename("runs"))
    scopes = groups["energy_scope"].agg(["nunique", "first"])
    one = scopes["nunique"] == 1
    found = found.assign(energy_scope=scopes["first"].where(one), joules_per_epoch=found["joules_per_epoch"].where(one))
    return cell_statistics.in_order(found.reset_index(), cell_statistics.CELL)[tables.named("step_times").keys]
