"""Tests of trainmark.measure.worker.training that need no training; the real ones are in test_supervision."""

import math

import pytest
from trainmark.measure.worker import training

OK = {"train_loss": [0.5], "validation_loss": [0.4], "test_loss": 0.4}


def execution(variables, arithmetic):
    return {"variable_devices": variables, "arithmetic_devices": arithmetic}


@pytest.mark.parametrize("device", ["cpu", "gpu"])
def test_everything_on_the_device_is_accepted(device):
    where = [f"{device.upper()}:0"]
    training._check_device(execution(where, where), device)


@pytest.mark.parametrize(
    ("device", "found"),
    [
        ("gpu", execution(["CPU:0"], ["GPU:0"])),
        ("gpu", execution(["GPU:0"], ["CPU:0", "GPU:0"])),
        ("gpu", execution(["GPU:0"], [])),
        ("cpu", execution(["CPU:0"], ["GPU:0"])),
        ("cpu", execution(["CPU:0"], [])),
    ],
)
def test_anything_elsewhere_is_refused(device, found):
    with pytest.raises(training.WrongDeviceError, match=device.upper()):
        training._check_device(found, device)


@pytest.mark.parametrize(
    "operation",
    [
        "MatMul",
        "_MklNativeFusedMatMul",
        "_FusedConv2D",
        "Conv2DBackpropFilter",
        "CudnnRNNV3",
        "BatchMatMulV2",
        "Einsum",
    ],
)
def test_arithmetic_is_recognised(operation):
    assert training._ARITHMETIC.search(operation)


@pytest.mark.parametrize("operation", ["ReadVariableOp", "Const", "AssignVariableOp", "IteratorGetNext", "Mul"])
def test_other_operations_may_be_anywhere(operation):
    assert not training._ARITHMETIC.search(operation)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (MemoryError(), "out_of_memory"),
        (type("ResourceExhaustedError", (Exception,), {})("OOM when allocating tensor"), "out_of_memory"),
        (RuntimeError("CUDA_ERROR_OUT_OF_MEMORY: out of memory"), "out_of_memory"),
        (training.WrongDeviceError("elsewhere"), "wrong_device"),
        (ValueError("shape"), "error"),
    ],
)
def test_errors_are_classified(error, status):
    found, reason = training.classify(error)
    assert found == status
    assert reason


def test_loss_decides():
    assert training._judge(OK) == ("ok", None)
    status, reason = training._judge({**OK, "train_loss": [0.5, math.nan]})
    assert (status, reason) == ("nan", "The train loss is nan in epoch 2.")
    assert training._judge({**OK, "test_loss": math.inf})[0] == "nan"
