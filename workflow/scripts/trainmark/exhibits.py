"""What the report shows in figures: of which rows, with which words. How they are drawn is the figures' room."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from trainmark import comparing, convergence, findings, naming, tables
from trainmark.naming import BASELINE, WHO, Key, label
from trainmark.record import NOT_CONVERGED, OK

# Standard deviations beyond which a run is drawn at the edge: one that learned nothing is hundreds away.
_FARTHEST = 20
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
        kind: how it is drawn: bars, lines, ratios, rows, scatter or curves.
        table: its data, one row a point.
        value: column of ``table`` on the value axis.
        axis: that axis' label, with its unit.
        note: the line below the figure; ``marks``, before it, says what a bar or point is, and ``row_marks`` does so
            where there are so many series that each has a row.
        alt: the finding, for who cannot see it.
        missing: why there is none; empty if there is one.
        series: columns that tell its series apart.
        names: those columns' values -> what the series is called.
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
        band: ``model``, ``batch_size``, ``epoch``, ``low`` and ``high`` of what curves should reach.
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
    names: Mapping[Key, str] = field(default_factory=dict)
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
    band: pd.DataFrame = field(default_factory=pd.DataFrame)


def plan(
    everything: pd.DataFrame,
    gpus: pd.DataFrame,
    comparisons: pd.DataFrame,
    summary: pd.DataFrame,
    break_even: pd.DataFrame,
    ratios: pd.DataFrame,
    published: pd.DataFrame,
    references: convergence.References | None,
) -> list[Exhibit]:
    """Every figure of the report, in its order; those that cannot be drawn say why.

    Args:
        everything: runs of the experiment shown, whatever became of them.
        gpus: ``machine`` and ``vendor``, one row a machine with a GPU.
        comparisons: comparisons.csv.
        summary: comparisons_summary.csv.
        break_even: break_even.csv.
        ratios: tflops.csv.
        published: published.csv.
        references: those that runs were held against.
    """
    runs = everything[everything["status"] == OK]
    gpu, cpu = runs[runs["device"] == "gpu"], runs[runs["device"] == "cpu"]
    apple_machines = set(gpus.loc[gpus["vendor"] == "apple", "machine"])
    apple = gpu[gpu["machine"].isin(apple_machines)]
    article = {number: comparisons[comparisons["exhibit"] == number] for number in "578"}
    found = [
        training_time(
            "4", "training_time_apple_gpus", "Apple GPUs", apple, "Not measured. No run on an Apple GPU is among these."
        ),
        speed_ups("5", "speed_up_apple_gpus", article["5"], summary, published, _PAIR_OF_APPLES),
        training_time("6", "training_time_gpus", "all GPUs", gpu, "Not measured. No run on a GPU is among these."),
        speed_ups("7", "speed_up_apple_against_nvidia", article["7"], summary, published, _APPLE_AND_NVIDIA),
        speed_ups("8", "speed_up_gpu_against_cpu", article["8"], summary, published, _BOTH_DEVICES),
        training_time("", "training_time_cpus", "CPUs", cpu, "Not measured. No run on a CPU is among these."),
        learning(everything),
        not_converged(everything, references),
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


_PAIR_OF_APPLES = "Not measured. It takes runs on the GPUs of two Macs that can be compared, with one stack."
_APPLE_AND_NVIDIA = "Not measured. It takes runs on an Apple and on an NVIDIA GPU that can be compared, with one stack."
_BOTH_DEVICES = "Not measured. It takes runs on the GPU and on the CPU of one machine that can be compared."


def _readable(exhibit: Exhibit) -> Exhibit:
    """The exhibit, or what is said in its place where nobody could read it."""
    if exhibit.missing or exhibit.kind == "scatter":
        return exhibit
    count = len(exhibit.table[exhibit.series].drop_duplicates())
    if count <= MOST_SERIES:
        return exhibit
    missing = f"It would have {count} rows, more than can be read: see the tables."
    return Exhibit(exhibit.name, exhibit.title, number=exhibit.number, missing=missing)


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
        names=naming.series(runs),
    )


def _fastest(runs: pd.DataFrame, title: str) -> str:
    """Which series is fastest in how many cells."""
    medians = tables.alike(runs).groupby(["model", "batch_size", *WHO])["fit_seconds"].median().reset_index()
    if medians.empty:
        return f"{title}: no cell whose runs were measured alike."
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
    names = naming.pairs(cells)
    overall = summary[summary["model"] == comparing.ALL_MODELS]
    overall = overall[(overall[["comparison", "exhibit"]] == cells[["comparison", "exhibit"]].iloc[0]).all(axis=1)]
    means = [f"{names[tuple(row[[*WHO, *BASELINE]])]} {row['geometric_mean']:.3g}" for _, row in overall.iterrows()]
    keys = [*WHO, *BASELINE, "model", "batch_size"]
    mine = published.merge(cells[keys].drop_duplicates(), on=[key for key in keys if key in published])
    whose = list(dict.fromkeys(names[key] for key in mine[[*WHO, *BASELINE]].itertuples(index=False, name=None)))
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
        alt=f"Speed-up, {cells['comparison'].iloc[0]}. Geometric mean over the cells of each: {_few(means)}.",
        series=[*WHO, *BASELINE],
        names=names,
        log=True,
        highest_first=True,
        reference=1.0,
        published=mine[["model", "batch_size", "value"]].drop_duplicates() if number else _NOBODY,
        published_of=", ".join(whose),
    )


def throughput(runs: pd.DataFrame) -> Exhibit:
    """Training samples per second over the batch size."""
    title = "Throughput over the batch size"
    if runs.empty:
        return Exhibit("throughput", title, missing="Not measured. No run is ok.")
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
        names=naming.series(runs),
        log=True,
        highest_first=True,
    )


def learning(runs: pd.DataFrame) -> Exhibit:
    """Each run's accuracy against the references."""
    title = "Did they learn?"
    judged = runs[runs["gate_t"].notna()]
    if judged.empty:
        return Exhibit(
            "learning",
            title,
            missing="Not measured. It takes runs of the experiment that config/references.yaml is of.",
        )
    below = int((judged["status"] == NOT_CONVERGED).sum())
    lowest = judged.loc[judged["gate_t"].idxmin()]
    return Exhibit(
        "learning",
        title,
        "Validation accuracy against reference runs, which did",
        "rows",
        table=judged[[*tables.CELL, "repeat", "status", "gate_t", "gate_limit"]].assign(
            shown=judged["gate_t"].clip(-_FARTHEST, _FARTHEST)
        ),
        value="shown",
        axis="Above the references' mean less half a point (standard deviations)",
        note=f"Dotted: below it a run counts nowhere. Runs beyond {_FARTHEST} are drawn there. "
        f"{_constants(judged)}".strip(),
        alt=f"{title} {below} of {len(judged)} runs that ended without a fault fall below the limit; the lowest is "
        f"{lowest['gate_t']:.1f} standard deviations from the references' mean less half a point, "
        f"{label(lowest[WHO])}, {lowest['model']} at batch size {lowest['batch_size']}.",
        names=naming.series(judged),
        highest_first=True,
        reference=0.0,
        limits=tuple(sorted(set(judged["gate_limit"].round(2)))),
    )


