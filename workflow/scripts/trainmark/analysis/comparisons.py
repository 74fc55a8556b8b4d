"""Which cells are compared with which: the article's comparisons, the configured ones, or sensible ones."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from trainmark import stacks
from trainmark.analysis import cell_statistics, table_files
from trainmark.analysis.comparison_statistics import speed_ups
from trainmark.analysis.series_names import BASELINE, SIDES, WHO
from trainmark.contents import tables
from trainmark.errors import TrainmarkError

# What a comparison may choose by; a cell's model and batch size are always the same on both sides.
AXES = tuple(WHO)
# How the names of those begin that compare one framework with another.
FRAMEWORKS = "Frameworks"
GPU_AGAINST_CPU = "Times faster: GPU against CPU of the same machine"
# Axis -> value or values, for the axes by which a side is chosen.
Side = Mapping[str, str | tuple[str, ...]]


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
    candidate: Side
    baseline: Side
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

    Each stack with the one before it of its framework, the newest of each framework with that of the framework that
    was measured in the most cells, and on each device all machines with the baseline.

    Args:
        runs: comparable runs that are ok.
        baseline: a machine's name, or "auto" for the one that was measured in the most cells of that device.

    Raises:
        TrainmarkError: if there are runs, and none of that machine.
    """
    there = sorted(runs["machine"].unique())
    if baseline != "auto" and there and baseline not in there:
        raise TrainmarkError(
            f"config: baseline is {baseline!r}, but no run of that machine can be compared. Expected one of: "
            f"{', '.join(there)}."
        )
    found = [*_of_versions(runs), *_of_frameworks(runs)]
    for device in sorted(runs["device"].unique(), reverse=True):
        there = runs[runs["device"] == device]
        cells = there.drop_duplicates(cell_statistics.CELL)["machine"].value_counts()
        if len(cells) > 1:
            most = sorted(cells[cells == cells.max()].index)[0]
            machine = baseline if baseline != "auto" else most
            name = f"{device.upper()}: every machine against {machine}"
            found.append(Comparison(name, {"device": device}, {"device": device, "machine": machine}))
    return found


def _of_versions(runs: pd.DataFrame) -> Iterator[Comparison]:
    """Each stack with the one before it of its framework."""
    for older, newer in itertools.pairwise(sorted(runs["stack"].unique(), key=stacks.age)):
        if stacks.framework(older) == stacks.framework(newer):
            yield Comparison(f"Version matrix: {newer} against {older}", {"stack": newer}, {"stack": older})


def _of_frameworks(runs: pd.DataFrame) -> Iterator[Comparison]:
    """The newest stacks of the frameworks with that of the one that was measured in the most cells."""
    newest = {stacks.framework(stack): stack for stack in sorted(runs["stack"].unique(), key=stacks.age)}
    cells = runs.drop_duplicates(cell_statistics.CELL)["stack"].map(stacks.framework).value_counts()
    most = sorted(newest, key=lambda framework: (-cells[framework], framework != stacks.framework(stacks.ARTICLES)))
    for framework in sorted(most[1:]):
        ours, base = newest[framework], newest[most[0]]
        yield Comparison(f"{FRAMEWORKS}: {ours} against {base}", {"stack": ours}, {"stack": base})


def pinned(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of stacks that a lock pins."""
    loose = [stack for stack in table["stack"].unique() if stacks.is_unpinned(stack)]
    return table[~table["stack"].isin(loose)]


def compare(cells: pd.DataFrame, comparison: Comparison) -> pd.DataFrame:
    """The speed-up of every cell that both sides of a comparison have.

    Args:
        cells: as ``comparison_statistics.moments`` gives them.
        comparison: which.

    Returns:
        Rows of comparisons.csv, in the order of candidates, baselines, models and batch sizes.
    """
    pairs = _pairs(cells, comparison)
    return _finished(pairs[pairs["unlike"] == ""], comparison)[tables.named("comparisons").keys]


def unlike(cells: pd.DataFrame, comparisons: list[Comparison]) -> pd.DataFrame:
    """The pairs of cells that are not compared, since their runs did not compute alike, and in what they differ.

    Args:
        cells: as ``comparison_statistics.moments`` gives them.
        comparisons: those of the report.

    Returns:
        Rows of excluded_pairs.csv; ``why`` names each value of the candidate and of the baseline.
    """
    parts = [table_files.nothing("excluded_pairs")]
    for comparison in comparisons:
        pairs = _pairs(cells, comparison)
        pairs = pairs[pairs["unlike"] != ""]
        if len(pairs):
            parts.append(_finished(pairs, comparison).rename(columns={"unlike": "why"}))
    return distinct(pd.concat(parts[1:] or parts))[tables.named("excluded_pairs").keys]


def compare_all(cells: pd.DataFrame, comparisons: list[Comparison]) -> pd.DataFrame:
    """The rows of several comparisons; arguments and rows as for ``compare``."""
    parts = [pairs for comparison in comparisons if not (pairs := compare(cells, comparison)).empty]
    return pd.concat(parts) if parts else table_files.nothing("comparisons")


def _pairs(cells: pd.DataFrame, comparison: Comparison) -> pd.DataFrame:
    """The rows of ``speed_ups`` of a comparison, those whose sides differ in what was computed among them."""
    candidate, baseline = comparison.candidate, comparison.baseline
    same = _same_axes(comparison)
    other = [axis for axis in AXES if axis not in same]
    pairs = speed_ups(chosen(cells, baseline), chosen(cells, candidate), [*same, "model", "batch_size"], other)
    for axis in other:
        if axis not in candidate or axis not in baseline:
            pairs = pairs[pairs[axis] != pairs[f"{axis}_baseline"]]
    return pairs


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


def chosen(table: pd.DataFrame, side: Mapping[str, str | Iterable[str]]) -> pd.DataFrame:
    """The rows of one side of a comparison; those of stacks that no lock pins only where it names them."""
    if "stack" not in side:
        table = pinned(table)
    for axis, wanted in side.items():
        table = table[table[axis].isin([wanted] if isinstance(wanted, str) else list(wanted))]
    return table


def distinct(cells: pd.DataFrame) -> pd.DataFrame:
    """Each pair of cells once, also where two comparisons have it with the sides exchanged."""
    both = pd.concat([cells[WHO], cells[BASELINE].set_axis(WHO, axis=1)])
    sides = both.groupby(WHO).ngroup().to_numpy().reshape(2, -1)
    one, other = sides.min(axis=0), sides.max(axis=0)
    keys = pd.DataFrame({"one": one, "other": other, **{c: cells[c].to_numpy() for c in ("model", "batch_size")}})
    return cells[~keys.duplicated().to_numpy()]
