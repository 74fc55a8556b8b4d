"""The report's sections on what lies beneath: every cell, what counts nowhere, with what it was measured."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

from trainmark.analysis import cell_statistics, stability
from trainmark.analysis.series_names import SIDES
from trainmark.contents import tables
from trainmark.contents.columns import FORMATS, UNKNOWN, Column
from trainmark.contents.run_columns import CELL, SERIES
from trainmark.machine import disturbances
from trainmark.records import repeats_needed
from trainmark.records.record import OK
from trainmark.report.sections import repeating
from trainmark.report.sections.document import Section, Table, declared, first_rows, rows_of
from trainmark.report.sections.report_data import ReportData, why_apart
from trainmark.report.sections.whole_tables import named
from trainmark.words import enumerate_words

_RUNS = tables.named("runs")
_FAILED = _RUNS.pick("machine stack device model batch_size repeat status reason")
_CELLS = tables.named("cells").pick(
    "machine stack device model batch_size n failed remarks fit_seconds_median median_half_width fit_seconds_min "
    "fit_seconds_max fit_seconds_spread throughput_samples_per_second_median first_epoch_seconds_median "
    "steady_state_epoch_seconds_median fit_teardown_seconds_median test_accuracy_median peak_memory_bytes_median "
    "peak_device_memory_bytes_median"
)
_SOFTWARE = (
    *SERIES,
    Column("python", "Python"),
    Column("framework", "Framework"),
    Column("framework_version", "Version"),
    Column("keras", "Keras"),
    Column("plugin", "Plug-in", empty="none"),
    Column("intra_op_threads", "Threads", "integer"),
    Column("optimizer_class", "Optimizer"),
    Column("xla", "XLA"),
    Column("lock_file", "Pinned by"),
    Column("lock", "SHA-256 of the lock"),
    Column("code_version", "trainmark"),
    Column("code_commit", "Commit", empty=UNKNOWN),
)


def every_cell(data: ReportData) -> Section:
    """Every cell that was measured, in figures and not."""

    def remarked(cells: pd.DataFrame) -> list[dict[str, Any]]:
        return [_remarked(data, row) for row in rows_of(cells)]

    said = (
        "Times are of fit, the whole training with its validations. Memory is the peak of the whole process, as the "
        "median of the runs. Grey ones are not compared; the remark says why. Every run is in runs.csv."
    )
    return Section(
        "cells", "Every test case", [said], tables=first_rows("cells", data.tables["cells"], remarked, columns=_CELLS)
    )


def _remarked(data: ReportData, row: dict[str, Any]) -> dict[str, Any]:
    """A cell with its remarks, grey where it is compared with nothing."""
    why = why_apart(data, row["settings_digest"], row["protocol"])
    if row["apart"] and not why:
        why = f"its runs differ in {row['apart']}"
    remarks = [f"not compared: {why}"] if why else []
    if row["joined"]:
        remarks.append(f"runs joined although they differ in {row['joined']}")
    if (row["fit_seconds_spread"] or 0) > disturbances.UNSTABLE:
        needed = stability.repeats_needed(row["fit_seconds_spread"])
        remarks.append(
            f"unstable: spread over {100 * disturbances.UNSTABLE:.0f} %; with this spread, {needed} repeats would "
            f"give the mean to {100 * stability.PRECISION:.0f} %"
        )
    goal = data.grid.get("goal")
    if goal and not why and row["machine"] in data.own and row["n"] + row["failed"] >= repeats_needed.FEWEST:
        mine = data.runs[(data.runs[cell_statistics.CELL] == [row[axis] for axis in cell_statistics.CELL]).all(axis=1)]
        times = mine.loc[mine["status"] == OK, "fit_seconds"].tolist()
        remarks.append(repeats_needed.judge(times, len(mine), repeats_needed.Goal(**goal))[1])
    if not row["n"]:
        remarks.append("no run is ok")
    return {**row, "remarks": "; ".join(remarks), "grey": bool(why)}


_LOST = (
    Column("machine", "Machine"),
    Column("what", "What"),
    Column("state", "SLURM's state"),
    Column("number", "Job", empty="none"),
    Column("why", "What the job said", "long"),
    Column("log", "Log", "long"),
)
_LOST_WORDS = (
    "These jobs of the last command ended without a record: the cluster lost them, or their node refused them. That "
    "says nothing about the machines. The same command makes them again."
)
_STOPPED = "Epochs of runs that their time limit stopped"
_STOPPED_WORDS = (
    "These runs did not end within time_limit_seconds of the configuration. The epochs that they finished are kept, "
    "and are in no figure, average or ratio. With a longer limit, the same command trains them again from the start."
)
_CONTROLS = "Controls that failed or did not converge"
_OTHER_EXPERIMENT = (
    "These runs are in the table of test cases, but in no figure and no comparison. The page shows the experiment that "
    "the configuration describes, if there are runs of it, else the one with the most runs. To compare machines, "
    "give the same command on each."
)


def not_counted(data: ReportData) -> list[Section]:
    """Runs that failed, are missing, or are left out, each with the reason."""
    parts = (
        ("failed", "Runs that failed or did not converge", "", "runs", _FAILED, _failed(data.runs)),
        ("failed-controls", _CONTROLS, "", "controls", (*_RUNS.pick("control"), *_FAILED), _failed(data.controls)),
        ("stopped", _STOPPED, _STOPPED_WORDS, "stopped", (), _stopped(data.of_experiment("stopped"))),
        (
            "missing",
            "Missing test cases",
            "These test cases of the configured grid have fewer records than repeats."
            + (f" This computer is {data.grid['machine']}." if data.grid["machine"] else ""),
            "",
            (*CELL, Column("there", "Runs there", "integer"), Column("expected", "Runs expected", "integer")),
            rows_of(data.missing),
        ),
        ("lost", "Lost by the cluster", _LOST_WORDS, "", _LOST, data.grid.get("lost", [])),
        (
            "left-out",
            "Left out: runs of another experiment",
            _OTHER_EXPERIMENT,
            "runs",
            (*_RUNS.pick("machine"), Column("count", "Runs", "integer"), Column("why", "Differs in", "long")),
            _of_other_experiments(data),
        ),
        (
            "excluded-pairs",
            "Pairs of test cases that are not compared",
            "Both test cases were measured, but they did not compute the same: a ratio of their times says nothing "
            "about the machines.",
            "excluded_pairs",
            (),
            _excluded_pairs(data.tables["excluded_pairs"]),
        ),
        (
            "bad-files",
            "Left out: files that cannot be used",
            "Paths are below results/machines, unless they say otherwise.",
            "excluded_files",
            (),
            rows_of(data.tables["excluded_files"]),
        ),
    )
    found = [_listed(*part) for part in parts if part[-1]]
    said = [] if found else ["None: every run of the configured grid is there, is ok and belongs to this experiment."]
    return [Section("not-counted", "Excluded runs", said), *found]


def _listed(
    key: str, title: str, said: str, name: str, columns: tuple[Column, ...], rows: list[dict[str, Any]]
) -> Section:
    """A section of one table: of a declared one by its name, or of its own."""
    found = declared(name, rows, columns, key, title) if name else [Table(key, title, columns, rows)]
    return Section(key, title, [said] if said else [], tables=found, level=3)


def _failed(runs: pd.DataFrame) -> list[dict[str, Any]]:
    return rows_of(runs[runs["status"] != OK])


def _stopped(runs: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of stopped.csv with the accuracies in words."""
    show = FORMATS["accuracy"]
    curves = runs["validation_accuracy_by_epoch"].map(json.loads)
    words = [", ".join(UNKNOWN if each is None else show(each) for each in curve) for curve in curves]
    return rows_of(runs.assign(curve=words))


