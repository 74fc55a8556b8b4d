"""The style of the figures: series, points and axes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator
from matplotlib.transforms import ScaledTranslation, Transform

from trainmark.report.figures import looks as seen
from trainmark.report.figures.figure_spec import Exhibit
from trainmark.report.figures.looks import GRID, INK, LOST, SOFT, Look, Looks

# More series than this get a row each.
MOST_COLOURED = 7

STYLE = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titley": 1.0,  # where it would be anyway; else matplotlib measures every tick's label to know
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.facecolor": "none",
    "axes.edgecolor": SOFT,
    "axes.labelcolor": INK,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "text.color": INK,
    "legend.frameon": False,
    "svg.fonttype": "none",  # text stays text: it can be searched, and read aloud
    "svg.hashsalt": "trainmark",  # equal data give equal files
    # Comes with matplotlib and is wider than what readers have: where it has room, their font has too.
    "font.family": ["DejaVu Sans"],
    "text.parse_math": False,  # or a dollar in a user's title would be a formula
}


@dataclass(frozen=True)
class Series:
    """What is drawn with one look.

    Attributes:
        key: that tells it from the others.
        label: what it is called.
        look: of it.
        rows: of the exhibit's table.
        lost: its test cases without a result.
        published: published figures about it.
    """

    key: tuple[str, ...]
    label: str
    look: Look
    rows: pd.DataFrame
    lost: pd.DataFrame
    published: pd.DataFrame

    def only(self, column: str, value: object) -> Series:
        """The part of it that has a value in a column, as far as its tables have that column."""
        tables = {name: getattr(self, name) for name in ("rows", "lost", "published")}
        return replace(self, **{name: t[t[column] == value] if column in t else t for name, t in tables.items()})


def series_of(exhibit: Exhibit, looks: Looks, table: pd.DataFrame | None = None) -> list[Series]:
    """The rows of an exhibit, or of a part of it, by what tells its series apart."""
    tables = (exhibit.table if table is None else table, exhibit.lost, exhibit.published)
    parts = [dict(list(rows.groupby(exhibit.series))) if len(rows) else {} for rows in tables]
    found = []
    for key in sorted(set().union(*parts)):
        mine = [part.get(key, rows.iloc[:0]) for part, rows in zip(parts, tables)]
        found.append(Series(key, exhibit.names[key], seen.look_of(key, exhibit.names, looks), *mine))
    return found


def unlike(series: Sequence[Series]) -> bool:
    """Whether no two series look the same."""
    return len({s.look.mark for s in series}) == len(series)


def draw_points(
    axis: plt.Axes, xs: Sequence[float], ys: Sequence[float], look: Look, size: float, **rest: object
) -> None:
    """Points of one look, ``size`` points wide; hollow ones are filled with the paper, so that lines end at their edge.

    As a line that is not drawn, which takes a third of the time of a scatter.
    """
    outlined = look.hollow or look.marker == LOST
    axis.plot(
        xs,
        ys,
        linestyle="none",
        marker=look.marker,
        markersize=size,
        markerfacecolor=look.face,
        markeredgecolor=look.colour if outlined else seen.PAPER,
        markeredgewidth=1.3 if outlined else 0.5,
        zorder=3,
        **rest,
    )


def cross_out(axis: plt.Axes, xs: Sequence[float], ys: Sequence[float], look: Look, **rest: object) -> None:
    """Test cases without a result: their points, crossed out."""
    draw_points(axis, xs, ys, look, 8, **rest)
    draw_points(axis, xs, ys, Look(INK, LOST), 9, **rest)


def to_the_side(place: Transform, axis: plt.Axes, points: float) -> Transform:
    """A place moved by so many points to the right."""
    return place + ScaledTranslation(points / 72, 0, axis.figure.dpi_scale_trans)


def plain_log_ticks(
    axis: mpl.axis.Axis, ends: tuple[float, float], set_ends: Callable[[float, float], None], most: int = 8
) -> None:
    """Round ticks on a logarithmic axis, written as plain numbers: as many as fit, up to ``most``."""
    low, high = ends[0] * 0.95, ends[1] * 1.05
    set_ends(low, high)
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for digits in ((1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8), (1, 1.5, 2, 3, 4, 6), (1, 2, 5), (1, 3), (1,)):
        ticks = [tick for decade in decades for digit in digits if low <= (tick := digit * 10.0**decade) <= high]
        if len(ticks) <= most:
            break
    if len(ticks) < 3:  # a narrow range has few such numbers
        ticks = [tick for tick in MaxNLocator(most - 2).tick_values(low, high) if low <= tick <= high]
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda number, _: f"{number:,.10g}"))
