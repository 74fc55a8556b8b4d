"""Tests of trainmark.measure.worker.device_proof that need no step; for real ones see test_stack_check."""

import pytest
from trainmark.measure.worker import device_proof
from trainmark.measure.worker.failures import WrongDeviceError


def execution(variables, arithmetic):
    return {"variable_devices": variables, "arithmetic_devices": arithmetic}


@pytest.mark.parametrize("device", ["cpu", "gpu"])
def test_everything_on_the_device_is_accepted(device):
    where = [f"{device.upper()}:0"]
    device_proof.check_device(execution(where, where), device)


@pytest.mark.parametrize(
    ("device", "found"),
    [
        ("gpu", execution(["CPU:0"], ["GPU:0"])),
        ("gpu", execution(["GPU:0"], ["CPU:0", "GPU:0"])),
        ("gpu", execution(["GPU:0"], [])),
        ("cpu", execution(["CPU:0"], ["GPU:0"])),
        ("cpu", execution(["CPU:0"], [])),
        ("cpu", execution(["CPU:0", "CPU:1"], ["CPU:0"])),
        ("cpu", execution(["CPU:0"], ["CPU:1"])),
        ("gpu", execution(["GPU:0"], ["GPU:0", "META:0"])),
    ],
)
def test_anything_elsewhere_is_refused(device, found):
    with pytest.raises(WrongDeviceError, match=device.upper()):
        device_proof.check_device(found, device)


def test_images_that_are_looked_up_elsewhere_are_refused():
    found = {**execution(["GPU:0"], ["GPU:0"]), "look_up_devices": ["CPU:0"]}
    with pytest.raises(WrongDeviceError, match=r"images on \['CPU:0'\]"):
        device_proof.check_device(found, "gpu")
