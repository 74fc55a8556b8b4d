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

from trainmark.analysis import cell_statistics
from trainmark.analysis.series_names import BASELINE, WHO
from trainmark.errors import TrainmarkError

CONFIDENCE = 0.95
# What a comparison may choose by; a cell's model and batch size are always the same on both sides.
AXES = tuple(WHO)
SIDES = (*WHO, *BASELINE)
# What is compared: time to train, and the steady state.
MEASURES = ("fit_seconds", "steady_state_epoch_seconds")
# Columns of comparisons.csv; those of AXES are the candidate's.
CELL_COLUMNS = (
    "comparison",
    "exhibit",
    *SIDES,
    "model",
    "batch_size",
    "speed_up",
    "low",
    "high",
    "includes_1",
    "steady_state_speed_up",
    "steady_state_low",
    "steady_state_high",
    "winner_changes",
    *(f"{name}_{side}" for name in ("n", *MEASURES, "test_accuracy") for side in ("baseline", "candidate")),
    "log_standard_error",
    "degrees_of_freedom",
)
SUMMARY_COLUMNS = (
    "comparison",
    "exhibit",
    *SIDES,
    "model",
    "cells",
    "geometric_mean",
    "low",
    "high",
    "arithmetic_mean",
    "minimum",
    "maximum",
)
UNLIKE_COLUMNS = (*SIDES, "model", "batch_size", "why")
ALL_MODELS = "all"
GPU_AGAINST_CPU = "Times faster: GPU against CPU of the same machine"


@dataclass(frozen=True)
class Comparison:
    """A named comparison.

    Attributes:
        name: its title.
        candidate: axis -> value or values, for the axes by which the candidate is chosen.
        baseline: the same for the baseline. An axis that neither names is the same on both sides; one that only one
            side names, any other value for the other side.
        exhibit: number of the article's exhibit that it draws.
    """

    name: str
    candidate: Mapping[str, str | tuple[str, ...]]
    baseline: Mapping[str, str | tuple[str, ...]]
    exhibit: str = ""


def configured(settings: Iterable[Mapping[str, Any]]) -> list[Comparison]:
    """The comparisons of the configuration."""
    return [Comparison(each["name"], each["candidate"], each["baseline"]) for each in settings]


def article(runs: pd.DataFrame, gpus: pd.DataFrame, baseline: str) -> list[Comparison]:
    """The article's own comparisons, for the machines that are there.

    Its figure 5 has Apple's GPUs among themselves, against the slowest; 7, the fastest of them against NVIDIA's; 8,
    each GPU against the CPU of its machine. Fast and slow are by the geometric mean over the cells that all have.

    Args:
        runs: comparable runs that are ok.
        gpus: ``machine`` and ``vendor``.
        baseline: the configured baseline, taken for figure 5 if it has an Apple GPU.
    """
    there = runs[runs["device"] == "gpu"]
    of_apple = there["machine"].isin(gpus.loc[gpus["vendor"] == "apple", "machine"])
    apple, others = _fastest_first(there[of_apple]), tuple(sorted(there.loc[~of_apple, "machine"].unique()))
    found = []
    if len(apple) > 1:
        slowest = baseline if baseline in apple else apple[-1]
        rest = tuple(machine for machine in apple if machine != slowest)
        gpu = {"device": "gpu"}
        name = f"Times faster: Apple GPUs against {slowest}"
        found.append(Comparison(name, {**gpu, "machine": rest}, {**gpu, "machine": slowest}, "5"))
    if apple and others:
        name = f"Times faster: {apple[0]} against NVIDIA GPUs"
        one = {"device": "gpu", "machine": apple[0]}
        found.append(Comparison(name, one, {"device": "gpu", "machine": tuple(others)}, "7"))
    if {"cpu", "gpu"} <= set(runs["device"]):
        found.append(Comparison(GPU_AGAINST_CPU, {"device": "gpu"}, {"device": "cpu"}, "8"))
    return found


def _fastest_first(runs: pd.DataFrame) -> tuple[str, ...]:
    """Machines by their times in the cells that all of them have, or in all where they have none in common."""
    logs = np.log(runs.groupby(["stack", "model", "batch_size", "machine"])["fit_seconds"].median()).unstack()
    common = logs.dropna()
    means = (common if len(common) else logs).mean()
    return tuple(means.reset_index(name="mean").sort_values(["mean", "machine"])["machine"]) if len(means) else ()


