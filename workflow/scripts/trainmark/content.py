"""What the report says, in its order: the article's exhibits, what it could not show, claims, runs, machines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from trainmark import answers, catalogue, comparing, exhibits, tables
from trainmark.document import Column, Document, Figure, Section, Table, enumerate_words, plural, rows_of
from trainmark.record import OK

_CELL = (
    Column("machine", "Machine"),
    Column("stack", "Stack"),
    Column("device", "Device"),
    Column("model", "Model"),
    Column("batch_size", "Batch size", "integer"),
)
_PAIR = (Column("candidate", "Candidate"), Column("baseline", "Baseline"))
_INTERVAL = "needs repeats"
_UNKNOWN = "unknown"
# Keys of the configuration that decide what is computed, and where the settings of an experiment hold them.
_SETTINGS = ("epochs", "train_samples", "validation_samples", "test_samples", "jit_compile")


@dataclass(frozen=True)
class ReportData:
    """What the report is made from.

    Attributes:
        tables: name -> table, of every CSV in results/report.
        experiments: settings digest -> settings.
        figures: what figures.json says of the figures, with ``caption`` and ``address``.
        grid: axes of the configured grid.
        configured: names of the configured comparisons.
        experiment: settings digest and protocol of the experiment shown.
    """

    tables: Mapping[str, pd.DataFrame]
    experiments: Mapping[str, Any]
    figures: Mapping[str, Mapping[str, Any]]
    grid: Mapping[str, Any]
    configured: list[str]
    experiment: tuple[str, int]

    @property
    def shown(self) -> pd.Series:
        """Of each run, whether it belongs to the experiment shown."""
        return tables.of_experiment(self.tables["runs"], self.experiment)

    @property
    def runs(self) -> pd.DataFrame:
        """Runs of the experiment shown."""
        return self.tables["runs"][self.shown]

    @property
    def cells(self) -> pd.DataFrame:
        """Cells of the experiment shown."""
        cells = self.tables["cells"]
        return cells[tables.of_experiment(cells, self.experiment)]


def read_report(folder: Path, grid: Mapping[str, Any], configured: list[str], preferred_settings: str) -> ReportData:
    """All tables of results/report.

    Args:
        folder: results/report.
        grid: axes of the configured grid.
        configured: names of the configured comparisons.
        preferred_settings: settings digest of the experiment to show if there are runs of it.
    """
    texts = ("machines", "experiments", "left_out", "specifications")
    found = {name: pd.read_csv(folder / f"{name}.csv", dtype=str, keep_default_na=False) for name in texts}
    found |= {name: tables.read_runs(folder / f"{name}.csv") for name in ("runs", "cells")}
    found |= {name: comparing.read_cells(folder / f"{name}.csv") for name in ("comparisons", "comparisons_summary")}
    found |= {name: tables.read_table(folder / f"{name}.csv") for name in ("break_even", "tflops", "claims")}
    experiments = found["experiments"].set_index("settings_digest")["settings"].map(json.loads).to_dict()
    figures = {entry["name"]: entry for entry in exhibits.read_index(folder / "figures" / "figures.json")}
    experiment = tables.choose_experiment(found["runs"], preferred_settings)
    return ReportData(found, experiments, figures, grid, configured, experiment)


def write(data: ReportData) -> Document:
    """The whole report."""
    t, runs = data.tables, data.runs
    ok = runs[runs["status"] == OK]
    machines = runs["machine"].nunique()
    first, days = runs.iloc[0], sorted({runs["started_at"].min()[:10], runs["ended_at"].max()[:10]})
    lead = (
        f"{len(ok):,} of {plural(len(runs), 'run')} ok on {plural(machines, 'machine')}, measured {' to '.join(days)}. "
        f"Fashion-MNIST, {first['train_samples']:,} training images, {plural(int(first['epochs']), 'epoch')}, float32; "
        f"experiment {data.experiment[0][:12]}, protocol {data.experiment[1]}."
    )
    said = {
        answers.FASTER: answers.which_is_faster(runs, t["comparisons_summary"], t["break_even"]),
        answers.NOISE: answers.does_it_hold(data.cells, t["comparisons"]),
        answers.LEARNED: answers.did_they_learn(runs, t["comparisons"]),
        answers.ARTICLE: answers.what_of_the_article(t["claims"]),
    }
    sections = [
        *article(data),
        *beyond(data),
        ledger(data),
        *other_comparisons(data),
        every_cell(data),
        *not_counted(data),
        *provenance(data),
    ]
    return Document("Training time of small TensorFlow models", lead, said, list(alerts(data)), sections)


def alerts(data: ReportData) -> Iterable[tuple[str, str]]:
    """What has to be known before anything else is read, each with the section that tells more."""
    runs = data.runs
    failed = int((runs["status"] != OK).sum())
    if failed == len(runs):
        yield "No run is ok, so there is nothing to draw.", "failed"
    if runs["epochs"].max() == 1:
        yield "One epoch only: start-up weighs heavily and there is no steady state. A look, not a result.", ""
    if failed:
        yield f"{plural(failed, 'run')} failed and {_is(failed)} in no figure and no ratio.", "failed"
    missing = len(tables.missing_runs(runs, data.grid))
    if missing:
        yield f"{plural(missing, 'cell')} of the configured grid {'lacks' if missing == 1 else 'lack'} runs.", "missing"
    if not data.shown.all():
        yield f"{plural(int((~data.shown).sum()), 'run')} of another experiment left out.", "left-out"
    for name in data.configured:
        if name not in set(data.tables["comparisons"]["comparison"]):
            yield f"{name}: not measured. No cell was measured on both sides of this comparison.", ""
    bad = len(data.tables["left_out"])
    if bad:
        yield f"{plural(bad, 'file')} cannot be used and {_is(bad)} left out.", "bad-files"


def _is(count: int) -> str:
    return "is" if count == 1 else "are"


def article(data: ReportData) -> list[Section]:
    """The article's eight exhibits, in its order."""
    chips = (
        Column("cores", "CPU cores", published=True, empty=_UNKNOWN),
        Column("transistors_billion", "Transistors (10⁹)", published=True, empty=_UNKNOWN),
        Column("memory_gb", "Memory, at most (GB)", published=True, empty=_UNKNOWN),
        Column("memory_bandwidth_gb_per_s", "Memory bandwidth (GB/s)", published=True, empty=_UNKNOWN),
        Column("released", "Released", published=True, empty=_UNKNOWN),
    )
    gpus = (
        Column("fp32_tflops", "FP32 peak (TFLOPS)", published=True, empty=_UNKNOWN),
        Column("cores", "GPU cores", published=True, empty=_UNKNOWN),
        Column("memory_bandwidth_gb_per_s", "Memory bandwidth (GB/s)", published=True, empty=_UNKNOWN),
        Column("memory_gb", "GPU memory (GB)", published=True, empty=_UNKNOWN),
        Column("power_watts", "Board power (W)", published=True, empty=_UNKNOWN),
        Column("released", "Released", published=True, empty=_UNKNOWN),
    )
    return [
        Section("article", "The article's exhibits, for these machines"),
        specifications(data, "chip", "Exhibit 1: specifications of the processors", chips),
        specifications(data, "gpu", "Exhibit 2: the GPUs compared", gpus),
        set_up(data),
        pictured(data, "training_time_apple_gpus", "Exhibit 4"),
        compared(data, "speed_up_apple_gpus", "5"),
        pictured(data, "training_time_gpus", "Exhibit 6"),
        compared(data, "speed_up_apple_against_nvidia", "7"),
        compared(data, "speed_up_gpu_against_cpu", "8"),
    ]


