"""How steady the machines were: outliers and disturbed runs, drift, the state of the GPUs, repeats that are needed."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd

from trainmark.analysis import cell_statistics, comparison_statistics
from trainmark.contents import tables
from trainmark.machine import disturbances

# A run that is by more than this factor off its siblings is marked.
OUTLYING = 1.2
# Starting and ending a process, and one more step, take seconds, on a busy machine a minute.
UNEXPLAINED_SECONDS = 300.0
_FEWEST_REPEATS = 3  # of two, nobody knows which one is the outlier
# A drift below this share is none that a reader has to know of.
NOTABLE_DRIFT = 0.03
# Half of the interval of a cell's mean that repeats are to reach.
PRECISION = 0.05
_MOST_REPEATS = 1000


def outliers(runs: pd.DataFrame) -> pd.DataFrame:
    """Runs that took over a fifth longer or less long than the median of their cell, or that something disturbed.

    Args:
        runs: runs that are ok.

    Returns:
        Rows of outliers.csv: ``median_seconds`` is the cell's, ``ratio`` the run's time over it. Of the time of as
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
        disturbances.TOOK_LONGER: apart & (ratio > 1),
        disturbances.TOOK_LESS: apart & (ratio < 1),
        "other programs computed": shares["other_cpu_share"] > disturbances.DISTURBING,
        "the host gave its cores to others": shares["steal_share"] > disturbances.DISTURBING,
        "the machine slept": runs["suspended_seconds"].astype(float) > disturbances.NOTICED_SECONDS,
        "the machine's clock was set": runs["clock_jump_seconds"].astype(float).abs() > disturbances.NOTICED_SECONDS,
        "took much longer by the time of day than its parts explain": unexplained(runs),
        "on battery": runs["power_source"] == "battery",
        "in low-power mode": runs["low_power_mode"].fillna(False),
        "slowed down by heat": held_back_for_heat(runs),
        "another process was on the GPU": runs["gpu_processes_before"].astype(float) > 0,
    }
    marked = pd.DataFrame({name: marks[name].astype(bool) for name in marks}, index=runs.index)
    found = found[marked.any(axis=1)]
    why = [", ".join(marked.columns[row]) for row in marked[marked.any(axis=1)].to_numpy()]
    return found.assign(why=why)[tables.named("outliers").keys]


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
        Rows of gpu_states.csv: the median of the runs' clocks, the highest temperature, the most memory that
        the framework's tensors took, and for each reason that held a clock back the mean share of the samples taken, in
        words.
    """
    noted = runs[runs[["gpu_clock_hertz", "gpu_throttle_shares", "peak_device_memory_bytes"]].notna().any(axis=1)]
    rows = []
    for key, part in noted.groupby(["machine", "stack", "device"]):
        shares = [json.loads(text) for text in part["gpu_throttle_shares"].dropna()]
        reasons = sorted({reason for each in shares for reason in each})
        means = {reason: sum(each.get(reason, 0.0) for each in shares) / len(shares) for reason in reasons}
        words = ", ".join(f"{reason} {100 * share:.0f} %" for reason, share in means.items())
        numbers = part[["gpu_clock_hertz", "gpu_temperature_celsius", "peak_device_memory_bytes"]].astype(float)
        ends = numbers["gpu_clock_hertz"].median(), numbers["gpu_temperature_celsius"].max()
        rows.append((*key, len(part), *ends, numbers["peak_device_memory_bytes"].max(), words))
    return pd.DataFrame(rows, columns=tables.named("gpu_states").keys)


def drift(runs: pd.DataFrame) -> pd.DataFrame:
    """How much longer the last repeat of a cell took than its first, by machine, stack and device.

    Repeats are spread over a session, so a machine that warms up, or is used by others more and more, shows it here in
    all cells at once: the mean over the cells of the log of that ratio, with its t interval.

    Args:
        runs: runs that are ok.

    Returns:
        Rows of drift.csv, of machines with at least two cells of several runs.
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
    return table[tables.named("drift").keys]


def drifted(drift: pd.DataFrame) -> pd.DataFrame:
    """The rows of drift.csv that a reader has to know of: over NOTABLE_DRIFT, with an interval that excludes 1."""
    certain = (drift["low"] > 1) | (drift["high"] < 1)
    return drift[certain & ((drift["ratio"] - 1).abs() > NOTABLE_DRIFT)]


def repeats_needed(spread: float) -> int:
    """How many repeats would bring the 95 % interval of a cell's mean time within PRECISION of it.

    The smallest n for which t(0.975, n - 1) spread / sqrt(n) is no more than that (pyperf's rule, with Student's t).

    Args:
        spread: standard deviation of its times over their mean.
    """
    from scipy import special  # half as long to import as pandas, and page and figures need none of it

    for n in range(2, _MOST_REPEATS):
        if special.stdtrit(n - 1, 0.975) * spread / math.sqrt(n) <= PRECISION:
            return n
    return _MOST_REPEATS
