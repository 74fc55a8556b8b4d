"""The figures of speed: times, speed-ups, throughput, and what TFLOPS predict."""

from __future__ import annotations

import math

import pandas as pd

from trainmark.analysis import arithmetic, cell_statistics, comparison_statistics, comparisons, series_names
from trainmark.analysis.series_names import WHO, label
from trainmark.contents.figures import Figure
from trainmark.report.figures import without_result
from trainmark.report.figures.figure_spec import (
    Exhibit,
    constants,
    count_range,
    few_values,
    lacking,
    noted,
    ratio_exhibit,
)


def ranking(figure: Figure, table: pd.DataFrame) -> Exhibit:
    """Each series against the baseline, by model and over all."""
    ranked = table[table["speed_up"].notna()]
    if len(ranked[WHO].drop_duplicates()) < 2:
        return lacking(figure)
    names = series_names.series(ranked)
    overall = ranked[ranked["model"] == comparison_statistics.ALL_MODELS]
    base = names[tuple(ranked[series_names.BASELINE].iloc[0])]
    return Exhibit(
        figure.name,
        figure.title,
        kind="rows",
        table=ranked[[*WHO, "model", "speed_up", "low", "high"]],
        value="speed_up",
        axis="Times as fast",
        row_marks="Points: geometric mean over the batch sizes; lines: 95 % interval.",
        note=f"Logarithmic axis. {constants(ranked)}".strip(),
        alt=f"{figure.title} as {base}, over all models: {few_values(overall, WHO, 'speed_up', names)}.",
        names=names,
        panels=False,
        marker="model",
        log=True,
        highest_first=True,
        reference=1.0,
        reference_label=f"as fast as {base}",
    )


def training_time(figure: Figure, runs: pd.DataFrame, lost: pd.DataFrame, published: pd.DataFrame) -> Exhibit:
    """Seconds of ``fit`` by model and batch size."""
    if runs.empty:
        return lacking(figure)
    n = runs.groupby(cell_statistics.CELL).size()
    marks = "Points: the one run of each test case." if n.max() == 1 else _points_of(count_range(n, "run"))
    names = series_names.series(pd.concat([runs[WHO], lost[WHO]]))
    keys = [*WHO, "model", "batch_size"]
    mine = published.merge(runs[keys].drop_duplicates(), on=keys).rename(columns={"fit_seconds": "value"})
    hollow = "Hollow diamonds: published times, of as many epochs." if len(mine) else ""
    said = without_result.in_words(lost, WHO, names)
    return Exhibit(
        figure.name,
        figure.title,
        f"fit of {count_range(runs['epochs'], 'epoch')}, validation included",
        "lines",
        figure.number,
        runs[[*WHO, "model", "batch_size", "repeat", "fit_seconds"]],
        "fit_seconds",
        "Training time (s)",
        noted("Shorter is faster. Logarithmic axis.", constants(runs), hollow, said),
        marks,
        alt=_fastest(runs, figure.title),
        names=names,
        log=True,
        lost=lost,
        published=mine[[*keys, "value"]],
    )


def _points_of(runs: str) -> str:
    return f"Line: median of {runs} per test case; points: every run."


def _fastest(runs: pd.DataFrame, title: str) -> str:
    """Which series is fastest in how many cells."""
    medians = cell_statistics.alike(runs).groupby(["model", "batch_size", *WHO])["fit_seconds"].median().reset_index()
    if medians.empty:
        return f"{title}: no test case whose runs were measured alike."
    if len(medians[WHO].drop_duplicates()) == 1:
        low, high = medians["fit_seconds"].min(), medians["fit_seconds"].max()
        who = label(medians[WHO].iloc[0])
        return f"{title}: {who} takes {low:.3g} to {high:.3g} seconds, median by model and batch size."
    best = medians.loc[medians.groupby(["model", "batch_size"])["fit_seconds"].idxmin()]
    counts = best.groupby(WHO).size().sort_values(ascending=False, kind="stable")
    words = [f"{label(key)} in {count} of {len(best)}" for key, count in counts.items()]
    return f"{title}: fastest is " + "; ".join(words[:4]) + " combinations of model and batch size, by the median."


