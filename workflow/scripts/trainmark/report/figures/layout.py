"""How a figure is laid out: title, panels of one size, note and legend, with room for every text."""

from __future__ import annotations

import math
import textwrap
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib.pyplot as plt

from trainmark.report.figures.figure_spec import Exhibit
from trainmark.report.figures.looks import INK, LOST, PUBLISHED, Look
from trainmark.report.figures.style import Series

# Inches: a panel fills a phone's screen, and three stand side by side on the page.
PANEL = 3.95
_POINTS = 72  # in an inch
_EDGE = 0.06  # inches around every panel, title and legend
# Left, top, width and height, in points from the figure's upper left corner.
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Entry:
    """A line of the legend: what a look stands for; with ``line``, its line is shown too."""

    label: str
    look: Look
    line: bool = False


@dataclass(frozen=True)
class Drawn:
    """A figure that is laid out.

    Attributes:
        figure: of matplotlib, with title, panels, legend and note.
        panels: its axes, each complete in itself: with all labels of its own.
        boxes: of the panels with their labels.
        entries: of the legend.
        title: above it.
        note: below it.
    """

    figure: plt.Figure
    panels: list[plt.Axes]
    boxes: list[Box]
    entries: list[Entry]
    title: str
    note: str


def entries_of(series: Sequence[Series], line: bool = True) -> list[Entry]:
    """The legend's lines of some series, of what was published about them, and of what has no result."""
    found = [Entry(s.label, s.look, line) for s in series]
    for s in series:
        if len(s.published):
            found.append(Entry(f"{s.label}: published, not measured", published_look(s.look)))
    if any(len(s.lost) for s in series):
        found.append(lost_entry())
    return found


def published_look(look: Look) -> Look:
    """A published figure's: hollow, in its machine's colour."""
    return Look(look.colour, PUBLISHED, hollow=True)


def lost_entry() -> Entry:
    """What crosses mean."""
    return Entry("no result", Look(INK, LOST))


def finish(
    exhibit: Exhibit, panels: list[plt.Axes], heights: Sequence[float], entries: list[Entry], marks: str = ""
) -> Drawn:
    """Put the title above the panels, note and legend below; the figure gets the height that all of it takes.

    Args:
        exhibit: what is drawn.
        panels: its axes.
        heights: of the axes in each row of panels, in inches.
        entries: of the legend.
        marks: what a line or point is.
    """
    figure = panels[0].figure
    width = figure.get_figwidth()
    between = " " if exhibit.title.endswith("?") else ": "
    title = between.join(part for part in (exhibit.title, exhibit.subtitle) if part)
    note = f"{marks} {exhibit.note}".strip()
    heading = figure.suptitle(
        textwrap.fill(title, int(width * 9.5)), fontsize=11, fontweight="bold", x=0.01, ha="left", va="top"
    )
    legend = _legend(figure, entries, textwrap.fill(note, int(width * 13.5)))
    above, below = (_height_of(each) + _EDGE for each in (heading, legend))
    boxes, height = _arrange(figure, panels, heights, above, below)
    heading.set_y(1 - _EDGE / height)
    return Drawn(figure, panels, boxes, entries, title, note)


def _legend(figure: plt.Figure, entries: list[Entry], note: str) -> plt.Artist:
    """The note, and below it what the looks stand for."""
    width = figure.get_figwidth()
    handles = [_handle_of(entry, int(width * 9)) for entry in entries]
    longest = max((len(line) for handle in handles for line in handle.get_label().splitlines()), default=1)
    return figure.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(0, 0),
        borderaxespad=0,
        ncols=max(1, min(len(handles), int(width * 11 / (longest + 8)))),
        title=note,
        title_fontsize=8.5,
        alignment="left",
    )


def _handle_of(entry: Entry, width: int) -> plt.Line2D:
    look = entry.look
    return plt.Line2D(
        [],
        [],
        color=look.colour,
        linestyle=look.dashes if entry.line and look.dashes else "none",
        linewidth=1.5,
        marker=look.marker,
        markersize=6,
        markerfacecolor=look.face,
        markeredgecolor=look.colour,
        label=textwrap.fill(entry.label, width),
    )


def _height_of(artist: plt.Artist) -> float:
    """In inches."""
    return float(artist.get_window_extent().height / artist.figure.dpi)


def _arrange(
    figure: plt.Figure, panels: list[plt.Axes], heights: Sequence[float], above: float, below: float
) -> tuple[list[Box], float]:
    """Place the panels, all equally wide; gives the box of each, and the figure's new height in inches.

    Args:
        figure: whose width stays.
        panels: its axes.
        heights: of the axes in each row of panels.
        above: room for the title.
        below: room for note and legend.
    """
    width = float(figure.get_figwidth())
    around = [_margins(axis) for axis in panels]
    left, right = (max(each[side] for each in around) for side in (0, 1))
    tops: dict[int, float] = defaultdict(float)
    bottoms: dict[int, float] = defaultdict(float)
    places = [(place.rowspan.start, place.colspan.start) for place in (axis.get_subplotspec() for axis in panels)]
    for (row, _), (_, _, top, bottom) in zip(places, around):
        tops[row], bottoms[row] = max(tops[row], top), max(bottoms[row], bottom)
    needed = [tops[row] + height + bottoms[row] for row, height in enumerate(heights)]
    total = above + math.fsum(needed) + below
    figure.set_size_inches(width, total)
    cell = width / panels[0].get_gridspec().ncols
    boxes = []
    for axis, (row, column) in zip(panels, places):
        x, y = column * cell, above + math.fsum(needed[:row])  # of the box, from the upper left corner
        lower = total - y - tops[row] - heights[row]
        axis.set_position(
            ((x + left) / width, lower / total, max(0.5, cell - left - right) / width, heights[row] / total)
        )
        boxes.append((x * _POINTS, y * _POINTS, cell * _POINTS, needed[row] * _POINTS))
    return boxes, total


def _margins(axis: plt.Axes) -> tuple[float, float, float, float]:
    """What a panel's texts need beside it, in inches: left, right, above, below."""
    outer, inner, dpi = axis.get_tightbbox(), axis.get_window_extent(), axis.figure.dpi
    reach = (inner.x0 - outer.x0, outer.x1 - inner.x1, outer.y1 - inner.y1, inner.y0 - outer.y0)
    left, right, top, bottom = (float(each) / dpi + _EDGE for each in reach)
    return left, right, top, bottom
