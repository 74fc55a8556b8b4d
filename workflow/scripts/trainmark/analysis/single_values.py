"""What was measured of a value that needs no baseline: time, throughput, energy or accuracy of one machine."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trainmark.analysis import comparison_statistics, energy_use, verdicts
from trainmark.analysis.ledger import ACCURACY, Claim
from trainmark.analysis.verdicts import Estimate

# A column of numbers, one a run, from the runs of an experiment.
_VALUES: dict[str, Callable[[pd.DataFrame], pd.Series]] = {
    "seconds_per_epoch": lambda runs: runs["fit_seconds"] / runs["epochs"],
    "throughput": lambda runs: runs["throughput_samples_per_second"],
    "energy": lambda runs: runs["energy_joules"] / runs["epochs"],
    ACCURACY: lambda runs: runs["test_accuracy"],
}


def estimates(claim: Claim, runs: pd.DataFrame, machine: str, stack: str) -> tuple[list[Estimate], list[str]]:
    """The measured values of a claim's cells on one machine, and what is missing of them, in words.

    Args:
        claim: about one of these measures.
        runs: comparable runs of an experiment, as runs.csv has them.
        machine: the candidate's.
        stack: the candidate's.

    Returns:
        An estimate for each cell that has runs: their median, with Student's t interval of the mean over the repeats,
        of logarithms, but of accuracies as they are. A time is of the whole fit over its epochs, start-up and
        validation included; an energy is of cells whose runs counted the same.
    """
    who = {"machine": machine, "stack": stack, "device": claim["candidate"]["device"]}
    runs = runs[(runs[list(who)] == pd.Series(who)).all(axis=1)]
    if claim["measure"] == "energy":
        runs = energy_use.of_one_scope(runs)
    groups = runs.assign(value=_VALUES[claim["measure"]](runs).astype(float)).dropna(subset="value")
    by_cell = {cell: part["value"].to_numpy() for cell, part in groups.groupby(["model", "batch_size"])}
    wanted = list(itertools.product(claim["cells"]["models"], claim["cells"]["batch_sizes"]))
    there = [cell for cell in wanted if cell in by_cell]
    what = "an energy" if claim["measure"] == "energy" else "a run"
    missing = [f"{model} {size} on {machine}" for model, size in wanted if (model, size) not in by_cell]
    together = verdicts.together(len(there)) if there else math.nan
    found = [_estimate(f"{m} {size}", by_cell[m, size], together, claim["measure"] == ACCURACY) for m, size in there]
    return found, [f"{each} ({what})" for each in missing]


def _estimate(what: str, values: NDArray[np.float64], strict: float, plain: bool) -> Estimate:
    """Of the repeats of a cell; ``plain`` of values as they are, and not of their logarithms."""
    scaled = values if plain else np.log(values)
    count = len(values)
    error = scaled.std(ddof=1) / math.sqrt(count) if count > 1 else math.nan
    ends = [
        verdicts.pair(comparison_statistics.limits([scaled.mean()], [error], [count - 1], confidence), 0)
        for confidence in (comparison_statistics.CONFIDENCE, strict)
    ]
    simple, stricter = [(math.log(low), math.log(high)) if plain else (low, high) for low, high in ends]
    return Estimate(f"{what}, {count} run{'s' * (count > 1)}", float(np.median(values)), simple, stricter)
