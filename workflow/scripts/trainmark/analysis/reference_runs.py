"""From records of CPU runs to references of the convergence gate."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from trainmark.analysis import convergence
from trainmark.errors import TrainmarkError
from trainmark.experiment import suites
from trainmark.ingest.file_reader import Reader, Workload, read_bytes
from trainmark.records import layout
from trainmark.records.record import OK

# Fewer runs of a cell say too little of their spread.
FEWEST_RUNS = 6


@dataclass(frozen=True)
class Found:
    """References of an experiment.

    Attributes:
        text: of their file.
        runs: that are in it.
        others: runs of other experiments, which are not in it.
    """

    text: str
    runs: int
    others: int


def gather(machines: Path, schemas: Path, machine: str, stack: str, suite: str = suites.DEFAULT) -> Found:
    """The references that one machine's CPU runs make: those of the experiment that was measured last.

    Args:
        machines: the folder of the machines.
        schemas: the folder of the schemas.
        machine: whose runs.
        stack: with which they were made.
        suite: of whose models.

    Raises:
        BadFileError: if a record cannot be used.
        TrainmarkError: if there is no run, or a cell has too few.
    """
    by_experiment: dict[str, list[tuple[Any, Workload]]] = defaultdict(list)
    for record, workload in _read(machines, Reader(schemas), machine):
        plain_run = record.stack, record.device, record.status, record.control, workload.values.suite or suites.DEFAULT
        if plain_run == (stack, "cpu", OK, None, suite):
            by_experiment[workload.settings_digest].append((record, workload))
    if not by_experiment:
        what = f"CPU run of {machine} in {stack} on {suites.named(suite).title} that is ok"
        raise TrainmarkError(f"There is no {what}, in {machines / machine}.")
    runs = max(by_experiment.values(), key=lambda each: max(record.started_at for record, _ in each))
    accuracy: dict[str, dict[int, list[list[float]]]] = defaultdict(lambda: defaultdict(list))
    for record, _ in runs:
        accuracy[record.model][record.batch_size].append([round(v, 4) for v in record.accuracy.validation_accuracy])
    few = [f"{m} {size}" for m, sizes in accuracy.items() for size, found in sizes.items() if len(found) < FEWEST_RUNS]
    if few:
        raise TrainmarkError(f"References take {FEWEST_RUNS} runs of each cell; there are fewer of {', '.join(few)}.")
    ordered = {
        m: {size: sorted(accuracy[m][size]) for size in sorted(accuracy[m])} for m in suites.models() if m in accuracy
    }
    last, workload = runs[-1]
    versions = {str(last.versions.framework): last.versions.framework_version, "keras": last.versions.keras}
    made = {"by": "make references", "machine": machine, "device": "cpu", "stack": stack, **versions, "runs": len(runs)}
    plain = msgspec.to_builtins(workload.values)
    settings = {key: value for key, value in plain.items() if key not in ("model", "epochs")}
    text = convergence.text(made, settings, ordered)
    return Found(text, len(runs), sum(map(len, by_experiment.values())) - len(runs))


def _read(machines: Path, reader: Reader, machine: str) -> Iterator[tuple[Any, Workload]]:
    """The records of a machine's last session, each with what it computed."""
    for path, entry in layout.result_files(machines / machine):
        path = f"{machine}/{path}"
        if layout.RECORD.fullmatch(path) and not layout.of_session(path)[0]:
            yield reader.record(path, read_bytes(entry.path))
