"""From many JSON files to two tables; what does not fit its schema is refused here."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import fastjsonschema
import yaml

from trainmark import grid, workloads
from trainmark.errors import TrainmarkError
from trainmark.files import write_whole
from trainmark.progress import throughput
from trainmark.record import OK

# Columns of runs.csv, units in their names; empty where a run has no such value.
RUN_COLUMNS = (
    "machine",
    "stack",
    "device",
    "model",
    "batch_size",
    "repeat",
    "status",
    "reason",
    "fit_seconds",
    "throughput_samples_per_second",
    "test_accuracy",
    "test_loss",
    "first_epoch_seconds",
    "steady_state_epoch_seconds",
    "fit_setup_seconds",
    "fit_teardown_seconds",
    "data_seconds",
    "build_seconds",
    "evaluate_seconds",
    "epochs",
    "train_samples",
    "parameters",
    "seed",
    "started_at",
    "ended_at",
    "floatx",
    "intra_op_threads",
    "inter_op_threads",
    "optimizer_class",
    "jit_compile",
    "variable_devices",
    "python",
    "tensorflow",
    "keras",
    "tensorflow_metal",
    "operating_system",
    "gpu_driver",
    "load_average_before",
    "fit_cpu_seconds",
    "fit_steal_seconds",
    "peak_memory_bytes",
    "code_version",
    "code_commit",
    "lock_file",
    "lock_sha256",
    "protocol",
    "workload_digest",
    "settings_digest",
)
MACHINE_COLUMNS = (
    "machine",
    "chip",
    "architecture",
    "cores_physical",
    "cores_logical",
    "cores_usable",
    "cores_performance",
    "cores_efficiency",
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


def collect(machines: Path, schemas: Path, runs_csv: Path, machines_csv: Path) -> None:
    """Read every record and machine file below ``machines`` and write one row for each.

    Raises:
        TrainmarkError: naming every file that is not what it should be; no table is written then.
    """
    problems: list[str] = []
    runs = _read_all(sorted(machines.glob("*/runs/*/*/*/*/*.json")), schemas / "record.schema.yaml", problems, run_row)
    described = _read_all(
        sorted(machines.glob("*/machine.json")), schemas / "machine.schema.yaml", problems, machine_row
    )
    if problems:
        raise TrainmarkError(
            f"{len(problems)} file{'s' * (len(problems) > 1)} below {machines} cannot be used, so no report was drawn. "
            "Repair or remove each; a local run that is removed is measured again by the plain command.\n  - "
            + "\n  - ".join(problems)
        )
    if not runs:
        raise TrainmarkError(
            f"There is no record below {machines}: nothing to report. Measure this machine with 'snakemake --cores 1', "
            f"or copy other people's folders to {machines}/<machine>."
        )
    write_whole(runs_csv, _csv_text(RUN_COLUMNS, runs))
    write_whole(machines_csv, _csv_text(MACHINE_COLUMNS, described))


def _read_all(
    paths: Iterable[Path], schema: Path, problems: list[str], row: Callable[[Path, Mapping], dict]
) -> list[dict[str, Any]]:
    """The rows of the files that can be used; for each of the others, a line in ``problems``."""
    validate = fastjsonschema.compile(yaml.safe_load(schema.read_text()))
    rows = []
    for path in paths:
        try:
            data = json.loads(path.read_bytes())
            rows.append(row(path, validate(data)))
        except fastjsonschema.JsonSchemaValueException as error:
            problems.append(f"{path}: {error.message.removeprefix('data.')}")
        except UnicodeDecodeError as error:
            problems.append(f"{path}: is not UTF-8 text ({error.reason})")
        except json.JSONDecodeError as error:
            problems.append(f"{path}: is not JSON ({error})")
        except ValueError as error:
            problems.append(f"{path}: {error}")
        except OSError as error:
            problems.append(f"{path}: cannot be read ({error.strerror})")
    return rows


def run_row(path: Path, data: Mapping[str, Any]) -> dict[str, Any]:
    """A record's row in runs.csv.

    Raises:
        ValueError: if the record does not belong where it lies.
    """
    run = grid.run_from_path(path)
    meant = {**dataclasses.asdict(run.cell), "repeat": run.repeat}
    said = {key: data[key] for key in meant}
    if said != meant:
        differing = ", ".join(f"{key} {said[key]!r} against {meant[key]!r}" for key in said if said[key] != meant[key])
        raise ValueError(f"the record says otherwise than its path: {differing}")
    workload = data["workload"]
    durations, execution, noise = data["durations"], data["execution"], data["noise"]
    row = {key: data.get(key) for key in RUN_COLUMNS}
    row |= {key: value for part in (durations, execution, noise) for key, value in part.items() if key in row}
    row |= {key: workload[key] for key in ("epochs", "train_samples")}
    row |= {key: data["versions"].get(key) for key in ("python", "tensorflow", "keras", "tensorflow_metal")}
    row |= {key: data["versions"].get(key) for key in ("operating_system", "gpu_driver")}
    row |= {"code_version": data["code"]["version"], "code_commit": data["code"]["commit"]}
    row |= data["environment"]
    row["variable_devices"] = " ".join(execution.get("variable_devices", []))
    row["settings_digest"] = workloads.settings_digest(workload)
    if data["accuracy"]:
        row |= {key: data["accuracy"][key] for key in ("test_accuracy", "test_loss")}
    if data["status"] == OK:
        row["throughput_samples_per_second"] = throughput(workload, durations["fit_seconds"])
    return row


def machine_row(path: Path, data: Mapping[str, Any]) -> dict[str, Any]:
    """A machine file's row in machines.csv; the GPUs of a machine with several are counted.

    Raises:
        ValueError: if the file does not belong where it lies.
    """
    if data["machine"] != path.parent.name:
        raise ValueError(f"its machine is {data['machine']!r}")
    row = {key: data.get(key) for key in MACHINE_COLUMNS}
    row |= {f"cores_{kind}": count for kind, count in data["cores"].items()}
    gpus = data["gpus"]
    if gpus:
        count = f"{len(gpus)} x " if len(gpus) > 1 else ""
        row |= {"gpu": count + gpus[0]["name"], "gpu_driver": gpus[0]["driver"]}
        row |= {"gpu_cores": gpus[0]["cores"], "gpu_memory_bytes": gpus[0]["memory_bytes"]}
    return row


def _csv_text(columns: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> str:
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, list(columns), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()
