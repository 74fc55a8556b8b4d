"""Every machine, device and stack against one of them: which is fastest, by how much, and what speaks against it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from trainmark.analysis import cell_statistics, comparison_statistics, comparisons, stability, table_files
from trainmark.analysis.comparison_statistics import ALL_MODELS
from trainmark.analysis.series_names import BASELINE, WHO
from trainmark.records.record import NOT_CONVERGED, OK
from trainmark.words import plural

_CELL = ["model", "batch_size"]


def against_baseline(cells: pd.DataFrame, baseline: str) -> pd.DataFrame:
    """The cells of every series that can be compared with those of one of them, its own among them.

    Args:
        cells: as ``comparison_statistics.moments`` gives them, of stacks that a lock pins.
        baseline: a machine; the slowest series of those that were measured in the most cells for auto, and for a
            machine that has no comparable run.

    Returns:
        Rows of comparisons.csv.
    """
    if cells.empty:
        return table_files.nothing("comparisons")
    everyone = {axis: tuple(cells[axis].unique()) for axis in WHO}
    return comparisons.compare(cells, comparisons.Comparison("", everyone, dict(zip(WHO, _baseline(cells, baseline)))))


def fastest(cells: pd.DataFrame) -> pd.DataFrame:
    """Which series is the fastest of each model and batch size.

    Args:
        cells: as ``against_baseline`` gives them: what did not compute the same is not among them.

    Returns:
        Rows of fastest.csv but for their experiment, of the cells that two series or more have; ``series`` is how many.
    """
    counts = cells.groupby(_CELL)["speed_up"].transform("size")
    shared = cells.assign(series=counts, seconds=cells["fit_seconds_candidate"])[counts > 1].reset_index(drop=True)
    best = shared.loc[shared.groupby(_CELL)["speed_up"].idxmax()] if len(shared) else shared
    return cell_statistics.in_order(best, _CELL)


def ranking(
    cells: pd.DataFrame, runs: pd.DataFrame, shown: pd.DataFrame, outliers: pd.DataFrame, drift: pd.DataFrame
) -> pd.DataFrame:
    """Each series against the baseline, by model and over all, the fastest first.

    Args:
        cells: as ``against_baseline`` gives them.
        runs: comparable runs that are ok, of stacks that a lock pins.
        shown: runs of the experiment shown, whatever became of them.
        outliers: outliers.csv.
        drift: drift.csv.

    Returns:
        Rows of ranking.csv but for their experiment. ``speed_up`` is the geometric mean over the cells that the series
        and the baseline have, with its 95 % interval; it is 1, without one, for the baseline itself, and NaN where they
        have no cell in common. ``samples_per_second`` is the geometric mean of the cells' medians; ``doubts`` says what
        speaks against the figures, and is empty where nothing does.
    """
    if cells.empty:
        return table_files.nothing("ranking")
    base = tuple(cells[BASELINE].iloc[0])
    summary = comparison_statistics.summarise(cells).rename(columns={"geometric_mean": "speed_up"})
    keys = [*WHO, "model"]
    found = _rates(runs).merge(summary[[*keys, "cells", "speed_up", "low", "high"]], how="left", on=keys)
    itself = (found[WHO] == pd.Series(base, index=WHO)).all(axis=1)
    found.loc[itself, "speed_up"] = 1.0
    found.loc[itself, ["low", "high"]] = np.nan
    found["cells"] = found["cells"].fillna(0).astype(int)
    found = found.assign(**dict(zip(BASELINE, base)))
    doubts = _doubts(runs, shown, outliers, drift)
    found["doubts"] = [doubts[key] for key in found[WHO].itertuples(index=False, name=None)]
    return _fastest_first(found)


def _baseline(cells: pd.DataFrame, machine: str) -> tuple[str, str, str]:
    """The series that the others are held against."""
    counts = cells.groupby(WHO).size()
    mine = counts[counts.index.get_level_values("machine") == machine]
    if len(mine):
        on_gpu = mine[mine.index.get_level_values("device") == "gpu"]
        counts = on_gpu if len(on_gpu) else mine
    logs = np.log(cells.set_index([*_CELL, *WHO])["fit_seconds"]).unstack(WHO)[counts[counts == counts.max()].index]
    common = logs.dropna()
    means = (common if len(common) else logs).mean().sort_index()
    found: tuple[str, str, str] = means.idxmax()
    return found


def _rates(runs: pd.DataFrame) -> pd.DataFrame:
    """Samples per second of each series, by model and over all."""
    logs = np.log(runs.groupby([*WHO, *_CELL])["throughput_samples_per_second"].median()).reset_index()
    both = pd.concat([logs, logs.assign(model=ALL_MODELS)])
    rates = np.exp(both.groupby([*WHO, "model"])["throughput_samples_per_second"].mean())
    return rates.rename("samples_per_second").reset_index()


def _fastest_first(table: pd.DataFrame) -> pd.DataFrame:
    """Series with the most cells by their speed-up; those with fewer, which cannot be ranked among them, behind."""
    overall = table[table["model"] == ALL_MODELS].set_index(WHO)
    fewer = overall["cells"] < overall["cells"].max()
    order = overall.assign(fewer=fewer).sort_values(["fewer", "speed_up"], ascending=[True, False], kind="stable")
    rank = {key: position for position, key in enumerate(order.index)}
    ranks = [rank[key] for key in table[WHO].itertuples(index=False, name=None)]
    last = (table["model"] == ALL_MODELS).astype(int)
    models = table["model"].map(cell_statistics.model_rank)
    return table.assign(rank=ranks, last=last, order=models).sort_values(["rank", "last", "order"])


def _doubts(
    runs: pd.DataFrame, shown: pd.DataFrame, outliers: pd.DataFrame, drift: pd.DataFrame
) -> dict[tuple[str, ...], str]:
    """What speaks against the figures of each series, in words."""
    found: dict[tuple[str, ...], list[str]] = {key: [] for key in runs.groupby(WHO).groups}
    repeats = runs.groupby([*WHO, *_CELL]).size().groupby(WHO).agg(["min", "max"])
    for key in repeats.index[repeats["min"] < 2]:
        found[key].append("no repeats" if repeats.loc[key, "max"] < 2 else "some test cases without repeats")
    for key, part in outliers.groupby(WHO):
        if key in found:
            found[key].append(f"{plural(len(part), 'run')} disturbed or an outlier")
    for row in stability.drifted(drift).to_dict("records"):
        key = tuple(row[axis] for axis in WHO)
        if key in found:
            found[key].append(f"{'slower' if row['ratio'] > 1 else 'faster'} over the session")
    bad = shown["status"] == NOT_CONVERGED
    counts = shown.assign(bad=bad, failed=~bad & (shown["status"] != OK)).groupby(WHO)[["bad", "failed"]].sum()
    for key, unlearned, failed in counts[counts.any(axis=1)].itertuples(name=None):
        if key in found:
            found[key] += [f"{plural(unlearned, 'run')} did not converge"] * bool(unlearned)
            found[key] += [f"{plural(failed, 'run')} failed"] * bool(failed)
    return {key: "; ".join(words) for key, words in found.items()}
