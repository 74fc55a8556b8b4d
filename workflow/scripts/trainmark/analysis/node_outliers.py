"""Which of many equal nodes stand apart from the others, and how wide values are spread although some do.

What is asked of a few dozen values at once is asked of none alone: among fifty equal nodes, one is always the slowest.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

# Of fewer values, the spread of the others is not known well enough to call any of them an outlier.
FEWEST_NODES = 5
# The chance that anything is called an outlier where there is none, in all groups of a report together.
LEVEL = 0.05
# What a median of absolute deviations is multiplied by to be the standard deviation of a normal distribution.
_NORMAL = 1.4826
# The same for few values, of which that median is too small: factors for 2 to 9 values; n / (n - 0.8) beyond.
_FEW = {2: 1.196, 3: 1.495, 4: 1.363, 5: 1.206, 6: 1.200, 7: 1.140, 8: 1.129, 9: 1.107}


def most_outliers(count: int) -> int:
    """How many of so many values may be outliers: a third of the others."""
    return (count - 1) // 3


def p_values(values: Sequence[float]) -> NDArray[np.float64]:
    """Of each value, the chance that one is as far from the others among as many values of a normal distribution.

    By the generalized extreme Studentized deviate test (B. Rosner, Percentage points for a generalized ESD many-outlier
    procedure, Technometrics 25, 1983): the value that is farthest from the mean is compared with all others by a t test
    of one against the rest, multiplied by the number of values (Bonferroni), since the farthest was chosen; then it is
    taken out, and the same is asked of the next, up to ``most_outliers``. A value counts as far as any that was taken
    out after it, so that two outliers cannot hide each other. Rosner's level holds from some 25 values on, and is
    exceeded with fewer, so the steps share it: the first has half of it, each further one half of what is left, and the
    last all of that.

    Args:
        values: of the nodes, in any unit; logs of ratios, here.

    Returns:
        As many p-values; 1 for those that were never farthest, NaN for all where there are fewer than FEWEST_NODES.
    """
    given = np.asarray(values, dtype=float)
    if len(given) < FEWEST_NODES:
        return np.full(len(given), np.nan)
    left, taken, chances = np.arange(len(given)), [], []
    steps = most_outliers(len(given))
    for step in range(steps):
        rest = given[left]
        distance = np.abs(rest - rest.mean())
        farthest = int(distance.argmax())
        taken.append(left[farthest])
        share = 0.5 ** min(step + 1, steps - 1)
        chances.append(min(1.0, _chance(distance[farthest], float(rest.std(ddof=1)), len(rest)) / share))
        left = np.delete(left, farthest)
    found = np.ones(len(given))
    found[taken] = np.minimum.accumulate(chances[::-1])[::-1]
    return found


def _chance(distance: float, deviation: float, count: int) -> float:
    """The p-value of the value that is farthest from the mean of so many; their standard deviation has it in it."""
    from scipy import special  # half as long to import as pandas, and the page needs none of it

    if deviation == 0:
        return 1.0
    square = (distance / deviation) ** 2
    room = (count - 1) ** 2 - count * square  # 0 where all others are equal
    t = math.sqrt(count * (count - 2) * square / room) if room > 0 else math.inf
    return min(1.0, 2 * count * float(special.stdtr(count - 2, -t)))


def together(groups: Sequence[NDArray[np.float64]]) -> list[NDArray[np.float64]]:
    """The p-values of several groups of nodes, adjusted so that LEVEL is the chance of a false alarm in any of them.

    By Holm's step-down method (S. Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal
    of Statistics 6, 1979) over the groups, each of which is represented by its smallest p-value.

    Args:
        groups: as ``p_values`` gives them; those that are NaN count for nothing.
    """
    smallest = {number: float(each.min()) for number, each in enumerate(groups) if len(each) and not np.isnan(each[0])}
    found, before = [each.copy() for each in groups], 0.0
    for rank, number in enumerate(sorted(smallest, key=lambda number: smallest[number])):
        factor = len(smallest) - rank
        found[number] = np.clip(factor * groups[number], before, 1.0)
        before = max(before, min(1.0, factor * smallest[number]))
    return found


def spread(values: Sequence[float]) -> float:
    """The standard deviation that normally distributed values have whose middle is as wide as that of these.

    The median of the absolute deviations from the median, so up to half of the values may be anything; with the factors
    for few values of C. Croux and P. J. Rousseeuw (Time-efficient algorithms for two highly robust estimators of scale,
    Computational Statistics 1, 1992).

    Returns:
        In the unit of the values; NaN of fewer than two.
    """
    given = np.asarray(values, dtype=float)
    count = len(given)
    if count < 2:
        return math.nan
    factor = _FEW.get(count, count / (count - 0.8))
    return float(factor * _NORMAL * np.median(np.abs(given - np.median(given))))


def spread_of_repeats(variances: pd.Series, counts: pd.Series) -> float:
    """The standard deviation of the repeats of a cell, from the variances of many cells, of which some may be wild.

    Each variance over the median that it has by chance (that of chi-square over its degrees of freedom); of these the
    median, as its root.

    Args:
        variances: of the cells' repeats.
        counts: how many repeats there are.

    Returns:
        In the unit of the values; NaN where no cell has two repeats.
    """
    from scipy import special  # half as long to import as pandas, and the page needs none of it

    known = counts > 1
    freedom = counts[known] - 1
    scaled = variances[known] / (special.chdtri(freedom, 0.5) / freedom)
    return float(np.sqrt(scaled.median())) if len(scaled) else math.nan
