"""Why a run failed: by what was raised, one of the statuses of a record, and a sentence."""

from __future__ import annotations

import re

from trainmark.errors import TrainmarkError
from trainmark.measure.messages import Ending

_COLOUR = re.compile("\x1b\\[[0-9;]*m")
_OUT_OF_MEMORY = re.compile(r"out of memory|OOM when allocating|Dst tensor is not initialized", re.IGNORECASE)


class WrongDeviceError(TrainmarkError):
    """The training did not run, or could not be proven to run, on the device that was asked for."""


def classify(error: Exception) -> Ending:
    """How a training went that raised."""
    text = " ".join(_COLOUR.sub("", str(error)).split()) or "no message"
    if isinstance(error, WrongDeviceError):
        return {"status": "wrong_device", "reason": text[:5000]}
    reason = text[:5000] if isinstance(error, TrainmarkError) else f"{type(error).__name__}: {text[:500]}"
    exhausted = isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError"
    out_of_memory = exhausted or _OUT_OF_MEMORY.search(text)
    return {"status": "out_of_memory" if out_of_memory else "error", "reason": reason}
