"""A run seen from outside: a fresh process trains, another one watches, and there is a record whatever happens."""

from __future__ import annotations

import dataclasses
import json
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trainmark import process_environment, system
from trainmark.errors import terminable
from trainmark.experiment import controls, grid, workloads
from trainmark.experiment.grid import Run
from trainmark.machine import disturbances, gpus, hardware
from trainmark.machine.gpus import Gpu
from trainmark.measure import kernel_cache, node_check, progress, provenance, sampler, worker_process
from trainmark.measure.messages import Ending, TrainingAnswer, TrainingRequest, UsedGpu, nothing_measured
from trainmark.records import chain, supersession, writing
from trainmark.records.record import FORMAT_VERSION, OK, PROTOCOL, RECORD_BYTES, Record
from trainmark.words import plural

LOG_TAIL_LINES = 20


@dataclass(frozen=True)
class Request:
    """One run to do.

    Attributes:
        run: which.
        workload: what to compute, as ``workloads.describe`` gives it.
        seed: of the run's random numbers.
        threads: of the framework and the numeric libraries; None for all cores that the process may use.
        time_limit_seconds: from the start of the child to its end.
        data_folder: the decoded data set.
        lock_file: the file that pins the environment.
        workflow_pid: process that wants the run, or None for a run by hand.
        idle_seconds: to measure the idle machine's power for before the run, where there is a meter.
        cool_down_seconds: to wait at most, before the run, until the machine is cool.
        gpu: that is timed on this machine, whichever device the run is of.
        superseded: folder for the record that this one replaces, if there is one.
        node: of a fleet that this computer has to be, as ``node_check`` has it; None where there is no fleet.
        session: that wants the run; None if there is none.
    """

    run: Run
    workload: dict[str, Any]
    seed: int
    threads: int | None
    time_limit_seconds: float
    data_folder: Path
    lock_file: Path
    workflow_pid: int | None
    idle_seconds: float = 0.0
    cool_down_seconds: float = 0.0
    gpu: Gpu | None = None
    superseded: Path = field(default_factory=supersession.folder)
    node: dict[str, Any] | None = None
    session: progress.Session | None = None


def supervise(request: Request, child_command: list[str], watch_command: list[str], log_path: Path) -> Record:
    """Do one run and write its record, whatever becomes of the training.

    Args:
        request: the run.
        child_command: starts a process that calls ``serve``.
        watch_command: starts a process that calls ``sampler.serve``.
        log_path: the file that this process's stderr goes to; its last lines go into the record of a failure.

    Returns:
        The record as written.

    Raises:
        OSError: if the record cannot be written; noticed before the training where the disk is full already.
        AbandonedError: if the workflow is gone.
        TrainmarkError: if the environment is not the one that the lock pins, this is not the node that was meant, or
            the run failed and would replace a good one of another workload, of which there is none of this one yet;
            there is no record then.
        KeyboardInterrupt: if the user stops; there is no record then.
    """
    node_check.refuse_other_node(request.node, request.gpu, True, request.threads)
    began = request.session.began if request.node and request.session else None
    made = node_check.made_before_requeue(request.run.path, began)
    if made:
        return Record(**made)
    made_by = provenance.describe(request.lock_file, request.gpu)
    run, machines = request.run, grid.MACHINES
    with terminable(), writing.measured(machines, run.cell.machine, run):
        pending = writing.pending(machines, run.path, RECORD_BYTES)
        try:
            with worker_process.machine_lock(run, request.workflow_pid) as lock:
                outcome = _run_watched(request, child_command, watch_command, lock)
            log_tail = None if outcome["status"] == OK else _tail(log_path)
            record = _assemble(request, {**made_by, **outcome}, log_tail)
            supersession.refuse_loss(record, run.path)
            with writing.locked(machines, run):  # nothing comes between the record and the one that it names
                record = dataclasses.replace(record, previous=chain.last(machines / run.cell.machine))
                writing.place(pending, record.to_json().encode(), request.superseded)
        finally:
            pending.discard()
    return record


