"""What the report shows in figures: of which rows, with which words. How they are drawn is the figures' room."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from trainmark import comparing, findings, tables

WHO = ["machine", "device", "stack"]
BASELINE = [f"{axis}_baseline" for axis in WHO]
# Rows of a figure beyond which nobody reads it.
MOST_SERIES = 60
# What a figure's page entry holds beside its picture.
_TOLD = ("name", "number", "title", "alt", "missing")
_NOBODY = pd.DataFrame(columns=["model", "batch_size", "value"])


@dataclass(frozen=True)
class Exhibit:
    """One figure.

    Attributes:
        name: of its files.
        number: of the article's exhibit; empty for what the article does not have.
        title: what the page calls it; ``subtitle`` follows it above the figure.
        kind: how it is drawn: bars, lines, ratios, rows or scatter.
        table: its data, one row a point.
        value: column of ``table`` on the value axis.
        axis: that axis' label, with its unit.
        note: the line below the figure; ``marks``, before it, says what a bar or point is, and ``row_marks`` does so
            where there are so many series that each has a row.
        alt: the finding, for who cannot see it.
        missing: why there is none; empty if there is one.
        series: columns that tell its series apart.
        shown: which of machine, device and stack a series is called by.
        prefix: before a series' name.
        panels: whether each model has a panel.
        marker: column that rows are marked by.
        log: whether the value axis is logarithmic.
        highest_first: whether rows with high values are on top.
        ticks: of the value axis of rows, with their labels.
        reference: a value to draw a line at; ``limits``, more of them.
        across: column on the horizontal axis of a scatter; ``across_axis``, its label.
        shade: whether the quarters in which the two axes disagree are shaded.
        published: ``model``, ``batch_size`` and ``value`` of published figures to draw beside; ``published_of`` says
            whose they are.
    """

    name: str
    title: str
    subtitle: str = ""
    kind: str = ""
    number: str = ""
    table: pd.DataFrame = field(default_factory=pd.DataFrame)
    value: str = ""
    axis: str = ""
    note: str = ""
    marks: str = ""
    row_marks: str = "Points: every run."
    alt: str = ""
    missing: str = ""
    series: list[str] = field(default_factory=lambda: WHO)
    shown: tuple[bool, bool, bool] = (True, True, True)
    prefix: str = ""
    panels: bool = True
    marker: str = "batch_size"
    log: bool = False
    highest_first: bool = False
    ticks: Mapping[float, str] = field(default_factory=dict)
    reference: float | None = None
    limits: tuple[float, ...] = ()
    across: str = ""
    across_axis: str = ""
    shade: bool = False
    published: pd.DataFrame = field(default_factory=lambda: _NOBODY)
    published_of: str = ""

    def label_of(self, key: tuple[str, str, str]) -> str:
        """What a series is called."""
        return self.prefix + label(key, self.shown)


def label(key: Iterable[str], shown: Iterable[bool] = (True, True, True)) -> str:
    """Machine, device and stack in words."""
    machine, device, stack = key
    return ", ".join(word for word, wanted in zip((machine, device.upper(), stack), shown) if wanted)


def plan(
    runs: pd.DataFrame,
    gpus: pd.DataFrame,
    comparisons: pd.DataFrame,
    summary: pd.DataFrame,
    break_even: pd.DataFrame,
    ratios: pd.DataFrame,
    published: pd.DataFrame,
) -> list[Exhibit]:
    """Every figure of the report, in its order; those that cannot be drawn say why.

    Args:
        runs: runs of the experiment shown that are ok.
        gpus: ``machine`` and ``vendor``, one row a machine with a GPU.
        comparisons: comparisons.csv.
        summary: comparisons_summary.csv.
        break_even: break_even.csv.
        ratios: tflops.csv.
        published: published.csv.
    """
    gpu, cpu = runs[runs["device"] == "gpu"], runs[runs["device"] == "cpu"]
    apple_machines = set(gpus.loc[gpus["vendor"] == "apple", "machine"])
    apple = gpu[gpu["machine"].isin(apple_machines)]
    article = {number: comparisons[comparisons["exhibit"] == number] for number in "578"}
    found = [
        training_time("4", "training_time_apple_gpus", "Apple GPUs", apple, "No run on an Apple GPU is among these."),
        speed_ups("5", "speed_up_apple_gpus", article["5"], summary, published, _PAIR_OF_APPLES),
        training_time("6", "training_time_gpus", "all GPUs", gpu, "No run on a GPU is among these."),
        speed_ups("7", "speed_up_apple_against_nvidia", article["7"], summary, published, _APPLE_AND_NVIDIA),
        speed_ups("8", "speed_up_gpu_against_cpu", article["8"], summary, published, _BOTH_DEVICES),
        training_time("", "training_time_cpus", "CPUs", cpu, "No run on a CPU is among these."),
        throughput(runs),
        spread(runs),
        steady_state(runs),
        steady_state_speed_ups(comparisons),
        draw_break_even(break_even),
        tflops(ratios),
    ]
    others = comparisons[~comparisons["exhibit"].isin(list("578"))]
    for number, (_, cells) in enumerate(others.groupby("comparison", sort=False), start=1):
        found.append(speed_ups("", f"comparison_{number}", cells, summary, published, ""))
    return [_readable(exhibit) for exhibit in found]


_PAIR_OF_APPLES = "It takes runs on the GPUs of two Macs."
_APPLE_AND_NVIDIA = "It takes runs on an Apple GPU and on an NVIDIA GPU, with one stack."
_BOTH_DEVICES = "It takes runs on the GPU and on the CPU of one machine."


def _readable(exhibit: Exhibit) -> Exhibit:
    """The exhibit, or what is said in its place where nobody could read it."""
    if exhibit.missing or exhibit.kind == "scatter":
        return exhibit
    count = len(exhibit.table[exhibit.series].drop_duplicates())
    if count <= MOST_SERIES:
        return exhibit
    missing = f"It would have {count} rows, more than can be read: see the tables."
    return Exhibit(exhibit.name, exhibit.title, number=exhibit.number, missing=missing)


def _varies(rows: pd.DataFrame, columns: list[str]) -> tuple[bool, bool, bool]:
    """Which of machine, device and stack series have to be called by: the machine, and what differs."""
    return (True, *(rows[column].nunique() > 1 for column in columns[1:]))


def _constants(rows: pd.DataFrame) -> str:
    """Device and stack that all rows share, in words."""
    values = [rows[column].unique() for column in ("device", "stack")]
    return ", ".join(str(v[0]).upper() if v[0] in ("cpu", "gpu") else str(v[0]) for v in values if len(v) == 1)


def training_time(number: str, name: str, whose: str, runs: pd.DataFrame, missing: str) -> Exhibit:
    """Seconds of ``fit`` by model and batch size."""
    title = f"Training time, {whose}"
    if runs.empty:
        return Exhibit(name, title, number=number, missing=missing)
    n = runs.groupby(tables.CELL).size()
    bars = "Bars: the one run of each cell" if n.max() == 1 else f"Bars: median of {count_range(n, 'run')} per cell"
    return Exhibit(
        name,
        title,
        f"fit of {count_range(runs['epochs'], 'epoch')}, validation included",
        "bars",
        number,
        runs[[*WHO, "model", "batch_size", "repeat", "fit_seconds"]],
        "fit_seconds",
        "Training time (s)",
        f"Shorter is faster. {_constants(runs)}".strip(),
        f"{bars}; points: every run.",
        alt=_fastest(runs, title),
        shown=_varies(runs, WHO),
    )


def _fastest(runs: pd.DataFrame, title: str) -> str:
    """Which series is fastest in how many cells."""
    medians = runs.groupby(["model", "batch_size", *WHO])["fit_seconds"].median().reset_index()
    if len(medians[WHO].drop_duplicates()) == 1:
        low, high = medians["fit_seconds"].min(), medians["fit_seconds"].max()
        who = label(medians[WHO].iloc[0])
        return f"{title}: {who} takes {low:.3g} to {high:.3g} seconds, median by model and batch size."
    best = medians.loc[medians.groupby(["model", "batch_size"])["fit_seconds"].idxmin()]
    counts = best.groupby(WHO).size().sort_values(ascending=False, kind="stable")
    words = [f"{label(key)} in {count} of {len(best)}" for key, count in counts.items()]
    return f"{title}: fastest is " + "; ".join(words[:4]) + " combinations of model and batch size, by the median."


def speed_ups(
    number: str, name: str, cells: pd.DataFrame, summary: pd.DataFrame, published: pd.DataFrame, missing: str
) -> Exhibit:
    """Times faster, by model and batch size: one of the article's comparisons or another one."""
    titles = {"5": "Times faster: Apple GPUs", "7": "Times faster: Apple GPU against NVIDIA GPUs"}
    if cells.empty:
        title = titles.get(number, comparing.GPU_AGAINST_CPU)
        return Exhibit(name, title, number=number, missing=missing)
    by_baseline = len(cells[WHO].drop_duplicates()) == 1 < len(cells[BASELINE].drop_duplicates())
    series = BASELINE if by_baseline else WHO
    overall = summary[(summary["comparison"] == cells["comparison"].iloc[0])]
    overall = overall[overall["model"] == comparing.ALL_MODELS]
    means = [
        f"{label(row[BASELINE] if by_baseline else row[WHO], _varies(cells, series))} {row['geometric_mean']:.3g}"
        for _, row in overall.iterrows()
    ]
    mine = published.merge(cells[[axis for axis in comparing.WHO if axis in published]].drop_duplicates())
    whose = sorted(mine["machine_baseline" if by_baseline else "machine"].unique())
    return Exhibit(
        name,
        cells["comparison"].iloc[0],
        kind="ratios",
        number=number,
        table=cells,
        value="speed_up",
        axis="Speed-up (baseline / candidate)",
        note=f"Above 1: the candidate is faster. Logarithmic axis. {_constants(cells)}".strip(),
        marks="Ratio of training times; bars: its 95 % interval, where there are repeats.",
        row_marks="Points: ratio of training times; lines: its 95 % interval, where there are repeats.",
        alt=f"Speed-up, {cells['comparison'].iloc[0]}. Geometric mean over all cells: {_few(means)}.",
        series=series,
        shown=_varies(cells, series),
        prefix="against " if by_baseline else "",
        log=True,
        highest_first=True,
        reference=1.0,
        published=mine[["model", "batch_size", "value"]] if number else _NOBODY,
        published_of=("against " if by_baseline else "for ") + ", ".join(whose),
    )