def sensible(runs: pd.DataFrame, baseline: str) -> list[Comparison]:
    """What else is worth comparing where nothing was configured.

    Each stack with the one before it, and on each device all machines with the baseline.

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
    stacks = sorted(runs["stack"].unique(), key=stack_age)
    for older, newer in itertools.pairwise(stacks):
        found.append(Comparison(f"Version matrix: {newer} against {older}", {"stack": newer}, {"stack": older}))
    for device in sorted(runs["device"].unique(), reverse=True):
        there = runs[runs["device"] == device]
        cells = there.drop_duplicates(cell_statistics.CELL)["machine"].value_counts()
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
        Rows of CELL_COLUMNS, in the order of candidates, baselines, models and batch sizes.
    """
    cells = _pairs(runs, comparison)
    return _finished(cells[cells["unlike"] == ""], comparison)[list(CELL_COLUMNS)]


def unlike(runs: pd.DataFrame, comparisons: list[Comparison]) -> pd.DataFrame:
    """The pairs of cells that are not compared, since their runs did not compute alike, and in what they differ.

    Args:
        runs: comparable runs that are ok.
        comparisons: those of the report.

    Returns:
        Rows of UNLIKE_COLUMNS; ``why`` names each value of the candidate and of the baseline.
    """
    parts = [pd.DataFrame(columns=list(UNLIKE_COLUMNS))]
    for comparison in comparisons:
        cells = _pairs(runs, comparison)
        parts.append(_finished(cells[cells["unlike"] != ""], comparison).rename(columns={"unlike": "why"}))
    found = pd.concat([part for part in parts if len(part)] or parts)
    return distinct(found)[list(UNLIKE_COLUMNS)]


def _pairs(runs: pd.DataFrame, comparison: Comparison) -> pd.DataFrame:
    """The rows of ``speed_ups`` of a comparison, those whose sides differ in what was computed among them."""
    candidate, baseline = comparison.candidate, comparison.baseline
    same = _same_axes(comparison)
    other = [axis for axis in AXES if axis not in same]
    cells = speed_ups(chosen(runs, baseline), chosen(runs, candidate), [*same, "model", "batch_size"], other)
    for axis in other:
        if axis not in candidate or axis not in baseline:
            cells = cells[cells[axis] != cells[f"{axis}_baseline"]]
    return cells


def _same_axes(comparison: Comparison) -> list[str]:
    return [axis for axis in AXES if axis not in comparison.candidate and axis not in comparison.baseline]


def _finished(cells: pd.DataFrame, comparison: Comparison) -> pd.DataFrame:
    """Pairs of cells with the columns that every comparison has, in their order."""
    cells = cells.assign(
        comparison=comparison.name,
        exhibit=comparison.exhibit,
        includes_1=((cells["low"] <= 1) & (cells["high"] >= 1)).where(cells["low"].notna()),
        winner_changes=(cells["speed_up"] > 1) != (cells["steady_state_speed_up"] > 1),
        **{f"{axis}_baseline": cells[axis] for axis in _same_axes(comparison)},
    )
    cells["winner_changes"] = cells["winner_changes"].where(cells["steady_state_speed_up"].notna())
    return cell_statistics.in_order(cells, [*SIDES, "model", "batch_size"])


def chosen(runs: pd.DataFrame, side: Mapping[str, str | Iterable[str]]) -> pd.DataFrame:
    """The runs of one side of a comparison."""
    for axis, wanted in side.items():
        runs = runs[runs[axis].isin([wanted] if isinstance(wanted, str) else list(wanted))]
    return runs


def compare_all(runs: pd.DataFrame, comparisons: list[Comparison]) -> pd.DataFrame:
    """The rows of several comparisons; arguments and rows as for ``compare``."""
    parts = [cells for comparison in comparisons if not (cells := compare(runs, comparison)).empty]
    return pd.concat(parts) if parts else pd.DataFrame(columns=list(CELL_COLUMNS))