def _of_other_experiments(data: ReportData) -> list[dict[str, Any]]:
    """How many runs of other experiments each machine has, and in what these differ from the one shown."""
    keys = ["machine", "protocol", "settings_digest"]
    counts = rows_of(data.tables["runs"][~data.shown].groupby(keys).size().rename("count").reset_index())
    return [{**row, "why": why_apart(data, row["settings_digest"], row["protocol"])} for row in counts]


def _excluded_pairs(pairs: pd.DataFrame) -> list[dict[str, Any]]:
    """How many cells of each pair are not compared, and why."""
    counted = pairs.groupby([*SIDES, "why"]).size().rename("cells").reset_index()
    return [{**row, "grey": True} for row in named(counted)]


_SIGNED = (
    "A signature shows that the whole archive came from the holder of one key, not that its numbers are true. "
    "Checksums show damage, not forgery: whoever edits a record can compute new ones. Records under this computer's "
    "name count as measured here, unless a merge brought them."
)
_CHAINED = (
    "Each record names its predecessor, the record that was written before it on its machine. The first record has "
    "none; records of formats before 5 have none either. A predecessor is missing if it was measured again, removed, "
    "withheld or changed. Two records name the same predecessor if the folder was copied and both copies got new "
    "runs, or if a record was put in. Whoever forges all records of a machine can forge this order, too."
)


