"""What every run proves, without a run: where a framework computes, and how evenly.

It runs in a fresh process that ``doctor.stack_check`` starts, and trains nothing that counts.
"""

from __future__ import annotations

import time
import traceback
from pathlib import Path
from typing import Any

from trainmark.install import lockfile
from trainmark.machine import disturbances
from trainmark.measure.messages import ExaminationAnswer, ExaminationRequest, Load, ObservedStep, nothing_examined
from trainmark.measure.worker import device_proof, failures, frameworks, matmul, versions
from trainmark.measure.worker.frameworks import Framework
from trainmark.records.record import OK

# The load: products of square float32 matrices of this side, so many that they take about LOAD_SECONDS, done again and
# again. Of so large ones every device is full.
SIDE = 2048
LOAD_SECONDS = 2.0
REPETITIONS = 10


def examine(request: ExaminationRequest) -> ExaminationAnswer:
    """Examine one device; a failure becomes a status, never an exception."""
    found = nothing_examined(OK, None)
    try:
        _examine(request, found)
    except Exception as error:
        traceback.print_exc()  # to the log
        return {**found, **failures.classify(error)}
    return found


def _examine(request: ExaminationRequest, found: ExaminationAnswer) -> None:
    """Fill ``found`` step by step, so that a failure keeps what came before it."""
    device, framework = request["device"], frameworks.of(request["stack"])
    framework.load(device, request["threads"])
    found["versions"] |= versions.found(framework)
    lockfile.refuse_differences(Path(request["lock_file"]), versions.imported(framework))
    framework.configure(device, request["threads"])
    found["gpu"] = framework.gpu() if device == "gpu" else None
    for workload in request["workloads"]:
        found["steps"][workload["model"]] = _step(framework, workload, request["batch_size"], device)
    start = time.perf_counter()
    found["load"] = repeat_load(framework, device)
    found["window"] = (start, time.perf_counter())


def _step(framework: Framework, workload: dict[str, Any], batch_size: int, device: str) -> ObservedStep:
    """One model's step: one that fails must not cost the others."""
    try:
        return {"reason": None, "execution": device_proof.prove_step(framework, workload, batch_size, device)}
    except Exception as error:
        traceback.print_exc()
        return {"reason": failures.classify(error)["reason"], "execution": {}}


def repeat_load(framework: Framework, device: str) -> Load:
    """Do one and the same load again and again."""
    work = matmul.load(framework, device, SIDE)
    start = time.perf_counter()
    work()
    parts = max(1, round(LOAD_SECONDS / (time.perf_counter() - start)))
    seconds, rates = [], []
    before, cpu_start = disturbances.snapshot(), time.process_time()
    for _ in range(REPETITIONS):
        start = time.perf_counter()
        done = [work() for _ in range(parts)]
        seconds.append(time.perf_counter() - start)
        rates.append(len(done) / sum(1 / rate for rate in done))  # as much work in each part
    disturbed = disturbances.between(before, disturbances.snapshot(), time.process_time() - cpu_start)
    return {"side": SIDE, "seconds": seconds, "flops_per_second": rates, "noise": disturbed}