def _run_watched(request: Request, child_command: list[str], watch_command: list[str], lock: int) -> dict[str, Any]:
    """Let the machine come to rest, start the child with its meters beside it, and give what the record has of it."""
    device = request.run.cell.device
    _warm_up(request, child_command, lock)
    paused = disturbances.cool_down(request.cool_down_seconds, request.gpu, lambda seconds: _pause(request, seconds))
    conditions = disturbances.conditions()
    with sampler.watched(watch_command, process_environment.clean(), device) as watcher:
        idle = None
        if watcher.reason is None and request.idle_seconds:
            begin = time.perf_counter()
            _pause(request, request.idle_seconds)
            idle = begin, time.perf_counter()
        oom_kills = _oom_kills()
        before = disturbances.clocks()
        answer = _run_child(request, child_command, lock)
        passed = disturbances.interruption(before, disturbances.clocks())
        window = answer["fit_window"]
        seen = watcher.tell(window, idle) if window else sampler.nothing_read(watcher.reason or _NO_WINDOW)
    if answer["status"] == "killed" and (_oom_kills() or 0) > (oom_kills or 0):
        answer |= {"status": "out_of_memory", "reason": "The system killed the training because memory ran out."}
    if answer["status"] == OK and device == "gpu":
        other = refuse_other_gpu(request.gpu, answer["gpu"])
        if other:
            answer = {**answer, **other}
    # By a clock that cannot be set: the time of day may be, while it trains.
    times = {
        "started_at": provenance.utc(before.wall),
        "ended_at": provenance.utc(before.wall + (passed.pop("seconds") or 0.0)),
    }
    pressure = disturbances.worse(conditions["thermal_pressure"], disturbances.thermal_pressure())
    found = {**conditions, **passed, "thermal_pressure": pressure, "cool_down_seconds": paused}
    found |= {"gpu_processes_before": watcher.gpu_processes, **_NO_GPU, **seen["gpu"], **answer["noise"]}
    measured = {key: value for key, value in answer.items() if key != "fit_window"}
    gpu = _describe_gpu(request, answer["gpu"])
    return {**measured, **times, "noise": found, "energy": seen["energy"], "gpu": gpu}


def _warm_up(request: Request, command: list[str], lock: int) -> None:
    """Have the driver compile beforehand what it would compile within the first timing."""
    stack, device = request.run.cell.stack, request.run.cell.device
    if request.gpu is None or not kernel_cache.is_needed(stack, device, request.gpu, request.lock_file):
        return
    threads = request.threads or hardware.usable_cores()
    variables = worker_process.child_environment(device, threads, request.gpu, stack)

    def train(message: TrainingRequest, limit_seconds: float) -> bytes | None:
        pid = request.workflow_pid
        return worker_process.converse(command, message, variables, lock, limit_seconds, request.run, pid)[0]

    kernel_cache.warm_up(stack, request.gpu, request.lock_file, _message(request, threads), train)


def refuse_other_gpu(expected: Gpu | None, used: UsedGpu | None) -> Ending | None:
    """How it went where the framework says that it used another GPU than the one that is described and metered."""
    if expected is None or expected.pci_bus_id is None or used is None or used["pci_bus_id"] is None:
        return None
    if gpus.same_bus(expected.pci_bus_id, used["pci_bus_id"]):
        return None
    reason = f"Expected the training on {expected}; it used {used['name']} at {used['pci_bus_id']}."
    return {"status": "wrong_device", "reason": reason}


def _describe_gpu(request: Request, used: UsedGpu | None) -> dict[str, Any] | None:
    """The record's ``gpu``: None of a CPU run."""
    gpu = request.gpu
    if request.run.cell.device == "cpu" or gpu is None:
        return None
    return {
        "name": gpu.name,
        "id_hash": hardware.keyed_hash(known) if (known := gpu.uuid or gpu.pci_bus_id) else None,
        "memory_bytes": gpu.memory_bytes,
        "compute_capability": (used and used["compute_capability"]) or gpu.compute_capability,
        "mig_profile": gpu.mig_profile,
    }


