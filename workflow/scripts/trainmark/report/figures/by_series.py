"""Figures with a row for each series, points in a plane, or curves over the epochs."""

from __future__ import annotations

import math
import textwrap
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.ticker import NullLocator

from trainmark.analysis import cell_statistics
from trainmark.records.record import NOT_CONVERGED, OK
from trainmark.report.figures.figure_spec import Exhibit
from trainmark.report.figures.style import (
    BAND,
    COLOURS,
    MARKERS,
    Looks,
    handle_of,
    plain_log_ticks,
    series_of,
    title_and_legend,
)


def draw_rows(exhibit: Exhibit, looks: Looks) -> plt.Figure:
    """A row a series, one panel a model, a marker a batch size: what stays readable with dozens of machines."""
    series = series_of(exhibit, looks)
    series.sort(key=lambda s: s.rows[exhibit.value].median(), reverse=not exhibit.highest_first)  # the last is on top
    models: list[Any] = (
        sorted(set(exhibit.table["model"]), key=cell_statistics.model_rank) if exhibit.panels else [None]
    )
    keys = sorted(exhibit.table[exhibit.marker].unique(), key=None if exhibit.panels else cell_statistics.model_rank)
    looks_of = {key: (COLOURS[i % len(COLOURS)], MARKERS[i % len(MARKERS)]) for i, key in enumerate(keys)}
    labels = [textwrap.fill(s.label, 32) for s in series]
    lines = max(label.count("\n") + 1 for label in labels)
    height = 1.9 + max(0.8, len(series) * max(0.26, 0.17 * lines, 0.075 * len(keys)))
    figure, axes = plt.subplots(
        1, len(models), figsize=(max(7.0, 3.0 + 2.8 * len(models)), height), sharey=True, squeeze=False,
        layout="constrained",
    )  # fmt: skip
    points = pd.concat([s.rows.assign(height=position) for position, s in enumerate(series)])
    for axis, model in zip(axes[0], models):
        if exhibit.log:
            axis.set_xscale("log")
        panel = points if model is None else points[points["model"] == model]
        for i, key in enumerate(keys):
            offset = 0.6 * ((len(keys) - 1) / 2 - i) / max(1, len(keys))
            part = panel[panel[exhibit.marker] == key]
            _rows_of(axis, part, exhibit.value, part["height"] + offset, *looks_of[key])
        if exhibit.reference is not None:
            axis.axvline(exhibit.reference, color="#555555", linewidth=1, linestyle="--", zorder=1)
        for limit in exhibit.limits:
            axis.axvline(limit, color="#555555", linewidth=0.8, linestyle=":", zorder=1)
        axis.grid(axis="x")
        axis.set_title(model or "")
        axis.set_xlabel(textwrap.fill(exhibit.axis, 34) if model else exhibit.axis)
        axis.set_yticks(range(len(series)), labels)
        axis.set_ylim(-0.6, len(series) - 0.4)
        if exhibit.ticks:
            axis.set_xticks(list(exhibit.ticks), list(exhibit.ticks.values()))
            axis.xaxis.set_minor_locator(NullLocator())
            axis.set_xlim(min(exhibit.ticks) / 1.5, max(exhibit.ticks) * 1.5)
        elif exhibit.log:
            plain_log_ticks(axis.xaxis, axis.get_xlim(), axis.set_xlim, most=5)
    names = [f"batch size {key:,}" if exhibit.panels else key for key in keys]
    handles = [
        plt.Line2D([], [], color=looks_of[key][0], marker=looks_of[key][1], linewidth=0, label=name)
        for key, name in zip(keys, names)
    ]
    title_and_legend(figure, exhibit, handles, exhibit.row_marks)
    return figure


def _rows_of(axis: plt.Axes, rows: pd.DataFrame, value: str, heights: pd.Series, colour: str, marker: str) -> None:
    """The points of one marker in all rows, with their intervals where there are any."""
    if "low" in rows and rows["low"].notna().any():
        low, high = rows["low"].fillna(rows[value]), rows["high"].fillna(rows[value])
        axis.hlines(heights, low.clip(lower=1e-9), high.clip(upper=1e9), color=colour, linewidth=1.2, zorder=2)
    axis.scatter(rows[value], heights, s=18, color=colour, marker=marker, edgecolor="white", linewidth=0.4, zorder=3)


