"""The statistics of a comparison: how many times faster a candidate is than a baseline, and how sure that is."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from trainmark import tables
from trainmark.errors import TrainmarkError

CONFIDENCE = 0.95
# What a comparison may choose by; a cell's model and batch size are always the same on both sides.
AXES = ("machine", "device", "stack")
# Columns of comparisons.csv; those of AXES are the candidate's.
CELL_COLUMNS = (
    "comparison",
    *AXES,
    *(f"{axis}_baseline" for axis in AXES),
    "model",
    "batch_size",
    "speed_up",
    "low",
    "high",
    "includes_1",
    *(f"{name}_{side}" for name in ("n", "fit_seconds", "test_accuracy") for side in ("baseline", "candidate")),
)
SUMMARY_COLUMNS = (
    "comparison",
    *AXES,
    *(f"{axis}_baseline" for axis in AXES),
    "model",
    "cells",
    "geometric_mean",
    "arithmetic_mean",
    "minimum",
    "maximum",
)
ALL_MODELS = "all"


@dataclass(frozen=True)
class Comparison:
    """A named comparison.

    Attributes:
        name: its title.
        candidate: axis -> value, for the axes by which the candidate is chosen.
        baseline: the same for the baseline. An axis that neither names is the same on both sides; one that only the
            baseline names, any other value for the candidate.
    """

    name: str
    candidate: Mapping[str, str]
    baseline: Mapping[str, str]


def configured(settings: Iterable[Mapping[str, Any]]) -> list[Comparison]:
    """The comparisons of the configuration."""
    return [Comparison(each["name"], each["candidate"], each["baseline"]) for each in settings]


def sensible(runs: pd.DataFrame, baseline: str) -> list[Comparison]:
    """What is worth comparing where nothing was configured.

    Each GPU with its own CPU, each stack with the one before it, and on each device all machines with the baseline.

    Args:
        runs: comparable runs that are ok.
        baseline: a machine's name, or "auto" for the one that was measured in the most cells of that device.

    Raises:
        TrainmarkError: if there are runs, and none of that machine.
    """
    there = sorted(runs["machine"].unique())
    if baseline != "auto" and there and baseline not in there:
        raise TrainmarkError(
            f"config: baseline is {baseline!r}, of which no run can be compared. There are {', '.join(there)}."
        )
    found = []
    if {"cpu", "gpu"} <= set(runs["device"]):
        found.append(Comparison("GPU against CPU of the same machine", {"device": "gpu"}, {"device": "cpu"}))
    stacks = sorted(runs["stack"].unique(), key=stack_age)
    for older, newer in itertools.pairwise(stacks):
        found.append(Comparison(f"Version matrix: {newer} against {older}", {"stack": newer}, {"stack": older}))
    for device in sorted(runs["device"].unique(), reverse=True):
        there = runs[runs["device"] == device]
        cells = there.drop_duplicates(tables.CELL)["machine"].value_counts()
        if len(cells) > 1:
            most = sorted(cells[cells == cells.max()].index)[0]
            machine = baseline if baseline != "auto" else most
            name = f"{device.upper()}: every machine against {machine}"
            found.append(Comparison(name, {"device": device}, {"device": device, "machine": machine}))
    return found


def compare(runs: pd.DataFrame, comparison: Comparison) -> pd.DataFrame:
    """The speed-up of every cell that both sides of a comparison have.

    Args:
        runs: comparable runs that are ok.
        comparison: which.

    Returns:
        Rows of CELL_COLUMNS, in the order of candidates, models and batch sizes.
    """
    chosen = {
        side: runs[(runs[list(wanted)] == pd.Series(wanted, dtype=object)).all(axis=1)]
        for side, wanted in (("candidate", comparison.candidate), ("baseline", comparison.baseline))
    }
    same = [axis for axis in AXES if axis not in comparison.candidate and axis not in comparison.baseline]
    free = [axis for axis in AXES if axis not in comparison.candidate and axis in comparison.baseline]
    for axis in free:
        chosen["candidate"] = chosen["candidate"][chosen["candidate"][axis] != comparison.baseline[axis]]
    cells = speed_ups(chosen["baseline"], chosen["candidate"], [*same, "model", "batch_size"], free)
    cells["comparison"] = comparison.name
    for axis in AXES:
        if axis in comparison.candidate:
            cells[axis] = comparison.candidate[axis]
        cells[f"{axis}_baseline"] = comparison.baseline.get(axis, cells[axis])
    cells["includes_1"] = ((cells["low"] <= 1) & (cells["high"] >= 1)).where(cells["low"].notna())
    return tables.in_order(cells, [*AXES, "model", "batch_size"])[list(CELL_COLUMNS)]


def compare_all(runs: pd.DataFrame, comparisons: list[Comparison]) -> pd.DataFrame:
    """The rows of several comparisons; arguments and rows as for ``compare``."""
    parts = [cells for comparison in comparisons if not (cells := compare(runs, comparison)).empty]
    return pd.concat(parts) if parts else pd.DataFrame(columns=list(CELL_COLUMNS))


def read_cells(path: Path) -> pd.DataFrame:
    """comparisons.csv or its summary."""
    texts = ["comparison", *AXES, *(f"{axis}_baseline" for axis in AXES), "model"]
    return pd.read_csv(path, dtype=dict.fromkeys(texts, str))


def summarise(cells: pd.DataFrame) -> pd.DataFrame:
    """The speed-ups of a comparison's cells taken together, for each model and for all.

    The geometric mean is the one that does not depend on which side is the baseline (P. J. Fleming and J. J. Wallace,
    How not to lie with statistics, Communications of the ACM 29, 1986); the others are those that the article uses.

    Args:
        cells: as ``compare`` gives them, of one or more comparisons.

    Returns:
        Rows of SUMMARY_COLUMNS; the model is "all" over the models.
    """
    who = ["comparison", *AXES, *(f"{axis}_baseline" for axis in AXES)]
    if cells.empty:
        return pd.DataFrame(columns=list(SUMMARY_COLUMNS))
    both = pd.concat([cells, cells.assign(model=ALL_MODELS)])
    groups = both.assign(log=np.log(both["speed_up"])).groupby([*who, "model"], sort=False)
    table = groups.agg(
        cells=("speed_up", "size"),
        geometric_mean=("log", "mean"),
        arithmetic_mean=("speed_up", "mean"),
        minimum=("speed_up", "min"),
        maximum=("speed_up", "max"),
    ).reset_index()
    table["geometric_mean"] = np.exp(table["geometric_mean"])
    return table[list(SUMMARY_COLUMNS)]


def speed_ups(baseline: pd.DataFrame, candidate: pd.DataFrame, on: list[str], free: Iterable[str] = ()) -> pd.DataFrame:
    """Baseline time / candidate time of every cell that both have, above 1 where the candidate is faster.

    The speed-up is the ratio of the geometric means of ``fit_seconds``. Its interval is Welch's: a t interval of the
    difference of the means of log times, which does not assume equal variances (B. L. Welch, The generalization of
    "Student's" problem when several different population variances are involved, Biometrika 34, 1947). The runs are
    the sample: independent processes.

    Args:
        baseline: comparable runs that are ok.
        candidate: such runs.
        on: columns that tell which cells belong together.
        free: columns that tell several candidates apart.

    Returns:
        One row a common cell: ``on``, ``free``, ``speed_up``, ``low`` and ``high`` (95 % interval; NaN where either
        side has fewer than two runs), and for either side, with ``_baseline`` or ``_candidate`` behind it: ``n``,
        ``fit_seconds`` and ``test_accuracy`` (medians).
    """
    sides = _moments(candidate, [*on, *free]).add_suffix("_candidate"), _moments(baseline, on).add_suffix("_baseline")
    both = sides[0].reset_index().merge(sides[1].reset_index(), on=on)
    difference = both.pop("mean_baseline") - both.pop("mean_candidate")
    # The variance of each mean, and with it Welch and Satterthwaite's degrees of freedom.
    a, b = (both.pop(f"variance_{side}") / both[f"n_{side}"] for side in ("baseline", "candidate"))
    with np.errstate(invalid="ignore", divide="ignore"):
        freedom = (a + b) ** 2 / (a**2 / (both["n_baseline"] - 1) + b**2 / (both["n_candidate"] - 1))
        half = special.stdtrit(freedom, (1 + CONFIDENCE) / 2) * np.sqrt(a + b)
    half = half.mask(a + b == 0, 0.0)
    return both.assign(speed_up=np.exp(difference), low=np.exp(difference - half), high=np.exp(difference + half))


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


def stack_age(stack: str) -> tuple[int, ...]:
    """Sorts stacks by the version in their names: tf-2.9 before tf-2.12."""
    return tuple(int(number) for number in re.findall(r"\d+", stack))
