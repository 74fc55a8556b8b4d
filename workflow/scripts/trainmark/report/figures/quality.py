"""Whether the speeds can be believed: the figures of learning, of the spread of repeats, and of the steady state."""

from __future__ import annotations

import json

import pandas as pd

from trainmark.analysis import cell_statistics, convergence, series_names
from trainmark.analysis.series_names import WHO, label
from trainmark.contents.figures import Figure
from trainmark.machine import disturbances
from trainmark.records.record import NOT_CONVERGED
from trainmark.report.figures import without_result
from trainmark.report.figures.figure_spec import Exhibit, constants, few, lacking, noted

# Standard deviations beyond which a run is drawn at the edge: one that learned nothing is hundreds away.
_FARTHEST = 20


def learning(figure: Figure, runs: pd.DataFrame) -> Exhibit:
    """Each run's accuracy against the references."""
    judged = runs[runs["gate_t"].notna()]
    if judged.empty:
        return lacking(figure)
    below = int((judged["status"] == NOT_CONVERGED).sum())
    lowest = judged.loc[judged["gate_t"].idxmin()]
    return Exhibit(
        figure.name,
        figure.title,
        "validation accuracy against reference runs",
        "rows",
        table=judged[[*cell_statistics.CELL, "repeat", "status", "gate_t", "gate_limit"]].assign(
            shown=judged["gate_t"].clip(-_FARTHEST, _FARTHEST)
        ),
        value="shown",
        axis="Above the references' mean less half a point (standard deviations)",
        note=(
            f"Runs below a dotted line are excluded. Runs beyond {_FARTHEST} are drawn at the edge. {constants(judged)}"
        ).strip(),
        alt=f"{figure.title} {below} of {len(judged)} runs that ended without a fault fall below the limit; the lowest "
        f"is {lowest['gate_t']:.1f} standard deviations from the references' mean less half a point, "
        f"{label(lowest[WHO])}, {lowest['model']} at batch size {lowest['batch_size']}.",
        names=series_names.series(judged),
        highest_first=True,
        reference=0.0,
        reference_label="threshold",
        limits=_limits(sorted(set(judged["gate_limit"].round(2)))),
    )


def _limits(values: list[float]) -> dict[float, str]:
    """The limits of the gate, which differ by model; what they are stands on the highest."""
    return {value: "limit" if value == values[-1] else "" for value in values}


def not_converged(figure: Figure, runs: pd.DataFrame, references: convergence.References | None) -> Exhibit:
    """The curves of runs that did not learn, beside the others of their model and batch size."""
    bad = runs[runs["status"] == NOT_CONVERGED]
    if bad.empty:
        return lacking(figure)
    cells = bad[["model", "batch_size"]].drop_duplicates()
    shown = runs.merge(cells)[[*cell_statistics.CELL, "repeat", "status", "validation_accuracy_by_epoch"]].dropna()
    curves = shown["validation_accuracy_by_epoch"].map(json.loads)
    table = shown.drop(columns="validation_accuracy_by_epoch").assign(
        validation_accuracy=curves, epoch=curves.map(lambda values: list(range(1, len(values) + 1)))
    )
    return Exhibit(
        figure.name,
        figure.title,
        "their validation accuracy beside that of the others",
        "curves",
        table=table.explode(["validation_accuracy", "epoch"]).dropna(),
        value="validation_accuracy",
        axis="Validation accuracy",
        note="Grey: runs of the same model and batch size that learned, of all machines.",
        marks="One line a run.",
        band=_bands(bad[bad["gate"] == convergence.REFERENCES], references),
        alt=f"{figure.title}: {len(bad)}, "
        + few([f"{label(row[WHO])}, {row['model']} at batch size {row['batch_size']}" for _, row in bad.iterrows()])
        + ".",
        names=series_names.series(bad),
    )


def _bands(bad: pd.DataFrame, references: convergence.References | None) -> pd.DataFrame:
    """Lowest and highest reference by epoch, of the models and batch sizes of runs that were held against them."""
    rows = []
    for model, size in bad[["model", "batch_size"]].drop_duplicates().itertuples(index=False):
        epochs = int(bad["epochs"].max())
        runs = references.accuracy[model][size] if references else []
        for epoch, values in enumerate(zip(*runs), start=1):
            if epoch <= epochs:
                rows.append((model, size, epoch, min(values), max(values)))
    return pd.DataFrame(rows, columns=["model", "batch_size", "epoch", "low", "high"])


def spread(figure: Figure, runs: pd.DataFrame, lost: pd.DataFrame) -> Exhibit:
    """How far each run is from the median of its cell."""
    sizes = runs.groupby(cell_statistics.CELL)["fit_seconds"].transform("size")
    runs = runs[sizes > 1]
    if runs.empty:
        return lacking(figure)
    groups = runs.groupby(cell_statistics.CELL)["fit_seconds"]
    table = runs[[*cell_statistics.CELL, "repeat", "fit_seconds"]].assign(
        percent_from_median=100 * (runs["fit_seconds"] / groups.transform("median") - 1)
    )
    names = series_names.series(pd.concat([runs[WHO], lost[WHO]]))
    spreads = groups.std() / groups.mean()
    unstable = int((spreads > disturbances.UNSTABLE).sum())
    machine, stack, device, model, size = spreads.idxmax()
    return Exhibit(
        figure.name,
        figure.title,
        "each run against the median of its test case",
        "rows",
        table=table,
        value="percent_from_median",
        axis="Longer than the median of its test case (%)",
        note=noted(constants(runs), without_result.in_words(lost, WHO, names)),
        alt=f"{figure.title}: {unstable} of {len(spreads)} test cases are unstable, with a standard deviation over "
        f"10 % of the mean; the widest is {100 * spreads.max():.0f} %, {label((machine, device, stack))}, {model} at "
        f"batch size {size}.",
        names=names,
        reference=0.0,
        reference_label="median",
        limits={-10.0: "", 10.0: "10 %"},
        lost=lost,
    )


def steady_state(figure: Figure, runs: pd.DataFrame, lost: pd.DataFrame) -> Exhibit:
    """How much longer an epoch of the whole fit is than one in the steady state."""
    runs = runs[runs["steady_state_epoch_seconds"].notna()]
    if runs.empty:
        return lacking(figure)
    table = runs[[*cell_statistics.CELL, "repeat", "epochs", "fit_seconds", "steady_state_epoch_seconds"]].assign(
        total_over_steady=runs["fit_seconds"] / runs["epochs"] / runs["steady_state_epoch_seconds"]
    )
    names = series_names.series(pd.concat([runs[WHO], lost[WHO]]))
    most = table.loc[table["total_over_steady"].idxmax()]
    return Exhibit(
        figure.name,
        figure.title,
        "how much longer an epoch is on average than from the second on",
        "rows",
        table=table,
        value="total_over_steady",
        axis="Average epoch of the fit / epoch in steady state",
        note=noted(constants(runs), without_result.in_words(lost, WHO, names)),
        alt=f"{figure.title}: the average epoch takes {table['total_over_steady'].median():.3g} times as long as one "
        f"in steady state (median of all runs), and at most {most['total_over_steady']:.3g} times ({label(most[WHO])}, "
        f"{most['model']} at batch size {most['batch_size']}).",
        names=names,
        reference=1.0,
        reference_label="start-up costs nothing",
        lost=lost,
    )