def distinct(cells: pd.DataFrame) -> pd.DataFrame:
    """Each pair of cells once, also where two comparisons have it with the sides exchanged."""
    sides = [cells[columns].itertuples(index=False, name=None) for columns in (WHO, BASELINE)]
    pairs = [frozenset(pair) for pair in zip(*sides)]
    keys = pd.DataFrame({"pair": pairs, "model": cells["model"].to_numpy(), "size": cells["batch_size"].to_numpy()})
    return cells[~keys.duplicated().to_numpy()]


def read_cells(path: Path) -> pd.DataFrame:
    """comparisons.csv or its summary."""
    kinds: dict[str, Any] = dict.fromkeys(["comparison", "exhibit", *SIDES, "model"], str)
    kinds |= dict.fromkeys(["includes_1", "winner_changes"], "boolean")
    return pd.read_csv(path, dtype=kinds, keep_default_na=False, na_values={c: [""] for c in _NUMBERS})


def summarise(cells: pd.DataFrame) -> pd.DataFrame:
    """The speed-ups of a comparison's cells taken together, for each model and for all.

    The geometric mean is the one that does not depend on which side is the baseline (P. J. Fleming and J. J. Wallace,
    How not to lie with statistics, Communications of the ACM 29, 1986); the others are those that the article uses.

    Args:
        cells: as ``compare`` gives them, of one or more comparisons.

    Returns:
        Rows of SUMMARY_COLUMNS; the model is "all" over the models. ``low`` and ``high`` are the 95 % interval of the
        geometric mean of these very cells: it holds the noise of the runs, not the choice of the cells.
    """
    if cells.empty:
        return pd.DataFrame(columns=list(SUMMARY_COLUMNS))
    both = pd.concat([cells, cells.assign(model=ALL_MODELS)])
    logs = {
        "log": np.log(both["speed_up"]),
        "variance": both["log_standard_error"] ** 2,
        "weight": _over(both["log_standard_error"] ** 4, both["degrees_of_freedom"]),
    }
    groups = both.assign(**logs).groupby(["comparison", "exhibit", *SIDES, "model"], sort=False)
    table = groups.agg(
        cells=("speed_up", "size"),
        mean=("log", "mean"),
        known=("variance", "count"),
        variance=("variance", "sum"),
        weight=("weight", "sum"),
        arithmetic_mean=("speed_up", "mean"),
        minimum=("speed_up", "min"),
        maximum=("speed_up", "max"),
    ).reset_index()
    variance = table["variance"].where(table["known"] == table["cells"])
    error, freedom = np.sqrt(variance) / table["cells"], _over(variance**2, table["weight"])
    low, high = limits(table["mean"], error, freedom)
    table = table.assign(geometric_mean=np.exp(table["mean"]), low=low, high=high)
    return table[list(SUMMARY_COLUMNS)]


def speed_ups(
    baseline: pd.DataFrame, candidate: pd.DataFrame, same: list[str], other: Iterable[str] = ()
) -> pd.DataFrame:
    """Baseline time / candidate time of every cell that both have, above 1 where the candidate is faster.

    The speed-up is the ratio of the geometric means of the times. Its interval is Welch's: a t interval of the
    difference of the means of log times, which does not assume equal variances (B. L. Welch, The generalization of
    "Student's" problem when several different population variances are involved, Biometrika 34, 1947). The runs are
    the sample: independent processes.

    Args:
        baseline: comparable runs that are ok.
        candidate: such runs.
        same: columns that tell which cells belong together.
        other: columns that tell the cells of either side apart, each of which is compared with each.

    Returns:
        One row a pair of cells: ``same``, ``other`` and the baseline's, with ``_baseline`` behind it; of the time to
        train ``speed_up``, ``low`` and ``high`` (95 % interval; NaN where either side has fewer than two runs),
        ``log_standard_error`` and ``degrees_of_freedom`` (of the log of the speed-up); of the steady state
        ``steady_state_speed_up``, ``_low`` and ``_high``; for either side ``n`` and the medians of the times and of
        ``test_accuracy``; and ``unlike``, in what the two sides did not compute alike (empty where they did).
    """
    other = list(other)
    resolved = [c for c in _RESOLVED if c in baseline.columns and c in candidate.columns]
    columns = [*_MOMENTS, "n", *MEASURES, "test_accuracy", *resolved]
    sides = [
        _moments(runs, [*same, *other], resolved).rename(columns={column: f"{column}_{side}" for column in columns})
        for side, runs in (("candidate", candidate), ("baseline", baseline))
    ]
    both = sides[0].merge(sides[1], on=same, suffixes=("", "_baseline"))
    for measure, prefix in zip(MEASURES, ("", "steady_state_")):
        mean = both.pop(f"{measure}_mean_baseline") - both.pop(f"{measure}_mean_candidate")
        # The variance of each mean, and with it Welch and Satterthwaite's degrees of freedom.
        a, b = (both.pop(f"{measure}_variance_{s}") / both[f"n_{s}"] for s in ("baseline", "candidate"))
        weight = _over(a**2, both["n_baseline"] - 1) + _over(b**2, both["n_candidate"] - 1)
        error, freedom = np.sqrt(a + b), _over((a + b) ** 2, weight)
        low, high = limits(mean, error, freedom)
        found = {"speed_up": np.exp(mean), "low": low, "high": high}
        both = both.assign(**{f"{prefix}{name}": values for name, values in found.items()})
        if not prefix:
            both = both.assign(log_standard_error=error, degrees_of_freedom=freedom)
    return both.assign(unlike=_differences(both, resolved))


