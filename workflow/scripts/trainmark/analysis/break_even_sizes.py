"""What the comparisons say that the article could not: break-even batch sizes, and what TFLOPS predict."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import special

from trainmark.analysis import cell_statistics, comparison_statistics
from trainmark.machine import disturbances
from trainmark.words import plural

BREAK_EVEN_COLUMNS = ("machine", "stack", "model", "smallest", "largest", "batch_size", "low", "high")
UTILISATION_COLUMNS: tuple[str, ...] = (
    "machine",
    "stack",
    "device",
    "model",
    "batch_size",
    "tflops",
    "published_tflops",
    "share",
)
UTILISATION_COLUMNS += ("swept_tflops", "swept_share")
PEAK_COLUMNS: tuple[str, ...] = (
    "machine",
    "stack",
    "device",
    "threads",
    "side",
    "tflops",
    "published_tflops",
    "published_share",
)
PEAK_COLUMNS += ("theoretical_tflops", "theoretical_share", "theory")
TFLOPS_COLUMNS: tuple[str, ...] = (
    *comparison_statistics.SIDES,
    "model",
    "batch_size",
    "tflops_ratio",
    "speed_up",
    "low",
    "high",
)
DRIFT_COLUMNS = ("machine", "stack", "device", "cells", "ratio", "low", "high")
OUTLYING_COLUMNS: tuple[str, ...] = (
    *cell_statistics.CELL,
    "repeat",
    "fit_seconds",
    "median_seconds",
    "ratio",
    "load_average_before",
)
OUTLYING_COLUMNS += ("other_cpu_share", "steal_share", "cpu_share", "started_at", "why")
GPU_STATE_COLUMNS: tuple[str, ...] = (
    "machine",
    "stack",
    "device",
    "runs",
    "clock_hertz",
    "hottest_celsius",
    "peak_memory_bytes",
)
GPU_STATE_COLUMNS += ("held_back_by",)
# A run that is by more than this factor off its siblings is marked.
OUTLYING = 1.2
# Starting and ending a process, and one more step, take seconds, on a busy machine a minute.
UNEXPLAINED_SECONDS = 300.0
_FEWEST_REPEATS = 3  # of two, nobody knows which one stands apart
# Half of the interval of a cell's mean that repeats are to reach.
PRECISION = 0.05
_MOST_REPEATS = 1000
# With more GPUs than this, each is compared with the weakest alone: the pairs of a hundred would fill a page.
_MOST_PAIRED = 30


def break_even(cells: pd.DataFrame) -> pd.DataFrame:
    """The batch size from which on the GPU beats the CPU of its machine, for each machine, stack and model.

    Where the log of the speed-up, drawn over the log of the batch size with straight lines between the measured ones,
    last crosses 0 upwards. Its interval is where the curves through the upper and the lower limits of the speed-ups
    cross.

    Args:
        cells: comparisons of the GPU (candidate) with the CPU (baseline), as ``compare`` of those gives them.

    Returns:
        Rows of BREAK_EVEN_COLUMNS. ``smallest`` and ``largest`` are the batch sizes measured. ``batch_size`` is 0 where
        the GPU is faster at all of them and infinite where it is not faster at the largest; so are the limits, which
        are NaN without repeats.
    """
    rows = []
    for (machine, stack, model), part in cells.groupby(["machine", "stack", "model"], sort=False):
        part = part.sort_values("batch_size")
        sizes = part["batch_size"].tolist()
        # The greater the speed-up, the earlier it crosses: the upper limit of the one gives the lower of the other.
        crossings = [last_crossing(sizes, part[column].tolist()) for column in ("speed_up", "high", "low")]
        rows.append((machine, stack, model, sizes[0], sizes[-1], *crossings))
    return cell_statistics.in_order(pd.DataFrame(rows, columns=list(BREAK_EVEN_COLUMNS)), ["machine", "stack", "model"])


def last_crossing(sizes: Sequence[int], ratios: Sequence[float]) -> float:
    """Batch size from which on a ratio stays above 1; 0 if it always is, infinity if it is not at the end."""
    if any(math.isnan(ratio) for ratio in ratios):
        return math.nan
    if ratios[-1] <= 1:
        return math.inf
    for position in reversed(range(len(sizes) - 1)):
        low, high = math.log(ratios[position]), math.log(ratios[position + 1])
        if low <= 0:
            share = -low / (high - low)
            return math.exp((1 - share) * math.log(sizes[position]) + share * math.log(sizes[position + 1]))
    return 0.0


def tflops_ratios(runs: pd.DataFrame, gpus: pd.DataFrame) -> pd.DataFrame:
    """The ratio of published TFLOPS beside the measured speed-up, for each pair of GPUs and cell that both have.

    The candidate is always the one with more TFLOPS, so that no choice of a baseline enters. Pairs of equal TFLOPS say
    nothing and are left out.

    Args:
        runs: comparable runs that are ok.
        gpus: ``machine`` and ``fp32_tflops`` (NaN if unknown).

    Returns:
        Rows of TFLOPS_COLUMNS.
    """
    there = set(runs.loc[runs["device"] == "gpu", "machine"])
    known = gpus[gpus["machine"].isin(there) & gpus["fp32_tflops"].notna()].sort_values(["fp32_tflops", "machine"])
    tflops = dict(zip(known["machine"], known["fp32_tflops"]))
    weak = tuple(tflops) if len(tflops) <= _MOST_PAIRED else tuple(tflops)[:1]
    wanted = comparison_statistics.Comparison(
        "", {"machine": tuple(tflops), "device": "gpu"}, {"machine": weak, "device": "gpu"}
    )
    cells = comparison_statistics.compare(runs, wanted)
    ratios = cells["machine"].map(tflops).astype(float) / cells["machine_baseline"].map(tflops).astype(float)
    return cells.assign(tflops_ratio=ratios)[ratios > 1][list(TFLOPS_COLUMNS)]


def rank_correlation(ratios: pd.DataFrame) -> float:
    """Spearman's rank correlation of TFLOPS ratio and speed-up; NaN where it cannot be had."""
    if ratios["tflops_ratio"].nunique() < 2 or ratios["speed_up"].nunique() < 2:
        return math.nan
    return float(ratios["tflops_ratio"].rank().corr(ratios["speed_up"].rank()))


