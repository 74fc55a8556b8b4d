"""The figure of accuracies over the epochs."""

from __future__ import annotations

import math

import matplotlib.pyplot as plt

from trainmark.analysis import cell_statistics
from trainmark.records.record import NOT_CONVERGED, OK
from trainmark.report.figures.figure_spec import Exhibit
from trainmark.report.figures.layout import PANEL, Drawn, Entry, entries_of, finish
from trainmark.report.figures.looks import MIDDLE, Look, Looks
from trainmark.report.figures.style import draw_points, series_of

_LEARNED = Look(MIDDLE, ".")
_BAND = Look(MIDDLE, "_")


def draw_curves(exhibit: Exhibit, looks: Looks) -> Drawn:
    """One panel a model and batch size, one line a run over its epochs; runs that learned are grey."""
    table = exhibit.table
    cells = sorted(
        table[["model", "batch_size"]].drop_duplicates().itertuples(index=False),
        key=lambda cell: (cell_statistics.model_rank(cell[0]), cell[1]),
    )
    columns = min(3, len(cells))
    lines = math.ceil(len(cells) / columns)
    _, axes = plt.subplots(lines, columns, figsize=(PANEL * columns, 2.4 * lines), squeeze=False)
    series = series_of(exhibit, looks, table[table["status"] == NOT_CONVERGED])
    for axis, (model, batch_size) in zip(axes.flat, cells):
        here = table[(table["model"] == model) & (table["batch_size"] == batch_size)]
        for _, run in here[here["status"] == OK].groupby([*exhibit.series, "repeat"]):
            axis.plot(run["epoch"], run[exhibit.value], color=MIDDLE, linewidth=0.8, marker=".", markersize=4, zorder=2)
        for s in series:
            mine = s.rows[(s.rows["model"] == model) & (s.rows["batch_size"] == batch_size)]
            for _, run in mine.groupby("repeat"):
                axis.plot(run["epoch"], run[exhibit.value], color=s.look.colour, linestyle=s.look.dashes, zorder=2.8)
                draw_points(axis, run["epoch"], run[exhibit.value], s.look, 5.5)
        band = exhibit.band[(exhibit.band["model"] == model) & (exhibit.band["batch_size"] == batch_size)]
        if len(band):  # there are none for other workloads than the references'
            axis.fill_between(band["epoch"], band["low"], band["high"], color=MIDDLE, alpha=0.35, linewidth=0, zorder=1)
        axis.set_title(f"{model}, batch size {batch_size:,}")
        axis.set_xticks(sorted(here["epoch"].unique()))
        axis.set(xlabel="Epoch", ylabel=exhibit.axis, ylim=(0, 1))
    for axis in list(axes.flat)[len(cells) :]:
        axis.remove()
    entries = entries_of(series)
    if (table["status"] == OK).any():
        entries.append(Entry("learned", _LEARNED, line=True))
    if len(exhibit.band):
        entries.append(Entry("shaded: from lowest to highest reference", _BAND))
    return finish(exhibit, list(axes.flat)[: len(cells)], [1.75] * lines, entries, exhibit.marks)
