"""The figure of the energy that trainings used."""

from __future__ import annotations

import pandas as pd

from trainmark.analysis import series_names
from trainmark.analysis.series_names import WHO, label
from trainmark.contents.figures import Figure
from trainmark.report.figures.figure_spec import Exhibit, constants, lacking


def of_an_epoch(figure: Figure, runs: pd.DataFrame) -> Exhibit:
    """Energy of an epoch by model and batch size."""
    known = runs[runs["energy_joules"].notna()]
    if known.empty:
        return lacking(figure)
    table = known[[*WHO, "model", "batch_size", "repeat", "energy_scope"]].assign(
        joules_per_epoch=known["energy_joules"] / known["epochs"]
    )
    medians = table.groupby(["model", "batch_size", *WHO])["joules_per_epoch"].median()
    model, size, *who = medians.idxmin()
    scopes = {key: part["energy_scope"].unique() for key, part in table.groupby(WHO)}
    names = {
        key: f"{name} ({' or '.join(scopes[key])})" if table["energy_scope"].nunique() > 1 else name
        for key, name in series_names.series(table).items()
    }
    scope = f"Of the {table['energy_scope'].iloc[0]}. " if table["energy_scope"].nunique() == 1 else ""
    return Exhibit(
        figure.name,
        figure.title,
        "of the fit, validation included, divided by its epochs; idle power included",
        "lines",
        table=table,
        value="joules_per_epoch",
        axis="Energy of an epoch (J)",
        note=f"Less is better. {scope}Logarithmic axis. {constants(table)}".strip(),
        marks="Line: median; points: every run.",
        alt=f"{figure.title}: least is {medians.min():.3g} J, {label(who)}, {model} at batch size {size}.",
        names=names,
        log=True,
    )
