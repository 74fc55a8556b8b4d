"""Runs that would take very long on a CPU: about how long, by their arithmetic, and which of them are left out.

An estimate is right within a factor of two or three. It decides whether a run is started that may take hours, and no
number of the report follows from it.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from trainmark import files
from trainmark.experiment import flops, grid, suites, workloads
from trainmark.measure import progress
from trainmark.words import duration_text, enumerate_words

UNLIMITED = "unlimited"
# Trainings of convolutional models reach about so much of the best product of matrices, and with 512 bits or 256 a
# core computes about so much of them a second: 44 to 62 GFLOP/s were measured on one core of an AMD EPYC.
_SHARE_OF_PEAK, _FLOPS_OF_A_CORE = 0.4, 2e10
# A core is not slower than this: what would be done in time even so is not looked at.
_LEAST_OF_A_CORE = 2e9


class Cell(NamedTuple):
    """A cell of the local machine's CPU."""

    stack: str
    model: str
    batch_size: int


class Estimate(NamedTuple):
    """How long one run may take, in seconds, and by what that is known, in words."""

    seconds: float
    known_by: str


def estimates(config: Mapping[str, Any], machine: str, stacks: Sequence[str], threads: int) -> dict[Cell, Estimate]:
    """How long a run of each cell of the CPU may take; without those whose arithmetic is not counted.

    Args:
        config: the configuration.
        machine: its name.
        stacks: to measure with.
        threads: of a run.
    """
    suite = suites.of(config)
    found = {}
    for stack, name in itertools.product(stacks, config["models"]):
        of_fit = config["epochs"], config["train_samples"], config["validation_samples"]
        operations = flops.of_fit(suite.models[name], *of_fit)
        if operations is None:
            continue
        for cell in (Cell(stack, name, size) for size in config["batch_sizes"]):
            measured = _measured(config, machine, suite.name, cell)
            found[cell] = measured or _by_arithmetic(operations, machine, stack, threads)
    return found


def _measured(config: Mapping[str, Any], machine: str, suite: str, cell: Cell) -> Estimate | None:
    """By the first record of the cell that is ok."""
    folder = folder_of(machine, suite, cell)
    for path in sorted(folder.glob("*.json")):
        if seconds := progress.wall_seconds(path, workloads.samples_of(config)):
            return Estimate(seconds, "by an earlier run")
    return None


def folder_of(machine: str, suite: str, cell: Cell) -> Path:
    """Where the records of a cell lie."""
    return grid.Run(grid.Cell(machine, cell.stack, "cpu", cell.model, cell.batch_size), 1, suite=suite).path.parent


def _by_arithmetic(operations: float, machine: str, stack: str, threads: int) -> Estimate:
    """By the number of operations, and by how fast this CPU multiplies matrices if that was measured."""
    try:
        sweep = files.read_object(grid.MACHINES / machine / "roofline" / stack / "cpu.json")
        best = max(max(each["flops_per_second"]) for each in sweep["products"])
        return Estimate(operations / (_SHARE_OF_PEAK * best), "by its arithmetic and the peak of this CPU")
    except (OSError, ValueError, KeyError, TypeError, ArithmeticError):
        return Estimate(operations / (_FLOPS_OF_A_CORE * threads), "by its arithmetic and the number of cores")


def left_out(config: Mapping[str, Any], machine: str, stacks: Sequence[str], threads: int) -> dict[Cell, Estimate]:
    """The cells of the CPU of which one run may take longer than is configured, and that have no record yet.

    Arguments are those of ``estimates``.
    """
    limit = config["longest_run_minutes"]
    if limit == UNLIMITED or not _may_be_long(config, threads, 60 * limit):
        return {}
    suite = suites.of(config).name
    return {
        cell: estimate
        for cell, estimate in estimates(config, machine, stacks, threads).items()
        if estimate.seconds > 60 * limit and not any(folder_of(machine, suite, cell).glob("*.json"))
    }


def _may_be_long(config: Mapping[str, Any], threads: int, seconds: float) -> bool:
    """Whether any run could take so long on the slowest of processors: nothing is read from the disk to know that."""
    models = suites.of(config).models
    of_fit = config["epochs"], config["train_samples"], config["validation_samples"]
    most = max(flops.of_fit(models[name], *of_fit) or 0 for name in config["models"])
    return most / (_LEAST_OF_A_CORE * threads) > seconds


def remarks(cells: Mapping[Cell, Estimate], limit: Any) -> list[str]:
    """What to tell of cells that are left out: one sentence a model.

    Args:
        cells: those that are left out.
        limit: minutes, as the configuration has them.
    """
    said = []
    for model in dict.fromkeys(cell.model for cell in cells):
        mine = {cell: estimate for cell, estimate in cells.items() if cell.model == model}
        sizes = enumerate_words([str(size) for size in dict.fromkeys(cell.batch_size for cell in mine)])
        longest = max(mine.values())
        said.append(
            f"{model} on the CPU at batch size {sizes}: one run may take {duration_text(longest.seconds)} "
            f"({longest.known_by}), and longest_run_minutes is {limit:g}. To time it all the same: --config "
            f"longest_run_minutes={UNLIMITED}"
        )
    return said


def guesses(cells: Mapping[Cell, Estimate], machine: str, suite: str) -> dict[str, float]:
    """Folder of the records of a cell -> seconds of one run of it, for the time that a session may take."""
    return {str(folder_of(machine, suite, cell)): estimate.seconds for cell, estimate in cells.items()}
