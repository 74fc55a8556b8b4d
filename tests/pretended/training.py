"""In the place of a checkout's module of this name: a training without TensorFlow.

It gives the answer of a real training, after seconds that go with the work. All around it is real: Snakemake, the
supervisor, the process of its own, the meters, and the record.
"""

import json
import os
import random
import time
from pathlib import Path
from typing import Any

from trainmark.experiment import suites
from trainmark.machine import disturbances, hardware
from trainmark.measure.messages import TrainingAnswer, TrainingRequest, UsedGpu, nothing_measured


def train(request: TrainingRequest) -> TrainingAnswer:
    """What a real training of this batch size answered, with the durations of this one."""
    assert suites.of(request["workload"]).data.is_decoded(Path(request["data_folder"]))
    refuse_other_threads(request["threads"])
    answer, workload = nothing_measured("ok", None), request["workload"]
    real = real_record(request["device"], request["batch_size"])
    answer |= {key: real[key] for key in answer.keys() & real.keys()}
    answer["gpu"] = used_gpu(request["device"])
    epochs, before, begin = workload["epochs"], disturbances.snapshot(), time.perf_counter()
    time.sleep(random.uniform(0.2, 0.3) + epochs * workload["train_samples"] / 10_000)  # no two take equally long
    fit = time.perf_counter() - begin
    answer["noise"] = disturbances.between(before, disturbances.snapshot(), fit / 2)
    for key, value in answer["accuracy"].items():
        answer["accuracy"][key] = value[:1] * epochs if isinstance(value, list) else value
    each = fit / epochs
    answer["durations"] = {
        **dict.fromkeys(("import_seconds", "data_seconds", "build_seconds", "evaluate_seconds"), 0.001),
        "fit_seconds": fit,
        "fit_setup_seconds": 0.0,
        "fit_teardown_seconds": 0.0,
        "epoch_seconds": [each] * epochs,
        "validation_seconds": [each / 10] * epochs,
        "first_epoch_seconds": each,
        "steady_state_epoch_seconds": each if epochs > 1 else None,
    }
    threads = request["threads"]
    answer["execution"] |= {"intra_op_threads": threads, "inter_op_threads": threads}
    if request["control"] == "device-data":
        answer["execution"]["look_up_devices"] = answer["execution"]["arithmetic_devices"]
    return answer | {"fit_window": (begin, begin + fit)}


def refuse_other_threads(threads: int) -> None:
    """Demand that a framework's libraries would have taken so many."""
    assert os.environ["OMP_NUM_THREADS"] == str(threads)


def real_record(device: str, batch_size: int) -> Any:
    """The record of a real training on a CPU, as if it had been made on this device and system."""
    texts = json.loads(Path(__file__).with_name("records.json").read_text())
    text = texts.get(str(batch_size)) or next(iter(texts.values()))
    found = json.loads(text.replace("CPU:0", f"{device.upper()}:0"))
    found["versions"]["operating_system"] = hardware.operating_system()
    return found


def used_gpu(device: str) -> UsedGpu | None:
    """The GPU of the imitated machine (tests/machines) that TensorFlow would have used; None on the CPU."""
    if device == "cpu":
        return None
    from imitated_machine import gpus, start

    machine = start.description()
    if machine["metal"]:
        return {"name": "METAL", "compute_capability": None, "pci_bus_id": None}
    used, *_ = gpus.cuda_devices(machine, os.environ)
    bus = gpus.short_bus_id(used["bus_id"])
    return {"name": used["name"], "compute_capability": used["compute_capability"], "pci_bus_id": bus}
