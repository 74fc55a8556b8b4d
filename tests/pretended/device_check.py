"""In the place of a checkout's module of this name: the doctor's look at a device, without TensorFlow."""

import time

from trainmark.machine import disturbances
from trainmark.measure.messages import ExaminationAnswer, ExaminationRequest, nothing_examined
from trainmark.measure.worker import training

REPETITIONS = 10


def examine(request: ExaminationRequest) -> ExaminationAnswer:
    """A look that finds all well, and an even load."""
    training.refuse_other_threads(request["threads"])
    answer = nothing_examined("ok", None)
    real = training.real_record(request["device"], request["batch_size"])
    answer["versions"], answer["gpu"] = real["versions"], training.used_gpu(request["device"])
    execution = {**real["execution"], "optimizer_devices": real["execution"]["step_operations"]}
    answer["steps"] = {each["model"]: {"reason": None, "execution": execution} for each in request["workloads"]}
    before, begin = disturbances.snapshot(), time.perf_counter()
    time.sleep(2)
    noise, window = disturbances.between(before, disturbances.snapshot(), 1.9), (begin, time.perf_counter())
    seconds = [(window[1] - window[0]) / REPETITIONS] * REPETITIONS
    load = {"side": 2048, "seconds": seconds, "flops_per_second": [1e11] * REPETITIONS, "noise": noise}
    return {**answer, "load": load, "window": window}