def origins(data: ReportData) -> Section:
    """Who has sent the records, and whether some were left out or changed."""
    rows = [{**row, "came": _came(row, data.own)} for row in rows_of(data.tables["origins"])]
    title = "Where the records come from"
    return Section("origins", title, [_SIGNED, _CHAINED], tables=declared("origins", rows, title=title))


def _came(row: Mapping[str, Any], own: set[str]) -> str:
    """How a machine's records came here; the number of each kind where there are several."""
    here = row["machine"] in own
    kinds = {
        f"signed by {enumerate_words(row['keys'].split())}": row["signed"],
        "measured here": row["by_no_merge"] if here else 0,
        "signature not checked": row["not_checked"],
        "unsigned": row["unsigned"] + (0 if here else row["by_no_merge"]),
    }
    found = {words: count for words, count in kinds.items() if count}
    return ", ".join(found) if len(found) == 1 else "; ".join(f"{count} {words}" for words, count in found.items())


def provenance(data: ReportData) -> list[Section]:
    """With what it was measured, and how to measure it again."""
    runs = data.runs[data.runs["status"] == OK]
    keys = ["machine", "stack", "device", "python", "framework", "framework_version", "keras", "plugin"]
    keys += [
        "intra_op_threads",
        "optimizer_class",
        "jit_compile",
        "lock_file",
        "lock_sha256",
        "code_version",
        "code_commit",
    ]
    rows = rows_of(runs[keys].drop_duplicates())
    for row in rows:
        row["lock"] = (row["lock_sha256"] or "")[:12]
        row["code_commit"] = (row["code_commit"] or "")[:12]
        row["xla"] = "on" if row["jit_compile"] else "off"
    title = "Software"
    commits = [commit[:12] for commit in runs["code_commit"].dropna().unique()]
    texts = [
        "Every run is one process in a pinned environment. Its record, results/machines/<machine>/runs/..., holds "
        "everything that this page says about it. A run uses every core that it may use, unless the configuration "
        "says otherwise; the table above shows the number of threads.",
    ]
    if len(commits) == 1:
        texts.append(f"All runs shown were made by commit {commits[0]}.")
    elif commits:
        texts.append(f"The runs were made by several commits: {enumerate_words(commits)}. See the table above.")
    return [
        origins(data),
        Section("software", title, tables=declared("runs", rows, _SOFTWARE, "software", title)),
        Section("reproduce", "How to reproduce this", texts, code=[repeating.command(data, data.runs)]),
    ]
