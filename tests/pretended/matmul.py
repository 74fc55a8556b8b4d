"""In the place of a checkout's module of this name: a sweep of matrix products, without TensorFlow."""

from trainmark.measure.messages import SweepAnswer, WorkerRequest
from trainmark.measure.worker import training

SIDES = (256, 512, 1024)


def sweep(request: WorkerRequest) -> SweepAnswer:
    """A sweep that went well."""
    training.refuse_other_threads(request["threads"])
    versions = training.real_record(request["device"], 0)["versions"]
    products = [{"side": side, "flops_per_second": [side * 1e8, side * 1.1e8]} for side in SIDES]
    return {"reason": None, "versions": versions, "threads": request["threads"], "products": products}
