"""The published claims: what was said, and what the measurements say of it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from trainmark.analysis import (
    claim_workloads,
    comparison_statistics,
    comparisons,
    ledger,
    series_names,
    single_values,
    table_files,
    verdicts,
)
from trainmark.analysis.claim_workloads import Measured
from trainmark.analysis.ledger import Claim, Ledger
from trainmark.analysis.verdicts import Estimate
from trainmark.contents import tables
from trainmark.words import enumerate_words

# Of more machines with one kind of hardware, those with the most cells are asked: each is compared with each.
MOST_OF_A_KIND = 10
# Machine -> ids and families of its hardware.
Ids = Mapping[str, set[str]]
# Cells that were compared with one baseline, by the candidate's machine and stack.
Compared = Mapping[tuple[str, str], pd.DataFrame]


def judge_all(published: Ledger, measured: Sequence[Measured], peaks: pd.DataFrame, ids: Ids) -> pd.DataFrame:
    """A verdict for every claim, one row for each machine and stack that it can be asked of.

    Args:
        published: the claims, those of the numbers of published tables among them.
        measured: the experiments, the one that the page shows first.
        peaks: ``machine``, ``device``, ``stack`` and ``flops_per_second``, one row a sweep of matrix products.
        ids: machine -> ids and families of its hardware.

    Returns:
        Rows of claims.csv; a claim that can be asked of no machine has one row, too. Where something was not measured,
        ``command`` would measure it.
    """
    rows = []
    for claim in published.claims:
        common = _common(claim)
        for row in _rows(claim, measured, peaks, ids):
            command = claim_workloads.command(claim) if row["verdict"] == verdicts.NOT_MEASURED else ""
            rows.append({**common, "command": command or None, **row})
    return pd.DataFrame(rows, columns=tables.named("claims").keys)


def _common(claim: Claim) -> dict[str, Any]:
    """What the rows of a claim have in common."""
    region = ledger.region_of(claim)
    return {
        **{key: claim.get(key) for key in ("statement", "source", "note", "table", "measure")},
        "claim": claim["id"],
        "workload": ledger.workload_words(claim) or None,
        "expected": ledger.expected(claim),
        "claimed_low": region.low,
        "claimed_high": region.high,
        "claimed_outside": region.inverted,
    }


def _rows(claim: Claim, measured: Sequence[Measured], peaks: pd.DataFrame, ids: Ids) -> Iterator[dict[str, Any]]:
    """What is said of a claim: one verdict, or one for each machine and stack."""
    if "cannot_run" in claim:
        yield {"verdict": verdicts.UNTESTABLE, "detail": claim["cannot_run"]}
        return
    if claim["measure"] == ledger.PEAK:
        pairs = list(asked(claim, peaks, ids))
        yield from (_judge_peak(claim, peaks, *pair) for pair in pairs)
        if not pairs:
            yield _of_nobody(claim, "sweep of matrix products", ids)
        return
    for each in claim_workloads.fitting(claim, measured):
        pairs = [
            (machine, stack)
            for machine, stack in asked(claim, each.moments, ids)
            if claim_workloads.has_framework(claim, stack)
        ]
        if pairs:
            yield from _judge(claim, each, pairs, ids)
            return
    yield _of_nobody(claim, "run", ids)


def _of_nobody(claim: Claim, what: str, ids: Ids) -> dict[str, Any]:
    """What is said of a claim whose candidate has nothing that it could be asked of.

    Of one that names its workload: which machines have its hardware, and so could be asked.
    """
    side = claim["candidate"]
    row = {"verdict": verdicts.NOT_MEASURED, "detail": f"no {what} of {_words(side)}"}
    there = [f"{machine}, {side['device'].upper()}" for machine in sorted(ids) if is_of(machine, side, ids)]
    if "workload" not in claim or not there:
        return row
    words = ledger.workload_words(claim, sizes="table" not in claim)  # the same of all numbers of a column
    return {**row, "candidate": enumerate_words(there, 3), "detail": f"no {what} of {_words(side)} with {words}"}


def asked(claim: Claim, there: pd.DataFrame, ids: Ids) -> Iterator[tuple[str, str]]:
    """The machines and stacks that are the claim's candidate; ``there`` has a row for each cell or sweep."""
    side = claim["candidate"]
    pairs = there[there["device"] == side["device"]][["machine", "stack"]].drop_duplicates()
    machines = of_kind(side, there, ids)
    for machine, stack in sorted(zip(pairs["machine"], pairs["stack"])):
        if machine in machines and side.get("stack", stack) == stack:
            yield machine, stack


def of_kind(side: Mapping[str, Any], there: pd.DataFrame, ids: Ids) -> tuple[str, ...]:
    """The machines of a side that were measured; of very many, those with the most cells or sweeps."""
    counts = there.loc[there["device"] == side["device"], "machine"].value_counts()
    machines = [machine for machine in counts.index if is_of(machine, side, ids)]
    return tuple(sorted(machines, key=lambda machine: (-counts[machine], machine))[:MOST_OF_A_KIND])