def throughput(runs: pd.DataFrame) -> Exhibit:
    """Training samples per second over the batch size."""
    title = "Throughput over the batch size"
    if runs.empty:
        return Exhibit("throughput", title, missing="No run is ok.")
    best = runs.loc[runs["throughput_samples_per_second"].idxmax()]
    return Exhibit(
        "throughput",
        title,
        "training samples per second of fit",
        "lines",
        table=runs[[*WHO, "model", "batch_size", "repeat", "throughput_samples_per_second"]],
        value="throughput_samples_per_second",
        axis="Throughput (samples/s)",
        note=f"Higher is faster. Logarithmic axis. {_constants(runs)}".strip(),
        marks="Line: median; points: every run.",
        alt=f"{title}: highest is {best['throughput_samples_per_second']:,.0f} samples per second, "
        f"{label(best[WHO])}, {best['model']} at batch size {best['batch_size']}.",
        shown=_varies(runs, WHO),
        log=True,
        highest_first=True,
    )


def spread(runs: pd.DataFrame) -> Exhibit:
    """How far each run is from the median of its cell."""
    title = "Spread of the repeats"
    sizes = runs.groupby(tables.CELL)["fit_seconds"].transform("size")
    runs = runs[sizes > 1]
    if runs.empty:
        return Exhibit("spread", title, missing="It takes at least two runs of a cell.")
    groups = runs.groupby(tables.CELL)["fit_seconds"]
    table = runs[[*tables.CELL, "repeat", "fit_seconds"]].assign(
        percent_from_median=100 * (runs["fit_seconds"] / groups.transform("median") - 1)
    )
    spreads = groups.std() / groups.mean()
    unstable = int((spreads > tables.UNSTABLE).sum())
    machine, stack, device, model, size = spreads.idxmax()
    return Exhibit(
        "spread",
        title,
        "each run against the median of its cell",
        "rows",
        table=table,
        value="percent_from_median",
        axis="Longer than the median of its cell (%)",
        note=f"Dotted: 10 % on either side. {_constants(runs)}".strip(),
        alt=f"{title}: {unstable} of {len(spreads)} cells are unstable, with a standard deviation over 10 % of the "
        f"mean; the widest is {spreads.max():.0%}, {label((machine, device, stack))}, {model} at batch size {size}.",
        shown=_varies(runs, WHO),
        reference=0.0,
        limits=(-10.0, 10.0),
    )


