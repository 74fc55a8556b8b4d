"""The published claims as their files hold them, every number of a published table among them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trainmark.analysis.verdicts import Region
from trainmark.contents.columns import brief
from trainmark.experiment import suites
from trainmark.ingest import yaml_file

Claim = Mapping[str, Any]
SPEED_UP, PEAK, ACCURACY = "speed_up", "peak_tflops", "accuracy"
# Of a value by itself, without a baseline: its unit.
UNITS = {
    "seconds_per_epoch": " s an epoch",
    "throughput": " samples/s",
    ACCURACY: "",
    "energy": " J an epoch",
    PEAK: " TFLOPS",
}
_STATISTICS = {
    "every": "every test case",
    "geometric_mean": "geometric mean",
    "arithmetic_mean": "arithmetic mean",
    "maximum": "maximum",
    "minimum": "minimum",
}
# What a number of a table is: the measure of its claim, its value there, and how it is said.
_OF_TABLES: dict[str, tuple[str, Callable[[float, int], float], str]] = {
    "seconds_per_epoch": ("seconds_per_epoch", lambda value, epochs: value, "s an epoch"),
    "training_seconds": ("seconds_per_epoch", lambda value, epochs: value / epochs, "s"),
    "training_minutes": ("seconds_per_epoch", lambda value, epochs: 60 * value / epochs, "min"),
    "throughput": ("throughput", lambda value, epochs: value, "samples/s"),
}


@dataclass(frozen=True)
class Ledger:
    """What was published.

    Attributes:
        claims: in the order of the files; those of a table's numbers, which name their ``table``, after their file's.
        tables: the published tables.
    """

    claims: list[Claim] = field(default_factory=list)
    tables: list[Claim] = field(default_factory=list)


def load(paths: Iterable[Path]) -> Ledger:
    """The ledger of several files in order, their sources in full.

    Every claim has a ``measure`` and a ``suite``; one that can be tested in runs has ``cells`` (models and batch
    sizes), wherever its file has them; one of a table's numbers has all of its batch sizes (``with_batch_sizes``).
    """
    claims: list[Claim] = []
    tables: list[Claim] = []
    for path in paths:
        data = yaml_file.read(path)
        there = [{**table, "source": data["sources"][table["source"]]} for table in data.get("tables", [])]
        claims += [_whole({**claim, "source": data["sources"][claim["source"]]}) for claim in data["claims"]]
        claims += [_whole(claim) for table in there for claim in _numbers(table)]
        tables += there
    return Ledger(claims, tables)


def _whole(claim: Claim) -> Claim:
    """A claim with all that its file may leave out."""
    workload = claim.get("workload", {})
    found = {"measure": SPEED_UP, "suite": workload.get("suite", suites.DEFAULT), **claim}
    if found["measure"] in UNITS:
        found.setdefault("statistic", "every")
    if "cannot_run" not in claim and {"models", "batch_sizes"} <= workload.keys():
        found.setdefault("cells", {key: workload[key] for key in ("models", "batch_sizes")})
    return found


def value_of(table: Claim, number: float) -> float:
    """A number of a table as a claim has it: seconds an epoch, or samples a second."""
    _, convert, _ = _OF_TABLES[table["measure"]]
    return float(convert(number, table["workload"].get("epochs", 1)))


def _numbers(table: Claim) -> Iterator[Claim]:
    """A claim for each number of a published table."""
    measure, _, unit = _OF_TABLES[table["measure"]]
    shared = {key: table[key] for key in ("source", "note", "cannot_run") if key in table}
    sizes = [row["batch_size"] for row in table["rows"] if row["batch_size"] is not None]
    for row in table["rows"]:
        for column, value in zip(table["columns"], row["values"]):
            if value is None:
                continue
            size = row["batch_size"]
            where = "" if size is None else f", batch size {size}"
            asked = {} if "cannot_run" in table else {"relation": "equals", "value": value_of(table, value)}
            yield {
                **shared,
                "id": f"{table['id']}: {column['name']}{'' if size is None else f', {size}'}",
                "table": table["id"],
                "statement": f"{table['title']}{where}, {column['name']}: {value:g} {unit}",
                "candidate": {key: column[key] for key in ("hardware", "device") if key in column},
                "workload": {**table["workload"], **({} if size is None else {"batch_sizes": [size]})},
                "with_batch_sizes": sizes,
                "measure": measure,
                "tolerance": table.get("tolerance", 0),
                **asked,
            }


def region_of(claim: Claim) -> Region:
    """The values that a claim allows: by a factor, or for an accuracy by a difference; NaN where it gives none."""
    if "relation" not in claim:
        return Region(math.nan, math.nan)
    value, tolerance = claim["value"], claim.get("tolerance", 0)
    around = value / (1 + tolerance), value * (1 + tolerance)
    if claim.get("measure") == ACCURACY:
        around = value - tolerance, value + tolerance
    return {
        "equals": Region(*around),
        "differs": Region(*around, inverted=True),
        "above": Region(value, math.inf),
        "below": Region(0, value),
    }[claim["relation"]]


def expected(claim: Claim) -> str:
    """What a claim demands, in words; nothing where it gives no number that could be tested."""
    if "relation" not in claim:
        return ""
    region, unit = region_of(claim), UNITS.get(claim.get("measure", SPEED_UP), "")
    alone = claim.get("measure") in UNITS  # of which each value has to hold
    what = f"{_STATISTICS[claim['statistic']]} " if "statistic" in claim and not alone else ""
    if claim["relation"] in ("above", "below"):
        return f"{what}{claim['relation']} {claim['value']:,g}{unit}"
    inside = "not in" if region.inverted else "in"
    return f"{what}{inside} {brief(region.low)} to {brief(region.high)}{unit}"


def workload_words(claim: Claim, sizes: bool = True) -> str:
    """The workload that a claim names, in words, with its batch sizes or without; nothing of one that names none."""
    workload = claim.get("workload", {})
    words = [workload.get("suite", ""), workload.get("data_set", ""), " and ".join(workload.get("models", []))]
    named = workload.get("batch_sizes", []) if sizes else []
    words.append(f"batch size{'s' * (len(named) > 1)} {', '.join(map(str, named))}" if named else "")
    words.append(f"{workload['epochs']} epochs" if "epochs" in workload else "")
    words.append(f"{workload['train_samples']:,} images" if "train_samples" in workload else "")
    words += [workload.get(key, "") for key in ("optimizer", "precision", "framework")]
    return ", ".join(word for word in words if word)