def is_of(machine: str, side: Mapping[str, Any], ids: Ids) -> bool:
    """Whether a machine has the hardware that a side names; every machine has if it names none."""
    return "hardware" not in side or side["hardware"] in ids.get(machine, ())


def _words(side: Mapping[str, Any]) -> str:
    what = [side.get("hardware", "the same machine"), side["device"].upper(), side.get("stack", "")]
    return ", ".join(word for word in what if word)


def _judge(claim: Claim, measured: Measured, pairs: list[tuple[str, str]], ids: Ids) -> Iterator[dict[str, Any]]:
    """The verdicts on a claim about runs, one for each candidate that has some of its experiment."""
    of_pairs = claim["measure"] == ledger.SPEED_UP
    compared = _compare(claim, measured, ids) if of_pairs else []
    for machine, stack in pairs:
        row: dict[str, Any] = {"candidate": f"{machine}, {claim['candidate']['device'].upper()}", "stack": stack}
        if of_pairs:
            cells, missing = _cells(claim, compared, machine, stack)
            found = list(verdicts.estimates(cells, claim["statistic"])) if len(cells) else []
            row["baseline"] = "; ".join(_sides(cells))
        else:
            found, missing = single_values.estimates(claim, measured.runs, machine, stack)
        verdict, detail, shown = verdicts.decide(found, ledger.region_of(claim), missing, claim["statistic"])
        if shown:
            row |= {"measured": shown.value, "low": shown.interval[0], "high": shown.interval[1]}
        where = {} if measured.shown else {"measured_in": measured.words}
        yield {**row, **where, "verdict": verdict, "detail": detail}


def _judge_peak(claim: Claim, peaks: pd.DataFrame, machine: str, stack: str) -> dict[str, Any]:
    """The verdict on a peak, for one candidate: the interval is of the repeated sweeps."""
    device = claim["candidate"]["device"]
    rows = comparisons.chosen(peaks, {"machine": machine, "device": device, "stack": stack})
    logs = np.log(rows["flops_per_second"] / 1e12)
    error = logs.std() / math.sqrt(len(logs))
    ends = verdicts.pair(comparison_statistics.limits([logs.mean()], [error], [len(logs) - 1]), 0)
    found = Estimate(f"TFLOPS in {len(rows)} sweeps of matrix products", math.exp(logs.mean()), ends, ends)
    verdict, detail, _ = verdicts.decide([found], ledger.region_of(claim), [], "every")
    row = {"candidate": f"{machine}, {device.upper()}", "baseline": "", "stack": stack}
    return {**row, "measured": found.value, "low": ends[0], "high": ends[1], "verdict": verdict, "detail": detail}


def _sides(cells: pd.DataFrame) -> list[str]:
    pairs = zip(cells["machine_baseline"], cells["device_baseline"])
    return list(dict.fromkeys(f"{machine}, {device.upper()}" for machine, device in pairs))


def _compare(claim: Claim, measured: Measured, ids: Ids) -> list[Compared]:
    """For each baseline of a claim: the cells of all its candidates, by machine and stack."""
    wanted, cells, found = claim["candidate"], claim["cells"], []
    there = _of_cells(measured.moments, cells)
    candidates = of_kind(wanted, there, ids)
    for side in claim["baseline"]:
        candidate, baseline = {"device": wanted["device"]}, {"device": side["device"]}
        if "hardware" in side:  # a machine that neither side names is the same on both
            candidate["machine"] = candidates
            baseline["machine"] = of_kind(side, there, ids)
        if "stack" in side:  # and so is a stack
            candidate["stack"] = wanted.get("stack", tuple(there["stack"].unique()))
            baseline["stack"] = side["stack"]
        pairs = _of_cells(measured.compared(candidate, baseline), cells)
        itself = (pairs[series_names.WHO].to_numpy() == pairs[series_names.BASELINE].to_numpy()).all(axis=1)
        of_candidates = pairs["machine"].isin(candidates).to_numpy()
        groups: Compared = dict(list(pairs[of_candidates & ~itself].groupby(["machine", "stack"])))
        found.append(groups)
    return found


def _of_cells(table: pd.DataFrame, cells: Mapping[str, Any]) -> pd.DataFrame:
    """The rows of a claim's models and batch sizes."""
    return table[table["model"].isin(cells["models"]) & table["batch_size"].isin(cells["batch_sizes"])]


def _cells(claim: Claim, compared: list[Compared], machine: str, stack: str) -> tuple[pd.DataFrame, list[str]]:
    """The compared cells of a claim, and what is missing of them, in words."""
    parts, missing = [], []
    wanted = list(itertools.product(claim["cells"]["models"], claim["cells"]["batch_sizes"]))
    for side, by_candidate in zip(claim["baseline"], compared):
        cells = by_candidate.get((machine, stack))
        if cells is None:
            where = f" with {ledger.workload_words(claim)}" if "workload" in claim else ""
            missing.append(f"{_words(side)}, compared with {machine} in stack {stack}{where}")
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
