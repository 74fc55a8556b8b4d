"""From records to tables: every record is read and checked once, and all else reads what is written here."""

from __future__ import annotations

import concurrent.futures
import contextlib
import datetime
import functools
import itertools
import operator
import os
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import astuple, dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from trainmark import escaping
from trainmark.analysis.convergence import Gate
from trainmark.errors import TrainmarkError
from trainmark.experiment import flops, workloads
from trainmark.files import csv_text, write_whole
from trainmark.ingest import catalogue, consistency, origins
from trainmark.ingest.bad_files import BadFileError, Problem
from trainmark.ingest.consistency import Facts
from trainmark.ingest.file_reader import Reader, misplaced, read_bytes
from trainmark.machine import hardware
from trainmark.records import chain, layout
from trainmark.records.chain import Link
from trainmark.records.record import NOT_CONVERGED, OK

# Columns of runs.csv, units in their names, and where a record holds each; empty where a run has no such value.
FIELDS = {
    "machine": "machine",
    "stack": "stack",
    "device": "device",
    "model": "model",
    "batch_size": "batch_size",
    "repeat": "repeat",
    "status": "status",
    "reason": "reason",
    "fit_seconds": "durations.fit_seconds",
    "test_accuracy": "accuracy.test_accuracy",
    "test_loss": "accuracy.test_loss",
    "first_epoch_seconds": "durations.first_epoch_seconds",
    "steady_state_epoch_seconds": "durations.steady_state_epoch_seconds",
    "fit_setup_seconds": "durations.fit_setup_seconds",
    "fit_teardown_seconds": "durations.fit_teardown_seconds",
    "data_seconds": "durations.data_seconds",
    "build_seconds": "durations.build_seconds",
    "evaluate_seconds": "durations.evaluate_seconds",
    "parameters": "execution.parameters",
    "seed": "seed",
    "started_at": "started_at",
    "ended_at": "ended_at",
    "floatx": "execution.floatx",
    "image_data_format": "execution.image_data_format",
    "intra_op_threads": "execution.intra_op_threads",
    "inter_op_threads": "execution.inter_op_threads",
    "optimizer_class": "execution.optimizer_class",
    "jit_compile": "execution.jit_compile",
    "python": "versions.python",
    "tensorflow": "versions.tensorflow",
    "keras": "versions.keras",
    "numpy": "versions.numpy",
    "cuda": "versions.cuda",
    "cudnn": "versions.cudnn",
    "tensorflow_metal": "versions.tensorflow_metal",
    "operating_system": "versions.operating_system",
    "gpu_driver": "versions.gpu_driver",
    "load_average_before": "noise.load_average_before",
    "fit_cpu_seconds": "noise.fit_cpu_seconds",
    "fit_other_cpu_seconds": "noise.fit_other_cpu_seconds",
    "fit_steal_seconds": "noise.fit_steal_seconds",
    "fit_cpu_pressure_seconds": "noise.fit_cpu_pressure_seconds",
    "fit_memory_pressure_seconds": "noise.fit_memory_pressure_seconds",
    "fit_io_pressure_seconds": "noise.fit_io_pressure_seconds",
    "fit_throttle_events": "noise.fit_throttle_events",
    "power_source": "noise.power_source",
    "low_power_mode": "noise.low_power_mode",
    "thermal_pressure": "noise.thermal_pressure",
    "suspended_seconds": "noise.suspended_seconds",
    "clock_jump_seconds": "noise.clock_jump_seconds",
    "cool_down_seconds": "noise.cool_down_seconds",
    "gpu_processes_before": "noise.gpu_processes_before",
    "gpu_temperature_celsius": "noise.gpu_temperature_celsius",
    "gpu_clock_hertz": "noise.gpu_clock_hertz",
    "energy_joules": "energy.joules",
    "energy_above_idle_joules": "energy.joules_above_idle",
    "energy_reason": "energy.reason",
    "energy_idle_reason": "energy.idle_reason",
    "peak_memory_bytes": "peak_memory_bytes",
    "peak_device_memory_bytes": "peak_device_memory_bytes",
    "code_version": "code.version",
    "code_commit": "code.commit",
    "lock_file": "environment.lock_file",
    "lock_sha256": "environment.lock_sha256",
    "protocol": "protocol",
    "control": "control",
    "machine_id_hash": "identity.machine_id_hash",
    "hardware": "identity.hardware",
    "workload_digest": "workload_digest",
}
DERIVED: tuple[str, ...] = (
    "settings_digest",
    "epochs",
    "train_samples",
    "throughput_samples_per_second",
    "flops_per_second",
)
DERIVED += ("variable_devices", "gpu_throttle_shares", "energy_scope", "gpu", "gpu_id", "tensor_float_32")
DERIVED += ("optimizer_operations", "unexplained_seconds")
# Of a run that ended without a fault: its validation accuracy after each epoch, as JSON, and what the gate says of it.
LEARNED = ("validation_accuracy_by_epoch", "gate", "gate_t", "gate_limit")
RUN_COLUMNS = (*FIELDS, *DERIVED, *LEARNED)
_STATUS = list(FIELDS).index("status")
# Of a failed run: all that is derived but its settings, epochs and samples, and nothing learned.
_UNMEASURED = [None] * (len(DERIVED) - 3 + len(LEARNED))
MACHINE_COLUMNS = (
    "machine",
    "chip",
    "architecture",
    "cores_physical",
    "cores_logical",
    "cores_usable",
    "core_levels",
    "cpu_quota_cores",
    "memory_bytes",
    "gpu",
    "gpu_cores",
    "gpu_memory_bytes",
    "gpu_driver",
    "operating_system",
    "kernel",
    "virtualisation",
)
PEAK_COLUMNS: tuple[str, ...] = (
    "machine",
    "stack",
    "device",
    "side",
    "round",
    "flops_per_second",
    "theoretical_flops_per_second",
)
PEAK_COLUMNS += ("theoretical_cores", "theoretical_clock_hertz", "theoretical_flops_per_cycle", "threads")
EXPERIMENT_COLUMNS = ("settings_digest", "settings")
LEFT_OUT_COLUMNS = ("path", "what", "remedy")
# Of each machine: how many of its records came with which signature, by which keys, and how they name each other.
ORIGIN_COLUMNS: tuple[str, ...] = ("machine", "signed", "not_checked", "unsigned", "by_no_merge", "keys")
ORIGIN_COLUMNS += ("records", "named_here", "named_elsewhere", "unlinked", "forks", "late")

