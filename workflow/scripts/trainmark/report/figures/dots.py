"""Figures of one dot a machine along an axis, stacked where they would hide each other."""

from __future__ import annotations

import math
import textwrap

import matplotlib.pyplot as plt
import pandas as pd

from trainmark.report.figures.figure_spec import Exhibit
from trainmark.report.figures.layout import PANEL, Drawn, Entry, finish
from trainmark.report.figures.looks import INK, MIDDLE, SOFT, Look, Looks
from trainmark.report.figures.style import draw_points, plain_log_ticks
from trainmark.words import cut

# Panels beside each other; a phone's screen has them below each other.
_ABREAST = 3
# Where dots may lie: so many columns, each as wide as a large or a small dot, between these shares of the height.
_COLUMNS, _MANY_COLUMNS, _BOTTOM, _TOP = 44, 110, 0.08, 0.5
_HEIGHT = 1.7  # of a panel, in inches
# Dots beyond which they would weigh more, as points of an SVG, than all the rest of the page.
_MOST_POINTS = 500
# Dots of a panel up to which they are large.
_FEW = 60
# Names that have room above the dots of a panel; where there are no more dots than these, all have their names.
_MOST_NAMES, _LONGEST = 6, 30
_NODE, _OUTLIER = Look(MIDDLE, "o"), Look(INK, "^")


def draw_dots(exhibit: Exhibit, looks: Looks) -> Drawn:
    """One dot a row of the table, one panel a series; ``outlier`` tells those that are marked and named."""
    groups = [(exhibit.names[key], rows) for key, rows in exhibit.table.groupby(exhibit.series, sort=False)]
    abreast = min(_ABREAST, len(groups))
    lines = math.ceil(len(groups) / abreast)
    figure, grid = plt.subplots(lines, abreast, figsize=(PANEL * abreast, 2 * lines), sharex=True, squeeze=False)
    panels = [*grid.flat[: len(groups)]]
    for axis in grid.flat[len(groups) :]:
        figure.delaxes(axis)
    values = exhibit.table[exhibit.value]
    panels[0].set_xscale("log")
    ends = min(1.0, float(values.min())) / 1.01, max(1.0, float(values.max())) * 1.01
    plain_log_ticks(panels[0].xaxis, ends, panels[0].set_xlim, most=5)
    for axis, (name, rows) in zip(panels, groups):
        _draw_panel(axis, name, rows, exhibit)
    entries = [Entry("machine", _NODE)]
    if exhibit.table["outlier"].any():
        entries.append(Entry("outlier", _OUTLIER))
    return finish(exhibit, panels, [_HEIGHT] * lines, entries, exhibit.marks)


def _draw_panel(axis: plt.Axes, name: str, rows: pd.DataFrame, exhibit: Exhibit) -> None:
    """The dots of one series."""
    rows = _stacked(axis, rows.sort_values([exhibit.value, "machine"]), exhibit.value)
    apart, others = rows[rows["outlier"]], rows[~rows["outlier"]]
    if len(rows) <= _FEW:
        draw_points(axis, others["place"], others["height"], _NODE, 5)
    else:  # small, and without the edges by which dots would cover each other; as a picture if there are very many
        axis.plot(
            others["place"], others["height"], linestyle="none", marker=_NODE.marker, markersize=2,
            color=_NODE.colour, markeredgewidth=0, zorder=3, rasterized=len(rows) > _MOST_POINTS,
        )  # fmt: skip
    draw_points(axis, apart["place"], apart["height"], _OUTLIER, 6)
    named = rows if len(rows) <= _MOST_NAMES else apart
    _name(axis, [*named[["machine", "place", "height"]].itertuples(index=False, name=None)])
    axis.plot([exhibit.reference] * 2, [0, _TOP], color=SOFT, linewidth=1, linestyle="--", zorder=1)
    axis.set(ylim=(0, 1), yticks=[], title=textwrap.fill(name, 40), xlabel=exhibit.axis)
    axis.spines["left"].set_visible(False)
    axis.grid(axis="x")
    axis.tick_params(labelbottom=True)


def _stacked(axis: plt.Axes, rows: pd.DataFrame, value: str) -> pd.DataFrame:
    """Rows with ``place`` and ``height``: dots that would hide each other stand on each other, in the middle."""
    low, high = (math.log(end) for end in axis.get_xlim())
    wide = _COLUMNS if len(rows) <= _FEW else _MANY_COLUMNS
    columns = ((rows[value].map(math.log) - low) / (high - low) * wide).astype(int)
    groups = rows.groupby([columns.rename("column"), rows["outlier"]])
    number = groups.cumcount()
    step = min(0.08, (_TOP - _BOTTOM) / max(1, number.max()))
    return rows.assign(place=groups[value].transform("median"), height=_BOTTOM + step * number)


def _name(axis: plt.Axes, dots: list[tuple[str, float, float]]) -> None:
    """Names above the dots, each on a line of its own with a line down to its dot; of many, those farthest from 1.

    The farther out, the higher: names point inwards, above the lines of those between.
    """
    dots = sorted(dots, key=lambda dot: -abs(math.log(dot[1])))[:_MOST_NAMES]
    low, high = (math.log(end) for end in axis.get_xlim())
    for number, (name, place, height) in enumerate(dots):
        inwards = 1 if (math.log(place) - low) / (high - low) < 0.5 else -1
        level = 0.58 + 0.075 * (len(dots) - 1 - number)
        axis.plot([place, place], [height, level], color=SOFT, linewidth=0.6, zorder=2)
        axis.annotate(
            cut(name, _LONGEST), (place, level), (2 * inwards, 0), textcoords="offset points", va="center",
            ha="left" if inwards > 0 else "right", fontsize=7.5, color=INK,
        )  # fmt: skip