def speed_ups(
    figure: Figure, cells: pd.DataFrame, summary: pd.DataFrame, published: pd.DataFrame, lost: pd.DataFrame
) -> Exhibit:
    """Times faster, by model and batch size: one of the article's comparisons or another one."""
    if cells.empty:
        return lacking(figure)
    names = series_names.pairs(cells)
    overall = summary[summary["model"] == comparison_statistics.ALL_MODELS]
    overall = overall[(overall[["comparison", "exhibit"]] == cells[["comparison", "exhibit"]].iloc[0]).all(axis=1)]
    means = few_values(overall, series_names.SIDES, "geometric_mean", names)
    keys = [*series_names.SIDES, "model", "batch_size"]
    mine = published.merge(cells[keys].drop_duplicates(), on=[key for key in keys if key in published])
    if not figure.number:  # what the article says stands in its exhibits, what published tables say in every figure
        mine = mine[mine["table"].notna()]
    crossed = without_result.of_pairs(lost, cells)
    above = "Above 1: the candidate is faster. Logarithmic axis."
    return ratio_exhibit(
        figure.name,
        cells["comparison"].iloc[0],
        cells,
        number=figure.number,
        axis="Speed-up (baseline / candidate)",
        note=noted(above, constants(cells), without_result.in_words(crossed, list(series_names.SIDES), names)),
        alt=f"Speed-up, {cells['comparison'].iloc[0]}. Geometric mean over the test cases of each: {means}.",
        series=list(series_names.SIDES),
        names=names,
        reference_label=_equal(cells),
        lost=crossed,
        published=mine[[*keys, "value"]].drop_duplicates(),
    )


def _equal(cells: pd.DataFrame) -> str:
    """What stands on the line at 1: with whom the candidates are equal."""
    baselines = cells[series_names.BASELINE].drop_duplicates()
    if len(baselines) == 1:
        return f"as fast as {label(baselines.iloc[0], (True, True, cells['stack_baseline'].nunique() > 1))}"
    own = (cells["machine"] == cells["machine_baseline"]).all()
    if own and (cells["device_baseline"] == "cpu").all() and (cells["device"] == "gpu").all():
        return "as fast as the CPU"
    return "equally fast"


def throughput(figure: Figure, runs: pd.DataFrame, lost: pd.DataFrame) -> Exhibit:
    """Training samples per second over the batch size."""
    if runs.empty:
        return lacking(figure)
    best = runs.loc[runs["throughput_samples_per_second"].idxmax()]
    names = series_names.series(pd.concat([runs[WHO], lost[WHO]]))
    return Exhibit(
        figure.name,
        figure.title,
        "training samples per second of fit",
        "lines",
        table=runs[[*WHO, "model", "batch_size", "repeat", "throughput_samples_per_second"]],
        value="throughput_samples_per_second",
        axis="Throughput (samples/s)",
        note=noted("Higher is faster. Logarithmic axis.", constants(runs), without_result.in_words(lost, WHO, names)),
        marks="Line: median; points: every run.",
        alt=f"{figure.title}: highest is {best['throughput_samples_per_second']:,.0f} samples per second, "
        f"{label(best[WHO])}, {best['model']} at batch size {best['batch_size']}.",
        names=names,
        log=True,
        highest_first=True,
        lost=lost,
    )


def steady_state_speed_ups(figure: Figure, compared: pd.DataFrame) -> Exhibit:
    """Speed-up in the steady state against speed-up in time to train."""
    cells = comparisons.distinct(compared)
    cells = cells[cells["steady_state_speed_up"].notna()]
    if cells.empty:
        return lacking(figure)
    changes = int(cells["winner_changes"].sum())
    columns = [*series_names.SIDES, "model", "batch_size", "speed_up", "steady_state_speed_up"]
    return Exhibit(
        figure.name,
        figure.title,
        kind="scatter",
        table=cells[columns],
        value="steady_state_speed_up",
        axis="Speed-up in the steady state (epochs 2 to n)",
        note="One point a compared test case. In the shaded quarters the winner changes. Logarithmic axes.",
        alt=f"{figure.title} In {changes} of {len(cells)} compared test cases it does.",
        across="speed_up",
        across_axis="Speed-up in total time (whole fit)",
        diagonal="both agree",
        reference_label="equally fast",
        shade=True,
    )


def tflops(figure: Figure, ratios: pd.DataFrame) -> Exhibit:
    """Published TFLOPS against measured speed-up."""
    if ratios.empty:
        return lacking(figure)
    return Exhibit(
        figure.name,
        figure.title,
        kind="scatter",
        table=ratios,
        value="speed_up",
        axis="Measured speed-up (training time)",
        note="One point a test case and pair of GPUs, the one with more TFLOPS as the candidate. Logarithmic axes.",
        alt=f"{figure.title} {say_tflops(ratios)}",
        across="tflops_ratio",
        across_axis="Ratio of published FP32 TFLOPS",
        diagonal="TFLOPS predict the time",
        reference_label="below: more TFLOPS are slower",
    )


def say_tflops(ratios: pd.DataFrame) -> str:
    """What the TFLOPS ratios say, in a sentence."""
    correlation = arithmetic.rank_correlation(ratios)
    slower = int((ratios["speed_up"] < 1).sum())
    less = int((ratios["speed_up"] < ratios["tflops_ratio"]).sum())
    said = (
        f"In {slower} of {len(ratios)} test cases the GPU with more TFLOPS is the slower one, and in {less} it gains "
        "less than TFLOPS promise"
    )
    return f"{said}." if math.isnan(correlation) else f"{said}; rank correlation {correlation:.2f}."
