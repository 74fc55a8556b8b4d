"""Why a run failed: by what was raised, one of the statuses of a record, and a sentence."""

from __future__ import annotations

import re

from trainmark.errors import TrainmarkError

_COLOUR = re.compile("\x1b\\[[0-9;]*m")
_OUT_OF_MEMORY = re.compile(r"out of memory|OOM when allocating|Dst tensor is not initialized", re.IGNORECASE)


class WrongDeviceError(TrainmarkError):
    """The training did not run, or could not be proven to run, on the device that was asked for."""


def classify(error: Exception) -> tuple[str, str]:
    """Status and reason of a training that raised."""
    text = " ".join(_COLOUR.sub("", str(error)).split()) or "no message"
    if isinstance(error, WrongDeviceError):
        return "wrong_device", text[:5000]
    reason = text[:5000] if isinstance(error, TrainmarkError) else f"{type(error).__name__}: {text[:500]}"
    out_of_memory = isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError"
    return ("out_of_memory" if out_of_memory or _OUT_OF_MEMORY.search(text) else "error"), reason
