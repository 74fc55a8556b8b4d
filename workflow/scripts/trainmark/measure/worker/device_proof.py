"""The proof of where a run computed: one training step, observed operation by operation."""

from __future__ import annotations

from collections import Counter
from typing import Any

from trainmark.experiment import suites
from trainmark.measure.messages import Execution
from trainmark.measure.worker import settings
from trainmark.measure.worker.frameworks import LOOK_UP, Framework, WrongDeviceError


def prove_step(framework: Framework, workload: dict[str, Any], batch_size: int, device: str) -> Execution:
    """Build a model as a run does, take one training step on random images, and demand of it what a run has to show.

    Args:
        framework: configured.
        workload: as ``workloads.describe`` gives it.
        batch_size: of the step.
        device: cpu or gpu.

    Returns:
        ``execution`` as a record has it, and ``optimizer_devices``.

    Raises:
        WrongDeviceError: if any of it was elsewhere.
        TrainmarkError: if Keras or the optimizer compute otherwise than this stack has to.
    """
    import numpy as np

    settings.refuse_other_defaults(framework, workload["precision"])
    model = suites.model_of(workload).build(framework.keras)
    settings.compile_model(framework, model, workload)
    shape = (batch_size, *suites.of(workload).data.image_shape)
    images = np.random.default_rng(1).random(shape, dtype=np.float32)
    execution = settings.in_use(framework, model)
    placed = observe(framework, model, (images, np.zeros(batch_size, np.uint8)), device)
    check(framework, {**execution, **placed}, device)
    return {**execution, **placed}


def observe(framework: Framework, model: Any, batch: tuple[Any, Any], device: str) -> Execution:
    """Take one training step; says where it was placed, with ``optimizer_devices``."""
    step = framework.observe_step(model, *batch)
    placed = [operation for operation in step.operations if operation.device]
    found: Execution = {
        "variable_devices": sorted(set(framework.variable_devices(model))),
        "arithmetic_devices": sorted({each.device for each in placed if each.arithmetic}),
        "step_operations": dict(Counter(each.device for each in placed)),
        "step_fallback": sorted(
            {each.kind for each in placed if device == "gpu" and not each.device.startswith("GPU")}
        ),
        "optimizer_operations": dict(sorted(Counter(each.kind for each in step.optimizer).items())),
        "optimizer_devices": dict(sorted(Counter(each.device for each in step.optimizer if each.device).items())),
    }
    if any(layer.name == LOOK_UP for layer in model.layers):
        found["look_up_devices"] = sorted({each.device for each in step.look_ups if each.device})
    return found


def check(framework: Framework, execution: Execution, device: str) -> None:
    """Demand of an observed step that all of it was where it had to be, and that the optimizer is this stack's.

    Raises:
        WrongDeviceError: as ``check_device``.
        TrainmarkError: as ``Framework.check_optimizer``.
    """
    check_device(execution, device)
    framework.check_optimizer(execution)


def check_device(execution: Execution, device: str) -> None:
    """Demand that the variables, all arithmetic and any look-up of the observed step were on the device asked for.

    That is the first of its kind: a run is shown no other.

    Raises:
        WrongDeviceError: if they were elsewhere, or the framework showed no arithmetic at all.
    """
    wanted = f"{device.upper()}:0"
    found = {"variables": execution["variable_devices"], "arithmetic": execution["arithmetic_devices"]}
    if "look_up_devices" in execution:
        found["images"] = execution["look_up_devices"]
    if any(devices != [wanted] for devices in found.values()):
        words = ", ".join(f"{what} on {devices}" for what, devices in found.items())
        raise WrongDeviceError(f"Expected all of a training step on {wanted}; found {words}.")