# Of a table, in the order of its columns.
Row = tuple[Any, ...]
_values_of = operator.attrgetter(*FIELDS.values())


_CURVES = ("train_loss", "validation_loss", "validation_accuracy")
# Below so many files, starting processes takes longer than reading.
_FEW_FILES = 5000
# How often all is read again because a machine was renamed meanwhile.
_TRIES = 10


@dataclass
class Collected:
    """What was read below a folder of machines.

    Attributes:
        runs: the number of runs.
        runs_csv: their rows as text; a thousand machines' rows as objects would take half a gigabyte.
        controls_csv: rows of controls.csv as text, the runs that are variants of a cell's.
        machines: rows of machines.csv.
        peaks: rows of peaks.csv, one a round of a sweep of matrix products.
        settings: settings digest -> what it is the digest of, as canonical JSON.
        problems: the files that cannot be used.
        vanished: whether one of these is there no more.
        facts: of every machine.
        origins: rows of origins.csv.
    """

    runs: int = 0
    vanished: bool = False
    runs_csv: list[str] = field(default_factory=list)
    controls_csv: list[str] = field(default_factory=list)
    machines: list[Mapping[str, Any]] = field(default_factory=list)
    peaks: list[Row] = field(default_factory=list)
    settings: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    facts: list[Facts] = field(default_factory=list)
    origins: list[Row] = field(default_factory=list)

    def add(self, other: Collected) -> None:
        """Add what was read elsewhere."""
        self.runs += other.runs
        self.vanished |= other.vanished
        self.runs_csv += other.runs_csv
        self.controls_csv += other.controls_csv
        self.machines += other.machines
        self.peaks += other.peaks
        self.settings |= other.settings
        self.problems += other.problems
        self.facts += other.facts
        self.origins += other.origins