def not_converged(runs: pd.DataFrame, references: convergence.References | None) -> Exhibit:
    """The curves of runs that did not learn, beside the others of their model and batch size."""
    title = "Runs that did not converge"
    bad = runs[runs["status"] == NOT_CONVERGED]
    if bad.empty:
        missing = "No run that ended without a fault failed the convergence gate."
        return Exhibit("not_converged", title, missing=missing)
    cells = bad[["model", "batch_size"]].drop_duplicates()
    shown = runs.merge(cells)[[*tables.CELL, "repeat", "status", "validation_accuracy_by_epoch"]].dropna()
    curves = shown["validation_accuracy_by_epoch"].map(json.loads)
    table = shown.drop(columns="validation_accuracy_by_epoch").assign(
        validation_accuracy=curves, epoch=curves.map(lambda values: list(range(1, len(values) + 1)))
    )
    return Exhibit(
        "not_converged",
        title,
        "their validation accuracy beside that of the others",
        "curves",
        table=table.explode(["validation_accuracy", "epoch"]).dropna(),
        value="validation_accuracy",
        axis="Validation accuracy",
        note="Grey: runs of the same model and batch size that learned, of all machines.",
        marks="One line a run.",
        band=_bands(bad[bad["gate"] == convergence.REFERENCES], references),
        alt=f"{title}: {len(bad)}, "
        + _few([f"{label(row[WHO])}, {row['model']} at batch size {row['batch_size']}" for _, row in bad.iterrows()])
        + ".",
        names=naming.series(bad),
    )


