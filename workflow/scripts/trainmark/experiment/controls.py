"""Controls: variants of a cell's runs that test whether the host holds the device back."""

from __future__ import annotations

from trainmark.machine import hardware

# All images are on the device before the training starts, so that the host sends numbers of images alone.
DEVICE_DATA = "device-data"
# The host has so many threads: those of the framework, and on Linux those of the processor too.
_THREADS = {"threads-2": 2, "threads-4": 4}
NAMES = (DEVICE_DATA, *_THREADS)


def threads(control: str | None) -> int | None:
    """Threads that a control is held to; None for what has as many as the configuration says."""
    return _THREADS.get(control or "")


def tests_something(control: str, plain_threads: int) -> bool:
    """Whether this machine can make a control that differs from its plain runs, which have so many threads."""
    held_to = threads(control)
    return held_to is None or (held_to < plain_threads and held_to <= hardware.usable_cores())


def cpus(control: str | None) -> list[int] | None:
    """Logical CPUs that a run is held to; None for all, and on a Mac, which has no such thing.

    They are hardware threads of as few cores as will do, which is what clouds sell as vCPUs.
    """
    held_to = threads(control)
    known = hardware.cpus_by_core()
    return known[:held_to] if held_to and known else None
