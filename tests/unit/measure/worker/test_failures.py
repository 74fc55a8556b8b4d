"""Tests of trainmark.measure.worker.failures."""

import pytest
from trainmark.measure.worker import failures


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (MemoryError(), "out_of_memory"),
        (type("ResourceExhaustedError", (Exception,), {})("OOM when allocating tensor"), "out_of_memory"),
        (type("OutOfMemoryError", (RuntimeError,), {})("Tried to allocate 20.00 MiB."), "out_of_memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes"), "out_of_memory"),
        (RuntimeError("RESOURCE_EXHAUSTED: Failed to allocate request for 1.00GiB"), "out_of_memory"),
        (RuntimeError("CUDA_ERROR_OUT_OF_MEMORY: out of memory"), "out_of_memory"),
        (failures.WrongDeviceError("elsewhere"), "wrong_device"),
        (ValueError("shape"), "error"),
    ],
)
def test_errors_are_classified(error, status):
    found = failures.classify(error)
    assert found["status"] == status
    assert found["reason"]
