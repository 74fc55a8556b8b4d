"""The look of the figures: colours, markers, titles, legends and axes."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from trainmark.report.figures.figure_spec import Exhibit

# Okabe and Ito's colours (https://jfly.uni-koeln.de/color/), which colour-blind people can tell apart; the markers
# tell the series apart without any colour.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
BAND = "#009E73"  # what references reach: narrow, so in front of the lines that lie in it
# More series than this get a row each instead of a colour each.
MOST_COLOURED = 7

STYLE = {
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": "#d9d9d9",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "svg.fonttype": "none",  # text stays text: it can be searched, and read aloud
    "svg.hashsalt": "trainmark",  # equal data give equal files
    "font.family": ["sans-serif"],
    "text.parse_math": False,  # or a dollar in a user's title would be a formula
    "figure.constrained_layout.w_pad": 0.08,
}

# (machine, device, stack) -> colour and marker.
Looks = Mapping[tuple[str, str, str], tuple[str, str]]


@dataclass(frozen=True)
class Series:
    """What is drawn in one colour."""

    label: str
    colour: str
    marker: str
    rows: pd.DataFrame


def assign_looks(runs: pd.DataFrame) -> Looks:
    """Colour and marker of each (machine, device, stack), the same in every figure."""
    keys = sorted(set(zip(runs["machine"], runs["device"], runs["stack"])))
    # The markers move on by one with each round of the colours, so that no two series look alike before the 50th.
    return {
        key: (COLOURS[i % len(COLOURS)], MARKERS[(i + i // len(COLOURS)) % len(MARKERS)]) for i, key in enumerate(keys)
    }


def series_of(exhibit: Exhibit, looks: Looks, table: pd.DataFrame | None = None) -> list[Series]:
    """The rows of an exhibit, or of a part of it, by what tells its series apart."""
    found = []
    groups = (exhibit.table if table is None else table).groupby(exhibit.series, sort=True)
    sides = [key[start : start + 3] for key in exhibit.names for start in (0, 3)]
    for number, (key, rows) in enumerate(groups):
        # A pair looks like the side that tells it from the others; where both sides do, like nobody else.
        telling = next((side for side in (key[:3], key[3:]) if side and sides.count(side) == 1), None)
        look = (looks.get(telling) if telling else None) or (COLOURS[number % 7], MARKERS[(number + number // 7) % 7])
        found.append(Series(exhibit.names[key], *look, rows))
    return found


def only(s: Series, model: str) -> Series:
    """The part of a series that is of one model."""
    return Series(s.label, s.colour, s.marker, s.rows[s.rows["model"] == model])


def handle_of(s: Series) -> plt.Line2D:
    """A series in a legend."""
    return plt.Line2D([], [], color=s.colour, marker=s.marker, label=s.label, linewidth=2)


def title_and_legend(figure: plt.Figure, exhibit: Exhibit, handles: list[plt.Line2D], marks: str = "") -> None:
    """The title above, note and legend below, wrapped to the figure's width; the figure grows by their lines."""
    width = figure.get_figwidth()
    between = " " if exhibit.title.endswith("?") else ": "
    title = between.join(part for part in (exhibit.title, exhibit.subtitle) if part)
    title = textwrap.fill(title, int(width * 10))
    figure.suptitle(title, fontsize=12, fontweight="bold", x=0.01, ha="left")
    for handle in handles:
        handle.set_label(textwrap.fill(handle.get_label(), 60))
    longest = max(len(line) for handle in handles for line in handle.get_label().splitlines())
    ncols = max(1, min(len(handles), int(width * 11 / (longest + 8))))
    note = textwrap.fill(f"{marks} {exhibit.note}".strip(), int(width * 13))
    rows = math.ceil(len(handles) / ncols) * max(handle.get_label().count("\n") + 1 for handle in handles)
    figure.set_figheight(figure.get_figheight() + 0.19 * (rows - 1 + note.count("\n") + title.count("\n")))
    figure.legend(
        handles=handles,
        loc="outside lower left",
        ncols=ncols,
        title=note,
        title_fontsize=9,
        alignment="left",
    )


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
