"""A machine that sleeps once, while a model trains: the clocks that go on meanwhile are ahead from then on."""

import os
import sys
import time
import types

from .files import REAL, real_open

# What falls asleep is noted here, for every process, when a training process begins.
_MARK = os.path.join(sys.prefix, "slept")
# What a training process imports, and no other.
MODULE = "trainmark.measure.worker.training"


def imitate(seconds: float, going_on: frozenset[int]) -> None:
    """Put the clocks forward once the machine has slept.

    Args:
        seconds: that it sleeps.
        going_on: the clocks that count them, by the numbers that ``time.clock_gettime`` takes on the machine.
    """
    now, get = time.time, time.clock_gettime

    def slept() -> float:
        try:
            REAL["stat"](_MARK)
        except OSError:
            return 0.0
        return seconds

    time.time = lambda: now() + slept()
    time.clock_gettime = lambda clock: get(clock) + (slept() if clock in going_on else 0.0)


def fall_asleep(module: types.ModuleType) -> None:
    """Sleep, now that a training begins."""
    real_open(_MARK, "w").close()