def outlying(runs: pd.DataFrame) -> pd.DataFrame:
    """Runs that took over a fifth longer or less long than the median of their cell, or that something disturbed.

    Args:
        runs: runs that are ok.

    Returns:
        Rows of OUTLYING_COLUMNS: ``median_seconds`` is the cell's, ``ratio`` the run's time over it. Of the time of as
        many cores as the run had threads, ``other_cpu_share`` is what other programs took (over 1 where the machine has
        more cores), ``steal_share`` what the host gave to other machines, ``cpu_share`` what the run itself took.
        ``why`` is what marks the run, in words.
    """
    times = runs.groupby(cell_statistics.CELL)["fit_seconds"]
    ratio, size = runs["fit_seconds"] / times.transform("median"), times.transform("size")
    apart = (size >= _FEWEST_REPEATS) & ~ratio.between(1 / OUTLYING, OUTLYING)
    cores = runs["fit_seconds"] * runs["intra_op_threads"]
    shares = {
        f"{name}_share": runs[f"fit_{name}_seconds"].astype(float) / cores for name in ("other_cpu", "steal", "cpu")
    }
    found = runs.assign(median_seconds=runs["fit_seconds"] / ratio, ratio=ratio, **shares)
    marks = {
        "took over a fifth longer than its siblings": apart & (ratio > 1),
        "took under five sixths of its siblings' time": apart & (ratio < 1),
        "other programs computed": shares["other_cpu_share"] > disturbances.DISTURBING,
        "the host gave its cores to others": shares["steal_share"] > disturbances.DISTURBING,
        "the machine slept": runs["suspended_seconds"].astype(float) > disturbances.NOTICED_SECONDS,
        "its clock was set": runs["clock_jump_seconds"].astype(float).abs() > disturbances.NOTICED_SECONDS,
        "much longer by the clock than by its own account": unexplained(runs),
        "on battery": runs["power_source"] == "battery",
        "in low-power mode": runs["low_power_mode"] == True,  # noqa: E712, a column that may hold nothing
        "held back for its heat": held_back_for_heat(runs),
        "another process was on the GPU": runs["gpu_processes_before"].astype(float) > 0,
    }
    marked = pd.DataFrame({name: marks[name].astype(bool) for name in marks}, index=runs.index)
    found = found[marked.any(axis=1)]
    why = [", ".join(marked.columns[row]) for row in marked[marked.any(axis=1)].to_numpy()]
    return found.assign(why=why)[list(OUTLYING_COLUMNS)]


