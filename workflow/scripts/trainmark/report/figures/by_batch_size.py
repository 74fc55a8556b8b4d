"""Figures with a panel for each model and the batch sizes along the horizontal axis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd

from trainmark.analysis import cell_statistics
from trainmark.report.figures.by_series import draw_rows
from trainmark.report.figures.figure_spec import Exhibit
from trainmark.report.figures.style import (
    MOST_COLOURED,
    Looks,
    Series,
    handle_of,
    only,
    plain_log_ticks,
    series_of,
    title_and_legend,
)


def draw_bars(exhibit: Exhibit, looks: Looks) -> plt.Figure:
    """Bars of medians by model and batch size, every run a point; rows where there are too many series."""
    return _by_batch_size(exhibit, looks, _bars)


def draw_lines(exhibit: Exhibit, looks: Looks) -> plt.Figure:
    """Lines through medians over the batch size, every run a point; rows where there are too many series."""
    return _by_batch_size(exhibit, looks, _lines)


def draw_ratios(exhibit: Exhibit, looks: Looks) -> plt.Figure:
    """Speed-ups with their intervals by model and batch size; rows where there are too many series."""
    return _by_batch_size(exhibit, looks, _intervals)


def _by_batch_size(
    exhibit: Exhibit, looks: Looks, draw_panel: Callable[[plt.Axes, list[Series], list[int], str], None]
) -> plt.Figure:
    """One panel a model, batch sizes along the horizontal axis, one colour a series."""
    series = series_of(exhibit, looks)
    if len(series) > MOST_COLOURED:
        return draw_rows(exhibit, looks)
    models: list[Any] = sorted(set(exhibit.table["model"]), key=cell_statistics.model_rank)
    sizes = sorted(exhibit.table["batch_size"].unique())
    figure, axes = plt.subplots(
        1,
        len(models),
        figsize=(max(6.0, 1.2 + 3.2 * len(models)), 3.9),
        sharey=exhibit.log,
        squeeze=False,
        layout="constrained",
    )
    for axis, model in zip(axes[0], models):
        if exhibit.log:
            axis.set_yscale("log")
        draw_panel(axis, [only(s, model) for s in series], sizes, exhibit.value)
        published = exhibit.published[exhibit.published["model"] == model]
        places = [sizes.index(size) for size in published["batch_size"]]
        _published(axis, places, published["value"])
        if exhibit.reference is not None:
            axis.axhline(exhibit.reference, color="#555555", linewidth=1, linestyle="--", zorder=1)
        axis.set_title(model)
        axis.set_xlabel("Batch size")
        axis.set_xticks(range(len(sizes)), [f"{size:,}" for size in sizes])
        axis.set_xlim(-0.6, len(sizes) - 0.4)
        if not exhibit.log:
            axis.set_ylim(bottom=0)
    if exhibit.log:
        plain_log_ticks(axes[0, 0].yaxis, axes[0, 0].get_ylim(), axes[0, 0].set_ylim)  # the panels share it
    axes[0, 0].set_ylabel(exhibit.axis)
    handles = [handle_of(s) for s in series]
    if len(exhibit.published):
        look = {"marker": "D", "markerfacecolor": "none", "color": "#555555", "linewidth": 0}
        whose = f"published {exhibit.published_of}, not measured here"
        handles.append(plt.Line2D([], [], label=whose, **look))
    title_and_legend(figure, exhibit, handles, exhibit.marks)
    return figure


def _published(axis: plt.Axes, positions: Sequence[float], values: pd.Series) -> None:
    """Figures that somebody published: hollow and grey, in front of what was measured."""
    axis.scatter(positions, values, s=46, marker="D", facecolor="none", edgecolor="#555555", linewidth=1.3, zorder=4)


def _bars(axis: plt.Axes, series: list[Series], sizes: list[int], value: str) -> None:
    width = 0.8 / len(series)
    for i, s in enumerate(series):
        shift = (i - (len(series) - 1) / 2) * width
        medians = s.rows.groupby("batch_size")[value].median()
        centres = [sizes.index(size) + shift for size in medians.index]
        axis.bar(centres, medians, width * 0.92, color=s.colour, alpha=0.45, linewidth=0)
        _points(axis, s, [sizes.index(size) + shift for size in s.rows["batch_size"]], value)


def _lines(axis: plt.Axes, series: list[Series], sizes: list[int], value: str) -> None:
    for s in series:
        medians = s.rows.groupby("batch_size")[value].median()
        axis.plot([sizes.index(size) for size in medians.index], medians, color=s.colour, linewidth=1.5, zorder=2)
        _points(axis, s, [sizes.index(size) for size in s.rows["batch_size"]], value)


def _intervals(axis: plt.Axes, series: list[Series], sizes: list[int], value: str) -> None:
    for i, s in enumerate(series):
        shift = (i - (len(series) - 1) / 2) * min(0.12, 0.6 / len(series))  # or the bars would hide each other
        positions = [sizes.index(size) + shift for size in s.rows["batch_size"]]
        reach = [s.rows[value] - s.rows["low"], s.rows["high"] - s.rows[value]]
        axis.errorbar(positions, s.rows[value], yerr=reach, color=s.colour, linewidth=1.5, capsize=3, zorder=2)
        _points(axis, s, positions, value)


def _points(axis: plt.Axes, s: Series, positions: list[float], value: str) -> None:
    axis.scatter(
        positions, s.rows[value], s=30, color=s.colour, marker=s.marker, edgecolor="white", linewidth=0.5, zorder=3
    )
