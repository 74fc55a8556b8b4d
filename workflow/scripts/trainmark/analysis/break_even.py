"""From which batch size on a GPU beats the CPU of its machine."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from trainmark.analysis import cell_statistics
from trainmark.contents import tables


def batch_sizes(cells: pd.DataFrame) -> pd.DataFrame:
    """The batch size from which on the GPU beats the CPU of its machine, for each machine, stack and model.

    Where the log of the speed-up, drawn over the log of the batch size with straight lines between the measured ones,
    last crosses 0 upwards. Its interval is where the curves through the upper and the lower limits of the speed-ups
    cross.

    Args:
        cells: comparisons of the GPU (candidate) with the CPU (baseline), as ``compare`` of those gives them.

    Returns:
        Rows of break_even.csv. ``smallest`` and ``largest`` are the batch sizes measured. ``batch_size`` is 0 where
        the GPU is faster at all of them and infinite where it is not faster at the largest; so are the limits, which
        are NaN without repeats.
    """
    rows = []
    rising = cells.sort_values("batch_size")
    for (machine, stack, model), part in rising.groupby(["machine", "stack", "model"], sort=False):
        sizes = part["batch_size"].tolist()
        # The greater the speed-up, the earlier it crosses: the upper limit of the one gives the lower of the other.
        crossings = [last_crossing(sizes, part[column].tolist()) for column in ("speed_up", "high", "low")]
        rows.append((machine, stack, model, sizes[0], sizes[-1], *crossings))
    return cell_statistics.in_order(
        pd.DataFrame(rows, columns=tables.named("break_even").keys), ["machine", "stack", "model"]
    )


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
