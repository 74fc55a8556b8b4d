"""The report's sections on what lies beneath: every cell, what counts nowhere, with what it was measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trainmark.analysis import break_even_sizes, cell_statistics, comparison_statistics
from trainmark.machine import disturbances
from trainmark.records import repeats_needed
from trainmark.records.record import OK
from trainmark.report.sections.document import UNKNOWN, Column, Section, Table, rows_of
from trainmark.report.sections.report_data import CELL, SERIES, ReportData, why_apart
from trainmark.report.sections.speed import PAIR, named
from trainmark.words import enumerate_words

# Keys of the configuration that decide what is computed, and where the settings of an experiment hold them.
_SETTINGS = ("epochs", "train_samples", "validation_samples", "test_samples", "jit_compile")


def every_cell(data: ReportData) -> Section:
    """Every cell that was measured, in figures and not."""
    columns = (
        *CELL,
        Column("n", "Runs ok", "integer"),
        Column("failed", "Failed or not converged", "integer"),
        Column("remarks", "Remarks", "long"),
        Column("fit_seconds_median", "Median (s)", "seconds"),
        Column("median_half_width", "Median known to (± %)", "percent"),
        Column("fit_seconds_min", "Minimum (s)", "seconds"),
        Column("fit_seconds_max", "Maximum (s)", "seconds"),
        Column("fit_seconds_spread", "Spread (%)", "percent"),
        Column("throughput_samples_per_second_median", "Samples/s", "integer"),
        Column("first_epoch_seconds_median", "First epoch (s)", "seconds"),
        Column("steady_state_epoch_seconds_median", "Epoch in steady state (s)", "seconds"),
        Column("fit_teardown_seconds_median", "After the last epoch (s)", "seconds"),
        Column("test_accuracy_median", "Test accuracy", "accuracy"),
        Column("peak_memory_bytes_median", "Memory of the process (GiB)", "gib"),
        Column("peak_device_memory_bytes_median", "Of the GPU's tensors (GiB)", "gib", empty=UNKNOWN),
    )
    rows = [_remarked(data, row) for row in rows_of(data.tables["cells"])]
    said = (
        "Times are of fit, the whole training with its validations. Memory is the highest of the whole process, median "
        "of the runs. Grey cells are compared with nothing, for the reason in their remark. Every single run is in "
        "runs.csv."
    )
    return Section("cells", "Cells", [said], tables=[Table("cells", "Every cell", columns, rows, "cells.csv")])


def _remarked(data: ReportData, row: dict[str, Any]) -> dict[str, Any]:
    """A cell with its remarks, grey where it is compared with nothing."""
    why = why_apart(data, row["settings_digest"], row["protocol"])
    if row["apart"] and not why:
        why = f"its runs differ in {row['apart']}"
    remarks = [f"not compared: {why}"] if why else []
    if row["joined"]:
        remarks.append(f"runs joined although they differ in {row['joined']}")
    if (row["fit_seconds_spread"] or 0) > disturbances.UNSTABLE:
        needed = break_even_sizes.repeats_needed(row["fit_seconds_spread"])
        remarks.append(
            f"unstable: spread over {disturbances.UNSTABLE:.0%}; {needed} repeats would tell its mean to "
            f"{break_even_sizes.PRECISION:.0%}, if they go on like this"
        )
    goal = data.grid.get("goal")
    if (
        goal
        and not why
        and row["machine"] == data.grid["machine"]
        and row["n"] + row["failed"] >= repeats_needed.FEWEST
    ):
        mine = data.runs[(data.runs[cell_statistics.CELL] == [row[axis] for axis in cell_statistics.CELL]).all(axis=1)]
        times = mine.loc[mine["status"] == OK, "fit_seconds"].tolist()
        remarks.append(repeats_needed.judge(times, len(mine), repeats_needed.Goal(**goal))[1])
    if not row["n"]:
        remarks.append("no run is ok")
    return {**row, "remarks": "; ".join(remarks), "grey": bool(why)}


def not_counted(data: ReportData) -> list[Section]:
    """Runs that failed, are missing, or are left out, each with the reason."""
    runs = data.runs
    failed: tuple[Column, ...] = (*CELL, Column("repeat", "Repeat", "integer"), Column("status", "Status"))
    failed = (*failed, Column("reason", "Reason", "long"))
    controls = data.controls[data.controls["status"] != OK]
    missing = (*CELL, Column("there", "Runs there", "integer"), Column("expected", "Runs expected", "integer"))
    others = (Column("machine", "Machine"), Column("count", "Runs", "integer"), Column("why", "Differs in", "long"))
    pairs: tuple[Column, ...] = (*PAIR, Column("cells", "Cells", "integer"))
    pairs = (*pairs, Column("why", "Differ in (candidate against baseline)", "long"))
    unlike = data.tables["unlike"].groupby([*comparison_statistics.SIDES, "why"]).size().rename("cells").reset_index()
    files = (Column("path", "File"), Column("what", "What is wrong", "long"), Column("remedy", "What to do", "long"))
    keys = ["machine", "protocol", "settings_digest"]
    counts = rows_of(data.tables["runs"][~data.shown].groupby(keys).size().rename("count").reset_index())
    counts = [{**row, "why": why_apart(data, row["settings_digest"], row["protocol"])} for row in counts]
    parts = (
        ("failed", "Runs that failed or did not converge", "", failed, rows_of(runs[runs["status"] != OK]), "runs.csv"),
        (
            "failed-controls",
            "Controls that failed or did not converge",
            "",
            (Column("control", "Control"), *failed),
            rows_of(controls),
            "controls.csv",
        ),
        (
            "missing",
            "Missing cells",
            f"Cells of the configured grid ({data.grid['machine']} for this computer) with fewer records than repeats.",
            missing,
            rows_of(cell_statistics.missing_runs(runs, data.grid, data.tables["runs"]["machine"])),
            "",
        ),
        (
            "left-out",
            "Left out: runs of another experiment",
            "They are in the table of cells, and in no figure and no comparison. The experiment that is shown is the "
            "one that the configuration describes, if there are runs of it, else the one with the most runs. To "
            "compare machines, give the same command on each.",
            others,
            counts,
            "runs.csv",
        ),
        (
            "unlike",
            "Pairs of cells that are not compared",
            "Both were measured, and did not compute the same: a ratio of their times says nothing of the machines.",
            pairs,
            [{**row, "grey": True} for row in named(unlike)],
            "unlike.csv",
        ),
        (
            "bad-files",
            "Left out: files that cannot be used",
            "Below results/machines, if the name does not say otherwise.",
            files,
            rows_of(data.tables["left_out"]),
            "left_out.csv",
        ),
    )
    found = [
        Section(key, title, [said] if said else [], tables=[Table(key, title, columns, rows, source)], level=3)
        for key, title, said, columns, rows, source in parts
        if rows
    ]
    said = [] if found else ["Nothing: every run of the configured grid is there, ok, and of this experiment."]
    return [Section("not-counted", "Excluded runs", said), *found]


_SIGNED = (
    "A signature shows that all of an archive came from the holder of one key, not that its numbers are true. "
    "Checksums show damage, not forgery: whoever edits a record can compute them anew. Records of this computer's name "
    "that no merge has brought count as measured here."
)
_CHAINED = (
    "Each record names its predecessor, the record that was written before it on its machine. The first one has none, "
    "nor have records of formats before 5. A predecessor is missing if it was measured again, removed, withheld or "
    "changed. Two records name the same one if the folder was copied and both copies went on, or if a record was put "
    "in. Whoever forges all records of a machine can forge this order, too."
)


def origins(data: ReportData) -> Section:
    """Who has sent the records, and whether some were left out or changed."""
    columns = (
        Column("machine", "Machine"),
        Column("records", "Records", "integer"),
        Column("came", "Source", "long"),
        Column("named_here", "Predecessor here", "integer"),
        Column("named_elsewhere", "Predecessor missing", "integer"),
        Column("unlinked", "No predecessor", "integer"),
        Column("forks", "Predecessor of several", "integer"),
        Column("late", "Predecessor started later", "integer"),
    )
    counts = {"records", "named_here", "named_elsewhere", "unlinked", "forks", "late"}
    rows = [
        {**row, **{key: int(row[key]) for key in counts}, "came": _came(row, data.grid["machine"])}
        for row in rows_of(data.tables["origins"])
    ]
    title = "Where the records come from"
    return Section(
        "origins",
        title,
        [_SIGNED, _CHAINED],
        tables=[Table("origins", title, columns, rows, "origins.csv")],
    )


def _came(row: Mapping[str, Any], local: str) -> str:
    """How a machine's records came here; the number of each kind where there are several."""
    here = row["machine"] == local
    kinds = {
        f"signed by {enumerate_words(row['keys'].split())}": int(row["signed"]),
        "measured here": int(row["by_no_merge"]) if here else 0,
        "signature not checked": int(row["not_checked"]),
        "unsigned": int(row["unsigned"]) + (0 if here else int(row["by_no_merge"])),
    }
    found = {words: count for words, count in kinds.items() if count}
    return ", ".join(found) if len(found) == 1 else "; ".join(f"{count} {words}" for words, count in found.items())


