"""Figures with a row for each series: what stays readable with dozens of machines."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.collections import PathCollection
from matplotlib.markers import MarkerStyle
from matplotlib.ticker import NullLocator
from matplotlib.transforms import IdentityTransform

from trainmark.analysis import cell_statistics
from trainmark.report.figures.figure_spec import Exhibit
from trainmark.report.figures.layout import PANEL, Drawn, Entry, finish, lost_entry, published_look
from trainmark.report.figures.looks import INK, PAPER, SOFT, Look, Looks, neutral_looks
from trainmark.report.figures.style import Series, cross_out, draw_points, plain_log_ticks, series_of, to_the_side


def draw_rows(exhibit: Exhibit, looks: Looks) -> Drawn:
    """A row a series, one panel a model, a marker a batch size; a row of panels for each measure.

    Each row's name has its machine's mark beside it; the points themselves are grey.
    """
    groups = _groups(exhibit, series_of(exhibit, looks))
    everything = pd.concat([exhibit.table, exhibit.lost, exhibit.published])
    order = cell_statistics.model_rank
    models: list[Any] = sorted(set(everything["model"]), key=order) if exhibit.panels else [None]
    keys = sorted(everything[exhibit.marker].unique(), key=None if exhibit.panels else order)
    marks = neutral_looks(keys)
    _, axes = plt.subplots(
        len(groups), len(models), figsize=(PANEL * len(models), 5), sharex="row" if exhibit.apart else True,
        sharey="row", squeeze=False,
    )  # fmt: skip
    for (group, mine), line in zip(groups.items(), axes):
        for axis, model in zip(line, models):
            if exhibit.log:
                axis.set_xscale("log")
            part = mine if model is None else [s.only("model", model) for s in mine]
            _draw_panel(axis, part, exhibit, marks)
            axis.set_title(", ".join(word for word in (model, group) if word))
    for line in axes if exhibit.apart else axes[:1]:
        _set_ticks(line[0], exhibit)
    for axis in axes.flat:
        _say_references(axis, exhibit)
    entries = [Entry(f"batch size {key:,}" if exhibit.panels else str(key), look) for key, look in marks.items()]
    if len(exhibit.published):
        entries.append(Entry("published, not measured", published_look(Look(INK, ""))))
    if len(exhibit.lost):
        entries.append(lost_entry())
    heights = [max(0.5, _height(mine, len(keys))) for mine in groups.values()]
    return finish(exhibit, list(axes.flat), heights, entries, exhibit.row_marks)


def _groups(exhibit: Exhibit, series: list[Series]) -> dict[str, list[Series]]:
    """The series of each row of panels, the best last, which is on top."""
    groups = {"": series}
    if exhibit.apart:
        values = sorted(set(exhibit.table[exhibit.apart]))
        parts = {str(value): [s.only(exhibit.apart, value) for s in series] for value in values}
        groups = {value: [s for s in mine if len(s.rows)] for value, mine in parts.items()}
    for mine in groups.values():
        mine.sort(key=lambda s: s.rows[exhibit.value].median(), reverse=not exhibit.highest_first)
        mine.sort(key=lambda s: len(s.rows) > 0)  # those without any result are below all others
    return groups


def _height(series: list[Series], marks: int) -> float:
    """Of all rows, in inches."""
    lines = max(_wrapped(s.label).count("\n") + 1 for s in series)
    return (len(series) + 0.2) * max(0.26, 0.17 * lines, 0.075 * marks)


def _wrapped(label: str) -> str:
    return textwrap.fill(label, 24)


def _draw_panel(axis: plt.Axes, series: list[Series], exhibit: Exhibit, marks: Mapping[Any, Look]) -> None:
    """The points of one model; the series stand at 0, 1, 2 and so on."""
    parts = {
        name: pd.concat([getattr(s, name).assign(height=place) for place, s in enumerate(series)])
        for name in ("rows", "lost", "published")
    }
    for number, (key, look) in enumerate(marks.items()):
        offset = 0.6 * ((len(marks) - 1) / 2 - number) / max(1, len(marks))
        rows, lost, published = (
            part[part[exhibit.marker] == key] if exhibit.marker in part else part for part in parts.values()
        )
        _points(axis, rows, exhibit.value, offset, look)
        if len(lost):  # at the left edge, since they have no value
            edge = [0.02 + 0.035 * number] * len(lost)
            cross_out(axis, edge, lost["height"] + offset, look, transform=axis.get_yaxis_transform(), clip_on=False)
        if len(published):
            draw_points(axis, published["value"], published["height"] + offset, published_look(Look(INK, "")), 6)
    for value in (*exhibit.limits, *([] if exhibit.reference is None else [exhibit.reference])):
        style = "--" if value == exhibit.reference else ":"
        axis.axvline(value, color=SOFT, linewidth=1, linestyle=style, zorder=1)
    axis.grid(axis="x")
    axis.set_xlabel(textwrap.fill(exhibit.axis, 25))
    axis.tick_params(axis="y", pad=11)
    axis.set_yticks(range(len(series)), [_wrapped(s.label) for s in series])
    axis.tick_params(labelleft=True, labelbottom=True)
    axis.set_ylim(-0.6, len(series) - 0.4)
    _mark_names(axis, series)


def _points(axis: plt.Axes, rows: pd.DataFrame, value: str, offset: float, look: Look) -> None:
    """The points of one marker in all rows, with their intervals where there are any."""
    if "low" in rows and rows["low"].notna().any():
        low, high = (rows[end].fillna(rows[value]).clip(1e-9, 1e9) for end in ("low", "high"))
        axis.hlines(rows["height"] + offset, low, high, color=look.colour, linewidth=1.2, zorder=2)
    draw_points(axis, rows[value], rows["height"] + offset, look, 5)


def _mark_names(axis: plt.Axes, series: list[Series]) -> None:
    """Each name's mark, between the name and the row; all in one piece, since there may be many."""
    styles = [MarkerStyle(s.look.marker) for s in series]
    axis.add_collection(
        PathCollection(
            [style.get_path().transformed(style.get_transform()) for style in styles],
            sizes=[22],
            facecolors=[PAPER if s.look.hollow else s.look.colour for s in series],
            edgecolors=[s.look.colour for s in series],
            linewidths=1.1,
            offsets=[(0.0, place) for place in range(len(series))],
            offset_transform=to_the_side(axis.get_yaxis_transform(), axis, -8),
            transform=IdentityTransform(),
            clip_on=False,
        ),
        autolim=False,
    )


