"""What no schema can say of a file of claims: which keys go together, and names that have to be known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from trainmark import stacks
from trainmark.experiment import suites
from trainmark.planning.config import KeyPath, Problem

Values = Mapping[str, Any]
# The files that come with trainmark, as config/config.yaml names them.
SHIPPED = tuple(
    f"config/claims/{name}.yaml"
    for name in (
        "article",
        "m1-article",
        "mac-ml-speed-test",
        "m1-machine-learning-test",
        "tensorflow-metal-experiments",
        "m1-tensorflow-benchmark",
        "tf-metal-experiments",
        "machine-learning-notes",
        "pytorch-apple-silicon-benchmarks",
        "mlx-2770",
        "keras-21108",
        "apxml",
    )
)
# Where claims were until each source got a file of its own.
MOVED = {"config/claims.yaml": "config/claims/article.yaml, and config/claims has a file for each other source"}
_ALONE = ("seconds_per_epoch", "throughput", "accuracy", "energy")


def problems(values: Values, ids: set[str] | None) -> Iterator[Problem]:
    """The problems of a file that follows its schema.

    Args:
        values: the file's.
        ids: ids and families of the hardware files; None where these are not known.
    """
    for number, claim in enumerate(values["claims"]):
        path = ("claims", number)
        yield from _source_problems(values, claim, path)
        yield from _key_problems(claim, path)
        yield from _hardware_problems(claim, path, ids)
        if "workload" in claim:
            yield from _workload_problems(claim, (*path, "workload"), "batch_sizes")
    tables = values.get("tables", [])
    for number, table in enumerate(tables):
        path = ("tables", number)
        yield from _source_problems(values, table, path)
        yield from _workload_problems(table, (*path, "workload"))
        yield from _table_problems(table, path, ids)
        yield from _said_problems(table, path, {each["id"]: each for each in tables})


def _source_problems(values: Values, entry: Values, path: KeyPath) -> Iterator[Problem]:
    if entry["source"] not in values["sources"]:
        yield Problem((*path, "source"), entry["source"], f"one of the sources: {', '.join(values['sources'])}")


def _key_problems(claim: Values, path: KeyPath) -> Iterator[Problem]:
    """Keys that a claim of its measure must have, and those that it must not."""
    measure, tested = claim.get("measure", "speed_up"), "cannot_run" not in claim
    needed, without = {
        "speed_up": (("baseline", "statistic"), ()),
        "peak_tflops": ((), ("baseline", "cells", "workload", "statistic")),
    }.get(measure, ((), ("baseline",)))
    words = "speed-up" if measure == "speed_up" else measure
    for key in (*needed, "relation", "value") if tested else ():
        if key not in claim:
            yield Problem((*path, key), None, f"this key, which a claim about a {words} needs")
    for key in without:
        if key in claim:
            yield Problem((*path, key), claim[key], f"no such key, since the claim has measure: {measure}")
    if tested and measure != "peak_tflops" and ("cells" in claim) == ("workload" in claim):
        what = "this key, which a claim about a {} needs" if "cells" not in claim else "either cells or a workload"
        yield Problem((*path, "cells"), claim.get("cells"), what.format(words))
    if measure in _ALONE and claim.get("statistic", "every") != "every":
        yield Problem((*path, "statistic"), claim["statistic"], f"every, or no such key, with measure: {measure}")
    if not tested and "workload" not in claim:
        yield Problem((*path, "workload"), None, "this key, which a claim with cannot_run needs")
    if (claim.get("relation") in ("equals", "differs")) != ("tolerance" in claim):
        what = "a tolerance with equals and differs, and none with above and below"
        yield Problem((*path, "tolerance"), claim.get("tolerance"), what)
    if measure == "accuracy" and claim.get("value", 0) > 1:
        yield Problem((*path, "value"), claim["value"], "a share of right answers, from 0 to 1")


def _hardware_problems(claim: Values, path: KeyPath, ids: set[str] | None) -> Iterator[Problem]:
    for key, side in [("candidate", claim["candidate"]), *(("baseline", s) for s in claim.get("baseline", []))]:
        yield from _unknown_hardware(side, (*path, key), ids)
    if "hardware" not in claim["candidate"] and "cannot_run" not in claim:
        yield Problem((*path, "candidate"), claim["candidate"], "hardware, an id or family of the hardware files")


def _unknown_hardware(side: Values, path: KeyPath, ids: set[str] | None) -> Iterator[Problem]:
    if ids is not None and "hardware" in side and side["hardware"] not in ids:
        yield Problem(path, side["hardware"], f"an id or family of the hardware files: {', '.join(sorted(ids))}")


def _workload_problems(entry: Values, path: KeyPath, *needed: str) -> Iterator[Problem]:
    """What is wrong with a workload that is to be run; one that cannot is described in the source's words."""
    if "cannot_run" in entry:
        return
    workload = entry["workload"]
    suite = workload.get("suite", suites.DEFAULT)
    known = [name for name in suites.NAMES if suites.published(name) == name]
    if suite not in known:
        expected = f"one of the suites: {', '.join(known)}; or cannot_run beside the workload, with the reason"
        yield Problem((*path, "suite"), suite, expected)
        return
    for key in ("models", *needed):
        if key not in workload:
            yield Problem((*path, key), None, "this key, which a workload that can be run needs")
    for number, model in enumerate(workload.get("models", [])):
        there = suites.named(suite).models
        if model not in there:
            expected = f"one of the models of {suite}: {', '.join(there)}; or cannot_run, with the reason"
            yield Problem((*path, "models", number), model, expected)
    frameworks = stacks.framework_packages()
    if workload.get("framework", "tf") not in frameworks:
        yield Problem((*path, "framework"), workload["framework"], f"one of {', '.join(frameworks)}")


