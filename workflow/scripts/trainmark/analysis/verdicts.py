"""What measurements say of a claim: estimates with their intervals, and the verdict that follows from them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trainmark.analysis import comparison_statistics
from trainmark.contents.columns import ratio
from trainmark.words import plural

REPRODUCED, CONTRADICTED = "reproduced", "contradicted"
WITHIN_NOISE, NOT_MEASURED = "within noise", "not measured"
# Of a claim about a workload that trainmark does not have.
UNTESTABLE = "cannot be tested"
VERDICTS = (REPRODUCED, CONTRADICTED, WITHIN_NOISE, NOT_MEASURED, UNTESTABLE)


@dataclass(frozen=True)
class Region:
    """The values that a claim allows: from low to high, or all others."""

    low: float
    high: float
    inverted: bool = False

    def holds(self, low: float, high: float) -> bool:
        """Whether all of an interval is allowed."""
        if self.inverted:
            return high < self.low or low > self.high
        return self.low < low and high < self.high

    def excludes(self, low: float, high: float) -> bool:
        """Whether nothing of an interval is allowed."""
        if self.inverted:
            return self.low <= low and high <= self.high
        return high <= self.low or low >= self.high


@dataclass(frozen=True)
class Estimate:
    """A measured value of what a claim is about.

    Attributes:
        what: of which cells, in words.
        value: the estimate.
        interval: its 95 % interval; NaN without repeats.
        strict: an interval that holds of all estimates of the claim together with 95 % (Bonferroni), by which a single
            one may contradict it: of a dozen cells some would by chance.
    """

    what: str
    value: float
    interval: tuple[float, float]
    strict: tuple[float, float]

    @property
    def known(self) -> bool:
        """Whether there is an interval."""
        return not math.isnan(self.interval[0])


# Lower and upper ones of some estimates.
Limits = tuple[NDArray[np.float64], NDArray[np.float64]]


@dataclass(frozen=True)
class _Logs:
    """The logs of the speed-ups of some cells, with their standard errors and degrees of freedom."""

    log: NDArray[np.float64]
    error: NDArray[np.float64]
    freedom: NDArray[np.float64]

    @classmethod
    def of(cls, cells: pd.DataFrame) -> _Logs:
        """Of cells as ``comparisons.compare`` gives them."""
        found = (cells[column].to_numpy(float) for column in ("speed_up", "log_standard_error", "degrees_of_freedom"))
        values, errors, freedoms = found
        return cls(np.log(values), errors, freedoms)

    def at(self, rows: NDArray[np.intp]) -> _Logs:
        """Those of some rows."""
        return _Logs(self.log[rows], self.error[rows], self.freedom[rows])

    def limits(self, confidence: float) -> Limits:
        """Of each speed-up."""
        return comparison_statistics.limits(self.log, self.error, self.freedom, confidence)


def estimates(cells: pd.DataFrame, statistic: str) -> Iterator[Estimate]:
    """The measured values of a statistic, each with its intervals; means and extremes for each baseline by itself.

    Args:
        cells: as ``comparisons.compare`` gives them.
        statistic: one of the ledger's schema.
    """
    logs = _Logs.of(cells)
    about = zip(cells["model"], cells["batch_size"], cells["machine_baseline"])
    names = [f"{model} {batch_size} against {machine}" for model, batch_size, machine in about]
    simple, strict = logs.limits(comparison_statistics.CONFIDENCE), logs.limits(together(len(cells)))
    if statistic == "every":
        for position, name in enumerate(names):
            yield Estimate(name, math.exp(logs.log[position]), pair(simple, position), pair(strict, position))
        return
    groups = cells.reset_index(drop=True).groupby("machine_baseline").indices
    for machine, rows in groups.items():
        if statistic in ("maximum", "minimum"):
            yield _extreme(logs, rows, names, strict, largest=statistic == "maximum")
        else:
            of_what = f"{plural(len(rows), 'test case')} against {machine}"
            yield _mean(logs.at(rows), of_what, together(len(groups)), geometric=statistic == "geometric_mean")


def together(count: int) -> float:
    """The confidence of each of so many intervals that hold together with 95 % (Bonferroni)."""
    return 1 - (1 - comparison_statistics.CONFIDENCE) / count


def _extreme(logs: _Logs, rows: NDArray[np.intp], names: list[str], strict: Limits, largest: bool) -> Estimate:
    """The greatest or the least of some cells.

    The greatest of several true values lies between the greatest lower and the greatest upper limit of their
    simultaneous intervals.
    """
    values = logs.log[rows]
    position = rows[values.argmax() if largest else values.argmin()]
    low, high = (float(limit[rows].max() if largest else limit[rows].min()) for limit in strict)  # NaN if any is
    return Estimate(names[position], math.exp(logs.log[position]), (low, high), (low, high))


def _mean(logs: _Logs, of_what: str, strict: float, geometric: bool) -> Estimate:
    """The geometric or the arithmetic mean of some cells.

    Its interval follows from those of its cells, which are independent: the variances add up, and Welch and
    Satterthwaite's formula gives the degrees of freedom; the arithmetic mean's by the delta method.
    """
    share = np.ones(len(logs.log)) if geometric else np.exp(logs.log)
    share /= share.sum()  # of each cell in a small change of the mean
    variance = (share * logs.error) ** 2
    weight = (variance**2 / np.where(variance > 0, logs.freedom, 1)).sum()
    total = variance.sum()
    mean = logs.log.mean() if geometric else math.log(np.exp(logs.log).mean())
    of_it = _Logs(*(np.array([each]) for each in (mean, math.sqrt(total), total**2 / weight if weight else 1.0)))
    simple, stricter = (pair(of_it.limits(each), 0) for each in (comparison_statistics.CONFIDENCE, strict))
    return Estimate(of_what, math.exp(mean), simple, stricter)


def pair(limits: Limits, position: int) -> tuple[float, float]:
    """The two limits of one estimate."""
    return float(limits[0][position]), float(limits[1][position])


def decide(
    found: list[Estimate], region: Region, missing: list[str], statistic: str
) -> tuple[str, str, Estimate | None]:
    """Verdict, its reason in words, and the estimate that decides.

    All have to hold; a single one contradicts. What is missing cannot save a claim that what is there contradicts, but
    for a mean or an extreme, which needs all of its cells.
    """
    against = [e for e in found if e.known and region.excludes(*e.strict)]
    if against and not (missing and statistic != "every"):
        worst = max(against, key=lambda e: _distance(region, e.value))
        others = f"; {len(against)} of {len(found)} contradict it" if len(found) > 1 else ""
        return CONTRADICTED, f"{worst.what}: {_show(worst)}{others}", worst
    if missing:
        return NOT_MEASURED, "missing: " + "; ".join(missing), None
    open_ones = [e for e in found if not e.known or not region.holds(*e.interval)]
    if open_ones:
        first = open_ones[0]
        count = f"{len(open_ones)} of {len(found)} are not certain, such as " if len(found) > 1 else ""
        why = "" if first.known else ", and an interval needs two runs on either side"
        return WITHIN_NOISE, f"{count}{first.what}: {_show(first)}{why}", first
    if len(found) == 1:
        return REPRODUCED, f"{found[0].what}: {_show(found[0])}", found[0]
    edge = min(found, key=lambda e: _distance(region, e.value))
    return REPRODUCED, f"in all {len(found)}; nearest to the limit, {edge.what}: {_show(edge)}", edge


def _distance(region: Region, value: float) -> float:
    """How far a value is from the edge of a region that is nearest to it, by logarithms."""
    edges = [edge for edge in (region.low, region.high) if 0 < edge < math.inf]
    return min(abs(math.log(value / edge)) for edge in edges) if value > 0 else math.inf


def _show(estimate: Estimate) -> str:
    low, high = estimate.interval
    return ratio(estimate.value) + (f" [{ratio(low)}, {ratio(high)}]" if estimate.known else "")