def _set_ticks(axis: plt.Axes, exhibit: Exhibit) -> None:
    """Ticks of the value axis, which the panels share."""
    if exhibit.ticks:
        axis.set_xticks(list(exhibit.ticks), list(exhibit.ticks.values()))
        axis.xaxis.set_minor_locator(NullLocator())
        for each in axis.get_shared_x_axes().get_siblings(axis):
            each.tick_params(axis="x", labelsize=7.5)  # words among the numbers, which need room
        axis.set_xlim(min(exhibit.ticks) / 1.5, max(exhibit.ticks) * 1.5)
    elif exhibit.log:
        plain_log_ticks(axis.xaxis, axis.get_xlim(), axis.set_xlim, most=5)


def _say_references(axis: plt.Axes, exhibit: Exhibit) -> None:
    """What the upright lines are, above each."""
    labels, lines = dict(exhibit.limits), 0
    if exhibit.reference is not None:
        labels[exhibit.reference] = exhibit.reference_label
    for value, label in labels.items():
        place = axis.transAxes.inverted().transform(axis.transData.transform((value, 0)))[0]
        if not label or not 0 <= place <= 1:
            continue
        text = textwrap.fill(label, 18)
        axis.annotate(
            text, (value, 1), (0, 2 + 11 * lines), xycoords=axis.get_xaxis_transform(), textcoords="offset points",
            ha="left" if place < 0.35 else "right" if place > 0.65 else "center", va="bottom", fontsize=8, color=SOFT,
        ).set_in_layout(False)  # fmt: skip
        lines += text.count("\n") + 1  # each above the other, since lines may be close together
    if lines:  # a blank title keeps the room that the labels take
        axis.set_title(axis.get_title() or " ", pad=11 * lines + (5 if axis.get_title() else -8))
