"""The published claims: what was said, and what the measurements say of it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from trainmark.analysis import comparison_statistics, comparisons, series_names, table_files, verdicts
from trainmark.analysis.verdicts import Estimate, Region
from trainmark.contents import tables

_STATISTICS = {
    "every": "every test case",
    "geometric_mean": "geometric mean",
    "arithmetic_mean": "arithmetic mean",
    "maximum": "maximum",
    "minimum": "minimum",
}


# Of more machines with one kind of hardware, those with the most cells are asked: each is compared with each.
MOST_OF_A_KIND = 10
# Cells that were compared with one baseline, by the candidate's machine and stack.
Compared = Mapping[tuple[str, str], pd.DataFrame]


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
    claims: Iterable[Mapping[str, Any]], there: pd.DataFrame, peaks: pd.DataFrame, ids: Mapping[str, set[str]]
) -> pd.DataFrame:
    """A verdict for every claim, one row for each machine and stack that it can be asked of.

    Args:
        claims: as ``load`` gives them.
        there: the cells of pinned stacks that were measured, as ``comparison_statistics.moments`` gives them.
        peaks: ``machine``, ``device``, ``stack`` and ``flops_per_second``, one row a sweep of matrix products.
        ids: machine -> ids and families of its hardware.

    Returns:
        Rows of claims.csv; a claim that can be asked of no machine has one row, too.
    """
    rows = []
    for claim in claims:
        common = {key: claim.get(key) for key in ("statement", "source", "note")}
        common |= {"claim": claim["id"], "expected": expected(claim)}
        region = region_of(claim)
        common |= {"claimed_low": region.low, "claimed_high": region.high, "claimed_outside": region.inverted}
        of_peak = claim.get("measure") == "peak_tflops"
        asked = list(_asked(claim, peaks if of_peak else there, ids))
        if not asked:
            what = "sweep of matrix products" if of_peak else "run"
            detail = f"no {what} of {_words(claim['candidate'])}"
            rows.append({**common, "verdict": verdicts.NOT_MEASURED, "detail": detail})
            continue
        compared = [] if of_peak else _compare(claim, there, ids)
        for machine, stack in asked:
            verdict = _judge_peak(claim, peaks, machine, stack) if of_peak else _judge(claim, compared, machine, stack)
            rows.append({**common, **verdict})
    return pd.DataFrame(rows, columns=tables.named("claims").keys)


def published(claims: Iterable[Mapping[str, Any]], there: pd.DataFrame, ids: Mapping[str, set[str]]) -> pd.DataFrame:
    """Published speed-ups of single cells, for the machines that they are about; to be drawn beside the measured ones.

    Arguments as for ``judge_all``. Rows of published.csv.
    """
    rows = []
    for claim in claims:
        if (claim.get("statistic"), claim["relation"], len(claim.get("baseline", ()))) != ("every", "equals", 1):
            continue
        (side,), device = claim["baseline"], claim["candidate"]["device"]
        for machine, _ in _asked(claim, there, ids):
            others = [machine] if "hardware" not in side else [other for other in ids if _is(other, side, ids)]
            for other, model, size in itertools.product(
                others, claim["cells"]["models"], claim["cells"]["batch_sizes"]
            ):
                rows.append((machine, device, other, side["device"], model, size, claim["value"], claim["id"]))
    return pd.DataFrame(rows, columns=tables.named("published").keys).drop_duplicates()


def _asked(claim: Mapping[str, Any], there: pd.DataFrame, ids: Mapping[str, set[str]]) -> Iterator[tuple[str, str]]:
    """The machines and stacks that are the claim's candidate; ``there`` has a row for each cell or sweep."""
    side = claim["candidate"]
    pairs = there[there["device"] == side["device"]][["machine", "stack"]].drop_duplicates()
    machines = _of_kind(side, there, ids)
    for machine, stack in sorted(zip(pairs["machine"], pairs["stack"])):
        if machine in machines and side.get("stack", stack) == stack:
            yield machine, stack


def _of_kind(side: Mapping[str, Any], there: pd.DataFrame, ids: Mapping[str, set[str]]) -> tuple[str, ...]:
    """The machines of a side that were measured; of very many, those with the most cells or sweeps."""
    counts = there.loc[there["device"] == side["device"], "machine"].value_counts()
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
    found = list(verdicts.estimates(cells, claim["statistic"])) if len(cells) else []
    row: dict[str, Any] = {
        "candidate": f"{machine}, {claim['candidate']['device'].upper()}",
        "baseline": "; ".join(_sides(cells)),
        "stack": stack,
    }
    verdict, detail, shown = verdicts.decide(found, region_of(claim), missing, claim["statistic"])
    if shown:
        row |= {"measured": shown.value, "low": shown.interval[0], "high": shown.interval[1]}
    return {**row, "verdict": verdict, "detail": detail}


def _judge_peak(claim: Mapping[str, Any], peaks: pd.DataFrame, machine: str, stack: str) -> dict[str, Any]:
    """The verdict on a peak, for one candidate: the interval is of the repeated sweeps."""
    device = claim["candidate"]["device"]
    rows = comparisons.chosen(peaks, {"machine": machine, "device": device, "stack": stack})
    logs = np.log(rows["flops_per_second"] / 1e12)
    error, freedom = pd.Series([logs.std() / math.sqrt(len(logs))]), pd.Series([len(logs) - 1.0])
    ends = verdicts.pair(comparison_statistics.limits(pd.Series([logs.mean()]), error, freedom), 0)
    found = Estimate(f"TFLOPS in {len(rows)} sweeps of matrix products", math.exp(logs.mean()), ends, ends)
    verdict, detail, _ = verdicts.decide([found], region_of(claim), [], "every")
    row = {"candidate": f"{machine}, {device.upper()}", "baseline": "", "stack": stack}
    return {**row, "measured": found.value, "low": ends[0], "high": ends[1], "verdict": verdict, "detail": detail}


def _sides(cells: pd.DataFrame) -> list[str]:
    pairs = zip(cells["machine_baseline"], cells["device_baseline"])
    return list(dict.fromkeys(f"{machine}, {device.upper()}" for machine, device in pairs))


def _compare(claim: Mapping[str, Any], there: pd.DataFrame, ids: Mapping[str, set[str]]) -> list[Compared]:
    """For each baseline of a claim: the cells of all its candidates, by machine and stack."""
    wanted, found = claim["candidate"], []
    cells = claim["cells"]
    there = there[there["model"].isin(cells["models"]) & there["batch_size"].isin(cells["batch_sizes"])]
    candidates = _of_kind(wanted, there, ids)
    for side in claim["baseline"]:
        candidate, baseline = {"device": wanted["device"]}, {"device": side["device"]}
        here = there
        if "hardware" in side:
            candidate["machine"] = candidates
            baseline["machine"] = _of_kind(side, there, ids)
        else:  # a machine that neither side names is the same on both
            here = there[there["machine"].isin(candidates)]
        if "stack" in side:  # and so is a stack
            candidate["stack"] = wanted.get("stack", tuple(there["stack"].unique()))
            baseline["stack"] = side["stack"]
        pairs = comparisons.compare(here, comparisons.Comparison("", candidate, baseline))
        itself = (pairs[series_names.WHO].to_numpy() == pairs[series_names.BASELINE].to_numpy()).all(axis=1)
        groups: Compared = dict(list(pairs[~itself].groupby(["machine", "stack"])))
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
    return pd.concat(parts) if parts else table_files.nothing("comparisons"), missing
