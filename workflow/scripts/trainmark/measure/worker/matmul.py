"""The sweep of matrix products: the most arithmetic that a framework gets out of a device.

It runs in a fresh process that ``matmul_sweep`` starts.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from pathlib import Path

from trainmark.install import lockfile
from trainmark.measure.messages import SweepAnswer, WorkerRequest
from trainmark.measure.worker import frameworks, versions
from trainmark.measure.worker.frameworks import Framework, WrongDeviceError

# Square float32 matrices of these sides, until one product takes longer than LONGEST_SECONDS: by then a device is busy
# a thousand times longer than starting a product takes, and a larger side brings some percent more for eight times the
# time.
SIDES = (256, 512, 1024, 2048, 4096, 8192, 16384)
LONGEST_SECONDS = 0.1
# Rounds of products a side, each of at least so long.
ROUNDS = 5
ROUND_SECONDS = 0.2


def sweep(request: WorkerRequest) -> SweepAnswer:
    """Sweep once, with float32 arithmetic (TensorFloat-32 is switched off); a failure becomes a reason."""
    found: SweepAnswer = {"reason": None, "versions": {}, "threads": request["threads"], "products": []}
    try:
        framework = frameworks.of(request["stack"])
        framework.load(request["device"], request["threads"])
        found["versions"] = versions.found(framework)
        lockfile.refuse_differences(Path(request["lock_file"]), versions.imported(framework))
        framework.configure(request["device"], request["threads"])
        for side in SIDES:
            work = load(framework, request["device"], side)
            rates = [work() for _ in range(ROUNDS)]
            found["products"].append({"side": side, "flops_per_second": rates})
            if 2 * side**3 / max(rates) > LONGEST_SECONDS:
                break
    except Exception as error:
        traceback.print_exc()
        if not found["products"]:
            found["reason"] = f"{type(error).__name__}: {str(error)[:500]}"
        # A GPU whose memory ends at a side has told what it can do by the smaller ones.
    return found


def load(framework: Framework, device: str, side: int) -> Callable[[], float]:
    """So many products of square matrices that they take about ROUND_SECONDS.

    Args:
        framework: configured.
        device: cpu or gpu.
        side: of the matrices.

    Returns:
        A function that makes them, and gives their FLOP/s.

    Raises:
        WrongDeviceError: if the first of them was made elsewhere.
    """
    multiply, where = framework.multiplier(device, side)
    if where != f"{device.upper()}:0":
        raise WrongDeviceError(f"The product was made on {where}, not on the {device}.")
    multiply(1)  # what is chosen and compiled at the first product is not arithmetic
    start = time.perf_counter()
    multiply(1)
    count = max(1, round(ROUND_SECONDS / (time.perf_counter() - start)))

    def work() -> float:
        start = time.perf_counter()
        multiply(count)
        return 2 * side**3 * count / (time.perf_counter() - start)

    return work