def _bands(bad: pd.DataFrame, references: convergence.References | None) -> pd.DataFrame:
    """Lowest and highest reference by epoch, of the models and batch sizes of runs that were held against them."""
    rows = []
    for model, size in bad[["model", "batch_size"]].drop_duplicates().itertuples(index=False):
        epochs = int(bad["epochs"].max())
        for epoch, values in enumerate(zip(*references.accuracy[model][size]), start=1):
            if epoch <= epochs:
                rows.append((model, size, epoch, min(values), max(values)))
    return pd.DataFrame(rows, columns=["model", "batch_size", "epoch", "low", "high"])


def spread(runs: pd.DataFrame) -> Exhibit:
    """How far each run is from the median of its cell."""
    title = "Spread of the repeats"
    sizes = runs.groupby(tables.CELL)["fit_seconds"].transform("size")
    runs = runs[sizes > 1]
    if runs.empty:
        return Exhibit("spread", title, missing="Not measured. It takes at least two runs of a cell.")
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
        names=naming.series(runs),
        reference=0.0,
        limits=(-10.0, 10.0),
    )


def steady_state(runs: pd.DataFrame) -> Exhibit:
    """How much longer an epoch of the whole fit is than one in the steady state."""
    title = "Total time beside steady state"
    runs = runs[runs["steady_state_epoch_seconds"].notna()]
    if runs.empty:
        return Exhibit("steady_state", title, missing="Not measured. A steady state takes runs of at least two epochs.")
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
        alt=f"{title}: the average epoch takes {table['total_over_steady'].median():.3g} times as long as one in "
        f"steady state (median of all runs), and at most {most['total_over_steady']:.3g} times ({label(most[WHO])}, "
        f"{most['model']} at batch size {most['batch_size']}).",
        names=naming.series(runs),
        reference=1.0,
    )


def steady_state_speed_ups(comparisons: pd.DataFrame) -> Exhibit:
    """Speed-up in the steady state against speed-up in time to train."""
    title = "Does the winner change in the steady state?"
    cells = comparing.distinct(comparisons)
    cells = cells[cells["steady_state_speed_up"].notna()]
    if cells.empty:
        return Exhibit(
            "steady_state_speed_up",
            title,
            missing="Not measured. It takes comparisons, of runs of at least two epochs.",
        )
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
        names=naming.series(shown),
        panels=False,
        marker="model",
        log=True,
        ticks={ends[0]: "all", **{size: f"{size:,}" for size in sorted({*ticks, *between})}, ends[1]: "none"},
    )


def say_break_even(table: pd.DataFrame) -> list[str]:
    """Each break-even in words, with its interval where that says something else than the estimate."""
    found = []
    for row in table.itertuples():
        said = f"from about {row.batch_size:.0f} on"
        if row.batch_size == 0:
            said = f"faster at every batch size measured, from {row.smallest} on"
        elif math.isinf(row.batch_size):
            said = f"not faster at {row.largest}, the largest measured"
        ends = (row.low, row.high)
        if not math.isnan(row.low) and ends != (row.batch_size, row.batch_size):
            said += f" (95 % interval: {_end(row.low)} to {_end(row.high)})"
        found.append(said)
    return found


def _end(value: float) -> str:
    return "every batch size" if value == 0 else "none measured" if math.isinf(value) else f"{value:.0f}"


def tflops(ratios: pd.DataFrame) -> Exhibit:
    """Published TFLOPS against measured speed-up."""
    title = "Do TFLOPS predict training time?"
    if ratios.empty:
        missing = (
            "Not measured. It takes two GPUs with different TFLOPS in config/hardware.yaml, measured with one stack."
        )
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
