"""A sweep of matrix products seen from outside, and the peak that a processor's data sheet would promise."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trainmark import system
from trainmark.errors import TrainmarkError, terminable
from trainmark.machine import hardware
from trainmark.machine.gpus import Gpu
from trainmark.measure import kernel_cache, provenance, worker_process
from trainmark.measure.messages import SweepAnswer, WorkerRequest
from trainmark.records import supersession, writing
from trainmark.records.record import ROOFLINE_FORMAT

TIME_LIMIT_SECONDS = 600.0


@dataclass(frozen=True)
class Request:
    """One sweep to do.

    Attributes:
        path: results/machines/MACHINE/roofline/STACK/DEVICE.json.
        threads: of the framework; None for all cores that the process may use.
        lock_file: the file that pins the environment.
        workflow_pid: process that wants it, or None.
        gpu: that is timed on this machine, whichever device the sweep is of.
        superseded: folder for the file that this one replaces, if there is one.
    """

    path: Path
    threads: int | None
    lock_file: Path
    workflow_pid: int | None
    gpu: Gpu | None = None
    superseded: Path = field(default_factory=supersession.folder)

    @property
    def machines(self) -> Path:
        """results/machines."""
        return self.path.parents[3]

    @property
    def axes(self) -> tuple[str, str, str]:
        """Machine, stack and device."""
        machine, _, stack, name = self.path.parts[-4:]
        return machine, stack, name.removesuffix(".json")

    def __str__(self) -> str:
        machine, stack, device = self.axes
        return f"the sweep of {stack} {device} on {machine}"


def supervise(request: Request, child_command: list[str]) -> dict[str, Any]:
    """Do one sweep and write its file.

    Args:
        request: the sweep.
        child_command: starts a process that answers a request with what ``matmul.sweep`` returns.

    Returns:
        What was written.

    Raises:
        TrainmarkError: if it failed, or the environment is not the one that the lock pins; nothing is written then.
    """
    machine, stack, device = request.axes
    made_by = provenance.describe(request.lock_file, request.gpu)
    threads = request.threads or hardware.usable_cores()
    message: WorkerRequest = {
        "stack": stack,
        "device": device,
        "threads": threads,
        "lock_file": str(request.lock_file),
    }
    variables = worker_process.child_environment(device, threads, request.gpu, stack)
    limit_seconds = TIME_LIMIT_SECONDS
    if kernel_cache.is_needed(stack, device, request.gpu, request.lock_file):
        limit_seconds += kernel_cache.LIMIT_SECONDS
    with terminable(), writing.measured(request.machines, machine, request):
        with worker_process.machine_lock(request, request.workflow_pid) as lock:
            started = provenance.now()
            answer, code = worker_process.converse(
                child_command, message, variables, lock, limit_seconds, request, request.workflow_pid
            )
        found = _outcome(request, answer, code)
        measured = {key: value for key, value in found.items() if key != "reason"}
        data = _assemble(request, threads, {"started_at": started, **made_by, **measured})
        content = (json.dumps(data, indent=1) + "\n").encode()
        writing.write(request.machines, request.path, content, request, request.superseded)
    return data


def _outcome(request: Request, answer: bytes | None, code: int) -> SweepAnswer:
    """What the child measured; arguments as ``worker_process.converse`` returns them."""
    try:
        found: SweepAnswer = json.loads(answer or b"")
        reason = found["reason"]
    except json.JSONDecodeError:
        end = f"signal {-code}" if code < 0 else f"exit code {code}"
        reason = f"its process ended with {end} and no result"
    if reason:
        raise TrainmarkError(f"{request} failed: {reason}. Set roofline: false in the configuration to do without it.")
    return found


def _assemble(request: Request, threads: int, parts: dict[str, Any]) -> dict[str, Any]:
    machine, stack, device = request.axes
    theoretical = theoretical_peak(threads) if device == "cpu" else None
    head = {"format_version": ROOFLINE_FORMAT, "machine": machine, "stack": stack, "device": device}
    return {**head, "theoretical": theoretical, **parts}


def line(data: dict[str, Any]) -> str:
    """What the user is told of a sweep."""
    best = max(data["products"], key=lambda product: max(product["flops_per_second"]))
    return (
        f"trainmark: {data['stack']} {data['device']} multiplies matrices with up to "
        f"{max(best['flops_per_second']) / 1e12:.3g} TFLOPS (side {best['side']})"
    )


def theoretical_peak(threads: int, cpuinfo: str | None = None) -> dict[str, Any] | None:
    """FP32 peak of the cores that so many threads fill: cores x clock x operations a cycle.

    Operations a cycle are those of the widest fused multiply-adds that the processor names, a multiply-add as two: two
    units of 256 bits (AVX2: 32), of 512 bits (AVX-512: 64), but on AMD's Zen 4, whose units are 256 bits wide. Intel's
    processors with one 512-bit unit have half of that. The clock is the highest that Linux names; in a virtual machine
    that is often the nominal one, which a processor exceeds.

    Args:
        threads: that compute.
        cpuinfo: the text of /proc/cpuinfo; read if not given.

    Returns:
        ``flops_per_second``, ``cores``, ``clock_hertz`` and ``flops_per_cycle``; None where one of them is not known,
        as on Apple's chips, whose matrix units are undocumented.
    """
    text = cpuinfo if cpuinfo is not None else system.read_text("/proc/cpuinfo") or ""
    fields = dict(re.findall(r"^(flags|cpu family|vendor_id|cpu MHz)\s*: (.+)$", text, re.MULTILINE))
    flags = set(fields.get("flags", "").split())
    most = system.read_text("/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq")  # kHz
    clocks = [float(value) * 1e6 for value in re.findall(r"^cpu MHz\s*: (.+)$", text, re.MULTILINE)]
    clock = int(most) * 1e3 if most and cpuinfo is None else max(clocks, default=None)
    if clock is None or "fma" not in flags:
        return None
    zen4 = fields.get("vendor_id") == "AuthenticAMD" and int(fields.get("cpu family", 0)) <= 25
    per_cycle = 64 if "avx512f" in flags and not zen4 else 32
    counts = hardware.core_counts()
    each = (counts["logical"] or 1) / (counts["physical"] or counts["logical"] or 1)
    cores = max(1, round(threads / each))
    return {
        "flops_per_second": cores * clock * per_cycle,
        "cores": cores,
        "clock_hertz": clock,
        "flops_per_cycle": per_cycle,
    }
