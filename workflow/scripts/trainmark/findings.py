"""What the comparisons say that the article could not: break-even batch sizes, and what TFLOPS predict."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import pandas as pd
from scipy import stats

from trainmark import comparing, tables

BREAK_EVEN_COLUMNS = ("machine", "stack", "model", "smallest", "largest", "batch_size", "low", "high")
UTILISATION_COLUMNS = ("machine", "stack", "device", "model", "batch_size", "tflops", "published_tflops", "share")
TFLOPS_COLUMNS = (
    *comparing.WHO,
    "model",
    "batch_size",
    "tflops_ratio",
    "speed_up",
    "low",
    "high",
)
# With more GPUs than this, each is compared with the weakest alone: the pairs of a hundred would fill a page.
_MOST_PAIRED = 30


def break_even(cells: pd.DataFrame) -> pd.DataFrame:
    """The batch size from which on the GPU beats the CPU of its machine, for each machine, stack and model.

    Where the log of the speed-up, drawn over the log of the batch size with straight lines between the measured ones,
    last crosses 0 upwards. Its interval is where the curves through the upper and the lower limits of the speed-ups
    cross.

    Args:
        cells: comparisons of the GPU (candidate) with the CPU (baseline), as ``comparing.compare`` gives them.

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
    return tables.in_order(pd.DataFrame(rows, columns=list(BREAK_EVEN_COLUMNS)), ["machine", "stack", "model"])


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
    pairs = [pair for pair in itertools.combinations(tflops, 2) if tflops[pair[0]] < tflops[pair[1]]]
    if len(tflops) > _MOST_PAIRED:
        pairs = [pair for pair in pairs if pair[0] == next(iter(tflops))]
    parts = []
    for weak, strong in pairs:
        sides = {"machine": strong, "device": "gpu"}, {"machine": weak, "device": "gpu"}
        cells = comparing.compare(runs, comparing.Comparison("", *sides))
        if len(cells):
            parts.append(cells.assign(tflops_ratio=tflops[strong] / tflops[weak]))
    return (pd.concat(parts) if parts else pd.DataFrame(columns=list(TFLOPS_COLUMNS)))[list(TFLOPS_COLUMNS)]


def rank_correlation(ratios: pd.DataFrame) -> float:
    """Spearman's rank correlation of TFLOPS ratio and speed-up; NaN where it cannot be had."""
    if ratios["tflops_ratio"].nunique() < 2 or ratios["speed_up"].nunique() < 2:
        return math.nan
    return float(stats.spearmanr(ratios["tflops_ratio"], ratios["speed_up"]).statistic)


def utilisation(runs: pd.DataFrame, gpus: pd.DataFrame) -> pd.DataFrame:
    """The arithmetic that each model reaches at its best batch size, and what share of the published peak that is.

    Args:
        runs: comparable runs that are ok.
        gpus: ``machine`` and ``fp32_tflops`` (NaN if unknown).

    Returns:
        Rows of UTILISATION_COLUMNS: medians of the whole fit, validation included, at the batch size where that is
        highest. ``published_tflops`` and ``share`` of GPUs alone, NaN where no peak is known.
    """
    medians = runs.groupby(tables.CELL)["flops_per_second"].median().dropna().reset_index()
    if medians.empty:
        return pd.DataFrame(columns=list(UTILISATION_COLUMNS))
    keys = ["machine", "stack", "device", "model"]
    best = medians.loc[medians.groupby(keys)["flops_per_second"].idxmax()]
    peaks = dict(zip(gpus["machine"], gpus["fp32_tflops"]))
    published = best["machine"].map(peaks).where(best["device"] == "gpu").astype(float)
    best = best.assign(tflops=best["flops_per_second"] / 1e12, published_tflops=published)
    best = best.assign(share=best["tflops"] / best["published_tflops"])
    return tables.in_order(best, keys)[list(UTILISATION_COLUMNS)]
