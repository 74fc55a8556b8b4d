"""The sweep of matrix products: the most arithmetic that TensorFlow gets out of a device.

Imports tensorflow. It runs in a fresh process that ``matmul_sweep`` starts.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from trainmark.install import lockfile
from trainmark.measure.messages import SweepAnswer, WorkerRequest
from trainmark.measure.worker import settings, versions
from trainmark.measure.worker.device_proof import short_device
from trainmark.measure.worker.failures import WrongDeviceError

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
        import tensorflow as tf

        found["versions"] = versions.found(tf)
        lockfile.refuse_differences(Path(request["lock_file"]), versions.imported(tf))
        settings.configure(tf, request["device"], request["threads"])
        for side in SIDES:
            work = load(tf, request["device"], side)
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


def load(tf: Any, device: str, side: int) -> Callable[[], float]:
    """So many products of square matrices that they take about ROUND_SECONDS.

    Args:
        tf: tensorflow.
        device: cpu or gpu.
        side: of the matrices.

    Returns:
        A function that makes them, and gives their FLOP/s.

    Raises:
        WrongDeviceError: if the first of them was made elsewhere.
    """
    where = f"/{device.upper()}:0"
    with tf.device(where):
        left, right = (tf.random.stateless_uniform((side, side), seed=(1, n)) for n in (1, 2))
        _wait(left @ right)  # what is chosen and compiled at the first product is not arithmetic
        start = time.perf_counter()
        product = left @ right
        _wait(product)
        count = max(1, round(ROUND_SECONDS / (time.perf_counter() - start)))
        if not short_device(product.device).startswith(device.upper()):
            raise WrongDeviceError(f"The product was made on {product.device}, not on the {device}.")

    def work() -> float:
        with tf.device(where):
            start = time.perf_counter()
            for _ in range(count):
                product = left @ right
            _wait(product)  # a device works through its queue in order
            return 2 * side**3 * count / (time.perf_counter() - start)

    return work


def _wait(product: Any) -> None:
    product[0, 0].numpy()
