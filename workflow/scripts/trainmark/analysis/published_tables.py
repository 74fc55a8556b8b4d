"""Published tables: their numbers, to be drawn beside the measured ones, and whether they agree with themselves."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from trainmark.analysis import claim_workloads, claims, ledger
from trainmark.analysis.claim_workloads import Measured
from trainmark.analysis.claims import Ids
from trainmark.analysis.ledger import Claim, Ledger
from trainmark.contents import tables
from trainmark.contents.columns import ratio
from trainmark.experiment import suites
from trainmark.words import and_words, enumerate_words

# Machines whose published peaks differ by more than this factor ...
PEAKS_APART = 1.5
# ... and whose times differ by less at the largest batch size, are not equal: something else was timed.
TIMES_ALIKE = 0.05
CONSISTENT, INCONSISTENT, NOT_THE_DEVICE = "agrees", "does not agree", "not the devices"
_HIGHER_IS_FASTER = ("throughput",)


def speed_ups(published: Ledger, measured: Sequence[Measured], ids: Ids) -> pd.DataFrame:
    """Published speed-ups of single cells, for the machines that they are about; to be drawn beside the measured ones.

    Args:
        published: the claims and tables.
        measured: the experiments, the one that the page shows first.
        ids: machine -> ids and families of its hardware.

    Returns:
        Rows of published.csv, of the experiment that the page shows.
    """
    shown = measured[:1]
    rows = [*_of_claims(published, shown, ids), *_of_tables(published, shown, ids)]
    return pd.DataFrame(rows, columns=tables.named("published").keys).drop_duplicates()


def _of_claims(published: Ledger, shown: Sequence[Measured], ids: Ids) -> Iterator[tuple[Any, ...]]:
    """Of claims that say how many times faster one is in every cell."""
    for claim in published.claims:
        if claim["measure"] != ledger.SPEED_UP or "cells" not in claim:
            continue
        if (claim.get("statistic"), claim["relation"], len(claim.get("baseline", ()))) != ("every", "equals", 1):
            continue
        (side,), device, cells = claim["baseline"], claim["candidate"]["device"], claim["cells"]
        for each in claim_workloads.fitting(claim, shown):
            for machine, _ in claims.asked(claim, each.moments, ids):
                itself = "hardware" not in side
                others = [machine] if itself else [other for other in ids if claims.is_of(other, side, ids)]
                for other, model, size in itertools.product(others, cells["models"], cells["batch_sizes"]):
                    yield machine, device, other, side["device"], model, size, claim["value"], claim["id"], None


def _of_tables(published: Ledger, shown: Sequence[Measured], ids: Ids) -> Iterator[tuple[Any, ...]]:
    """Of each two columns of a table of the workload that is shown, where machines of both are there."""
    for table, model, each in _of_workload(published, shown):
        sides = [
            (number, machine, column["device"])
            for number, column in enumerate(table["columns"])
            for machine in claims.of_kind(column, each.moments, ids)
        ]
        for (one, *candidate), (other, *baseline) in itertools.permutations(sides, 2):
            for row in table["rows"]:
                values = row["values"][other], row["values"][one]
                if None not in values and candidate != baseline:
                    value = _times_faster(table, *values)
                    yield (*candidate, *baseline, model, row["batch_size"], value, None, table["id"])


def times(published: Ledger, measured: Sequence[Measured], ids: Ids) -> pd.DataFrame:
    """Published times of as many epochs as were measured, for the series that they are about.

    Arguments as for ``speed_ups``. Rows of published_times.csv, of the experiment that the page shows.
    """
    rows = []
    for table, model, shown in _of_workload(published, measured[:1]):
        if table["measure"] in _HIGHER_IS_FASTER or "epochs" not in shown.settings:
            continue
        cells = shown.runs[shown.runs["model"] == model]
        there = cells[["machine", "device", "stack", "batch_size"]].drop_duplicates().itertuples(index=False, name=None)
        for (machine, device, stack, size), column in itertools.product(there, enumerate(table["columns"])):
            position, side = column
            fits = side["device"] == device and claims.is_of(machine, side, ids)
            values = [row["values"][position] for row in table["rows"] if row["batch_size"] == size]
            if fits and claim_workloads.has_framework(table, stack) and values and values[0] is not None:
                seconds = shown.settings["epochs"] * ledger.value_of(table, values[0])
                rows.append((machine, device, stack, model, size, seconds, table["id"]))
    return pd.DataFrame(rows, columns=tables.named("published_times").keys)


def _of_workload(published: Ledger, shown: Sequence[Measured]) -> Iterator[tuple[Claim, str, Measured]]:
    """The tables whose workload is that of an experiment, with their model and the experiment."""
    for table in published.tables:
        if "cannot_run" not in table:
            claim = {**table, "suite": table["workload"].get("suite", suites.DEFAULT)}
            (model,) = table["workload"]["models"]
            yield from ((table, model, each) for each in claim_workloads.fitting(claim, shown))


def _times_faster(table: Claim, baseline: float, candidate: float) -> float:
    """How many times faster the candidate of two numbers of a table is."""
    return candidate / baseline if table["measure"] in _HIGHER_IS_FASTER else baseline / candidate


def checks(published: Ledger, peaks: Mapping[str, float]) -> pd.DataFrame:
    """What a source says of its own table, or what follows from that, held against the table's numbers.

    Args:
        published: the tables, with what was said of them.
        peaks: id or family of hardware -> its published FP32 peak, TFLOPS.

    Returns:
        Rows of published_checks.csv.
    """
    by_id = {table["id"]: table for table in published.tables}
    rows = []
    for table in published.tables:
        found = [*_said_ratios(table), *_said_alike(table, by_id), *_unlike_peaks(table, peaks)]
        rows += [{"table": table["id"], "source": table["source"], **row} for row in found]
    return pd.DataFrame(rows, columns=tables.named("published_checks").keys)


def _value(table: Claim, column: str, batch_size: int | None) -> float:
    """A number of a table."""
    position = [each["name"] for each in table["columns"]].index(column)
    row = next(row for row in table["rows"] if row["batch_size"] == batch_size)
    return float(row["values"][position])


def _decimals(value: float) -> int:
    """With how many decimals a number is written."""
    return len(repr(float(value)).partition(".")[2].rstrip("0"))


def _said_ratios(table: Claim) -> Iterator[dict[str, Any]]:
    """Ratios that the source states: its rounded numbers have to allow them, as they are rounded themselves."""
    half = 0.5 * 10.0 ** -max(_decimals(value) for row in table["rows"] for value in row["values"] if value is not None)
    for said in table.get("ratios", []):
        over, under = (_value(table, said[side], said["batch_size"]) for side in ("over", "under"))
        low, high = (over - half) / (under + half), (over + half) / (under - half)
        own = 0.5 * 10.0 ** -_decimals(said["value"])
        agrees = low <= said["value"] + own and said["value"] - own <= high
        yield {
            "said": f"{said['over']} over {said['under']} is {said['value']:g} at batch size {said['batch_size']}",
            "found": f"{over:g} / {under:g} = {ratio(over / under)}",
            "verdict": CONSISTENT if agrees else INCONSISTENT,
        }


def _said_alike(table: Claim, by_id: Mapping[str, Claim]) -> Iterator[dict[str, Any]]:
    """Columns that the source has as nearly equal, beside how much they differ in another table of its own."""
    for said in table.get("alike", []):
        spread = _spread(_value(table, column, said["batch_size"]) for column in said["columns"])
        words = f"{and_words(said['columns'])} are within {100 * (spread - 1):.1f} %"
        verdict = CONSISTENT if spread <= 1 + said["within"] + 0.0005 else INCONSISTENT
        if "against" in said:
            other = by_id[said["against"]]
            apart = _spread(_value(other, column, said["batch_size"]) for column in said["columns"])
            words += f"; in {other['title']} the slowest takes {ratio(apart)} times as long as the fastest"
            if verdict == CONSISTENT and apart > PEAKS_APART:
                verdict = NOT_THE_DEVICE
        what = f"within {100 * said['within']:g} % of each other at batch size {said['batch_size']}"
        yield {"said": f"{and_words(said['columns'])}: {what}", "found": words, "verdict": verdict}


def _spread(values: Iterator[float]) -> float:
    """The largest of some values over the smallest."""
    found = list(values)
    return max(found) / min(found)


def _unlike_peaks(table: Claim, peaks: Mapping[str, float]) -> Iterator[dict[str, Any]]:
    """Columns that are nearly equal at the largest batch size although their published peaks are far apart."""
    sizes = [row["batch_size"] for row in table["rows"] if row["batch_size"] is not None]
    if not sizes:
        return
    row = next(row for row in table["rows"] if row["batch_size"] == max(sizes))
    known = sorted(
        (value, column["name"], peaks[column["hardware"]])
        for column, value in zip(table["columns"], row["values"])
        if value is not None and column.get("device") == "gpu" and column.get("hardware") in peaks
    )
    for (one, first, peak), (other, second, another) in itertools.combinations(known, 2):
        apart = max(peak, another) / min(peak, another)
        if other / one <= 1 + TIMES_ALIKE and apart > PEAKS_APART:
            yield {
                "said": f"{enumerate_words([first, second])} are within {100 * (other / one - 1):.1f} % at batch size "
                f"{row['batch_size']}",
                "found": f"their published FP32 peaks differ by a factor of {ratio(apart)}",
                "verdict": NOT_THE_DEVICE,
            }