def steady_state(runs: pd.DataFrame) -> Exhibit:
    """How much longer an epoch of the whole fit is than one in the steady state."""
    title = "Total time beside steady state"
    runs = runs[runs["steady_state_epoch_seconds"].notna()]
    if runs.empty:
        return Exhibit("steady_state", title, missing="A steady state takes runs of at least two epochs.")
    table = runs[[*tables.CELL, "repeat", "epochs", "fit_seconds", "steady_state_epoch_seconds"]].assign(
        total_over_steady=runs["fit_seconds"] / runs["epochs"] / runs["steady_state_epoch_seconds"]
    )
    most = table.loc[table["total_over_steady"].idxmax()]
    return Exhibit(
        "steady_state",
        title,
        "how much longer an epoch is on average than from the second on",
        "rows",
        table=table,
        value="total_over_steady",
        axis="Average epoch of the fit / epoch in steady state",
        note=f"At 1 (dashed) start-up costs nothing. {_constants(runs)}".strip(),
        alt=f"{title}: start-up makes the average epoch up to {most['total_over_steady']:.3g} times as long as one in "
        f"steady state ({label(most[WHO])}, {most['model']} at batch size {most['batch_size']}); median "
        f"{table['total_over_steady'].median():.3g}.",
        shown=_varies(runs, WHO),
        reference=1.0,
    )