def collect(
    machines: Path,
    schemas: Path,
    output: Path,
    skip_bad: bool,
    gate: Gate,
    published: Mapping[str, Any] = catalogue.NOTHING_KNOWN,
) -> list[Problem]:
    """Read every record and machine file below ``machines`` and write the tables.

    Args:
        machines: the folder of the machines.
        schemas: the folder of the schemas.
        output: folder in which runs.csv, controls.csv, peaks.csv, machines.csv, origins.csv, experiments.csv and
            left_out.csv are written.
        skip_bad: whether files that cannot be used are listed in left_out.csv instead of refused.
        gate: says of each run that is ok whether it learned.
        published: figures of hardware, as ``catalogue.load`` gives them.

    Returns:
        The files that were left out.

    Raises:
        TrainmarkError: naming every file that cannot be used, unless they are skipped; or if there is no record. No
            table is written then.
    """
    for _ in range(_TRIES):
        found = read_all(machines, schemas, gate, published)
        if not found.vanished:
            break
    if found.problems and not skip_bad:
        count = f"{len(found.problems)} file{'s' * (len(found.problems) > 1)}"
        raise TrainmarkError(
            f"{count} below {machines} cannot be used, so no report was drawn and nothing was changed. Mend each, or "
            "draw the others with --config on_bad_record=skip.\n"
            + "\n".join(f"  - {machines}/{problem}" for problem in found.problems)
        )
    if not found.runs:
        raise TrainmarkError(
            f"There is no record{' that can be used' * bool(found.problems)} below {machines}: nothing to report. "
            "Measure this machine with 'snakemake --cores 1', or bring other people's results here: see README.md."
        )
    machine_rows = [[row.get(column) for column in MACHINE_COLUMNS] for row in found.machines]
    # What is not known of signatures costs no measurement.
    problems = [*found.problems, *origins.load(machines.parent / layout.ORIGINS).problems]
    left_out = [astuple(problem) for problem in problems]
    write_whole(output / "runs.csv", csv_text([RUN_COLUMNS]) + "".join(found.runs_csv))
    write_whole(output / "controls.csv", csv_text([RUN_COLUMNS]) + "".join(found.controls_csv))
    write_whole(output / "peaks.csv", csv_text([PEAK_COLUMNS, *found.peaks]))
    write_whole(output / "machines.csv", csv_text([MACHINE_COLUMNS, *machine_rows]))
    write_whole(output / "origins.csv", csv_text([ORIGIN_COLUMNS, *found.origins]))
    write_whole(output / "experiments.csv", csv_text([EXPERIMENT_COLUMNS, *sorted(found.settings.items())]))
    write_whole(output / "left_out.csv", csv_text([LEFT_OUT_COLUMNS, *left_out]))
    return problems


