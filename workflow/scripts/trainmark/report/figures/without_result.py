"""Test cases without a result: a figure crosses them out at their place, and says why."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from trainmark.analysis import cell_statistics, series_names
from trainmark.analysis.series_names import SIDES, WHO, Key
from trainmark.records.record import INVENTED, NOT_CONVERGED, OK
from trainmark.report.figures.figure_spec import few

_WORDS = {
    NOT_CONVERGED: "did not learn",
    INVENTED: "trained on invented data",
    "nan": "did not learn: the loss is no number",
    "out_of_memory": "out of memory",
    "killed": "killed",
    "timed_out": "timed out",
    "wrong_device": "ran on another device",
    "error": "failed",
}


def cases(runs: pd.DataFrame) -> pd.DataFrame:
    """Machine, device, stack, model and batch size of which no run is ok, and ``why``, in words.

    Args:
        runs: those of one experiment, whatever became of them.
    """
    bad = runs.loc[runs["status"] != OK, [*cell_statistics.CELL, "status"]]
    good = runs.loc[runs["status"] == OK, cell_statistics.CELL].drop_duplicates()
    left = bad.merge(good, how="left", indicator=True)
    left = left[left["_merge"] == "left_only"].drop(columns="_merge")
    left = left.assign(why=left["status"].map(lambda status: _WORDS.get(status, str(status))))
    columns = [*WHO, "model", "batch_size"]
    if left.empty:
        return left[[*columns, "why"]]
    return left.groupby(columns)["why"].agg(_all_of).reset_index()


def _all_of(words: pd.Series) -> str:
    return ", ".join(sorted(set(words)))


def of_pairs(lost: pd.DataFrame, cells: pd.DataFrame) -> pd.DataFrame:
    """Test cases that a comparison lacks since one of its sides has no result, with the pair that lacks them."""
    pairs = cells[list(SIDES)].drop_duplicates()
    baselines = lost.rename(columns=dict(zip(WHO, series_names.BASELINE)))
    found = pd.concat([pairs.merge(lost, on=WHO), pairs.merge(baselines, on=series_names.BASELINE)])
    found = found[found["model"].isin(set(cells["model"]))]
    columns = [*SIDES, "model", "batch_size"]
    return found if found.empty else found.groupby(columns)["why"].agg(_all_of).reset_index()


def in_words(lost: pd.DataFrame, columns: list[str], names: Mapping[Key, str]) -> str:
    """Which test cases have no result, and why; empty without any."""
    if lost.empty:
        return ""
    found = []
    for (*key, model, why), rows in lost.groupby([*columns, "model", "why"], sort=True):
        sizes = ", ".join(f"{size:,}" for size in sorted(rows["batch_size"]))
        found.append(f"{names[tuple(key)]}, {model} at batch size {sizes} ({why})")
    return f"Crossed out, no result: {few(found, 4)}."