def steady_state_speed_ups(comparisons: pd.DataFrame) -> Exhibit:
    """Speed-up in the steady state against speed-up in time to train."""
    title = "Does the winner change in the steady state?"
    cells = comparisons.drop_duplicates([*comparing.WHO, "model", "batch_size"])
    cells = cells[cells["steady_state_speed_up"].notna()]
    if cells.empty:
        return Exhibit("steady_state_speed_up", title, missing="It takes comparisons, of runs of at least two epochs.")
    changes = int(cells["winner_changes"].sum())
    columns = [*comparing.WHO, "model", "batch_size", "speed_up", "steady_state_speed_up"]
    return Exhibit(
        "steady_state_speed_up",
        title,
        kind="scatter",
        table=cells[columns],
        value="steady_state_speed_up",
        axis="Speed-up in the steady state (epochs 2 to n)",
        note="One point a compared cell. On the dashed line both agree; in the shaded quarters the winner changes.",
        alt=f"{title} In {changes} of {len(cells)} compared cells it does.",
        across="speed_up",
        across_axis="Speed-up in total time (whole fit)",
        shade=True,
    )


def draw_break_even(table: pd.DataFrame) -> Exhibit:
    """From which batch size on a GPU beats the CPU of its machine."""
    title = "From which batch size on does the GPU beat the CPU?"
    if table.empty:
        return Exhibit("break_even", title, missing=_BOTH_DEVICES)
    smallest, largest = int(table["smallest"].min()), int(table["largest"].max())
    ends = smallest / 2, largest * 2
    shown = table.assign(
        device="gpu", **{c: table[c].clip(*ends) for c in ("batch_size", "low", "high")}, said=say_break_even(table)
    )
    words = [f"{row.machine} ({row.stack}), {row.model}: {row.said}" for row in shown.itertuples()]
    ticks = sorted({int(size) for column in ("smallest", "largest") for size in table[column]})
    between = [2**power for power in range(0, 17) if ticks[0] < 2**power < ticks[-1]]
    return Exhibit(
        "break_even",
        title,
        kind="rows",
        table=shown[["machine", "stack", "device", "model", "batch_size", "low", "high", "said"]],
        value="batch_size",
        axis="Batch size",
        row_marks="Points: interpolated between the batch sizes measured; lines: 95 % interval.",
        note='At "all": faster at every batch size measured; at "none": not faster at the largest.',
        alt=f"{title} {_few(words, 6)}.",
        shown=(True, False, table["stack"].nunique() > 1),
        panels=False,
        marker="model",
        log=True,
        ticks={ends[0]: "all", **{size: f"{size:,}" for size in sorted({*ticks, *between})}, ends[1]: "none"},
    )


