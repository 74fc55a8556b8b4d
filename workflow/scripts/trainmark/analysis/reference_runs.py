"""From records of CPU runs to references of the convergence gate."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import msgspec

from trainmark.analysis import convergence
from trainmark.errors import TrainmarkError
from trainmark.experiment import suites
from trainmark.ingest.file_reader import Reader, read_bytes
from trainmark.records import layout
from trainmark.records.record import OK

# Fewer runs of a cell say too little of their spread.
FEWEST_RUNS = 6


def gather(machines: Path, schemas: Path, machine: str, stack: str, suite: str = suites.DEFAULT) -> tuple[int, str]:
    """The references that one machine's CPU runs make.

    Args:
        machines: the folder of the machines.
        schemas: the folder of the schemas.
        machine: whose runs.
        stack: with which they were made.
        suite: of whose models.

    Returns:
        The number of runs, and the text of the file.

    Raises:
        BadFileError: if a record cannot be used.
        TrainmarkError: if the runs are of several experiments, or a cell has too few.
    """
    reader = Reader(schemas)
    accuracy: dict[str, dict[int, list[list[float]]]] = defaultdict(lambda: defaultdict(list))
    settings, versions = {}, {}
    for path, entry in layout.result_files(machines / machine):
        path = f"{machine}/{path}"
        if not layout.RECORD.fullmatch(path) or layout.of_session(path)[0]:
            continue
        record, workload = reader.record(path, read_bytes(entry.path))
        plain_run = record.stack, record.device, record.status, record.control, workload.values.suite or suites.DEFAULT
        if plain_run != (stack, "cpu", OK, None, suite):
            continue
        plain = msgspec.to_builtins(workload.values)
        settings[workload.settings_digest] = {k: v for k, v in plain.items() if k not in ("model", "epochs")}
        made_with = record.versions
        versions = {str(made_with.framework): made_with.framework_version, "keras": made_with.keras}
        accuracy[record.model][record.batch_size].append([round(v, 4) for v in record.accuracy.validation_accuracy])
    if not settings:
        what = f"CPU run of {machine} in {stack} on {suites.named(suite).title} that is ok"
        raise TrainmarkError(f"There is no {what}, in {machines / machine}.")
    if len(settings) != 1:
        raise TrainmarkError(f"{machine} has CPU runs of {len(settings)} experiments in {stack}; references take one.")
    few = [f"{m} {size}" for m, sizes in accuracy.items() for size, runs in sizes.items() if len(runs) < FEWEST_RUNS]
    if few:
        raise TrainmarkError(f"References take {FEWEST_RUNS} runs of each cell; there are fewer of {', '.join(few)}.")
    ordered = {
        m: {size: sorted(accuracy[m][size]) for size in sorted(accuracy[m])} for m in suites.models() if m in accuracy
    }
    count = sum(len(runs) for sizes in ordered.values() for runs in sizes.values())
    made = {"by": "make references", "machine": machine, "device": "cpu", "stack": stack, **versions, "runs": count}
    return count, convergence.text(made, next(iter(settings.values())), ordered)