def specifications(data: ReportData, kind: str, title: str, columns: tuple[Column, ...]) -> Section:
    """What was published of the processors, or of the GPUs."""
    key = f"specifications-{kind}"
    known = data.tables["specifications"]
    rows = [_sourced(row) for row in rows_of(known[known["kind"] == kind])]
    if not rows:
        return Section(key, title, ["Not measured: none of these machines has a GPU that a stack trains on."], level=3)
    said = "Published figures, from config/hardware.yaml: they were not measured here and enter no statistic."
    columns = (Column("machine", "Machine"), Column("name", "Name"), *columns, Column("sources", "Sources", "long"))
    return Section(key, title, [said], tables=[Table(key, title, columns, rows, "specifications.csv")], level=3)


def _sourced(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of specifications with its sources in one text, each figure named."""
    by_source: dict[str, list[str]] = {}
    for figure in catalogue.FIGURES:
        if row[f"{figure}_source"]:
            by_source.setdefault(row[f"{figure}_source"], []).append(figure.split("_")[0])
    words = [f"{source} ({', '.join(names)})" for source, names in by_source.items()]
    return {**row, "sources": "; ".join(words) or "unknown hardware: not in config/hardware.yaml"}


def set_up(data: ReportData) -> Section:
    """The article's third exhibit: the machines as they described themselves."""
    columns = (
        Column("machine", "Machine"),
        Column("chip", "Processor"),
        Column("cores_usable", "Threads usable", "integer"),
        Column("cores_logical", "Threads", "integer", empty=_UNKNOWN),
        Column("cores_performance", "Performance cores", "integer"),
        Column("cores_efficiency", "Efficiency cores", "integer"),
        Column("memory_bytes", "Memory (GiB)", "gib", empty=_UNKNOWN),
        Column("gpu", "GPU", empty="none"),
        Column("gpu_cores", "GPU cores", "integer"),
        Column("gpu_memory_bytes", "GPU memory (GiB)", "gib"),
        Column("gpu_driver", "GPU driver"),
        Column("operating_system", "Operating system"),
        Column("virtualisation", "Virtualisation", empty=_UNKNOWN),
    )
    numeric = {column.key for column in columns if column.numeric}
    rows = [
        {key: float(value) if key in numeric and value else value for key, value in row.items()}
        for row in rows_of(data.tables["machines"])
    ]
    title = "Exhibit 3: the set-up, machine by machine"
    said = "As each machine described itself. Threads usable are what TensorFlow had, after affinity and quota."
    undescribed = sorted(set(data.tables["runs"]["machine"]) - {row["machine"] for row in rows})
    texts = [said, *([f"Without a machine.json: {', '.join(undescribed)}."] if undescribed else [])]
    return Section("set-up", title, texts, tables=[Table("set-up", title, columns, rows, "machines.csv")], level=3)


def pictured(data: ReportData, name: str, before: str = "", found: list[Table] | None = None) -> Section:
    """A figure in a section of its own, or why there is none."""
    entry = data.figures[name]
    title = f"{before}: {entry['title']}" if before else entry["title"]
    texts = [f"Not measured. {entry['missing']}"] if entry["missing"] else []
    drawn = [] if entry["missing"] else [_figure(entry)]
    return Section(name.replace("_", "-"), title, texts, drawn, found or [], level=3)


def _figure(entry: Mapping[str, Any]) -> Figure:
    return Figure(*(entry[key] for key in ("name", "title", "alt", "caption", "address")))


def compared(data: ReportData, name: str, number: str) -> Section:
    """One of the article's comparisons: its figure, its averages, its cells."""
    cells = data.tables["comparisons"]
    return pictured(data, name, f"Exhibit {number}", comparison_tables(data, cells[cells["exhibit"] == number], name))


def comparison_tables(data: ReportData, cells: pd.DataFrame, name: str) -> list[Table]:
    """Averages and cells of one comparison; none where nothing was compared."""
    if cells.empty:
        return []
    summary = data.tables["comparisons_summary"]
    averages = (
        *_PAIR,
        Column("model", "Model"),
        Column("cells", "Cells", "integer"),
        Column("geometric_mean", "Geometric mean", "ratio"),
        Column("low", "95 % from", "ratio", empty=_INTERVAL),
        Column("high", "to", "ratio", empty=_INTERVAL),
        Column("arithmetic_mean", "Average", "ratio"),
        Column("minimum", "Minimum", "ratio"),
        Column("maximum", "Maximum", "ratio"),
    )
    each = (
        *_PAIR,
        Column("model", "Model"),
        Column("batch_size", "Batch size", "integer"),
        Column("fit_seconds_baseline", "Baseline (s)", "seconds"),
        Column("fit_seconds_candidate", "Candidate (s)", "seconds"),
        Column("speed_up", "Speed-up", "ratio"),
        Column("low", "95 % from", "ratio", empty=_INTERVAL),
        Column("high", "to", "ratio", empty=_INTERVAL),
        Column("certain", "Faster?"),
        Column("steady_state_speed_up", "Speed-up, steady state", "ratio"),
        Column("test_accuracy_baseline", "Accuracy, baseline", "accuracy"),
        Column("test_accuracy_candidate", "Accuracy, candidate", "accuracy"),
        Column("n_baseline", "Runs, baseline", "integer"),
        Column("n_candidate", "Runs, candidate", "integer"),
    )
    mine = summary[summary["comparison"] == cells["comparison"].iloc[0]]
    rows = [{**row, "certain": _certain(row)} for row in _named(cells)]
    return [
        Table(
            f"{name}-averages",
            "Times faster: averages over the cells that both have",
            averages,
            _named(mine),
            "comparisons_summary.csv",
            "The interval is of the geometric mean of these very cells: it holds the noise of the runs, not the choice "
            "of cells.",
        ),
        Table(f"{name}-cells", "Times faster: every cell", each, rows, "comparisons.csv"),
    ]


def _named(cells: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows with candidate and baseline in words; the stack is named where there are several."""
    stacks = cells["stack"].nunique() > 1 or (cells["stack"] != cells["stack_baseline"]).any()
    return [
        {
            **row,
            "candidate": exhibits.label([row[axis] for axis in exhibits.WHO], (True, True, stacks)),
            "baseline": exhibits.label([row[axis] for axis in exhibits.BASELINE], (True, True, stacks)),
        }
        for row in rows_of(cells)
    ]


def _certain(row: Mapping[str, Any]) -> str:
    if row["low"] is None:
        return "one run a side"
    if row["low"] <= 1 <= row["high"]:
        return "cannot tell, includes 1"
    return "faster" if row["low"] > 1 else "slower"


def beyond(data: ReportData) -> list[Section]:
    """What the article could not show."""
    t = data.tables
    changes = t["comparisons"][t["comparisons"]["winner_changes"].astype(str) == "True"]
    changes = changes.drop_duplicates([*comparing.WHO, "model", "batch_size"])
    columns = (
        *_PAIR,
        Column("model", "Model"),
        Column("batch_size", "Batch size", "integer"),
        Column("speed_up", "Speed-up, total", "ratio"),
        Column("low", "95 % from", "ratio", empty=_INTERVAL),
        Column("high", "to", "ratio", empty=_INTERVAL),
        Column("steady_state_speed_up", "Speed-up, steady state", "ratio"),
        Column("steady_state_low", "95 % from", "ratio", empty=_INTERVAL),
        Column("steady_state_high", "to", "ratio", empty=_INTERVAL),
    )
    title = "Cells in which the winner changes"
    winners = [Table("winner-changes", title, columns, _named(changes), "comparisons.csv")] if len(changes) else []
    said = exhibits.say_break_even(t["break_even"])
    breaks = [{**row, "said": words} for row, words in zip(rows_of(t["break_even"]), said)]
    crossing = (
        Column("machine", "Machine"),
        Column("stack", "Stack"),
        Column("model", "Model"),
        Column("said", "The GPU is faster", "long"),
    )
    sections = [
        Section("beyond", "What the article could not show"),
        pictured(data, "training_time_cpus"),
        pictured(data, "throughput"),
        pictured(data, "spread"),
        pictured(data, "steady_state"),
        pictured(data, "steady_state_speed_up", found=winners),
        pictured(
            data,
            "break_even",
            found=[Table("break-even", "Break-even batch sizes", crossing, breaks, "break_even.csv")] if breaks else [],
        ),
        pictured(data, "tflops"),
    ]
    if len(t["tflops"]):
        sections[-1].texts.append(exhibits.say_tflops(t["tflops"]))
    return sections


def ledger(data: ReportData) -> Section:
    """Every claim with its verdict."""
    columns = (
        Column("claim", "Claim"),
        Column("statement", "What was published", "long", published=True),
        Column("expected", "Taken as"),
        Column("verdict", "Verdict"),
        Column("measured", "Measured", "ratio"),
        Column("low", "95 % from", "ratio"),
        Column("high", "to", "ratio"),
        Column("detail", "By", "long"),
        Column("candidate", "Candidate"),
        Column("baseline", "Baseline", "long"),
        Column("stack", "Stack"),
        Column("note", "Note", "long"),
        Column("source", "Source", "long"),
    )
    rows = rows_of(data.tables["claims"])
    said = [
        "Verdicts come from the measurements alone. Reproduced: the 95 % interval lies within what is claimed (of "
        "every cell, where a claim is about all). Contradicted: an interval, corrected for the number of cells, lies "
        "outside. Within noise: it cannot tell. The claims are in config/claims.yaml, and you can add your own."
    ]
    found = [Table("claims", "Claims and verdicts", columns, rows, "claims.csv")] if rows else []
    return Section("claims", "What was claimed, and what was measured", said, tables=found)


def other_comparisons(data: ReportData) -> list[Section]:
    """The comparisons that are not the article's: configured ones, or sensible ones."""
    cells = data.tables["comparisons"]
    others = cells[~cells["exhibit"].isin(list("578"))]
    found = []
    for number, (_, part) in enumerate(others.groupby("comparison", sort=False), start=1):
        name = f"comparison_{number}"
        found.append(pictured(data, name, found=comparison_tables(data, part, name)))
    return [Section("comparisons", "Other comparisons"), *found] if found else []


def every_cell(data: ReportData) -> Section:
    """Every cell that was measured, in figures and not."""
    columns = (
        *_CELL,
        Column("n", "Runs ok", "integer"),
        Column("failed", "Failed", "integer"),
        Column("fit_seconds_median", "Median (s)", "seconds"),
        Column("fit_seconds_min", "Minimum (s)", "seconds"),
        Column("fit_seconds_max", "Maximum (s)", "seconds"),
        Column("fit_seconds_spread", "Spread (%)", "percent"),
        Column("throughput_samples_per_second_median", "Samples/s", "integer"),
        Column("first_epoch_seconds_median", "First epoch (s)", "seconds"),
        Column("steady_state_epoch_seconds_median", "Epoch in steady state (s)", "seconds"),
        Column("test_accuracy_median", "Test accuracy", "accuracy"),
        Column("remarks", "Remarks", "long"),
    )
    rows = [_remarked(data, row) for row in rows_of(data.tables["cells"])]
    said = (
        "Times are of fit, the whole training with its validations. Grey cells are compared with nothing, for the "
        "reason in their remark. Every single run is in runs.csv."
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
    if (row["fit_seconds_spread"] or 0) > tables.UNSTABLE:
        remarks.append("unstable: spread over 10 %")
    if not row["n"]:
        remarks.append("no run is ok")
    return {**row, "remarks": "; ".join(remarks), "grey": bool(why)}


def why_apart(data: ReportData, settings: str, protocol: int) -> str:
    """In what an experiment or protocol differs from the one shown; empty where it is that one."""
    found = tables.difference(data.experiments[data.experiment[0]], data.experiments[settings])
    if protocol != data.experiment[1]:
        found.append(f"protocol {protocol} against {data.experiment[1]}")
    return ", ".join(found)


def not_counted(data: ReportData) -> list[Section]:
    """Runs that failed, are missing, or are left out, each with the reason."""
    runs = data.runs
    failed = (*_CELL, Column("repeat", "Repeat", "integer"), Column("status", "Status"))
    failed = (*failed, Column("reason", "Reason", "long"))
    missing = (*_CELL, Column("there", "Runs there", "integer"), Column("expected", "Runs expected", "integer"))
    others = (Column("machine", "Machine"), Column("count", "Runs", "integer"), Column("why", "Differs in", "long"))
    files = (Column("path", "File"), Column("what", "What is wrong", "long"), Column("remedy", "What to do", "long"))
    keys = ["machine", "protocol", "settings_digest"]
    counts = rows_of(data.tables["runs"][~data.shown].groupby(keys).size().rename("count").reset_index())
    counts = [{**row, "why": why_apart(data, row["settings_digest"], row["protocol"])} for row in counts]
    parts = (
        ("failed", "Failed runs", "", failed, rows_of(runs[runs["status"] != OK]), "runs.csv"),
        (
            "missing",
            "Missing cells",
            f"Cells of the configured grid ({data.grid['machine']} for this computer) with fewer records than repeats.",
            missing,
            rows_of(tables.missing_runs(runs, data.grid)),
            "",
        ),
        (
            "left-out",
            "Left out: runs of another experiment",
            "They are in the tables, and in no figure and no comparison.",
            others,
            counts,
            "runs.csv",
        ),
        (
            "bad-files",
            "Left out: files that cannot be used",
            "Below results/machines.",
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
    return [Section("not-counted", "Runs that count nowhere", said), *found]


def provenance(data: ReportData) -> list[Section]:
    """With what it was measured, and how to measure it again."""
    runs = data.runs[data.runs["status"] == OK]
    columns = (
        Column("machine", "Machine"),
        Column("stack", "Stack"),
        Column("device", "Device"),
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
        Column("code_commit", "Commit", empty=_UNKNOWN),
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
        "that is said here of it.",
    ]
    if len(commits) == 1:
        texts.append(f"All runs were made by commit {commits[0]}.")
    elif commits:
        texts.append(f"The runs were made by several commits: {enumerate_words(commits)}. See the table above.")
    return [
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
    pairs = " ".join(f"{key}={str(value).lower()}" for key, value in {**values, **words}.items())
    conda = " --use-conda" if "tf-2.12" in set(runs["stack"]) else ""
    return [f"snakemake --cores 1{conda} --config {pairs}"]
