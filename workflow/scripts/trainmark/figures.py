"""The figures, as SVG and PNG."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from trainmark import tables
from trainmark.record import OK

# Okabe and Ito's colours (https://jfly.uni-koeln.de/color/), which colour-blind people can tell apart; the markers
# tell the series apart without any colour.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")

MOST_SERIES = len(COLOURS) * len(MARKERS)

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
    "savefig.bbox": "tight",
}


# (machine, device, stack) -> colour and marker.
Looks = Mapping[tuple[str, str, str], tuple[str, str]]


@dataclass(frozen=True)
class Series:
    """What is drawn in one colour: a machine's device with a stack."""

    label: str
    colour: str
    marker: str
    rows: pd.DataFrame


def draw_all(runs: pd.DataFrame, comparisons: pd.DataFrame, preferred_settings: str, folder: Path) -> list[Path]:
    """Draw every figure that the runs can fill, as NAME.svg and NAME.png.

    Args:
        runs: as ``tables.read_runs`` gives them.
        comparisons: as ``comparing.compare_all`` gives them.
        preferred_settings: settings digest of the experiment to draw if there are runs of it.
        folder: where to write; made if it is not there.

    Returns:
        The files written; none where no run is ok, or where there are more series than can be told apart.
    """
    folder.mkdir(parents=True, exist_ok=True)
    runs = runs[tables.of_experiment(runs, tables.choose_experiment(runs, preferred_settings))]
    runs = runs[runs["status"] == OK]
    if runs.empty or len(runs[["machine", "device", "stack"]].drop_duplicates()) > MOST_SERIES:
        return []
    looks = assign_looks(runs)
    with mpl.rc_context(STYLE):
        written = _save(draw_training_time(runs, looks), folder / "training_time")
        written += _save(draw_throughput(runs, looks), folder / "throughput")
        for number, (name, cells) in enumerate(comparisons.groupby("comparison", sort=False), start=1):
            written += _save(draw_comparison(cells, looks, name), folder / f"comparison_{number}")
    return written


