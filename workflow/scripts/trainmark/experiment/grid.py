"""The grid of runs: which there are, where their records lie, in which order they start."""

from __future__ import annotations

import functools
import hashlib
import itertools
from dataclasses import dataclass
from pathlib import Path

from trainmark.experiment import suites

# The folder of every machine's records, below the working directory.
MACHINES = Path("results/machines")


@dataclass(frozen=True)
class Cell:
    """One combination that is timed: machine x stack x device x model x batch size."""

    machine: str
    stack: str
    device: str
    model: str
    batch_size: int

    def __str__(self) -> str:
        return f"{self.stack} {self.device} {self.model} batch {self.batch_size}"


@dataclass(frozen=True)
class Run:
    """One process that trains once.

    Attributes:
        cell: of which it is a repeat.
        repeat: its number, from 1.
        control: of a variant its name.
        suite: the name of the suite that its model is of.
    """

    cell: Cell
    repeat: int
    control: str | None = None
    suite: str = suites.DEFAULT

    def __str__(self) -> str:
        return f"{self.cell}{f' {self.control}' if self.control else ''} repeat {self.repeat}"

    @functools.cached_property
    def path(self) -> Path:
        """Path of this run's record, relative to the working directory."""
        return MACHINES / self.place

    @property
    def place(self) -> str:
        """Path of this run's record, relative to the folder of the machines."""
        c, kind = self.cell, f"controls/{self.control}" if self.control else "runs"
        return (
            f"{folder(c.machine, self.suite)}/{kind}/{c.stack}/{c.device}/{c.model}/{c.batch_size}/{self.repeat}.json"
        )


def folder(machine: str, suite: str) -> str:
    """Where a machine's records of a suite lie, below ``MACHINES``: those of the default suite with its description."""
    return machine if suite == suites.DEFAULT else f"{machine}/suites/{suite}"


def enumerate_runs(
    machine: str,
    stacks: list[str],
    devices: list[str],
    models: list[str],
    batch_sizes: list[int],
    repeats: int,
    suite: str = suites.DEFAULT,
) -> list[Run]:
    """Every run of the grid, in the order of its axes; ``repeats`` runs per cell."""
    cells = itertools.product([machine], stacks, devices, models, batch_sizes)
    return [Run(Cell(*cell), repeat, suite=suite) for cell in cells for repeat in range(1, repeats + 1)]


def run_from_path(path: Path) -> Run:
    """The run whose record lies at ``path``.

    Raises:
        ValueError: if the path is not one that ``Run.path`` gives.
    """
    path = Path(path)
    *before, stack, device, model, batch_size, name = path.parts
    control = before[-1] if before[-2:-1] == ["controls"] else None
    before = before[: -2 if control else -1]
    suite = before[-1] if before[-2:-1] == ["suites"] else suites.DEFAULT
    machine = before[-3 if suite != suites.DEFAULT else -1]
    cell = Cell(machine, stack, device, model, int(batch_size))
    run = Run(cell, int(name.removesuffix(".json")), control, suite)
    if run.path.parts != path.parts[-len(run.path.parts) :]:
        raise ValueError("is not the path of a record")
    return run


def priority(seed: int, run: Run) -> int:
    """Rank of a run in the queue; the highest starts first.

    The repeat ranks first, so that all cells are timed once before any is timed twice, and a hash of the rest second:
    the machine's drift over the hours then falls on no cell in particular, and the order is the same at every start.
    The result stays below 2**34 for up to 1000 repeats, exact where a scheduler keeps it in a float.
    """
    cell, control = run.cell, f"/{run.control}" if run.control else ""
    name = f"{seed}/{cell.stack}/{cell.device}/{cell.model}/{cell.batch_size}{control}"
    hash24 = int.from_bytes(hashlib.sha256(name.encode()).digest()[:3], "big")
    return (1000 - run.repeat) * 2**24 + hash24


def run_seed(seed: int, repeat: int) -> int:
    """Seed of a run's random numbers: the same for every cell, another for each repeat."""
    return seed + repeat