def unexplained(runs: pd.DataFrame) -> pd.Series:
    """Whether a run that did not note sleep took longer by the time of day than it was busy: the machine slept, say."""
    return runs["suspended_seconds"].isna() & (runs["unexplained_seconds"].astype(float) > UNEXPLAINED_SECONDS)


def held_back_for_heat(runs: pd.DataFrame) -> pd.Series:
    """Whether a run was slowed down by the machine's heat: by macOS's, Linux's or NVIDIA's own account."""
    thermal = runs["gpu_throttle_shares"].str.contains("thermal").fillna(False).astype(bool)
    pressed = runs["thermal_pressure"].notna() & (runs["thermal_pressure"] != "nominal")
    return thermal | pressed | (runs["fit_throttle_events"].astype(float) > 0)


def gpu_states(runs: pd.DataFrame) -> pd.DataFrame:
    """What was noted of the NVIDIA GPUs while they trained, by machine, stack and device.

    Args:
        runs: runs that are ok.

    Returns:
        Rows of GPU_STATE_COLUMNS: the median of the runs' clocks, the highest temperature, the most memory that
        TensorFlow's tensors took, and for each reason that held a clock back the mean share of the samples taken, in
        words.
    """
    noted = runs[runs[["gpu_clock_hertz", "gpu_throttle_shares", "peak_device_memory_bytes"]].notna().any(axis=1)]
    rows = []
    for key, part in noted.groupby(["machine", "stack", "device"]):
        shares = [json.loads(text) for text in part["gpu_throttle_shares"].dropna()]
        reasons = sorted({reason for each in shares for reason in each})
        means = {reason: sum(each.get(reason, 0.0) for each in shares) / len(shares) for reason in reasons}
        words = ", ".join(f"{reason} {share:.0%}" for reason, share in means.items())
        numbers = part[["gpu_clock_hertz", "gpu_temperature_celsius", "peak_device_memory_bytes"]].astype(float)
        ends = numbers["gpu_clock_hertz"].median(), numbers["gpu_temperature_celsius"].max()
        rows.append((*key, len(part), *ends, numbers["peak_device_memory_bytes"].max(), words))
    return pd.DataFrame(rows, columns=list(GPU_STATE_COLUMNS))


def drift(runs: pd.DataFrame) -> pd.DataFrame:
    """How much longer the last repeat of a cell took than its first, by machine, stack and device.

    Repeats are spread over a session, so a machine that warms up, or is used by others more and more, shows it here in
    all cells at once: the mean over the cells of the log of that ratio, with its t interval.

    Args:
        runs: runs that are ok.

    Returns:
        Rows of DRIFT_COLUMNS, of machines with at least two cells of several runs.
    """
    cells = (
        runs.sort_values(["started_at", "repeat"])
        .groupby(cell_statistics.CELL)["fit_seconds"]
        .agg(["first", "last", "size"])
    )
    cells = cells[cells["size"] > 1]
    logs = np.log(cells["last"] / cells["first"]).groupby(["machine", "stack", "device"])
    table = logs.agg(["mean", "std", "size"]).query("size > 1").reset_index()
    error = table["std"] / np.sqrt(table["size"])
    low, high = comparison_statistics.limits(table["mean"], error, table["size"] - 1)
    table = table.assign(ratio=np.exp(table["mean"]), low=low, high=high, cells=table["size"])
    return table[list(DRIFT_COLUMNS)]


