"""Figures with a panel for each model and the batch sizes along the horizontal axis."""

from __future__ import annotations

import math
import statistics
import textwrap
from collections import Counter
from collections.abc import Callable
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd

from trainmark.analysis import cell_statistics
from trainmark.report.figures.by_series import draw_rows
from trainmark.report.figures.figure_spec import Exhibit
from trainmark.report.figures.layout import PANEL, Drawn, entries_of, finish, published_look
from trainmark.report.figures.looks import SOFT, Looks
from trainmark.report.figures.style import (
    MOST_COLOURED,
    Series,
    cross_out,
    draw_points,
    plain_log_ticks,
    series_of,
    to_the_side,
    unlike,
)

# Labels stand at the ends of so many lines, if none is longer.
_MOST_LABELLED, _LONGEST_LABEL = 6, 24
_HEIGHT = 1.95  # of the axes, in inches
_PanelDrawer = Callable[[plt.Axes, Series, list[int], str, float], None]


def draw_lines(exhibit: Exhibit, looks: Looks) -> Drawn:
    """Lines through medians over the batch size, every run a point; rows where there are too many series."""
    return _by_batch_size(exhibit, looks, _line)


def draw_ratios(exhibit: Exhibit, looks: Looks) -> Drawn:
    """Speed-ups with their intervals by model and batch size; rows where there are too many series."""
    return _by_batch_size(exhibit, looks, _intervals)


def _by_batch_size(exhibit: Exhibit, looks: Looks, draw_series: _PanelDrawer) -> Drawn:
    """One panel a model; a row of panels for each device or measure where one would have too many lines."""
    series = series_of(exhibit, looks)
    groups = _groups(exhibit, series)
    if groups is None:
        return draw_rows(exhibit, looks)
    everything = pd.concat([exhibit.table, exhibit.lost, exhibit.published])
    models: list[Any] = sorted(set(everything["model"]), key=cell_statistics.model_rank)
    sizes = sorted(int(size) for size in everything["batch_size"].unique())
    shape = (len(groups), len(models))
    _, axes = plt.subplots(
        *shape, figsize=(PANEL * len(models), 5), sharey="row" if exhibit.apart else True, squeeze=False
    )
    panels: dict[plt.Axes, list[Series]] = {}
    for (group, mine), line in zip(groups.items(), axes):
        for axis, model in zip(line, models):
            panels[axis] = [s.only("model", model) for s in mine]
            axis.set_yscale("log")
            _draw_panel(axis, panels[axis], sizes, exhibit, draw_series)
            axis.set_title(f"{model}, {group}" if group else model)
    for line in axes if exhibit.apart else axes[:1]:  # the others share it
        plain_log_ticks(line[0].yaxis, line[0].get_ylim(), line[0].set_ylim)
    for axis, part in panels.items():
        _label_ends(axis, part, exhibit.value)
        if exhibit.reference is not None:
            _say_reference(axis, part, exhibit, exhibit.reference)
    return finish(exhibit, list(panels), [_HEIGHT] * len(groups), entries_of(series), exhibit.marks)


def _groups(exhibit: Exhibit, series: list[Series]) -> dict[str, list[Series]] | None:
    """The series of each row of panels; None where one would have too many, or two that look the same."""
    if exhibit.apart:
        ways = [
            {str(value): _part(series, exhibit.apart, value) for value in sorted(set(exhibit.table[exhibit.apart]))}
        ]
    else:
        devices = {device.upper(): [s for s in series if s.key[1] == device] for device in ("gpu", "cpu")}
        ways = [{"": series}, {device: mine for device, mine in devices.items() if mine}]
    for way in ways:
        if all(len(mine) <= MOST_COLOURED and unlike(mine) for mine in way.values()):
            return {"" if len(way) == 1 else group: mine for group, mine in way.items()}
    return None


def _part(series: list[Series], column: str, value: object) -> list[Series]:
    """What the series have of a value; nothing is left of those that have none."""
    return [part for part in (s.only(column, value) for s in series) if len(part.rows)]


