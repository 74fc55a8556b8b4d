"""The statistics of a comparison: how many times faster a candidate is than a baseline, and how sure that is."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pandas as pd
from scipy import special

from trainmark import tables

CONFIDENCE = 0.95


def speed_ups(baseline: pd.DataFrame, candidate: pd.DataFrame, on: list[str]) -> pd.DataFrame:
    """Baseline time / candidate time of every cell that both have, above 1 where the candidate is faster.

    The speed-up is the ratio of the geometric means of ``fit_seconds``. Its interval is Welch's: a t interval of the
    difference of the means of log times, which does not assume equal variances (B. L. Welch, The generalization of
    "Student's" problem when several different population variances are involved, Biometrika 34, 1947). The runs are
    the sample: independent processes.

    Args:
        baseline: comparable runs that are ok.
        candidate: such runs.
        on: columns that tell which cells belong together.

    Returns:
        One row a common cell: ``on``, ``speed_up``, ``low`` and ``high`` (95 % interval; NaN where either side has
        fewer than two runs), and for either side, with ``_baseline`` or ``_candidate`` behind it: ``n``,
        ``fit_seconds`` and ``test_accuracy`` (medians).
    """
    sides = _moments(baseline, on).add_suffix("_baseline"), _moments(candidate, on).add_suffix("_candidate")
    both = sides[0].join(sides[1], how="inner")
    difference = both.pop("mean_baseline") - both.pop("mean_candidate")
    # The variance of each mean, and with it Welch and Satterthwaite's degrees of freedom.
    a, b = (both.pop(f"variance_{side}") / both[f"n_{side}"] for side in ("baseline", "candidate"))
    with np.errstate(invalid="ignore", divide="ignore"):
        freedom = (a + b) ** 2 / (a**2 / (both["n_baseline"] - 1) + b**2 / (both["n_candidate"] - 1))
        half = special.stdtrit(freedom, (1 + CONFIDENCE) / 2) * np.sqrt(a + b)
    half = half.mask(a + b == 0, 0.0)
    interval = {"low": np.exp(difference - half), "high": np.exp(difference + half)}
    return both.assign(speed_up=np.exp(difference), **interval).reset_index()


def _moments(runs: pd.DataFrame, on: list[str]) -> pd.DataFrame:
    return (
        runs.assign(log_seconds=np.log(runs["fit_seconds"]))
        .groupby(on)
        .agg(
            n=("fit_seconds", "size"),
            mean=("log_seconds", "mean"),
            variance=("log_seconds", "var"),
            fit_seconds=("fit_seconds", "median"),
            test_accuracy=("test_accuracy", "median"),
        )
    )


def gpu_against_cpu(runs: pd.DataFrame) -> pd.DataFrame:
    """Speed-up of each machine's GPU over its own CPU, by ``machine``, ``stack``, ``model``, ``batch_size``."""
    on = ["machine", "stack", "model", "batch_size"]
    return speed_ups(runs[runs["device"] == "cpu"], runs[runs["device"] == "gpu"], on)


def newer_against_older_stack(runs: pd.DataFrame) -> pd.DataFrame:
    """Speed-up of each stack over the next older one that the same machine was measured with.

    Returns:
        As ``speed_ups``, by ``machine``, ``device``, ``model``, ``batch_size``; with ``older`` and ``newer``, the
        stacks. Empty where no machine has two.
    """
    on = ["machine", "device", "model", "batch_size"]
    stacks = sorted(runs["stack"].unique(), key=stack_age)
    pairs = [
        speed_ups(runs[runs["stack"] == older], runs[runs["stack"] == newer], on).assign(older=older, newer=newer)
        for older, newer in itertools.pairwise(stacks)
    ]
    if not pairs:
        return speed_ups(runs[:0], runs[:0], on).assign(older="", newer="")
    return pd.concat(pairs).sort_values(on, key=lambda c: c.map(tables.model_rank) if c.name == "model" else c)


def stack_age(stack: str) -> tuple[int, ...]:
    """Sorts stacks by the version in their names: tf-2.9 before tf-2.12."""
    return tuple(int(number) for number in re.findall(r"\d+", stack))
