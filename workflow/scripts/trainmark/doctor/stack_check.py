"""A stack examined from outside: whether it is what its lock pins, and on each device what a fresh process finds."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

from trainmark import process_environment
from trainmark.errors import TrainmarkError, terminable
from trainmark.install import lockfile
from trainmark.machine import cuda, hardware
from trainmark.machine.gpus import Gpu
from trainmark.measure import kernel_cache, provenance, sampler, supervision, worker_process
from trainmark.measure.messages import (
    Examination,
    ExaminationAnswer,
    ExaminationRequest,
    Readings,
    nothing_examined,
)
from trainmark.records.record import OK
from trainmark.terminal import say

IDLE_SECONDS = 2.0
_TIME_LIMIT_SECONDS = 300.0


class DeviceLook(Examination):
    """What was found of a device from outside, too.

    Attributes:
        compiles: whether the driver had to compile the stack's code.
        gpu_processes: how many others computed on the GPU; None where that cannot be told.
        seen: what the meters told.
    """

    compiles: bool
    gpu_processes: int | None
    seen: Readings


class StackLook(TypedDict):
    """What was found of a stack.

    Attributes:
        stack: which.
        python: its version.
        reason: why nothing of it is to be timed; None if there is none.
        busy: whose timing keeps the devices from being examined now, or None.
        environment: as records have it.
        code: the same.
        devices: that the stack fits, by name.
    """

    stack: str
    python: str
    reason: str | None
    busy: str | None
    environment: dict[str, Any] | None
    code: dict[str, str | None] | None
    devices: dict[str, DeviceLook]


@dataclass(frozen=True)
class Request:
    """One stack to examine.

    Attributes:
        stack: which.
        devices: on which the machine is to be timed.
        workloads: one a model, as ``workloads.describe`` gives them.
        batch_size: of the steps.
        threads: of the framework; None for all cores that the process may use.
        gpu: that is timed on this machine.
        lock_file: the file that pins the environment.
        workflow_pid: process that wants it, or None.
        interpreter: prefix and version of the Python that this has to run on, or None for any.
    """

    stack: str
    devices: Sequence[str]
    workloads: Sequence[dict[str, Any]]
    batch_size: int
    threads: int | None
    gpu: Gpu | None
    lock_file: Path
    workflow_pid: int | None
    interpreter: Sequence[str] | None = None

    def __str__(self) -> str:
        return f"the check of {self.stack}"

    def is_fit(self, device: str) -> bool:
        """Whether the stack holds code for a device."""
        try:
            if device == "gpu" and self.gpu:
                cuda.refuse_unfit(self.stack, self.gpu)
        except TrainmarkError:
            return False
        return True


def examine(request: Request, child_command: list[str], watch_command: list[str]) -> StackLook:
    """Examine a stack; whatever is wrong is in what is found.

    Args:
        request: the stack.
        child_command: starts a process that answers a request with what ``device_check.examine`` returns.
        watch_command: starts a process that calls ``sampler.serve``.

    Raises:
        AbandonedError: if the workflow is gone.
    """
    found: StackLook = {
        "stack": request.stack,
        "python": platform.python_version(),
        "reason": None,
        "busy": None,
        "environment": None,
        "code": None,
        "devices": {},
    }
    try:
        if request.interpreter:
            lockfile.refuse_other_interpreter(*request.interpreter)
        made_by = provenance.describe(request.lock_file, request.gpu)
    except TrainmarkError as error:
        found["reason"] = str(error)
        return found
    found["environment"], found["code"] = made_by["environment"], made_by["code"]
    try:
        with terminable(), worker_process.machine_lock(request, request.workflow_pid, waits=False) as lock:
            for device in filter(request.is_fit, request.devices):
                found["devices"][device] = _examine_device(request, device, child_command, watch_command, lock)
    except worker_process.BusyError as error:
        found["busy"] = str(error)
    except OSError as error:  # the lock's file, or a process that cannot be started
        found["reason"] = str(error)
    return found


def _examine_device(
    request: Request, device: str, child_command: list[str], watch_command: list[str], lock: int
) -> DeviceLook:
    compiles = kernel_cache.is_needed(request.stack, device, request.gpu, request.lock_file)
    if compiles and request.gpu:
        say(kernel_cache.announcement(request.stack, request.gpu))
    say(f"trainmark: checking {request.stack} on the {device.upper()}; this takes about half a minute.")
    with sampler.watched(watch_command, process_environment.clean(), device) as watcher:
        idle = begin, _ = time.perf_counter(), time.perf_counter()
        if watcher.watches:
            time.sleep(IDLE_SECONDS)
            idle = begin, time.perf_counter()
        answer = _run_child(request, device, child_command, lock, compiles)
        seen = watcher.tell(answer["window"] or idle, idle)
    if answer["status"] == OK and device == "gpu":
        other = supervision.refuse_other_gpu(request.gpu, answer["gpu"])
        if other:
            answer = {**answer, **other}
    return {
        "compiles": compiles,
        "gpu_processes": watcher.gpu_processes,
        "seen": seen,
        "status": answer["status"],
        "reason": answer["reason"],
        "versions": answer["versions"],
        "gpu": answer["gpu"],
        "steps": answer["steps"],
        "load": answer["load"],
    }


def _run_child(request: Request, device: str, command: list[str], lock: int, compiles: bool) -> ExaminationAnswer:
    """Start the child, wait for its end, and give what ``device_check.examine`` returns."""
    threads = request.threads or hardware.usable_cores()
    message: ExaminationRequest = {
        "stack": request.stack,
        "device": device,
        "threads": threads,
        "batch_size": request.batch_size,
        "workloads": list(request.workloads),
        "lock_file": str(request.lock_file),
    }
    variables = worker_process.child_environment(device, threads, request.gpu, request.stack)
    limit_seconds = _TIME_LIMIT_SECONDS + (kernel_cache.LIMIT_SECONDS if compiles else 0)
    answer, code = worker_process.converse(
        command, message, variables, lock, limit_seconds, request, request.workflow_pid
    )
    if answer is None:
        return nothing_examined("timed_out", f"It did not end within {limit_seconds:g} s, and was stopped.")
    try:
        answered: ExaminationAnswer = json.loads(answer)
        return answered
    except json.JSONDecodeError:
        return nothing_examined(**supervision.describe_death(code))