def _draw_panel(
    axis: plt.Axes, series: list[Series], sizes: list[int], exhibit: Exhibit, draw_series: _PanelDrawer
) -> None:
    """The series of one model; a point that another hides shows behind it, since the first are the largest."""
    for number, s in enumerate(series):
        draw_series(axis, s, sizes, exhibit.value, 5 + 1.2 * (len(series) - 1 - number))
        places = [sizes.index(size) for size in s.published["batch_size"]]
        draw_points(axis, places, s.published["value"], published_look(s.look), 9)
    _cross_out(axis, series, sizes)
    if exhibit.reference is not None:
        axis.axhline(exhibit.reference, color=SOFT, linewidth=1, linestyle="--", zorder=1)
    axis.set_ylabel(exhibit.axis)
    axis.set_xlabel("Batch size")
    axis.set_xticks(range(len(sizes)), [f"{size:,}" for size in sizes])
    axis.set_xlim(-0.4, len(sizes) - 0.6)
    axis.tick_params(labelleft=True)


def _cross_out(axis: plt.Axes, series: list[Series], sizes: list[int]) -> None:
    """What has no result, above each other at the lower edge, since it has no height."""
    stacked: Counter[int] = Counter()
    for s in series:
        for size in s.lost["batch_size"]:
            height = 0.05 + 0.08 * stacked[size]
            stacked[size] += 1
            cross_out(axis, [sizes.index(size)], [height], s.look, transform=axis.get_xaxis_transform(), clip_on=False)


def _say_reference(axis: plt.Axes, series: list[Series], exhibit: Exhibit, value: float) -> None:
    """What the level line is, at its beginning: on the side where no series begins, if there is room."""
    firsts = [float(each) for s in series for each in s.rows.nsmallest(1, "batch_size")[exhibit.value]]
    low, high = map(math.log, axis.get_ylim())
    room = (math.log(value) - low) / (high - low) > 0.25
    below = room and bool(firsts) and statistics.median(firsts) > value
    axis.annotate(
        textwrap.fill(exhibit.reference_label, 24),
        (0.01, value),
        (0, -2 if below else 2),
        xycoords=axis.get_yaxis_transform(),
        textcoords="offset points",
        va="top" if below else "bottom",
        fontsize=8,
        color=SOFT,
    ).set_in_layout(False)


def _label_ends(axis: plt.Axes, series: list[Series], value: str) -> None:
    """What each line is called, at its end, with its mark; not where there are many or where names are long."""
    shown = [s for s in series if len(s.rows)]
    if not 1 < len(shown) <= _MOST_LABELLED or max(len(s.label) for s in shown) > _LONGEST_LABEL:
        return
    low, high = map(math.log, axis.get_ylim())
    last = [s.rows[s.rows["batch_size"] == s.rows["batch_size"].max()][value].median() for s in shown]
    ends = sorted(zip(((math.log(end) - low) / (high - low) for end in last), range(len(shown))))
    for (_, number), height in zip(ends, _spread([end for end, _ in ends], 0.075)):
        draw_points(
            axis, [1], [height], shown[number].look, 5, transform=to_the_side(axis.transAxes, axis, 5), clip_on=False
        )
        where = to_the_side(axis.transAxes, axis, 10)
        axis.text(1, height, shown[number].label, transform=where, va="center_baseline", fontsize=8)


def _spread(heights: list[float], least: float) -> list[float]:
    """Rising heights moved as little as it takes to be so far apart, within 0 and 1."""
    found: list[float] = []
    for height in heights:
        found.append(max(height, found[-1] + least) if found else max(height, 0.0))
    top = 1.0
    for place in reversed(range(len(found))):
        found[place] = min(found[place], top)
        top = found[place] - least
    return found


def _line(axis: plt.Axes, s: Series, sizes: list[int], value: str, size: float) -> None:
    _through(axis, s, sizes, s.rows.groupby("batch_size")[value].median())
    draw_points(axis, [sizes.index(each) for each in s.rows["batch_size"]], s.rows[value], s.look, size)


def _intervals(axis: plt.Axes, s: Series, sizes: list[int], value: str, size: float) -> None:
    places = [sizes.index(each) for each in s.rows["batch_size"]]
    _through(axis, s, sizes, s.rows.set_index("batch_size")[value])
    low, high = (s.rows[end].fillna(s.rows[value]).clip(1e-9, 1e9) for end in ("low", "high"))
    axis.vlines(places, low, high, color=s.look.colour, linewidth=1.5, zorder=2)
    draw_points(axis, places, s.rows[value], s.look, size)


def _through(axis: plt.Axes, s: Series, sizes: list[int], values: pd.Series) -> None:
    """A line through values by batch size, broken where there is no result."""
    values = values.reindex(sorted({*values.index, *s.lost["batch_size"]}))
    places = [sizes.index(size) for size in values.index]
    axis.plot(places, values, color=s.look.colour, linewidth=1.4, linestyle=s.look.dashes, zorder=2)
