"""The figure of the batch sizes from which on GPUs beat the CPUs beside them."""

from __future__ import annotations

import math

import pandas as pd

from trainmark.analysis import series_names
from trainmark.contents.figures import Figure
from trainmark.report.figures.figure_spec import Exhibit, few, lacking


def batch_sizes(figure: Figure, table: pd.DataFrame) -> Exhibit:
    """From which batch size on a GPU beats the CPU of its machine."""
    if table.empty:
        return lacking(figure)
    smallest, largest = int(table["smallest"].min()), int(table["largest"].max())
    ends = smallest / 2, largest * 2
    shown = table.assign(
        device="gpu", **{c: table[c].clip(*ends) for c in ("batch_size", "low", "high")}, said=in_words(table)
    )
    words = [f"{row.machine} ({row.stack}), {row.model}: {row.said}" for row in shown.itertuples()]
    ticks = sorted({int(size) for column in ("smallest", "largest") for size in table[column]})
    between = [size for size in (ticks[0] * 4**power for power in range(1, 9)) if size * 2 < ticks[-1]]
    return Exhibit(
        figure.name,
        figure.title,
        kind="rows",
        table=shown[["machine", "stack", "device", "model", "batch_size", "low", "high", "said"]],
        value="batch_size",
        axis="Batch size",
        row_marks="Points: interpolated between the batch sizes measured; lines: 95 % interval.",
        note='At "all": faster at every batch size measured; at "none": not faster at the largest.',
        alt=f"{figure.title} {few(words, 6)}.",
        names=series_names.series(shown),
        panels=False,
        marker="model",
        log=True,
        # Words stand below the numbers, which have little room.
        ticks={ends[0]: "\nall", **{size: f"{size:,}" for size in sorted({*ticks, *between})}, ends[1]: "\nnone"},
    )


def in_words(table: pd.DataFrame) -> list[str]:
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
