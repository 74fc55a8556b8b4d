"""The arithmetic of the trainings: what TFLOPS predict, and how much of a device's peak is used."""

from __future__ import annotations

import math

import pandas as pd

from trainmark.analysis import cell_statistics, comparisons, table_files
from trainmark.contents import tables
from trainmark.words import plural

# With more GPUs than this, each is compared with the weakest alone: the pairs of a hundred would fill a page.
_MOST_PAIRED = 30


def tflops_ratios(cells: pd.DataFrame, gpus: pd.DataFrame) -> pd.DataFrame:
    """The ratio of published TFLOPS beside the measured speed-up, for each pair of GPUs and cell that both have.

    The candidate is always the one with more TFLOPS, so that no choice of a baseline enters. Pairs of equal TFLOPS say
    nothing and are left out.

    Args:
        cells: as ``comparison_statistics.moments`` gives them.
        gpus: ``machine`` and ``fp32_tflops`` (NaN if unknown).

    Returns:
        Rows of tflops.csv.
    """
    there = set(cells.loc[cells["device"] == "gpu", "machine"])
    known = gpus[gpus["machine"].isin(there) & gpus["fp32_tflops"].notna()].sort_values(["fp32_tflops", "machine"])
    tflops = dict(zip(known["machine"], known["fp32_tflops"]))
    weak = tuple(tflops) if len(tflops) <= _MOST_PAIRED else tuple(tflops)[:1]
    wanted = comparisons.Comparison("", {"machine": tuple(tflops), "device": "gpu"}, {"machine": weak, "device": "gpu"})
    pairs = comparisons.compare(cells, wanted)
    ratios = pairs["machine"].map(tflops).astype(float) / pairs["machine_baseline"].map(tflops).astype(float)
    return pairs.assign(tflops_ratio=ratios)[ratios > 1][tables.named("tflops").keys]


def rank_correlation(ratios: pd.DataFrame) -> float:
    """Spearman's rank correlation of TFLOPS ratio and speed-up; NaN where it cannot be had."""
    if ratios["tflops_ratio"].nunique() < 2 or ratios["speed_up"].nunique() < 2:
        return math.nan
    return float(ratios["tflops_ratio"].rank().corr(ratios["speed_up"].rank()))


def best_products(peaks: pd.DataFrame, gpus: pd.DataFrame) -> pd.DataFrame:
    """The best of each sweep of matrix products, beside what was published of a GPU and what a processor promises.

    Args:
        peaks: peaks.csv.
        gpus: ``machine`` and ``fp32_tflops`` (NaN if unknown).

    Returns:
        Rows of matrix_products.csv; ``theory`` says what the processor's peak is made of.
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
    return best[tables.named("matrix_products").keys]


def utilisation(runs: pd.DataFrame, gpus: pd.DataFrame, peaks: pd.DataFrame) -> pd.DataFrame:
    """The arithmetic that each model reaches at its best batch size, and what share of the device's peaks that is.

    Args:
        runs: comparable runs that are ok.
        gpus: ``machine`` and ``fp32_tflops`` (NaN if unknown).
        peaks: peaks.csv.

    Returns:
        Rows of utilisation.csv: medians of the whole fit, validation included, at the batch size where that is
        highest. ``published_tflops`` and ``share`` of GPUs alone, NaN where no peak is known; ``swept_tflops`` and
        ``swept_share``, of the best matrix product on this device, NaN where none was made.
    """
    medians = runs.groupby(cell_statistics.CELL)["flops_per_second"].median().dropna().reset_index()
    if medians.empty:
        return table_files.nothing("utilisation")
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
    return cell_statistics.in_order(best, keys)[tables.named("utilisation").keys]