def assign_looks(runs: pd.DataFrame) -> Looks:
    """Colour and marker of each (machine, device, stack), the same in every figure."""
    keys = sorted(set(zip(runs["machine"], runs["device"], runs["stack"])))
    # The markers move on by one with each round of the colours, so that no two series look alike before the 50th.
    return {
        key: (COLOURS[i % len(COLOURS)], MARKERS[(i + i // len(COLOURS)) % len(MARKERS)]) for i, key in enumerate(keys)
    }


def draw_training_time(runs: pd.DataFrame, looks: Looks) -> plt.Figure:
    """Seconds of ``fit`` by model and batch size: every run a point, the median a bar."""
    n = runs.groupby(tables.CELL).size()
    bars = "Bars: the one run of each cell" if n.max() == 1 else f"Bars: median of {_range(n, 'run')} per cell"
    epochs = _range(runs["epochs"], "epoch")
    return _panels(
        runs,
        looks,
        value="fit_seconds",
        title=f"Training time: fit of {epochs}, validation included",
        ylabel="Training time (s)",
        note=f"{bars}; points: every run. Shorter is faster.",
        draw=_bars_with_points,
    )


def draw_throughput(runs: pd.DataFrame, looks: Looks) -> plt.Figure:
    """Training samples per second over the batch size: every run a point, a line through the medians."""
    return _panels(
        runs,
        looks,
        value="throughput_samples_per_second",
        title="Throughput: training samples per second of fit",
        ylabel="Throughput (samples/s)",
        note="Line: median; points: every run. Higher is faster. The vertical axis is logarithmic.",
        draw=_lines_with_points,
        log=True,
    )


SPEED_UP_NOTE = (
    "Ratio of training times; bars: its 95 % interval, where there are repeats. Above 1: faster. Vertical axis: "
    "logarithmic."
)


def draw_comparison(cells: pd.DataFrame, looks: Looks, name: str) -> plt.Figure:
    """How many times faster the candidates of one comparison are than its baseline, with intervals."""
    return _panels(
        cells,
        looks,
        value="speed_up",
        title=name,
        ylabel="Speed-up (baseline / candidate)",
        note=SPEED_UP_NOTE,
        draw=_intervals,
        log=True,
        reference=1.0,
    )


def _panels(
    table: pd.DataFrame,
    looks: Looks,
    value: str,
    title: str,
    ylabel: str,
    note: str,
    draw: Callable[[plt.Axes, list[Series], list[int], str], None],
    log: bool = False,
    reference: float | None = None,
) -> plt.Figure:
    """One panel a model, batch sizes along the horizontal axis, one colour a series."""
    series = _series(table, looks)
    models = sorted(set(table["model"]), key=tables.model_rank)
    batch_sizes = sorted(table["batch_size"].unique())
    figure, axes = plt.subplots(
        1, len(models), figsize=(1.2 + 3.2 * len(models), 3.6), sharey=log, squeeze=False, layout="constrained"
    )
    for axis, model in zip(axes[0], models):
        part = [Series(s.label, s.colour, s.marker, s.rows[s.rows["model"] == model]) for s in series]
        if log:
            axis.set_yscale("log")
        draw(axis, part, batch_sizes, value)
        if reference is not None:
            axis.axhline(reference, color="#555555", linewidth=1, linestyle="--", zorder=1)
        axis.set_title(model)
        axis.set_xlabel("Batch size")
        axis.set_xticks(range(len(batch_sizes)), [f"{size:,}" for size in batch_sizes])
        axis.set_xlim(-0.6, len(batch_sizes) - 0.4)
        if not log:
            axis.set_ylim(bottom=0)
    if log:
        _plain_log_ticks(axes[0, 0])  # the panels share their vertical axis
    axes[0, 0].set_ylabel(ylabel)
    figure.suptitle(title, fontsize=12, fontweight="bold", x=0.01, ha="left")
    handles = [plt.Line2D([], [], color=s.colour, marker=s.marker, label=s.label, linewidth=2) for s in series]
    figure.legend(
        handles=handles,
        loc="outside lower left",
        ncols=1 if len(series) < 4 else 2,
        title=note,
        title_fontsize=9,
        alignment="left",
    )
    return figure


def _series(table: pd.DataFrame, looks: Looks) -> list[Series]:
    groups = table.groupby(["machine", "device", "stack"], sort=True)
    return [
        Series(f"{machine}, {device.upper()}, {stack}", *looks[machine, device, stack], rows)
        for (machine, device, stack), rows in groups
    ]


def _bars_with_points(axis: plt.Axes, series: list[Series], batch_sizes: list[int], value: str) -> None:
    width = 0.8 / len(series)
    for i, s in enumerate(series):
        shift = (i - (len(series) - 1) / 2) * width
        medians = s.rows.groupby("batch_size")[value].median()
        centres = [batch_sizes.index(size) + shift for size in medians.index]
        axis.bar(centres, medians, width * 0.92, color=s.colour, alpha=0.45, linewidth=0)
        _points(axis, s, [batch_sizes.index(size) + shift for size in s.rows["batch_size"]], value)


def _lines_with_points(axis: plt.Axes, series: list[Series], batch_sizes: list[int], value: str) -> None:
    for s in series:
        medians = s.rows.groupby("batch_size")[value].median()
        axis.plot([batch_sizes.index(size) for size in medians.index], medians, color=s.colour, linewidth=1.5, zorder=2)
        _points(axis, s, [batch_sizes.index(size) for size in s.rows["batch_size"]], value)


def _intervals(axis: plt.Axes, series: list[Series], batch_sizes: list[int], value: str) -> None:
    for i, s in enumerate(series):
        shift = (i - (len(series) - 1) / 2) * min(0.12, 0.6 / len(series))  # or the bars would hide each other
        positions = [batch_sizes.index(size) + shift for size in s.rows["batch_size"]]
        reach = [s.rows[value] - s.rows["low"], s.rows["high"] - s.rows[value]]
        axis.errorbar(positions, s.rows[value], yerr=reach, color=s.colour, linewidth=1.5, capsize=3, zorder=2)
        _points(axis, s, positions, value)


def _points(axis: plt.Axes, s: Series, positions: list[float], value: str) -> None:
    axis.scatter(
        positions, s.rows[value], s=24, color=s.colour, marker=s.marker, edgecolor="white", linewidth=0.5, zorder=3
    )


def _plain_log_ticks(axis: plt.Axes) -> None:
    """Ticks at 1, 2 and 5 times the powers of ten, written as plain numbers."""
    low, high = axis.get_ylim()
    low, high = low * 0.9, high * 1.1
    axis.set_ylim(low, high)
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = [digit * 10.0**decade for decade in decades for digit in (1, 2, 5)]
    axis.yaxis.set_major_locator(FixedLocator([tick for tick in ticks if low <= tick <= high]))
    axis.yaxis.set_minor_locator(NullLocator())
    axis.yaxis.set_major_formatter(FuncFormatter(lambda number, _: f"{number:,.10g}"))


def _range(counts: Iterable[int], noun: str) -> str:
    """``3 runs``, ``1 run``, ``2 to 3 runs``."""
    low, high = min(counts), max(counts)
    return f"{low} {noun}{'s' * (low != 1)}" if low == high else f"{low} to {high} {noun}s"


def _save(figure: plt.Figure, stem: Path) -> list[Path]:
    svg, png = stem.with_suffix(".svg"), stem.with_suffix(".png")
    figure.savefig(svg, metadata={"Date": None})
    figure.savefig(png, dpi=150, metadata={"Software": None})
    plt.close(figure)
    return [svg, png]