def provenance(data: ReportData) -> list[Section]:
    """With what it was measured, and how to measure it again."""
    runs = data.runs[data.runs["status"] == OK]
    columns = (
        *SERIES,
        Column("python", "Python"),
        Column("tensorflow", "TensorFlow"),
        Column("keras", "Keras"),
        Column("tensorflow_metal", "tensorflow-metal", empty="none"),
        Column("intra_op_threads", "Threads", "integer"),
        Column("optimizer_class", "Optimizer"),
        Column("xla", "XLA"),
        Column("lock_file", "Pinned by"),
        Column("lock", "SHA-256 of it"),
        Column("code_version", "trainmark"),
        Column("code_commit", "Commit", empty=UNKNOWN),
    )
    keys = ["machine", "stack", "device", "python", "tensorflow", "keras", "tensorflow_metal", "intra_op_threads"]
    keys += ["optimizer_class", "jit_compile", "lock_file", "lock_sha256", "code_version", "code_commit"]
    rows = rows_of(runs[keys].drop_duplicates())
    for row in rows:
        row["lock"] = (row["lock_sha256"] or "")[:12]
        row["code_commit"] = (row["code_commit"] or "")[:12]
        row["xla"] = "on" if row["jit_compile"] else "off"
    title = "Software"
    environments = [Table("software", title, columns, rows, "runs.csv")] if rows else []
    commits = [commit[:12] for commit in runs["code_commit"].dropna().unique()]
    texts = [
        "Every run is one process in a pinned environment. Its record, results/machines/<machine>/runs/..., holds all "
        "that is said here of it. Threads are every core that a process may use, if the configuration does not say "
        "otherwise: the table above has their number.",
    ]
    if len(commits) == 1:
        texts.append(f"All runs that are shown were made by commit {commits[0]}.")
    elif commits:
        texts.append(f"The runs were made by several commits: {enumerate_words(commits)}. See the table above.")
    return [
        origins(data),
        Section("software", title, tables=environments),
        Section("reproduce", "How to reproduce this", texts, code=commands(data)),
    ]


def commands(data: ReportData) -> list[str]:
    """What to type for the same experiment."""
    settings, runs = data.experiments[data.experiment[0]], data.runs
    values = {key: settings[key] for key in _SETTINGS if key in settings}
    values["learning_rate"] = settings["optimizer"]["learning_rate"]
    values |= {"seed": int((runs["seed"] - runs["repeat"]).min()), "repeats": int(runs["repeat"].max())}
    lists = {"stacks": "stack", "models": "model", "batch_sizes": "batch_size"}
    words = {key: "[" + ",".join(map(str, sorted(runs[column].unique()))) + "]" for key, column in lists.items()}
    pairs = " ".join(f"'{key}={str(value).lower()}'" for key, value in {**values, **words}.items())
    conda = " --use-conda" if "tf-2.12" in set(runs["stack"]) else ""
    return [f"snakemake --cores 1{conda} --config {pairs}"]