def repeats_needed(spread: float) -> int:
    """How many repeats would bring the 95 % interval of a cell's mean time within PRECISION of it.

    The smallest n for which t(0.975, n - 1) spread / sqrt(n) is no more than that (pyperf's rule, with Student's t).

    Args:
        spread: standard deviation of its times over their mean.
    """
    for n in range(2, _MOST_REPEATS):
        if special.stdtrit(n - 1, 0.975) * spread / math.sqrt(n) <= PRECISION:
            return n
    return _MOST_REPEATS


def best_products(peaks: pd.DataFrame, gpus: pd.DataFrame) -> pd.DataFrame:
    """The best of each sweep of matrix products, beside what was published of a GPU and what a processor promises.

    Args:
        peaks: peaks.csv.
        gpus: ``machine`` and ``fp32_tflops`` (NaN if unknown).

    Returns:
        Rows of PEAK_COLUMNS; ``theory`` says what the processor's peak is made of.
    """
    keys = ["machine", "stack", "device"]
    best = peaks.loc[peaks.groupby(keys)["flops_per_second"].idxmax()] if len(peaks) else peaks
    published = best["machine"].map(dict(zip(gpus["machine"], gpus["fp32_tflops"]))).where(best["device"] == "gpu")
    best = best.assign(
        tflops=best["flops_per_second"].astype(float) / 1e12,
        published_tflops=published.astype(float),
        theoretical_tflops=best["theoretical_flops_per_second"].astype(float) / 1e12,
        theory=[
            ""
            if pd.isna(row.theoretical_flops_per_second)
            else f"{plural(row.theoretical_cores, 'core')} x {row.theoretical_clock_hertz / 1e9:.2f} GHz x "
            f"{row.theoretical_flops_per_cycle:.0f} a cycle"
            for row in best.itertuples()
        ],
    )
    best = best.assign(
        published_share=best["tflops"] / best["published_tflops"],
        theoretical_share=best["tflops"] / best["theoretical_tflops"],
    )
    return best[list(PEAK_COLUMNS)]


def utilisation(runs: pd.DataFrame, gpus: pd.DataFrame, peaks: pd.DataFrame) -> pd.DataFrame:
    """The arithmetic that each model reaches at its best batch size, and what share of the device's peaks that is.

    Args:
        runs: comparable runs that are ok.
        gpus: ``machine`` and ``fp32_tflops`` (NaN if unknown).
        peaks: peaks.csv.

    Returns:
        Rows of UTILISATION_COLUMNS: medians of the whole fit, validation included, at the batch size where that is
        highest. ``published_tflops`` and ``share`` of GPUs alone, NaN where no peak is known; ``swept_tflops`` and
        ``swept_share``, of the best matrix product on this device, NaN where none was made.
    """
    medians = runs.groupby(cell_statistics.CELL)["flops_per_second"].median().dropna().reset_index()
    if medians.empty:
        return pd.DataFrame(columns=list(UTILISATION_COLUMNS))
    keys = ["machine", "stack", "device", "model"]
    best = medians.loc[medians.groupby(keys)["flops_per_second"].idxmax()]
    known = dict(zip(gpus["machine"], gpus["fp32_tflops"]))
    published = best["machine"].map(known).where(best["device"] == "gpu").astype(float)
    best = best.assign(tflops=best["flops_per_second"] / 1e12, published_tflops=published)
    swept = peaks.groupby(["machine", "stack", "device"])["flops_per_second"].max().astype(float) / 1e12
    best = best.merge(swept.rename("swept_tflops").reset_index(), how="left", on=["machine", "stack", "device"])
    best = best.assign(
        share=best["tflops"] / best["published_tflops"], swept_share=best["tflops"] / best["swept_tflops"]
    )
    return cell_statistics.in_order(best, keys)[list(UTILISATION_COLUMNS)]
