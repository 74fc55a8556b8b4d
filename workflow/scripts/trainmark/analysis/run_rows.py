"""Rows of the collected tables, from what records and machine files hold."""

from __future__ import annotations

import datetime
import itertools
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from trainmark import escaping
from trainmark.analysis import accuracy_targets
from trainmark.analysis.convergence import Gate, Verdict
from trainmark.contents import run_columns, tables
from trainmark.experiment import flops, suites, workloads
from trainmark.experiment.suites.suite import STEP
from trainmark.files import csv_text
from trainmark.records.record import INVENTED, NOT_CONVERGED, OK, TIMED_OUT

# Of a table, in the order of its columns.
Row = tuple[Any, ...]
# Where a record holds the first columns of runs.csv, and what it holds there.
_PATHS = [column.record for column in run_columns.RECORDED]
_values_of = operator.attrgetter(*_PATHS)
_STATUS = _PATHS.index("status")
# Of a failed run: all that is derived but its settings, epochs and samples, and nothing learned.
_UNMEASURED = [None] * (len(run_columns.DERIVED) - 3 + len(run_columns.LEARNED))
_INVENTED = "It trained on invented data, which are for trying a suite: it is in no comparison."
_CURVES = ("train_loss", "validation_loss", "validation_accuracy")


def run_row(record: Any, workload: Any, gate: Gate, canonical: str) -> Row:
    """A record's row in runs.csv; ``canonical`` are its settings as canonical JSON."""
    settings = workload.values
    if record.status == OK:
        samples = workloads.samples_of({"train_samples": settings.train_samples, "epochs": settings.epochs})
        throughput = samples / record.durations.fit_seconds
        suite = suites.named(settings.suite or suites.DEFAULT)
        of_fit = settings.epochs, settings.train_samples, settings.validation_samples
        operations = flops.of_fit(suite.models.get(record.model), *of_fit)
        devices = " ".join(record.execution.variable_devices)
        shares = record.noise.gpu_throttle_shares
        learned = {name: getattr(record.accuracy, name) for name in _CURVES}
        verdict = gate.judge(record.model, record.batch_size, learned, canonical)
        values = _values_of(record)
        if suite.data.invented:
            verdict = Verdict("", None)
            values = (*values[:_STATUS], INVENTED, _INVENTED, *values[_STATUS + 2 :])
        elif verdict.reason:
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
            *_to_target(record, gate.target(record.model, canonical)),
        )
    known = [_value(record, path) for path in _PATHS]
    return *known, workload.settings_digest, settings.epochs, settings.train_samples, *_UNMEASURED


def _to_target(record: Any, wanted: float | None) -> tuple[float | None, int | None, float | None]:
    times = record.durations
    return accuracy_targets.reached(
        record.accuracy.validation_accuracy, wanted, times.fit_setup_seconds, times.epoch_seconds
    )


def step_row(record: Any, workload: Any) -> Row | None:
    """A run's row in steps.csv; None of a suite that is not compared by steps, and of a run without a second epoch.

    A step is the time of epochs 2 to n, less their validation, over their training steps.
    """
    settings, times = workload.values, record.durations
    by_steps = suites.named(settings.suite or suites.DEFAULT).time == STEP
    if not by_steps or record.control or record.status != OK or settings.epochs < 2:
        return None
    steps = -(-settings.train_samples // record.batch_size)
    training = sum(times.epoch_seconds[1:]) - sum(times.validation_seconds[1:])
    cell = record.machine, record.stack, record.device, record.model, record.batch_size
    seconds = training / (settings.epochs - 1) / steps
    return (*cell, record.repeat, steps, seconds, workload.settings_digest, record.protocol)


def stopped_row(record: Any, workload: Any) -> Row | None:
    """A run's row in stopped.csv; None of one that its time limit did not stop, or that finished no epoch.

    The steady state is the mean of the epochs after the first, None where there is none.
    """
    finished = record.durations.epoch_seconds
    if record.status != TIMED_OUT or record.accuracy is None or not finished:
        return None
    first, later = finished[0], finished[1:]
    cell = record.machine, record.stack, record.device, record.model, record.batch_size
    times = len(finished), workload.values.epochs, first, sum(later) / len(later) if later else None
    curve = _json_text(record.accuracy.validation_accuracy)
    return (*cell, record.repeat, record.control, *times, curve, workload.settings_digest, record.protocol)


# Tables that only some runs have a row of -> what gives a run's row, or None.
FURTHER: Mapping[str, Callable[[Any, Any], Row | None]] = {"steps": step_row, "stopped": stopped_row}


def further_rows(record: Any, workload: Any) -> list[tuple[str, Row]]:
    """A run's rows in the tables that only some runs have a row of, by the tables' names."""
    found = ((name, row_of(record, workload)) for name, row_of in FURTHER.items())
    return [(name, row) for name, row in found if row]


def _json_text(value: Any) -> str:
    return msgspec.json.encode(value).decode()


# Texts, one a line, that JSON and CSV do not write alike: formulas, and what would be taken for words of JSON.
_UNLIKE = re.compile(rf"^[{re.escape(''.join(escaping.FORMULA))}]|,(?:null|true|false)", re.MULTILINE)


def rows_text(rows: list[Row]) -> str:
    """Rows of runs.csv as CSV with every text in quotes, as RFC 4180 allows.

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
    """Rows of peaks.csv of a sweep of matrix products: of the side at which a round was fastest."""
    best = max(sweep.products, key=lambda product: max(product.flops_per_second))
    theory = sweep.theoretical
    theoretical = (theory.flops_per_second, theory.cores, theory.clock_hertz, theory.flops_per_cycle) if theory else ()
    return [
        (sweep.machine, sweep.stack, sweep.device, best.side, number, rate, *(theoretical or [None] * 4), sweep.threads)
        for number, rate in enumerate(best.flops_per_second, start=1)
    ]


def settings_of(workload: Any) -> str:
    plain = msgspec.to_builtins(workload)
    return workloads.canonical_json({key: value for key, value in plain.items() if key != "model"})


def machine_row(machine: Any) -> dict[str, Any]:
    """A machine file's row in machines.csv; the GPUs of a machine with several are counted."""
    data = msgspec.to_builtins(machine)
    row = {key: data.get(key) for key in tables.named("machines").keys}
    row |= {f"cores_{kind}": data["cores"][kind] for kind in ("physical", "logical", "usable")}
    row["core_levels"] = " + ".join(f"{n} {kind}" for kind, n in (data["cores"]["levels"] or {}).items()) or None
    gpus = data["gpus"]
    if gpus:
        count = f"{len(gpus)} x " if len(gpus) > 1 else ""
        row |= {"gpu": count + gpus[0]["name"], "gpu_driver": gpus[0]["driver"]}
        row |= {"gpu_cores": gpus[0]["cores"], "gpu_memory_bytes": gpus[0]["memory_bytes"]}
    return row
