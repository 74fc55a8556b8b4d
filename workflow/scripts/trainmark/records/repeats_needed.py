"""How many repeats are enough: until the median of a cell's times is known as precisely as is wanted."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainmark.experiment.grid import Cell, Run, run_from_path
from trainmark.records.record import OK, load_own

# Fewer values have no interval of their median with 95 %.
FEWEST = 6
_CONFIDENCE = 0.95


@dataclass(frozen=True)
class Goal:
    """When a cell has enough repeats.

    Attributes:
        precision: half of the 95 % interval of the median, over the median, that is wanted.
        limit: repeats after which a cell is left alone.
    """

    precision: float
    limit: int


def median_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """95 % interval of the median, whatever the distribution; None of fewer than FEWEST values.

    The k-th smallest and the k-th largest value, with the greatest k for which a binomial variable of n fair throws is
    below k with no more than 2.5 % (the inverse of the sign test; W. R. Thompson, On confidence ranges for the median,
    Annals of Mathematical Statistics 7, 1936).
    """
    n, k, below = len(values), 0, 0.0
    while k < n and (below := below + math.comb(n, k) / 2**n) <= (1 - _CONFIDENCE) / 2:
        k += 1
    return (sorted(values)[k - 1], sorted(values)[n - k]) if k else None


def half_width(values: Sequence[float]) -> float | None:
    """Half of that interval over the median."""
    ends = median_interval(values)
    return (ends[1] - ends[0]) / 2 / statistics.median(values) if ends else None


def judge(times: Sequence[float], tried: int, goal: Goal) -> tuple[bool, str]:
    """Whether a cell has enough repeats, and why or why not.

    Args:
        times: of its runs that are ok, seconds.
        tried: its runs, failed ones too.
        goal: what is wanted.
    """
    half = half_width(times)
    known = "" if half is None else f"its median is known to ±{100 * half:.1f} %"
    if tried >= FEWEST and not times:
        return True, f"stopped: none of {tried} runs is ok"
    if half is not None and half <= goal.precision:
        return True, f"enough after {tried} repeats: {known}, ±{100 * goal.precision:.0f} % was wanted"
    if tried >= goal.limit:
        few = f"only {len(times)} runs are ok, and an interval of the median takes {FEWEST}"
        return (
            True,
            f"stopped at the limit of {goal.limit} repeats: {known or few}, ±{100 * goal.precision:.0f} % was wanted",
        )
    return False, f"{tried} repeats are not enough: {known or 'its median has no interval yet'}"


def choose(records: Iterable[Path], goal: Goal) -> dict[str, Any]:
    """What to measure next.

    Args:
        records: of all repeats until now, of every cell of the grid.
        goal: when a cell has enough.

    Returns:
        ``next``, the paths of the records to make, one more of each cell that has not enough; ``why``, of each cell.
    """
    cells: dict[tuple[Cell, str], dict[int, Mapping[str, Any]]] = {}
    for path in records:
        run = run_from_path(path)
        cells.setdefault((run.cell, run.suite), {})[run.repeat] = load_own(path)
    following, why = [], {}
    for (cell, suite), runs in cells.items():
        times = [data["durations"]["fit_seconds"] for data in runs.values() if data["status"] == OK]
        enough, words = judge(times, len(runs), goal)
        why[str(cell)] = words
        if not enough:
            following.append(str(Run(cell, max(runs) + 1, suite=suite).path))
    return {"next": following, "why": why}


def foreign(paths: Iterable[str], records: Iterable[Path]) -> list[str]:
    """Those of the records to make that are there already, of another experiment than the repeats before them."""
    alike = {run_from_path(path).cell: _experiment(path) for path in records}
    return [
        path
        for path in paths
        if Path(path).exists() and _experiment(Path(path)) != alike[run_from_path(Path(path)).cell]
    ]


def _experiment(path: Path) -> tuple[Any, ...]:
    """What all repeats of a cell have in common, by their records."""
    data = load_own(path)
    threads = data["execution"].get("intra_op_threads")
    return data["workload_digest"], data["protocol"], data["seed"] - data["repeat"], threads


def lines(chosen: Mapping[str, Any]) -> list[str]:
    """What the user is told: which cells go on, or why all have enough."""
    going = len(chosen["next"])
    if going:
        again = [words for words in chosen["why"].values() if words.startswith(tuple("0123456789"))]
        return [f"trainmark: repeats auto: {going} of {len(chosen['why'])} cells need another repeat ({again[0]})"]
    return [f"trainmark: repeats auto: {cell}: {words}" for cell, words in chosen["why"].items()]
