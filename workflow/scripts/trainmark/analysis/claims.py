"""The published claims: what was said, and what the measurements say of it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from trainmark.analysis import comparison_statistics, series_names

REPRODUCED, CONTRADICTED = "reproduced", "contradicted"
WITHIN_NOISE, NOT_MEASURED = "within noise", "not measured"
VERDICTS = (REPRODUCED, CONTRADICTED, WITHIN_NOISE, NOT_MEASURED)
COLUMNS = (
    "claim",
    "statement",
    "source",
    "note",
    "expected",
    "candidate",
    "baseline",
    "stack",
    "measured",
    "low",
    "high",
    "verdict",
    "detail",
)
PUBLISHED_COLUMNS = (
    "machine",
    "device",
    "machine_baseline",
    "device_baseline",
    "model",
    "batch_size",
    "value",
    "claim",
)
_STATISTICS = {
    "every": "every cell",
    "geometric_mean": "geometric mean",
    "arithmetic_mean": "arithmetic mean",
    "maximum": "maximum",
    "minimum": "minimum",
}


# Of more machines with one kind of hardware, those with the most runs are asked: each is compared with each.
MOST_OF_A_KIND = 10
# Cells that were compared with one baseline, by the candidate's machine and stack.
Compared = Mapping[tuple[str, str], pd.DataFrame]


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


def load(paths: Iterable[Path]) -> list[dict[str, Any]]:
    """The claims of several files in order, their sources in full."""
    found = []
    for path in paths:
        data = yaml.safe_load(path.read_text())
        found += [{**claim, "source": data["sources"][claim["source"]]} for claim in data["claims"]]
    return found


def region_of(claim: Mapping[str, Any]) -> Region:
    """The values that a claim allows."""
    value, factor = claim["value"], 1 + claim.get("tolerance", 0)
    return {
        "equals": Region(value / factor, value * factor),
        "differs": Region(value / factor, value * factor, inverted=True),
        "above": Region(value, math.inf),
        "below": Region(0, value),
    }[claim["relation"]]


def expected(claim: Mapping[str, Any]) -> str:
    """What a claim demands, in words."""
    region, unit = region_of(claim), " TFLOPS" if claim.get("measure") == "peak_tflops" else ""
    what = f"{_STATISTICS[claim['statistic']]} " if "statistic" in claim else ""
    if claim["relation"] in ("above", "below"):
        return f"{what}{claim['relation']} {claim['value']:g}{unit}"
    inside = "not in" if region.inverted else "in"
    return f"{what}{inside} {region.low:.3g} to {region.high:.3g}{unit}"


def judge_all(
    claims: Iterable[Mapping[str, Any]], runs: pd.DataFrame, peaks: pd.DataFrame, ids: Mapping[str, set[str]]
) -> pd.DataFrame:
    """A verdict for every claim, one row for each machine and stack that it can be asked of.

    Args:
        claims: as ``load`` gives them.
        runs: comparable runs that are ok.
        peaks: ``machine``, ``device``, ``stack`` and ``flops_per_second``, one row a sweep of matrix products.
        ids: machine -> ids and families of its hardware.

    Returns:
        Rows of COLUMNS; a claim that can be asked of no machine has one row, too.
    """
    rows = []
    for claim in claims:
        common = {key: claim.get(key) for key in ("statement", "source", "note")}
        common |= {"claim": claim["id"], "expected": expected(claim)}
        of_peak = claim.get("measure") == "peak_tflops"
        asked = list(_asked(claim, peaks if of_peak else runs, ids))
        if not asked:
            what = "sweep of matrix products" if of_peak else "run"
            detail = f"no {what} of {_words(claim['candidate'])}"
            rows.append({**common, "verdict": NOT_MEASURED, "detail": detail})
            continue
        compared = [] if of_peak else _compare(claim, runs, ids)
        for machine, stack in asked:
            verdict = _judge_peak(claim, peaks, machine, stack) if of_peak else _judge(claim, compared, machine, stack)
            rows.append({**common, **verdict})
    return pd.DataFrame(rows, columns=list(COLUMNS))


def published(claims: Iterable[Mapping[str, Any]], runs: pd.DataFrame, ids: Mapping[str, set[str]]) -> pd.DataFrame:
    """Published speed-ups of single cells, for the machines that they are about; to be drawn beside the measured ones.

    Arguments as for ``judge_all``. Rows of PUBLISHED_COLUMNS.
    """
    rows = []
    for claim in claims:
        if (claim.get("statistic"), claim["relation"], len(claim.get("baseline", ()))) != ("every", "equals", 1):
            continue
        (side,), device = claim["baseline"], claim["candidate"]["device"]
        for machine, _ in _asked(claim, runs, ids):
            others = [machine] if "hardware" not in side else [other for other in ids if _is(other, side, ids)]
            for other, model, size in itertools.product(
                others, claim["cells"]["models"], claim["cells"]["batch_sizes"]
            ):
                rows.append((machine, device, other, side["device"], model, size, claim["value"], claim["id"]))
    return pd.DataFrame(rows, columns=list(PUBLISHED_COLUMNS)).drop_duplicates()


def _asked(claim: Mapping[str, Any], runs: pd.DataFrame, ids: Mapping[str, set[str]]) -> Iterator[tuple[str, str]]:
    """The machines and stacks that are the claim's candidate."""
    side = claim["candidate"]
    there = runs[runs["device"] == side["device"]][["machine", "stack"]].drop_duplicates()
    machines = _of_kind(side, runs, ids)
    for machine, stack in sorted(zip(there["machine"], there["stack"])):
        if machine in machines and side.get("stack", stack) == stack:
            yield machine, stack