def draw_scatter(exhibit: Exhibit, looks: Looks) -> plt.Figure:
    """One point a cell, a colour and marker a model, both axes logarithmic, with the diagonal."""
    table = exhibit.table
    figure, axis = plt.subplots(figsize=(7.0, 5.6), layout="constrained")
    models = sorted(set(table["model"]), key=cell_statistics.model_rank)
    handles = []
    many = len(table) > 500  # as points of an SVG they would weigh more than all the rest of the page
    axis.set(xscale="log", yscale="log")
    for i, model in enumerate(models):
        rows = table[table["model"] == model]
        look = {"color": COLOURS[i % len(COLOURS)], "marker": MARKERS[i % len(MARKERS)]}
        axis.scatter(
            rows[exhibit.across], rows[exhibit.value], s=26, edgecolor="white", linewidth=0.4, alpha=0.85, zorder=3,
            rasterized=many, **look,
        )  # fmt: skip
        handles.append(plt.Line2D([], [], linewidth=0, label=model, **look))
    xs, ys = (_around(table[column]) for column in (exhibit.across, exhibit.value))
    axis.axline((1, 1), (2, 2), color="#555555", linewidth=1, linestyle="--", zorder=1)
    axis.axhline(1, color="#555555", linewidth=0.8, linestyle=":", zorder=1)
    axis.axvline(1, color="#555555", linewidth=0.8, linestyle=":", zorder=1)
    axis.grid(axis="x")
    plain_log_ticks(axis.xaxis, xs, axis.set_xlim)
    plain_log_ticks(axis.yaxis, ys, axis.set_ylim)
    if exhibit.shade:  # where one measure says faster and the other slower
        (left, right), (bottom, top) = axis.get_xlim(), axis.get_ylim()
        for x, y in (((left, 1), (1, top)), ((1, right), (bottom, 1))):
            axis.fill_between(x, *y, color="#E69F00", alpha=0.12, linewidth=0, zorder=0)
    axis.set(xlabel=exhibit.across_axis, ylabel=exhibit.axis)
    title_and_legend(figure, exhibit, handles)
    return figure


def draw_curves(exhibit: Exhibit, looks: Looks) -> plt.Figure:
    """One panel a model and batch size, one line a run over its epochs; runs that learned are grey."""
    table = exhibit.table
    cells = sorted(
        table[["model", "batch_size"]].drop_duplicates().itertuples(index=False),
        key=lambda cell: (cell_statistics.model_rank(cell[0]), cell[1]),
    )
    columns = min(4, len(cells))
    lines = math.ceil(len(cells) / columns)
    size = (max(6.0, 0.6 + 2.7 * columns), 1.0 + 2.4 * lines)
    figure, axes = plt.subplots(lines, columns, figsize=size, squeeze=False, sharey=True, layout="constrained")
    bad = table[table["status"] == NOT_CONVERGED]
    series = series_of(exhibit, looks, bad)
    for axis, (model, batch_size) in zip(axes.flat, cells):
        here = table[(table["model"] == model) & (table["batch_size"] == batch_size)]
        for _, run in here[here["status"] == OK].groupby([*exhibit.series, "repeat"]):
            axis.plot(run["epoch"], run[exhibit.value], color="#bbbbbb", linewidth=1, marker=".", zorder=2)
        for s in series:
            mine = s.rows[(s.rows["model"] == model) & (s.rows["batch_size"] == batch_size)]
            for _, run in mine.groupby("repeat"):
                axis.plot(run["epoch"], run[exhibit.value], color=s.colour, marker=s.marker, markersize=5, zorder=3)
        band = exhibit.band[(exhibit.band["model"] == model) & (exhibit.band["batch_size"] == batch_size)]
        if len(band):  # there are none for other workloads than the references'
            axis.fill_between(band["epoch"], band["low"], band["high"], color=BAND, alpha=0.7, linewidth=0, zorder=2.5)
        axis.set_title(f"{model}, batch size {batch_size:,}", fontsize=10)
        axis.set_xticks(sorted(here["epoch"].unique()))
        axis.set_xlabel("Epoch")
        axis.set_ylim(0, 1)
    for axis in list(axes.flat)[len(cells) :]:
        axis.remove()
    for axis in axes[:, 0]:
        axis.set_ylabel(exhibit.axis)
    handles = [handle_of(s) for s in series]
    if (table["status"] == OK).any():
        handles.append(plt.Line2D([], [], color="#bbbbbb", marker=".", label="learned"))
    if len(exhibit.band):
        handles.append(mpl.patches.Patch(color=BAND, alpha=0.7, linewidth=0, label="from lowest to highest reference"))
    title_and_legend(figure, exhibit, handles, exhibit.marks)
    return figure


def _around(values: pd.Series) -> tuple[float, float]:
    """Ends of a logarithmic axis that shows these values and 1."""
    return min(1.0, float(values.min())) / 1.15, max(1.0, float(values.max())) * 1.15
