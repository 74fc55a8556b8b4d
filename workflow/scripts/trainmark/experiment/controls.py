"""Controls: variants of a cell's runs, in each of which one thing is otherwise."""

from __future__ import annotations

from trainmark.machine import hardware

# All images are on the device before the training starts, so that the host sends numbers of images alone.
DEVICE_DATA = "device-data"
# The host has so many threads: those of the framework, and on Linux those of the processor too.
_THREADS = {"threads-2": 2, "threads-4": 4}
# XLA compiles the training step.
XLA = "xla"
# The layers compute in this type and keep their variables in float32: Keras' mixed precision.
_MIXED = {"mixed-float16": "float16", "mixed-bfloat16": "bfloat16"}
# Products of float32 are rounded to TensorFloat-32, 10 bits of mantissa.
TF32 = "tf32"
SINCE_AMPERE = (8, 0)  # compute capability of the GPUs that do so
# A pipeline of the framework brings the images, in place of arrays.
TF_DATA = "tf-data"
NAMES = (DEVICE_DATA, *_THREADS, XLA, *_MIXED, TF32, TF_DATA)
# Those that say whether the host holds the device back, and nothing else.
ABOUT_HOST = (DEVICE_DATA, *_THREADS)
# Properties of a run, as runs.csv has them, that a control changes. With float16, the optimizer also scales the loss.
_CHANGED = {
    **dict.fromkeys(_THREADS, ("intra_op_threads", "inter_op_threads")),
    XLA: ("jit_compile", "optimizer_operations"),
    "mixed-float16": ("optimizer_operations",),
    TF32: ("tensor_float_32",),
}


def threads(control: str | None) -> int | None:
    """Threads that a control is held to; None for what has as many as the configuration says."""
    return _THREADS.get(control or "")


def computes_in(control: str | None) -> str | None:
    """The type in which a control's layers compute, as ``bfloat16``; None for that of the workload."""
    return _MIXED.get(control or "")


def changed(control: str) -> tuple[str, ...]:
    """The properties in which a control may differ from its plain runs, as columns of runs.csv."""
    return _CHANGED.get(control, ())


def why_unknown(control: str) -> str | None:
    """Why nobody can tell yet whether a machine can make a control that is not described; None where one can."""
    if threads(control) or control == TF32:
        return "the machine is not described yet; give the same command again after it"
    return None


def why_like_plain(control: str, plain_threads: int, jit_compile: bool, cores: int | None = None) -> str | None:
    """Why a machine cannot make a control that differs from its plain runs; None where it can.

    Args:
        control: one of ``NAMES``.
        plain_threads: of the plain runs.
        jit_compile: whether the plain runs are compiled by XLA.
        cores: that a run may use there; those of this process if not given.
    """
    held_to = threads(control)
    if held_to and not (held_to < plain_threads and held_to <= (cores or hardware.usable_cores())):
        return f"the plain runs have no more than {plain_threads} threads"
    if control == XLA and jit_compile:
        return "the plain runs are compiled already (jit_compile)"
    return None


def cpus(control: str | None) -> list[int] | None:
    """Logical CPUs that a run is held to; None for all, and on a Mac, which has no such thing.

    They are hardware threads of as few cores as will do, which is what clouds sell as vCPUs.
    """
    held_to = threads(control)
    known = hardware.cpus_by_core()
    return known[:held_to] if held_to and known else None