def say_break_even(table: pd.DataFrame) -> list[str]:
    """Each break-even in words."""
    found = []
    for row in table.itertuples():
        if row.batch_size == 0:
            found.append(f"faster at every batch size measured, from {row.smallest} on")
        elif math.isinf(row.batch_size):
            found.append(f"not faster at {row.largest}, the largest measured")
        else:
            limits = "" if math.isnan(row.low) else f" [{_end(row.low, row)}, {_end(row.high, row)}]"
            found.append(f"from about {row.batch_size:.0f} on{limits}")
    return found


def _end(value: float, row: Any) -> str:
    return f"below {row.smallest}" if value == 0 else f"above {row.largest}" if math.isinf(value) else f"{value:.0f}"


def tflops(ratios: pd.DataFrame) -> Exhibit:
    """Published TFLOPS against measured speed-up."""
    title = "Do TFLOPS predict training time?"
    if ratios.empty:
        missing = "It takes two GPUs with different TFLOPS in config/hardware.yaml, measured with one stack."
        return Exhibit("tflops", title, missing=missing)
    return Exhibit(
        "tflops",
        title,
        kind="scatter",
        table=ratios,
        value="speed_up",
        axis="Measured speed-up (training time)",
        note="One point a cell and pair of GPUs, the one with more TFLOPS as the candidate. On the dashed line TFLOPS "
        "predict the time; below the dotted line more TFLOPS are slower.",
        alt=f"{title} {say_tflops(ratios)}",
        across="tflops_ratio",
        across_axis="Ratio of published FP32 TFLOPS",
    )


def say_tflops(ratios: pd.DataFrame) -> str:
    """What the TFLOPS ratios say, in a sentence."""
    correlation = findings.rank_correlation(ratios)
    slower = int((ratios["speed_up"] < 1).sum())
    less = int((ratios["speed_up"] < ratios["tflops_ratio"]).sum())
    said = (
        f"In {slower} of {len(ratios)} cells the GPU with more TFLOPS is the slower one, and in {less} it gains less "
    )
    said += "than TFLOPS promise"
    return f"{said}." if math.isnan(correlation) else f"{said}; rank correlation {correlation:.2f}."


def count_range(counts: Iterable[int], noun: str) -> str:
    """``3 runs``, ``1 run``, ``2 to 3 runs``."""
    low, high = min(counts), max(counts)
    return f"{low} {noun}{'s' * (low != 1)}" if low == high else f"{low} to {high} {noun}s"


def _few(words: list[str], most: int = 5) -> str:
    rest = f"; and {len(words) - most} more" if len(words) > most else ""
    return "; ".join(words[:most]) + rest


def write_index(exhibits: list[Exhibit], path: Path) -> None:
    """What the page has to know of the figures."""
    entries = [{key: getattr(exhibit, key) for key in _TOLD} for exhibit in exhibits]
    path.write_text(json.dumps(entries, indent=1) + "\n")


def read_index(path: Path) -> list[Mapping[str, Any]]:
    """As ``write_index`` wrote it."""
    return json.loads(path.read_text())
