"""Figures of points in a plane: two ratios against each other."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd

from trainmark.analysis import cell_statistics
from trainmark.report.figures.figure_spec import Exhibit
from trainmark.report.figures.layout import PANEL, Drawn, finish
from trainmark.report.figures.looks import MIDDLE, SOFT, Look, Looks
from trainmark.report.figures.style import draw_points, plain_log_ticks

# More points would weigh more, as points of an SVG, than all the rest of the page.
_MOST_POINTS = 500


def draw_scatter(exhibit: Exhibit, looks: Looks) -> Drawn:
    """One point a test case, one panel a model, both axes logarithmic, with the diagonal."""
    table = exhibit.table
    models = sorted(set(table["model"]), key=cell_statistics.model_rank)
    _, axes = plt.subplots(1, len(models), figsize=(PANEL * len(models), 4), sharex=True, sharey=True, squeeze=False)
    ends = [_around(table[column]) for column in (exhibit.across, exhibit.value)]
    for axis, model in zip(axes[0], models):
        rows = table[table["model"] == model]
        axis.set(xscale="log", yscale="log", title=model, xlabel=exhibit.across_axis, ylabel=exhibit.axis)
        # A picture within the SVG keeps its colour in the dark: one that is seen on both.
        draw_points(
            axis,
            rows[exhibit.across],
            rows[exhibit.value],
            Look(MIDDLE, "o"),
            4.5,
            rasterized=len(table) > _MOST_POINTS,
        )
        axis.grid(axis="x")
        axis.tick_params(labelleft=True, labelbottom=True)
    first = axes[0, 0]
    plain_log_ticks(first.xaxis, ends[0], first.set_xlim, most=6)
    plain_log_ticks(first.yaxis, ends[1], first.set_ylim)
    for axis in axes[0]:
        _draw_lines(axis, exhibit)
    return finish(exhibit, list(axes[0]), [2.9], [])


def _draw_lines(axis: plt.Axes, exhibit: Exhibit) -> None:
    """The diagonal, the lines at 1, and what stands on them."""
    (left, right), (bottom, top) = axis.get_xlim(), axis.get_ylim()
    axis.axline((1, 1), (2, 2), color=SOFT, linewidth=1, linestyle="--", zorder=1)
    for draw in (axis.axhline, axis.axvline):
        draw(1, color=SOFT, linewidth=0.8, linestyle=":", zorder=1)
    if exhibit.shade:  # where one measure says faster and the other slower
        for x, y in (((left, 1), (1, top)), ((1, right), (bottom, 1))):
            axis.fill_between(x, *y, color=MIDDLE, alpha=0.15, linewidth=0, zorder=0)
    place = max(left, bottom) ** 0.3 * min(right, top) ** 0.7
    axis.text(
        place, place, exhibit.diagonal, rotation=45, rotation_mode="anchor", transform_rotates_text=True, ha="center",
        va="bottom", fontsize=8, color=SOFT,
    )  # fmt: skip
    axis.annotate(
        exhibit.reference_label, (0.99, 1), (0, -2), xycoords=axis.get_yaxis_transform(), textcoords="offset points",
        ha="right", va="top", fontsize=8, color=SOFT,
    )  # fmt: skip


def _around(values: pd.Series) -> tuple[float, float]:
    """Ends of a logarithmic axis that shows these values and 1."""
    return min(1.0, float(values.min())) / 1.15, max(1.0, float(values.max())) * 1.15