def _table_problems(table: Values, path: KeyPath, ids: set[str] | None) -> Iterator[Problem]:
    """Columns and rows that do not fit together, and what a table that is to be tested needs."""
    for number, column in enumerate(table["columns"]):
        yield from _unknown_hardware(column, (*path, "columns", number), ids)
    tested, count = "cannot_run" not in table, len(table["columns"])
    for number, row in enumerate(table["rows"]):
        if len(row["values"]) != count:
            yield Problem((*path, "rows", number, "values"), row["values"], f"{count} values, one for each column")
        if tested and row["batch_size"] is None:
            yield Problem((*path, "rows", number, "batch_size"), None, "a batch size, in a table without cannot_run")
    if tested != ("tolerance" in table):
        what = "a tolerance in a table that is tested, and none with cannot_run"
        yield Problem((*path, "tolerance"), table.get("tolerance"), what)
    if tested and table["measure"].startswith("training_") and "epochs" not in table["workload"]:
        yield Problem((*path, "workload", "epochs"), None, f"the epochs, with measure: {table['measure']}")
    if tested and len(table["workload"].get("models", ())) != 1:
        yield Problem((*path, "workload", "models"), table["workload"].get("models"), "one model")


def _said_problems(table: Values, path: KeyPath, tables: Mapping[str, Values]) -> Iterator[Problem]:
    """What was said of a table, about numbers that it does not have."""
    sides = [
        (("ratios", number, key), said[key], said["batch_size"])
        for number, said in enumerate(table.get("ratios", []))
        for key in ("over", "under")
    ]
    for number, said in enumerate(table.get("alike", [])):
        sides += [(("alike", number, "columns"), name, said["batch_size"]) for name in said["columns"]]
        if "against" in said:
            yield from _against_problems(said, (*path, "alike", number, "against"), tables)
    for place, name, size in sides:
        if not _has(table, name, size):
            yield Problem((*path, *place), name, f"a column that has a value at batch size {size}")


def _against_problems(said: Values, path: KeyPath, tables: Mapping[str, Values]) -> Iterator[Problem]:
    other = tables.get(said["against"])
    if other is None:
        yield Problem(path, said["against"], f"the id of a table of this file: {', '.join(tables)}")
    elif not all(_has(other, name, said["batch_size"]) for name in said["columns"]):
        yield Problem(path, said["against"], "a table that has these columns at this batch size")


def _has(table: Values, name: str, batch_size: int) -> bool:
    """Whether a table has a number."""
    names = [column["name"] for column in table["columns"]]
    rows = [row["values"] for row in table["rows"] if row["batch_size"] == batch_size]
    return name in names and any(dict(zip(names, values)).get(name) is not None for values in rows)