def _of_kind(side: Mapping[str, Any], runs: pd.DataFrame, ids: Mapping[str, set[str]]) -> tuple[str, ...]:
    """The machines of a side that were measured; of very many, those with the most runs."""
    counts = runs.loc[runs["device"] == side["device"], "machine"].value_counts()
    machines = [machine for machine in counts.index if _is(machine, side, ids)]
    return tuple(sorted(machines, key=lambda machine: (-counts[machine], machine))[:MOST_OF_A_KIND])


def _is(machine: str, side: Mapping[str, Any], ids: Mapping[str, set[str]]) -> bool:
    return "hardware" not in side or side["hardware"] in ids.get(machine, ())


def _words(side: Mapping[str, Any]) -> str:
    what = [side.get("hardware", "the same machine"), side["device"].upper(), side.get("stack", "")]
    return ", ".join(word for word in what if word)


def _judge(claim: Mapping[str, Any], compared: list[Compared], machine: str, stack: str) -> dict[str, Any]:
    """The verdict on a speed-up, for one candidate."""
    cells, missing = _cells(claim, compared, machine, stack)
    found = list(estimates(cells, claim["statistic"])) if len(cells) else []
    row: dict[str, Any] = {
        "candidate": f"{machine}, {claim['candidate']['device'].upper()}",
        "baseline": "; ".join(_sides(cells)),
        "stack": stack,
    }
    verdict, detail, shown = decide(found, region_of(claim), missing, claim["statistic"])
    if shown:
        row |= {"measured": shown.value, "low": shown.interval[0], "high": shown.interval[1]}
    return {**row, "verdict": verdict, "detail": detail}


