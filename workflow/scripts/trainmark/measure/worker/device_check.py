"""What every run proves, without a run: where TensorFlow computes, and how evenly. Imports tensorflow.

It runs in a fresh process that ``doctor.stack_check`` starts, and trains nothing that counts.
"""

from __future__ import annotations

import time
import traceback
from pathlib import Path
from typing import Any

from trainmark.install import lockfile
from trainmark.machine import disturbances
from trainmark.measure.worker import device_proof, failures, matmul, settings, versions
from trainmark.records.record import OK

# The load: products of square float32 matrices of this side, so many that they take about LOAD_SECONDS, done again and
# again. Of so large ones every device is full.
SIDE = 2048
LOAD_SECONDS = 2.0
REPETITIONS = 10


def examine(request: dict[str, Any]) -> dict[str, Any]:
    """Examine one device; a failure becomes a status, never an exception.

    Args:
        request: ``device``, ``threads``, ``lock_file`` and ``batch_size`` as of a training, and ``workloads``, one a
            model.

    Returns:
        ``status`` and ``reason`` as of a training, and what was found until then: ``versions``; ``gpu`` (what
        TensorFlow says of it); ``steps``, by model, with ``reason`` (None if all is well) and ``execution``; ``load``
        (see ``repeat_load``); ``window``, begin and end of that by ``time.perf_counter``.
    """
    found: dict[str, Any] = {"status": OK, "reason": None, "versions": {}, "gpu": None}
    found |= {"steps": {}, "load": None, "window": None}
    try:
        _examine(request, found)
    except Exception as error:
        traceback.print_exc()  # to the log
        found["status"], found["reason"] = failures.classify(error)
    return found


def _examine(request: dict[str, Any], found: dict[str, Any]) -> None:
    """Fill ``found`` step by step, so that a failure keeps what came before it."""
    import tensorflow as tf

    device = request["device"]
    found["versions"] |= versions.found(tf)
    lockfile.refuse_differences(Path(request["lock_file"]), versions.imported(tf))
    settings.configure(tf, device, request["threads"])
    found["gpu"] = device_proof.gpu_details(tf) if device == "gpu" else None
    for workload in request["workloads"]:
        found["steps"][workload["model"]] = _step(tf, workload, request["batch_size"], device)
    start = time.perf_counter()
    found["load"] = repeat_load(tf, device)
    found["window"] = [start, time.perf_counter()]


def _step(tf: Any, workload: dict[str, Any], batch_size: int, device: str) -> dict[str, Any]:
    """One model's step: one that fails must not cost the others."""
    try:
        return {"reason": None, "execution": device_proof.prove_step(tf, workload, batch_size, device)}
    except Exception as error:
        traceback.print_exc()
        return {"reason": failures.classify(error)[1], "execution": {}}


def repeat_load(tf: Any, device: str) -> dict[str, Any]:
    """Do one and the same load again and again.

    Returns:
        ``side`` of its matrices; ``seconds`` and ``flops_per_second`` of each repetition; ``noise``, what happened on
        the machine meanwhile.
    """
    work = matmul.load(tf, device, SIDE)
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