def _differences(both: pd.DataFrame, resolved: list[str]) -> pd.Series:
    """In what the two sides of each pair of cells differ that must be equal, in words; unknown values are equal."""

    def equal(axis: str) -> pd.Series:
        return both[axis] == both.get(f"{axis}_baseline", both[axis])

    always = pd.Series(True, index=both.index)
    stack = equal("stack") if "stack" in both else always
    device = stack & equal("device") if "device" in both else stack
    words = pd.Series("", index=both.index, dtype=object)
    for column in resolved:
        applies = (
            device
            if column in cell_statistics.RESOLVED_ON_DEVICE
            else stack
            if column in cell_statistics.RESOLVED_IN_STACK
            else always
        )
        candidate, baseline = both[f"{column}_candidate"], both[f"{column}_baseline"]
        differs = applies & candidate.notna() & baseline.notna() & (candidate != baseline)
        text = column.replace("_", " ") + " " + candidate.astype(str) + " against " + baseline.astype(str)
        words = words.where(~differs, words + "; " + text)
    return words.str.removeprefix("; ")


def limits(
    log: pd.Series, error: pd.Series, freedom: pd.Series, confidence: float = CONFIDENCE
) -> tuple[pd.Series, pd.Series]:
    """Limits of the t interval of a ratio, from the log of it, that log's standard error and degrees of freedom.

    Where the standard error is 0 both are the ratio; where it is unknown, NaN.
    """
    half = (special.stdtrit(freedom, (1 + confidence) / 2) * error).mask(error == 0, 0.0)
    return np.exp(log - half), np.exp(log + half)


def _over(numerator: pd.Series, denominator: pd.Series) -> pd.Series:
    """A quotient that is NaN over 0."""
    return numerator / denominator.where(denominator != 0)


_MOMENTS = [f"{measure}_{moment}" for measure in MEASURES for moment in ("mean", "variance")]
# Columns of comparisons.csv and its summary in which nothing means unknown.
_NUMBERS = {*CELL_COLUMNS, *SUMMARY_COLUMNS} - {"comparison", "exhibit", *SIDES, "model"}


_RESOLVED = [*cell_statistics.RESOLVED, *cell_statistics.RESOLVED_IN_STACK, *cell_statistics.RESOLVED_ON_DEVICE]


def _moments(runs: pd.DataFrame, keys: list[str], resolved: list[str]) -> pd.DataFrame:
    logs = runs.assign(**{f"{measure}_log": np.log(runs[measure]) for measure in MEASURES})
    moments = {
        f"{measure}_{name}": (f"{measure}_log", how)
        for measure in MEASURES
        for name, how in (("mean", "mean"), ("variance", "var"))
    }
    medians = {column: (column, "median") for column in (*MEASURES, "test_accuracy")}
    firsts = {column: (column, "first") for column in resolved}  # the runs of a cell are alike
    return logs.groupby(keys).agg(n=("fit_seconds", "size"), **moments, **medians, **firsts).reset_index()


def stack_age(stack: str) -> tuple[int, ...]:
    """Sorts stacks by the version in their names: tf-2.9 before tf-2.12."""
    return tuple(int(number) for number in re.findall(r"\d+", stack))