def _judge_peak(claim: Mapping[str, Any], peaks: pd.DataFrame, machine: str, stack: str) -> dict[str, Any]:
    """The verdict on a peak, for one candidate: the interval is of the repeated sweeps."""
    device = claim["candidate"]["device"]
    rows = comparison_statistics.chosen(peaks, {"machine": machine, "device": device, "stack": stack})
    logs = np.log(rows["flops_per_second"] / 1e12)
    error, freedom = pd.Series([logs.std() / math.sqrt(len(logs))]), pd.Series([len(logs) - 1.0])
    ends = _pair(comparison_statistics.limits(pd.Series([logs.mean()]), error, freedom), 0)
    found = Estimate(f"TFLOPS in {len(rows)} sweeps of matrix products", math.exp(logs.mean()), ends, ends)
    verdict, detail, _ = decide([found], region_of(claim), [], "every")
    row = {"candidate": f"{machine}, {device.upper()}", "baseline": "", "stack": stack}
    return {**row, "measured": found.value, "low": ends[0], "high": ends[1], "verdict": verdict, "detail": detail}


def _sides(cells: pd.DataFrame) -> list[str]:
    pairs = zip(cells["machine_baseline"], cells["device_baseline"])
    return list(dict.fromkeys(f"{machine}, {device.upper()}" for machine, device in pairs))


def _compare(claim: Mapping[str, Any], runs: pd.DataFrame, ids: Mapping[str, set[str]]) -> list[Compared]:
    """For each baseline of a claim: the cells of all its candidates, by machine and stack."""
    wanted, found = claim["candidate"], []
    runs = runs[runs["model"].isin(claim["cells"]["models"]) & runs["batch_size"].isin(claim["cells"]["batch_sizes"])]
    candidates = _of_kind(wanted, runs, ids)
    for side in claim["baseline"]:
        candidate, baseline = {"device": wanted["device"]}, {"device": side["device"]}
        here = runs
        if "hardware" in side:
            candidate["machine"] = candidates
            baseline["machine"] = _of_kind(side, runs, ids)
        else:  # a machine that neither side names is the same on both
            here = runs[runs["machine"].isin(candidates)]
        if "stack" in side:  # and so is a stack
            candidate["stack"] = wanted.get("stack", tuple(runs["stack"].unique()))
            baseline["stack"] = side["stack"]
        cells = comparison_statistics.compare(here, comparison_statistics.Comparison("", candidate, baseline))
        itself = (cells[series_names.WHO].to_numpy() == cells[series_names.BASELINE].to_numpy()).all(axis=1)
        groups: Compared = dict(list(cells[~itself].groupby(["machine", "stack"])))
        found.append(groups)
    return found


def _cells(
    claim: Mapping[str, Any], compared: list[Compared], machine: str, stack: str
) -> tuple[pd.DataFrame, list[str]]:
    """The compared cells of a claim, and what is missing of them, in words."""
    parts, missing = [], []
    wanted = list(itertools.product(claim["cells"]["models"], claim["cells"]["batch_sizes"]))
    for side, by_candidate in zip(claim["baseline"], compared):
        cells = by_candidate.get((machine, stack))
        if cells is None:
            missing.append(f"{_words(side)}, compared with {machine} in stack {stack}")
            continue
        gone = {}
        for baseline, part in cells.groupby("machine_baseline"):
            there = set(zip(part["model"], part["batch_size"]))
            gone[baseline] = [f"{model} {size}" for model, size in wanted if (model, size) not in there]
        if all(gone.values()):  # of several machines of a kind, those that have all cells are enough
            missing += [f"{', '.join(words)} against {baseline}" for baseline, words in gone.items()]
        else:
            cells = cells[~cells["machine_baseline"].map(gone).astype(bool)]
        parts.append(cells)
    return pd.concat(parts) if parts else pd.DataFrame(columns=list(comparison_statistics.CELL_COLUMNS)), missing


