"""The statistics of a comparison: how many times faster a candidate is than a baseline, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from trainmark.analysis import cell_statistics, table_files
from trainmark.analysis.series_names import SIDES
from trainmark.contents import tables

CONFIDENCE = 0.95
# What is compared: time to train, and the steady state.
MEASURES = ("fit_seconds", "steady_state_epoch_seconds")
ALL_MODELS = "all"
_MOMENTS = [f"{measure}_{moment}" for measure in MEASURES for moment in ("mean", "variance")]
RESOLVED = [*cell_statistics.RESOLVED, *cell_statistics.RESOLVED_IN_STACK, *cell_statistics.RESOLVED_ON_DEVICE]


def speed_ups(
    baseline: pd.DataFrame, candidate: pd.DataFrame, same: list[str], other: Iterable[str] = ()
) -> pd.DataFrame:
    """Baseline time / candidate time of every cell that both have, above 1 where the candidate is faster.

    The speed-up is the ratio of the geometric means of the times. Its interval is Welch's: a t interval of the
    difference of the means of log times, which does not assume equal variances (B. L. Welch, The generalization of
    "Student's" problem when several different population variances are involved, Biometrika 34, 1947). The runs are
    the sample: independent processes.

    Args:
        baseline: cells, as ``moments`` gives them.
        candidate: such cells.
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
    resolved = [column for column in RESOLVED if column in baseline and column in candidate]
    columns = [*_MOMENTS, "n", *MEASURES, "test_accuracy", *resolved]
    sides = [
        cells[[*same, *other, *columns]].rename(columns={column: f"{column}_{side}" for column in columns})
        for side, cells in (("candidate", candidate), ("baseline", baseline))
    ]
    both = sides[0].merge(sides[1], on=same, suffixes=("", "_baseline"))
    # As arrays, in less time than as series: comparisons are of a few cells each, and there are many.
    runs = {side: both[f"n_{side}"].to_numpy() for side in ("baseline", "candidate")}
    found: dict[str, Any] = {}
    for measure, prefix in zip(MEASURES, ("", "steady_state_")):
        base, own = (both.pop(f"{measure}_mean_{side}").to_numpy() for side in runs)
        # The variance of each mean, and with it Welch and Satterthwaite's degrees of freedom.
        a, b = (both.pop(f"{measure}_variance_{side}").to_numpy() / n for side, n in runs.items())
        weight = _over(a**2, runs["baseline"] - 1) + _over(b**2, runs["candidate"] - 1)
        error, freedom = np.sqrt(a + b), _over((a + b) ** 2, weight)
        low, high = limits(base - own, error, freedom)
        found |= {f"{prefix}speed_up": np.exp(base - own), f"{prefix}low": low, f"{prefix}high": high}
        if not prefix:
            found |= {"log_standard_error": error, "degrees_of_freedom": freedom}
    return both.assign(**found, unlike=_differences(both, resolved))


def moments(runs: pd.DataFrame, keys: Sequence[str] = cell_statistics.CELL) -> pd.DataFrame:
    """Of each cell its runs' number ``n``; mean and variance of the logs of both measures; medians.

    Args:
        runs: comparable runs that are ok.
        keys: columns that tell the cells apart.

    Returns:
        One row a cell: ``keys``, these, and what the libraries resolved (``RESOLVED``), in which its runs are alike.
    """
    logs = runs.assign(**{f"{measure}_log": np.log(runs[measure]) for measure in MEASURES})
    if "always_compiled" in logs:  # where that is how a framework works, it is no setting that could differ
        logs["jit_compile"] = logs["jit_compile"].mask(logs["always_compiled"].fillna(False).astype(bool))
    moments = {
        f"{measure}_{name}": (f"{measure}_log", how)
        for measure in MEASURES
        for name, how in (("mean", "mean"), ("variance", "var"))
    }
    medians = {column: (column, "median") for column in (*MEASURES, "test_accuracy")}
    firsts = {column: (column, "first") for column in RESOLVED if column in runs}
    return logs.groupby(list(keys)).agg(n=("fit_seconds", "size"), **moments, **medians, **firsts).reset_index()


def _differences(both: pd.DataFrame, resolved: list[str]) -> pd.Series:
    """In what the two sides of each pair of cells differ that must be equal, in words; unknown values are equal."""

    def equal(axis: str) -> Any:
        return (both[axis] == both[f"{axis}_baseline"]).to_numpy() if f"{axis}_baseline" in both else True

    stack = equal("stack")
    device = stack & equal("device")
    words = pd.Series("", index=both.index, dtype=object)
    for column in resolved:
        applies: Any = True
        if column in cell_statistics.RESOLVED_ON_DEVICE:
            applies = device
        elif column in cell_statistics.RESOLVED_IN_STACK:
            applies = stack
        candidate, baseline = both[f"{column}_candidate"], both[f"{column}_baseline"]
        known = (candidate.notna() & baseline.notna()).to_numpy()
        differs = applies & known & (candidate != baseline).to_numpy(dtype=bool, na_value=False)
        for row in np.flatnonzero(differs):  # few or none
            text = f"{column.replace('_', ' ')} {candidate.iloc[row]} against {baseline.iloc[row]}"
            words.iloc[row] = f"{words.iloc[row]}; {text}".removeprefix("; ")
    return words


def limits(
    log: ArrayLike, error: ArrayLike, freedom: ArrayLike, confidence: float = CONFIDENCE
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Limits of the t intervals of ratios, from the logs of them, those logs' standard errors and degrees of freedom.

    Where a standard error is 0 both are the ratio; where it is unknown, NaN.
    """
    from scipy import special  # half as long to import as pandas, and page and figures need none of it

    # As arrays, a tenth of the time of series: claims ask for thousands of intervals, of a few ratios each.
    logs, errors, freedoms = (np.asarray(each, dtype=float) for each in (log, error, freedom))
    half = np.where(errors == 0, 0.0, special.stdtrit(freedoms, (1 + confidence) / 2) * errors)
    return np.exp(logs - half), np.exp(logs + half)


def _over(numerator: ArrayLike, denominator: ArrayLike) -> NDArray[np.float64]:
    """A quotient that is NaN over 0."""
    above, below = np.asarray(numerator, dtype=float), np.asarray(denominator, dtype=float)
    return np.divide(above, below, out=np.full(below.shape, np.nan), where=below != 0)


def summarise(cells: pd.DataFrame) -> pd.DataFrame:
    """The same as ``summarise_with``, with intervals of CONFIDENCE: the rows of comparisons_summary.csv."""
    return summarise_with(cells, CONFIDENCE)


def summarise_with(cells: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """The speed-ups of a comparison's cells taken together, for each model and for all.

    The geometric mean is the one that does not depend on which side is the baseline (P. J. Fleming and J. J. Wallace,
    How not to lie with statistics, Communications of the ACM 29, 1986); the others are those that the article uses.

    Args:
        cells: as ``comparisons.compare`` gives them, of one or more comparisons.
        confidence: of the interval.

    Returns:
        Columns of comparisons_summary.csv; the model is "all" over the models. ``low`` and ``high`` are the interval
        of the geometric mean of these very cells: it holds the noise of the runs, not the choice of the cells.
    """
    if cells.empty:
        return table_files.nothing("comparisons_summary")
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
    low, high = limits(table["mean"], error, freedom, confidence)
    table = table.assign(geometric_mean=np.exp(table["mean"]), low=low, high=high)
    return table[tables.named("comparisons_summary").keys]
