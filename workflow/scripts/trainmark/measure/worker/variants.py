"""What the controls change in a run, beside the threads and the place of the images."""

from __future__ import annotations

from typing import Any

from trainmark.errors import TrainmarkError
from trainmark.experiment import controls
from trainmark.measure.worker.frameworks import Framework


def set_up(framework: Framework, control: str | None, device: str) -> None:
    """Set a configured framework as a control has it; nothing for a plain run.

    Raises:
        TrainmarkError: if the framework cannot make this control on this device.
    """
    if control is None:
        return
    capability = framework.gpu()["compute_capability"] if control == controls.TF32 and device == "gpu" else None
    why = framework.why_impossible(control, device, capability)
    if why:
        raise TrainmarkError(
            f"The control {control} cannot be made on this {device}: {why}. Leave it out of 'controls'."
        )
    if control == controls.TF32:
        framework.allow_rounded_products()
    if type_name := controls.computes_in(control):
        framework.keras.mixed_precision.set_global_policy(f"mixed_{type_name}")


def workload(described: dict[str, Any], control: str | None) -> dict[str, Any]:
    """A workload as a control computes it."""
    return {**described, "jit_compile": described["jit_compile"] or control == controls.XLA}


def fed(framework: Framework, control: str | None, sets: Any, batch_size: int) -> dict[str, Any]:
    """The arguments of ``fit`` that say what to train and to validate with.

    Args:
        framework: that trains.
        control: of the run.
        sets: pairs of images and labels, to train and to validate with.
        batch_size: of both.
    """
    (images, labels), validation = sets
    if control != controls.TF_DATA:
        return {"x": images, "y": labels, "batch_size": batch_size, "validation_data": validation}
    return {
        "x": framework.pipeline(images, labels, batch_size, shuffled=True),
        "validation_data": framework.pipeline(validation[0], validation[1], batch_size, shuffled=False),
    }
