"""The drawing of exhibits, as SVG and PNG."""

from __future__ import annotations

import concurrent.futures
import math
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from trainmark.analysis import cell_statistics
from trainmark.machine import hardware
from trainmark.records.record import NOT_CONVERGED, OK
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


def draw_all(exhibits: list[Exhibit], looks: Looks, folder: Path) -> None:
    """Draw each exhibit that is not missing as NAME.svg and NAME.png, with its data in NAME.csv, on all cores."""
    folder.mkdir(parents=True, exist_ok=True)
    exhibits = [exhibit for exhibit in exhibits if not exhibit.missing]
    processes = min(hardware.usable_cores(), len(exhibits))
    if processes < 2:
        for exhibit in exhibits:
            draw(exhibit, looks, folder)
        return
    with concurrent.futures.ProcessPoolExecutor(processes) as pool:
        for done in [pool.submit(draw, exhibit, looks, folder) for exhibit in exhibits]:
            done.result()


def build(exhibit: Exhibit, looks: Looks) -> plt.Figure:
    """One exhibit, laid out; to be drawn, and closed, in the style of all figures."""
    kinds = {"bars": draw_bars, "lines": draw_lines, "ratios": draw_ratios, "rows": draw_rows, "scatter": draw_scatter}
    kinds["curves"] = draw_curves
    figure = kinds[exhibit.kind](exhibit, looks)
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # laid out once is enough for both files
    return figure


def draw(exhibit: Exhibit, looks: Looks, folder: Path) -> None:
    """Draw one exhibit into its files."""
    with mpl.rc_context(STYLE):
        figure = build(exhibit, looks)
        figure.savefig(folder / f"{exhibit.name}.svg", metadata={"Date": None})
        figure.savefig(folder / f"{exhibit.name}.png", dpi=150, metadata={"Software": None})
        plt.close(figure)
    (folder / f"{exhibit.name}.csv").write_text(cell_statistics.csv_text(exhibit.table))


def assign_looks(runs: pd.DataFrame) -> Looks:
    """Colour and marker of each (machine, device, stack), the same in every figure."""
    keys = sorted(set(zip(runs["machine"], runs["device"], runs["stack"])))
    # The markers move on by one with each round of the colours, so that no two series look alike before the 50th.
    return {
        key: (COLOURS[i % len(COLOURS)], MARKERS[(i + i // len(COLOURS)) % len(MARKERS)]) for i, key in enumerate(keys)
    }


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
    series = _series(exhibit, looks)
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
        draw_panel(axis, [_only(s, model) for s in series], sizes, exhibit.value)
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
        _plain_log_ticks(axes[0, 0].yaxis, axes[0, 0].get_ylim(), axes[0, 0].set_ylim)  # the panels share it
    axes[0, 0].set_ylabel(exhibit.axis)
    handles = [_handle(s) for s in series]
    if len(exhibit.published):
        look = {"marker": "D", "markerfacecolor": "none", "color": "#555555", "linewidth": 0}
        whose = f"published {exhibit.published_of}, not measured here"
        handles.append(plt.Line2D([], [], label=whose, **look))
    _title_and_legend(figure, exhibit, handles, exhibit.marks)
    return figure


def draw_rows(exhibit: Exhibit, looks: Looks) -> plt.Figure:
    """A row a series, one panel a model, a marker a batch size: what stays readable with dozens of machines."""
    series = _series(exhibit, looks)
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
            _plain_log_ticks(axis.xaxis, axis.get_xlim(), axis.set_xlim, most=5)
    names = [f"batch size {key:,}" if exhibit.panels else key for key in keys]
    handles = [
        plt.Line2D([], [], color=looks_of[key][0], marker=looks_of[key][1], linewidth=0, label=name)
        for key, name in zip(keys, names)
    ]
    _title_and_legend(figure, exhibit, handles, exhibit.row_marks)
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
    _plain_log_ticks(axis.xaxis, xs, axis.set_xlim)
    _plain_log_ticks(axis.yaxis, ys, axis.set_ylim)
    if exhibit.shade:  # where one measure says faster and the other slower
        (left, right), (bottom, top) = axis.get_xlim(), axis.get_ylim()
        for x, y in (((left, 1), (1, top)), ((1, right), (bottom, 1))):
            axis.fill_between(x, *y, color="#E69F00", alpha=0.12, linewidth=0, zorder=0)
    axis.set(xlabel=exhibit.across_axis, ylabel=exhibit.axis)
    _title_and_legend(figure, exhibit, handles)
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
    series = _series(exhibit, looks, bad)
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
    handles = [_handle(s) for s in series]
    if (table["status"] == OK).any():
        handles.append(plt.Line2D([], [], color="#bbbbbb", marker=".", label="learned"))
    if len(exhibit.band):
        handles.append(mpl.patches.Patch(color=BAND, alpha=0.7, linewidth=0, label="from lowest to highest reference"))
    _title_and_legend(figure, exhibit, handles, exhibit.marks)
    return figure


def _around(values: pd.Series) -> tuple[float, float]:
    """Ends of a logarithmic axis that shows these values and 1."""
    return min(1.0, float(values.min())) / 1.15, max(1.0, float(values.max())) * 1.15


def _title_and_legend(figure: plt.Figure, exhibit: Exhibit, handles: list[plt.Line2D], marks: str = "") -> None:
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


def _series(exhibit: Exhibit, looks: Looks, table: pd.DataFrame | None = None) -> list[Series]:
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


def _only(s: Series, model: str) -> Series:
    return Series(s.label, s.colour, s.marker, s.rows[s.rows["model"] == model])


def _handle(s: Series) -> plt.Line2D:
    return plt.Line2D([], [], color=s.colour, marker=s.marker, label=s.label, linewidth=2)


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


def _plain_log_ticks(
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
