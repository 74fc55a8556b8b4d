"""The figures of the report in their order, and those of speed: of which rows, and what they say."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd

from trainmark.analysis import break_even_sizes, cell_statistics, comparison_statistics, convergence, series_names
from trainmark.analysis.series_names import WHO, label
from trainmark.records.record import OK
from trainmark.report.figures import energy, host_bound, quality
from trainmark.report.figures.figure_spec import NOBODY, Exhibit, constants, count_range, few, ratio_exhibit

# Rows of a figure beyond which nobody reads it.
MOST_SERIES = 60
_PAIR_OF_APPLES = "Not measured. It takes runs on the GPUs of two Macs that can be compared, with one stack."
_APPLE_AND_NVIDIA = "Not measured. It takes runs on an Apple and on an NVIDIA GPU that can be compared, with one stack."
_BOTH_DEVICES = "Not measured. It takes runs on the GPU and on the CPU of one machine that can be compared."


def plan(report: Path, everything: pd.DataFrame, references: convergence.References | None) -> list[Exhibit]:
    """Every figure of the report, in its order; those that cannot be drawn say why.

    Args:
        report: folder of the tables.
        everything: runs of the experiment shown, whatever became of them.
        references: those that runs were held against.
    """
    gpus = cell_statistics.read_specifications(report / "specifications.csv").query("kind == 'gpu'")
    comparisons, summary = (
        comparison_statistics.read_cells(report / f"comparisons{part}.csv") for part in ("", "_summary")
    )
    rest = ("break_even", "tflops", "published", host_bound.NAME)
    break_even, ratios, published, controlled = (cell_statistics.read_table(report / f"{name}.csv") for name in rest)
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
        quality.learning(everything),
        quality.not_converged(everything, references),
        throughput(runs),
        quality.spread(runs),
        quality.steady_state(runs),
        steady_state_speed_ups(comparisons),
        draw_break_even(break_even),
        tflops(ratios),
        host_bound.exhibit(controlled),
        energy.exhibit(runs),
    ]
    others = comparisons[comparisons["exhibit"] == ""]
    for number, (_, cells) in enumerate(others.groupby("comparison", sort=False), start=1):
        found.append(speed_ups("", f"comparison_{number}", cells, summary, published, ""))
    return [_readable(exhibit) for exhibit in found]


def _readable(exhibit: Exhibit) -> Exhibit:
    """The exhibit, or what is said in its place where nobody could read it."""
    if exhibit.missing or exhibit.kind == "scatter":
        return exhibit
    count = len(exhibit.table[exhibit.series].drop_duplicates())
    if count <= MOST_SERIES:
        return exhibit
    missing = f"It would have {count} rows, more than can be read: see the tables."
    return Exhibit(exhibit.name, exhibit.title, number=exhibit.number, missing=missing)


def training_time(number: str, name: str, whose: str, runs: pd.DataFrame, missing: str) -> Exhibit:
    """Seconds of ``fit`` by model and batch size."""
    title = f"Training time, {whose}"
    if runs.empty:
        return Exhibit(name, title, number=number, missing=missing)
    n = runs.groupby(cell_statistics.CELL).size()
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
        f"Shorter is faster. {constants(runs)}".strip(),
        f"{bars}; points: every run.",
        alt=_fastest(runs, title),
        names=series_names.series(runs),
    )


def _fastest(runs: pd.DataFrame, title: str) -> str:
    """Which series is fastest in how many cells."""
    medians = cell_statistics.alike(runs).groupby(["model", "batch_size", *WHO])["fit_seconds"].median().reset_index()
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
        title = titles.get(number, comparison_statistics.GPU_AGAINST_CPU)
        return Exhibit(name, title, number=number, missing=missing)
    names = series_names.pairs(cells)
    overall = summary[summary["model"] == comparison_statistics.ALL_MODELS]
    overall = overall[(overall[["comparison", "exhibit"]] == cells[["comparison", "exhibit"]].iloc[0]).all(axis=1)]
    means = [
        f"{names[tuple(row[list(comparison_statistics.SIDES)])]} {row['geometric_mean']:.3g}"
        for _, row in overall.iterrows()
    ]
    keys = [*comparison_statistics.SIDES, "model", "batch_size"]
    mine = published.merge(cells[keys].drop_duplicates(), on=[key for key in keys if key in published])
    whose = list(dict.fromkeys(names[key] for key in mine[keys[:-2]].itertuples(index=False, name=None)))
    return ratio_exhibit(
        name,
        cells["comparison"].iloc[0],
        cells,
        number=number,
        axis="Speed-up (baseline / candidate)",
        note=f"Above 1: the candidate is faster. Logarithmic axis. {constants(cells)}".strip(),
        alt=f"Speed-up, {cells['comparison'].iloc[0]}. Geometric mean over the cells of each: {few(means)}.",
        series=list(comparison_statistics.SIDES),
        names=names,
        published=mine[["model", "batch_size", "value"]].drop_duplicates() if number else NOBODY,
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
        note=f"Higher is faster. Logarithmic axis. {constants(runs)}".strip(),
        marks="Line: median; points: every run.",
        alt=f"{title}: highest is {best['throughput_samples_per_second']:,.0f} samples per second, "
        f"{label(best[WHO])}, {best['model']} at batch size {best['batch_size']}.",
        names=series_names.series(runs),
        log=True,
        highest_first=True,
    )


def steady_state_speed_ups(comparisons: pd.DataFrame) -> Exhibit:
    """Speed-up in the steady state against speed-up in time to train."""
    title = "Does the winner change in the steady state?"
    cells = comparison_statistics.distinct(comparisons)
    cells = cells[cells["steady_state_speed_up"].notna()]
    if cells.empty:
        return Exhibit(
            "steady_state_speed_up",
            title,
            missing="Not measured. It takes comparisons, of runs of at least two epochs.",
        )
    changes = int(cells["winner_changes"].sum())
    columns = [*comparison_statistics.SIDES, "model", "batch_size", "speed_up", "steady_state_speed_up"]
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
        alt=f"{title} {few(words, 6)}.",
        names=series_names.series(shown),
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
    correlation = break_even_sizes.rank_correlation(ratios)
    slower = int((ratios["speed_up"] < 1).sum())
    less = int((ratios["speed_up"] < ratios["tflops_ratio"]).sum())
    said = (
        f"In {slower} of {len(ratios)} cells the GPU with more TFLOPS is the slower one, and in {less} it gains less "
    )
    said += "than TFLOPS promise"
    return f"{said}." if math.isnan(correlation) else f"{said}; rank correlation {correlation:.2f}."