def read_all(
    machines: Path, schemas: Path, gate: Gate, published: Mapping[str, Any] = catalogue.NOTHING_KNOWN
) -> Collected:
    """Every record and machine file below ``machines``, read once, and what is wrong with the others.

    Many are read by as many processes as there are cores: nothing is timed while the report is drawn.
    """
    paths = [path for path, _ in layout.result_files(machines)]
    parts = [list(part) for _, part in itertools.groupby(paths, key=lambda path: path.partition("/")[0])]
    collector = Collector(machines, schemas, gate, published)
    if len(paths) < _FEW_FILES:
        read = collector.read_machines(parts)
    else:
        processes = hardware.usable_cores()
        chunks = [parts[start::processes] for start in range(processes)]  # every machine whole, in one process
        with concurrent.futures.ProcessPoolExecutor(processes) as pool:
            shares = list(pool.map(collector.read_machines, chunks))
        # In the order of the paths, whatever the number of processes.
        read = [shares[position % processes][position // processes] for position in range(len(parts))]
    return _without_copies(collector, parts, read)


def _without_copies(collector: Collector, parts: list[list[str]], read: list[Collected]) -> Collected:
    """What was read of all machines, but for measurements that stand under several names."""
    copies = consistency.find_copies((facts for each in read for facts in each.facts), collector.losses)
    excluded: dict[str, set[str]] = defaultdict(set)
    problems: list[Problem] = []
    for (machine, other), paths in copies.items():
        problems.append(consistency.copies_problem(machine, other, len(paths)))
        excluded[machine] |= set(paths)
    found = Collected(problems=problems)
    for part, each in zip(parts, read):
        without = excluded.get(part[0].partition("/")[0], set())
        found.add(collector.read_machine([path for path in part if path not in without]) if without else each)
    return found


@dataclass(frozen=True)
class Collector:
    """Reads machines' folders.

    Attributes:
        machines: the folder of the machines.
        schemas: the folder of the schemas.
        gate: says of each run that is ok whether it learned.
        published: figures of hardware, as ``catalogue.load`` gives them.
    """

    machines: Path
    schemas: Path
    gate: Gate
    published: Mapping[str, Any]

    @functools.cached_property
    def reader(self) -> Reader:
        """Of single files."""
        return Reader(self.schemas)

    @functools.cached_property
    def came(self) -> Mapping[str, origins.Origin]:
        """How records came that a merge has brought, by their digest."""
        return origins.load(self.machines.parent / layout.ORIGINS).records

    def __getstate__(self) -> dict[str, Any]:
        """For other processes, which read both anew."""
        return {key: value for key, value in self.__dict__.items() if key not in ("reader", "came")}

    def read_machines(self, parts: list[list[str]]) -> list[Collected]:
        """What lies in several machines' folders, whose files' paths are given."""
        return [self.read_machine(paths) for paths in parts]

    def losses(self, path: str) -> tuple[float, ...] | None:
        """The losses of a run that is ok; None of another, and of one that has gone meanwhile."""
        with contextlib.suppress(BadFileError):
            return consistency.losses(self.reader, path, read_bytes(f"{self.machines}/{path}"))
        return None

    def read_machine(self, paths: list[str]) -> Collected:
        """What lies in one machine's folder."""
        found, facts = Collected(), Facts(paths[0].partition("/")[0])
        runs: dict[str, Row] = {}
        controls: dict[str, Row] = {}
        peaks: dict[str, list[Row]] = {}
        links: list[Link] = []
        for path in paths:
            try:
                if layout.RECORD.fullmatch(path):
                    content = read_bytes(f"{self.machines}/{path}")
                    record, workload = self.reader.record(path, content)
                    links.append(Link(chain.digest(content), record.previous, record.started_at))
                    if workload.settings_digest not in found.settings:
                        found.settings[workload.settings_digest] = _settings_of(workload.values)
                    row = run_row(record, workload, self.gate, found.settings[workload.settings_digest])
                    (controls if record.control else runs)[path] = row
                    facts.add_record(path, record, workload.values)
                elif layout.MACHINE_FILE.fullmatch(path):
                    description = self.reader.machine(path, read_bytes(f"{self.machines}/{path}"))
                    found.machines.append(machine_row(description))
                    facts.add_machine(description)
                elif layout.ROOFLINE.fullmatch(path):
                    sweep = self.reader.roofline(path, read_bytes(f"{self.machines}/{path}"))
                    peaks[path] = peak_rows(sweep)
                    facts.add_sweep(path, sweep)
                else:
                    raise misplaced(path)
            except BadFileError as error:
                found.vanished |= not os.path.lexists(f"{self.machines}/{path}")
                found.problems.append(Problem(layout.printable(path), error.what, error.remedy))
        together = facts.problems(self.published)
        found.problems += together
        bad = {problem.path for problem in together}
        if facts.machine not in bad:
            found.runs = len(runs.keys() - bad)
            found.peaks = [row for path, rows in peaks.items() if path not in bad for row in rows]
            found.runs_csv.append(rows_text([row for path, row in runs.items() if path not in bad]))
            found.controls_csv.append(rows_text([row for path, row in controls.items() if path not in bad]))
            found.facts.append(facts)
            if links:
                found.origins.append(self._origin_row(facts.machine, links))
        return found

    def _origin_row(self, machine: str, links: list[Link]) -> Row:
        """A row of ORIGIN_COLUMNS."""
        came = [self.came[link.digest] for link in links if link.digest in self.came]
        counts = [sum(each.signature == kind for each in came) for kind in origins.BEST_FIRST]
        keys = " ".join(sorted({each.key for each in came if each.key}))
        return (machine, *counts, len(links) - len(came), keys, *astuple(chain.follow(links)))


def run_row(record: Any, workload: Any, gate: Gate, canonical: str) -> Row:
    """A record's row in runs.csv; ``canonical`` are its settings as canonical JSON."""
    settings = workload.values
    if record.status == OK:
        samples = workloads.samples_of({"train_samples": settings.train_samples, "epochs": settings.epochs})
        throughput = samples / record.durations.fit_seconds
        operations = flops.of_fit(record.model, settings.epochs, settings.train_samples, settings.validation_samples)
        devices = " ".join(record.execution.variable_devices)
        shares = record.noise.gpu_throttle_shares
        learned = {name: getattr(record.accuracy, name) for name in _CURVES}
        verdict = gate.judge(record.model, record.batch_size, learned, canonical)
        values = _values_of(record)
        if verdict.reason:
            values = (*values[:_STATUS], NOT_CONVERGED, verdict.reason, *values[_STATUS + 2 :])
        return (
            *values,
            workload.settings_digest,
            settings.epochs,
            settings.train_samples,
            throughput,
            operations / record.durations.fit_seconds if operations else None,
            devices,
            _json_text(shares) if shares else None,
            energy_scope(record.energy),
            *_gpu_values(record.gpu),
            _rounds_products(record),
            " ".join(record.execution.optimizer_operations or ()) or None,
            unexplained_seconds(record),
            _json_text(learned["validation_accuracy"]),
            verdict.gate,
            verdict.t,
            verdict.limit,
        )
    known = [_value(record, path) for path in FIELDS.values()]
    return *known, workload.settings_digest, settings.epochs, settings.train_samples, *_UNMEASURED


def _json_text(value: Any) -> str:
    return msgspec.json.encode(value).decode()


# Texts, one a line, that JSON and CSV do not write alike: formulas, and what would be taken for words of JSON.
_UNLIKE = re.compile(rf"^[{re.escape(''.join(escaping.FORMULA))}]|,(?:null|true|false)", re.MULTILINE)


def rows_text(rows: list[Row]) -> str:
    """Rows of RUN_COLUMNS as CSV with every text in quotes, as RFC 4180 allows.

    A row of JSON is one of CSV but for three words, and it is written in a third of the time: Python's own csv takes
    long for numbers. What the two write differently is left to it.
    """
    texts = (value for value in set(itertools.chain.from_iterable(rows)) if isinstance(value, str))
    found = b"\n".join(msgspec.json.encode(row)[1:-1] for row in rows).decode()
    if "\\" in found or _UNLIKE.search("\n".join(texts)):
        return csv_text(rows)
    for word, other in {",null": ",", ",true": ",True", ",false": ",False"}.items():
        found = found.replace(word, other)
    return f"{found}\n" if rows else ""


def _gpu_values(gpu: Any) -> tuple[str | None, str | None]:
    """What a run's GPU is called, with all that makes it another one, and the hash of its id; None of a CPU run."""
    if gpu is None:
        return None, None
    memory = f", {gpu.memory_bytes / 2**30:.0f} GiB" if gpu.memory_bytes else ""
    capability = f", compute capability {gpu.compute_capability}" if gpu.compute_capability else ""
    return f"{gpu.name}{memory}{capability}", gpu.id_hash


def _rounds_products(record: Any) -> bool | None:
    """Whether products were rounded to TensorFloat-32: where it was allowed, on a GPU since Ampere (8.0).

    None of a GPU that the record does not name.
    """
    if record.device == "cpu" or not record.execution.tensor_float_32:
        return False
    if record.gpu is None:
        return None
    return bool(record.gpu.compute_capability) and float(record.gpu.compute_capability) >= 8


def unexplained_seconds(record: Any) -> float:
    """From a run's start to its end by the time of day, less all that it was busy with by its own clock."""
    begin, end = (datetime.datetime.fromisoformat(text) for text in (record.started_at, record.ended_at))
    times = record.durations
    busy = times.import_seconds + times.data_seconds + times.build_seconds + times.fit_seconds + times.evaluate_seconds
    return float(round((end - begin).total_seconds() - busy, 3))


def energy_scope(energy: Any) -> str | None:
    """What a run's energy is of, as "CPU package + GPU board"; None where there is none."""
    if energy.joules is None:
        return None
    return " + ".join(sorted({domain.scope for domain in energy.domains if domain.counted}))


def _value(record: Any, path: str) -> Any:
    """A value of a record of which parts are missing; None for a missing one."""
    for name in path.split("."):
        record = None if record is None else getattr(record, name)
    return None if record is msgspec.UNSET else record


def peak_rows(sweep: Any) -> list[Row]:
    """Rows of PEAK_COLUMNS of a sweep of matrix products: of the side at which a round was fastest."""
    best = max(sweep.products, key=lambda product: max(product.flops_per_second))
    theory = sweep.theoretical
    theoretical = (theory.flops_per_second, theory.cores, theory.clock_hertz, theory.flops_per_cycle) if theory else ()
    return [
        (sweep.machine, sweep.stack, sweep.device, best.side, number, rate, *(theoretical or [None] * 4), sweep.threads)
        for number, rate in enumerate(best.flops_per_second, start=1)
    ]


def _settings_of(workload: Any) -> str:
    plain = msgspec.to_builtins(workload)
    return workloads.canonical_json({key: value for key, value in plain.items() if key != "model"})


def machine_row(machine: Any) -> dict[str, Any]:
    """A machine file's row in machines.csv; the GPUs of a machine with several are counted."""
    data = msgspec.to_builtins(machine)
    row = {key: data.get(key) for key in MACHINE_COLUMNS}
    row |= {f"cores_{kind}": data["cores"][kind] for kind in ("physical", "logical", "usable")}
    row["core_levels"] = " + ".join(f"{n} {kind}" for kind, n in (data["cores"]["levels"] or {}).items()) or None
    gpus = data["gpus"]
    if gpus:
        count = f"{len(gpus)} x " if len(gpus) > 1 else ""
        row |= {"gpu": count + gpus[0]["name"], "gpu_driver": gpus[0]["driver"]}
        row |= {"gpu_cores": gpus[0]["cores"], "gpu_memory_bytes": gpus[0]["memory_bytes"]}
    return row