def estimates(cells: pd.DataFrame, statistic: str) -> Iterator[Estimate]:
    """The measured values of a statistic, each with its intervals; means and extremes for each baseline by itself.

    A mean's interval follows from those of its cells, which are independent: the variances add up, and Welch and
    Satterthwaite's formula gives the degrees of freedom; the arithmetic mean's by the delta method. The greatest of
    several true values lies between the greatest lower and the greatest upper limit of their simultaneous intervals.

    Args:
        cells: as ``comparison_statistics.compare`` gives them.
        statistic: one of the ledger's schema.
    """
    log, error, freedom = (
        pd.Series(np.asarray(values, dtype=float), index=cells.index)
        for values in (
            np.log(cells["speed_up"].astype(float)),
            cells["log_standard_error"],
            cells["degrees_of_freedom"],
        )
    )
    each = comparison_statistics.limits(log, error, freedom)
    strict = comparison_statistics.limits(log, error, freedom, 1 - (1 - comparison_statistics.CONFIDENCE) / len(cells))
    names = [f"{c.model} {c.batch_size} against {c.machine_baseline}" for c in cells.itertuples()]
    if statistic == "every":
        for position, name in enumerate(names):
            yield Estimate(name, math.exp(log.iloc[position]), *(_pair(limit, position) for limit in (each, strict)))
        return
    groups = cells.reset_index(drop=True).groupby("machine_baseline").indices
    for machine, rows in groups.items():
        if statistic in ("maximum", "minimum"):
            largest = statistic == "maximum"
            values = log.iloc[rows].to_numpy()
            position = rows[values.argmax() if largest else values.argmin()]
            low, high = (limit.iloc[rows] for limit in strict)
            low, high = (each.max(skipna=False) if largest else each.min(skipna=False) for each in (low, high))
            ends = float(low), float(high)
            yield Estimate(names[position], math.exp(log.iloc[position]), ends, ends)
            continue
        share = np.exp(log.iloc[rows]) if statistic == "arithmetic_mean" else pd.Series(1.0, index=log.index[rows])
        share /= share.sum()  # of each cell in a small change of the mean
        variance = (share * error.iloc[rows]) ** 2
        weight = (variance**2 / freedom.iloc[rows].where(variance > 0, 1)).sum(skipna=False)
        total = variance.sum(skipna=False)
        mean = log.iloc[rows].mean() if statistic == "geometric_mean" else math.log(np.exp(log.iloc[rows]).mean())
        args = pd.Series([mean]), pd.Series([math.sqrt(total)]), pd.Series([total**2 / weight if weight else 1.0])
        confidences = comparison_statistics.CONFIDENCE, 1 - (1 - comparison_statistics.CONFIDENCE) / len(groups)
        interval, stricter = (_pair(comparison_statistics.limits(*args, each), 0) for each in confidences)
        yield Estimate(f"{len(rows)} cells against {machine}", math.exp(mean), interval, stricter)


def _pair(limits: tuple[pd.Series, pd.Series], position: int) -> tuple[float, float]:
    return float(limits[0].iloc[position]), float(limits[1].iloc[position])


def decide(
    found: list[Estimate], region: Region, missing: list[str], statistic: str
) -> tuple[str, str, Estimate | None]:
    """Verdict, its reason in words, and the estimate that decides.

    All have to hold; a single one contradicts. What is missing cannot save a claim that what is there contradicts, but
    for a mean or an extreme, which needs all of its cells.
    """
    against = [e for e in found if e.known and region.excludes(*e.strict)]
    if against and not (missing and statistic != "every"):
        worst = max(against, key=lambda e: abs(math.log(e.value / _nearest(region, e.value))))
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
    edge = min(found, key=lambda e: abs(math.log(e.value / _nearest(region, e.value))))
    return REPRODUCED, f"in all {len(found)}; nearest to the edge, {edge.what}: {_show(edge)}", edge


def _nearest(region: Region, value: float) -> float:
    """The edge of a region that is nearest to a value."""
    edges = [edge for edge in (region.low, region.high) if 0 < edge < math.inf]
    return min(edges, key=lambda edge: abs(math.log(value / edge)))


def _show(estimate: Estimate) -> str:
    low, high = estimate.interval
    return f"{estimate.value:.3g} [{low:.3g}, {high:.3g}]" if estimate.known else f"{estimate.value:.3g}"
