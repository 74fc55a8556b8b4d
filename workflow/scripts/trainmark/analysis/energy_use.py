"""The energy that trainings used: by cell, and compared."""

from __future__ import annotations

import pandas as pd

from trainmark.analysis import cell_statistics, comparison_statistics, comparisons, table_files
from trainmark.contents import tables


def per_cell(runs: pd.DataFrame) -> pd.DataFrame:
    """What the training window of each cell used.

    Args:
        runs: comparable runs that are ok.

    Returns:
        Rows of energy.csv, one for each cell and scope that its runs were measured with: medians over the ``runs`` that
        have an energy. ``joules`` is of the whole fit, validation included; ``watts`` its mean power;
        ``above_idle_...`` less what the idle machine would have used, NaN where that was not measured.
    """
    known = runs[runs["energy_joules"].notna()]
    millions = known["train_samples"] * known["epochs"] / 1e6
    known = known.assign(
        joules=known["energy_joules"].astype(float),
        joules_per_epoch=known["energy_joules"] / known["epochs"],
        joules_per_million_samples=known["energy_joules"] / millions,
        watts=known["energy_joules"] / known["fit_seconds"],
        above_idle_joules=known["energy_above_idle_joules"].astype(float),
        above_idle_joules_per_million_samples=known["energy_above_idle_joules"] / millions,
    )
    keys = [*cell_statistics.CELL, "energy_scope"]
    groups = known.groupby(keys)
    values = [column for column in tables.named("energy").keys if column not in (*keys, "runs")]
    found = groups[values].median().join(groups.size().rename("runs")).reset_index()
    return cell_statistics.in_order(found, keys)[tables.named("energy").keys]


def unmeasured(runs: pd.DataFrame) -> pd.DataFrame:
    """Rows of energy_unmeasured.csv: why runs have no energy, or none above idle, and how many each series has."""
    none = runs["energy_joules"].isna()
    idle = ~none & runs["energy_above_idle_joules"].isna()
    parts = [
        runs[which].assign(missing=what, why=runs.loc[which, column].fillna("unknown"))
        for which, what, column in (
            (none, "energy", "energy_reason"),
            (idle, "energy above idle", "energy_idle_reason"),
        )
    ]
    keys = tables.named("energy_unmeasured").keys[:-1]
    return pd.concat(parts).groupby(keys).size().rename("runs").reset_index()


def of_one_scope(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs that have an energy, of the cells whose runs counted the same."""
    known = runs[runs["energy_joules"].notna()]
    scopes = known.groupby(cell_statistics.CELL)["energy_scope"]
    return known[scopes.transform("nunique") == 1] if len(known) else known


def ratios(runs: pd.DataFrame, wanted: list[comparisons.Comparison]) -> pd.DataFrame:
    """How many times more energy the baseline of each compared cell used than its candidate.

    By the statistics of times, on energies: the ratio of geometric means with Welch's interval. Cells whose runs differ
    in scope are left out.

    Args:
        runs: comparable runs that are ok.
        wanted: the comparisons of the report.

    Returns:
        Rows of energy_ratios.csv. ``why`` says why a ratio must not be read as one of efficiency: its sides are of
        different scopes, an SoC and a board, say. It is empty where they are the same.
    """
    runs = of_one_scope(runs)
    energies = runs.assign(fit_seconds=runs["energy_joules"].astype(float))
    pairs = comparisons.compare_all(comparison_statistics.moments(energies), wanted)
    cells = comparisons.distinct(pairs).rename(columns={"speed_up": "ratio"})
    if cells.empty:
        return table_files.nothing("energy_ratios")
    scope_of = runs.groupby(cell_statistics.CELL)["energy_scope"].first()
    for suffix in ("", "_baseline"):
        keys = [*(f"{axis}{suffix}" for axis in ("machine", "stack", "device")), "model", "batch_size"]
        cells[f"energy_scope{suffix}"] = [scope_of[key] for key in cells[keys].itertuples(index=False, name=None)]
    differs = cells["energy_scope"] != cells["energy_scope_baseline"]
    words = "different scopes: " + cells["energy_scope"] + " against " + cells["energy_scope_baseline"]
    return cells.assign(why=words.where(differs, ""))[tables.named("energy_ratios").keys]
