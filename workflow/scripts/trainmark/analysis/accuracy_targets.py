"""The accuracy to which a training's time is taken, and when a run reached it.

Apart from the tables of it, since records are read without pandas.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

# An accuracy of float32 lies below the decimal fraction that it stands for by up to 3e-8; one image of the largest
# validation set, of 60,000, is 1.7e-5.
_ROUNDING = 1e-6


def target(curves: Mapping[int, Iterable[Sequence[float]]]) -> float | None:
    """The validation accuracy whose first reaching is timed, of one model.

    The highest whole percent that every reference run reached, whatever its batch size. One target for all batch sizes,
    as in MLPerf: who waits for an accuracy chooses the batch size. A higher one would be out of reach of healthy runs
    of the largest batch size, a lower one would be reached in the first epoch by more of the others.

    Args:
        curves: batch size -> one list a reference run, its validation accuracy after each epoch.

    Returns:
        The target, a share of the images; None where there is no reference run.
    """
    worst = min((max(curve) for runs in curves.values() for curve in runs if curve), default=None)
    return None if worst is None else math.floor(100 * (worst + _ROUNDING)) / 100


def reached(
    accuracy: Sequence[float | None], wanted: float | None, setup_seconds: float, epoch_seconds: Sequence[float]
) -> tuple[float | None, int | None, float | None]:
    """When a run first reached its target.

    Args:
        accuracy: validation accuracy after each epoch, None where it is no number.
        wanted: the target; None where there is none.
        setup_seconds: of fit, before its first epoch.
        epoch_seconds: of each epoch, with its validation.

    Returns:
        The target; the epoch after which the validation accuracy was first at least that; and the seconds from the
        beginning of fit to the end of that epoch. The latter two are None where it never was.
    """
    if wanted is not None:
        for epoch, found in enumerate(accuracy, start=1):
            if found is not None and found >= wanted - _ROUNDING:
                return wanted, epoch, setup_seconds + math.fsum(epoch_seconds[:epoch])
    return wanted, None, None