# What a record says of a GPU that no one watched.
_NO_GPU = dict.fromkeys(sampler.summarise([]))
_NO_WINDOW = "the training did not come to its end"


def _pause(request: Request, seconds: float) -> None:
    """Sleep, but for one look a second whether the workflow still wants the run."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        worker_process.check_workflow(request.run, request.workflow_pid)
        time.sleep(min(left, worker_process.POLL_SECONDS))


def _run_child(request: Request, command: list[str], lock: int) -> TrainingAnswer:
    """Start the child, wait for its end, and say how it went, as ``training.train`` does."""
    threads = request.threads or hardware.usable_cores()
    variables = worker_process.child_environment(request.run.cell.device, threads, request.gpu, request.run.cell.stack)
    limit_seconds, pid = request.time_limit_seconds, request.workflow_pid
    message = _message(request, threads)
    answer, code = worker_process.converse(command, message, variables, lock, limit_seconds, request.run, pid)
    if answer is None:
        return nothing_measured("timed_out", _stopped(request, []))
    try:
        answered: TrainingAnswer = json.loads(answer)
    except json.JSONDecodeError:
        return nothing_measured(**describe_death(code))
    if answered["status"] == "timed_out":
        answered["reason"] = _stopped(request, answered["durations"].get("epoch_seconds", []))
    return answered


def _stopped(request: Request, finished: Sequence[float]) -> str:
    """What to say of a training that was stopped, with the seconds of the epochs that it has finished."""
    limit = f"{request.time_limit_seconds:g} s (time_limit_seconds in config)"
    said = f"The training was stopped after its time limit of {limit}."
    epochs = request.workload["epochs"]
    if not finished:
        return f"{said} None of {plural(epochs, 'epoch')} was finished."
    mean = sum(finished) / len(finished)
    return (
        f"{said} {len(finished)} of {plural(epochs, 'epoch')} finished, in {mean:.1f} s each: they are in its record."
    )


def _message(request: Request, threads: int) -> TrainingRequest:
    """What the child is asked to do."""
    return {
        "stack": request.run.cell.stack,
        "device": request.run.cell.device,
        "batch_size": request.run.cell.batch_size,
        "workload": request.workload,
        "seed": request.seed,
        "control": request.run.control,
        "threads": threads,
        "cpus": controls.cpus(request.run.control),
        "lock_file": str(request.lock_file),
        "data_folder": str(request.data_folder),
    }


def describe_death(code: int) -> Ending:
    """How it went for a child that ended without an answer, from its exit code (negative: a signal)."""
    if code < 0:
        name = signal.Signals(-code).name
        hint = ": by hand, or by the system, which often means out of memory" if name == "SIGKILL" else ""
        return {"status": "killed", "reason": f"The training process was killed by {name} (signal {-code}){hint}."}
    return {"status": "error", "reason": f"The training process ended with exit code {code} and no result."}


def _oom_kills() -> int | None:
    """How many processes this kernel has killed for want of memory since it started; None where it does not say."""
    for line in (system.read_text("/proc/vmstat") or "").splitlines():
        if line.startswith("oom_kill "):
            return int(line.split()[1])
    return None


def _assemble(request: Request, parts: dict[str, Any], log_tail: list[str] | None) -> Record:
    cell = request.run.cell
    return Record(
        format_version=FORMAT_VERSION,
        protocol=PROTOCOL,
        machine=cell.machine,
        stack=cell.stack,
        device=cell.device,
        model=cell.model,
        batch_size=cell.batch_size,
        repeat=request.run.repeat,
        control=request.run.control,
        workload=request.workload,
        workload_digest=workloads.digest(request.workload),
        seed=request.seed,
        log_tail=log_tail,
        previous=None,
        **parts,
    )


def _tail(path: Path) -> list[str]:
    """The last lines of a log, without its blank ones."""
    lines = (system.read_text(path) or "").splitlines()
    return [line[:500] for line in lines if line.strip()][-LOG_TAIL_LINES:]
