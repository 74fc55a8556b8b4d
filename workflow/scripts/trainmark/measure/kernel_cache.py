"""The driver's compiler, kept out of the timings: what it makes for a GPU is made before the first of them.

Where a stack holds no machine code for a GPU, NVIDIA's driver compiles its kernels when they are first loaded. That
takes minutes, up to half an hour, and is no training. The driver keeps the result in a folder (CUDA C++ Programming
Guide, CUDA_CACHE_PATH), where all later processes find it.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable
from pathlib import Path

from trainmark.dataset import sources
from trainmark.experiment import suites
from trainmark.install import lockfile
from trainmark.machine import cuda
from trainmark.machine.gpus import Gpu
from trainmark.measure.messages import Ending, TrainingRequest
from trainmark.records.record import OK
from trainmark.terminal import say

log = logging.getLogger(__name__)

# Half an hour was seen for hundreds of megabytes of kernels; a run's own time limit is about its training.
LIMIT_SECONDS = 7200.0


def cache_folder() -> Path:
    """Where the user's caches of this project lie."""
    return sources.caches()


def mark(stack: str, gpu: Gpu, lock_file: Path) -> Path:
    """The file that says that all is compiled for this GPU, by this driver, of this environment."""
    what = [gpu.name, gpu.compute_capability, gpu.driver, lockfile.digest(lockfile.read(lock_file))]
    key = hashlib.sha256(json.dumps(what).encode()).hexdigest()[:16]
    return cache_folder() / "cuda" / stack / f"compiled-{key}"


def is_needed(stack: str, device: str, gpu: Gpu | None, lock_file: Path) -> bool:
    """Whether a training on this device would begin with compiling."""
    if device != "gpu" or gpu is None or not cuda.must_compile(stack, gpu):
        return False
    return not mark(stack, gpu, lock_file).exists()


def announcement(stack: str, gpu: Gpu) -> str:
    """What to tell before it is compiled."""
    return (
        f"trainmark: {stack} holds no machine code for {gpu.name} (compute capability "
        f"{gpu.compute_capability}), so NVIDIA's driver now compiles the code, once. That takes minutes, up to half "
        "an hour, and is not timed."
    )


def warm_up(
    stack: str,
    gpu: Gpu,
    lock_file: Path,
    message: TrainingRequest,
    train: Callable[[TrainingRequest, float], bytes | None],
) -> None:
    """Have each model trained for two steps, so that all is compiled; say so before, and how long it took.

    A failure costs nothing but the time: the run that follows meets it again, and records it.

    Args:
        stack: that is timed.
        gpu: for which it is compiled.
        lock_file: the file that pins the environment.
        message: what the training process is asked to do in the run that follows.
        train: has that process do a message within so many seconds, and gives its answer.
    """
    say(announcement(stack, gpu))
    began = time.monotonic()
    for model in suites.of(message["workload"]).models:
        size = message["batch_size"]
        sizes = {"train_samples": 2 * size, "validation_samples": size, "test_samples": size, "epochs": 1}
        workload = {**message["workload"], "model": model, **sizes}
        small: TrainingRequest = {**message, "control": None, "workload": workload}
        answer = train(small, LIMIT_SECONDS - (time.monotonic() - began))
        try:
            found: Ending = json.loads(answer or b"")
        except json.JSONDecodeError:
            found = {"status": "error", "reason": "the process ended without a result"}
        if found["status"] != OK:
            log.warning("compiling beforehand failed with %s: %s", model, found["reason"])
            return
    say(f"trainmark: compiled in {time.monotonic() - began:.0f} s.")
    path = mark(stack, gpu, lock_file)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("Made by trainmark. If you delete it, all is compiled again before the next timing.\n")
    except OSError as error:
        log.warning("what was compiled cannot be noted: %s", error)
