"""Why a run failed: by what was raised, one of the statuses of a record, and a sentence."""

from __future__ import annotations

import re

from trainmark.errors import TrainmarkError
from trainmark.measure.messages import Ending
from trainmark.measure.worker.frameworks import WrongDeviceError

_COLOUR = re.compile("\x1b\\[[0-9;]*m")
# What the frameworks raise where memory runs out, and what they say where they raise something else.
_EXHAUSTED = ("ResourceExhaustedError", "OutOfMemoryError")
_OUT_OF_MEMORY = re.compile(
    r"out of memory|OOM when allocating|Dst tensor is not initialized|RESOURCE_EXHAUSTED|can't allocate memory",
    re.IGNORECASE,
)


def classify(error: Exception) -> Ending:
    """How a training went that raised."""
    text = " ".join(_COLOUR.sub("", str(error)).split()) or "no message"
    if isinstance(error, WrongDeviceError):
        return {"status": "wrong_device", "reason": text[:5000]}
    reason = text[:5000] if isinstance(error, TrainmarkError) else f"{type(error).__name__}: {text[:500]}"
    exhausted = isinstance(error, MemoryError) or type(error).__name__ in _EXHAUSTED
    out_of_memory = exhausted or _OUT_OF_MEMORY.search(text)
    return {"status": "out_of_memory" if out_of_memory else "error", "reason": reason}
