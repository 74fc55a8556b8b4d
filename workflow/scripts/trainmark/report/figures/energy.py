"""The figure of the energy that trainings used."""

from __future__ import annotations

import pandas as pd

from trainmark.analysis import series_names
from trainmark.analysis.series_names import WHO, label
from trainmark.contents.figures import Figure
from trainmark.report.figures import without_result
from trainmark.report.figures.figure_spec import Exhibit, constants, lacking, noted


def of_an_epoch(figure: Figure, runs: pd.DataFrame, lost: pd.DataFrame) -> Exhibit:
    """Energy of an epoch by model and batch size, what one meter counts apart from what another does."""
    known = runs[runs["energy_joules"].notna()]
    if known.empty:
        return lacking(figure)
    table = known[[*WHO, "model", "batch_size", "repeat", "energy_scope"]].assign(
        joules_per_epoch=known["energy_joules"] / known["epochs"]
    )
    medians = table.groupby(["model", "batch_size", *WHO, "energy_scope"])["joules_per_epoch"].median()
    model, size, *who, measured = medians.idxmin()
    several = table["energy_scope"].nunique() > 1
    scope = "" if several else f"Of the {table['energy_scope'].iloc[0]}."
    lost = lost.merge(table[WHO].drop_duplicates())  # of others nobody knows whether they had meters
    names = series_names.series(table)
    return Exhibit(
        figure.name,
        figure.title,
        "of the fit, validation included, divided by its epochs; idle power included",
        "lines",
        table=table,
        value="joules_per_epoch",
        axis="Energy of an epoch (J)",
        note=noted(
            "Less is better.", scope, "Logarithmic axis.", constants(table), without_result.in_words(lost, WHO, names)
        ),
        marks="Line: median; points: every run.",
        alt=f"{figure.title}: least is {medians.min():.3g} J of the {measured}, {label(who)}, {model} at batch size "
        f"{size}.",
        names=names,
        log=True,
        apart="energy_scope",
        lost=lost,
    )
