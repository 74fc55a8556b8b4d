"""The report's sections on speed: the article's exhibits, claims, other comparisons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from trainmark.analysis import claims, series_names
from trainmark.ingest import catalogue
from trainmark.report.sections.document import UNKNOWN, Column, Figure, Section, Table, rows_of
from trainmark.report.sections.report_data import ReportData
from trainmark.words import plural

# Columns and words of every table that compares.
PAIR = (Column("candidate", "Candidate"), Column("baseline", "Baseline"))
INTERVAL = "needs repeats"
LIMITS = (Column("low", "95 % from", "ratio", empty=INTERVAL), Column("high", "to", "ratio", empty=INTERVAL))


def article(data: ReportData) -> list[Section]:
    """The article's eight exhibits, in its order."""
    chips = (
        Column("cores", "CPU cores", published=True, empty=UNKNOWN),
        Column("transistors_billion", "Transistors (10⁹)", published=True, empty=UNKNOWN),
        Column("memory_gb", "Memory, at most (GB)", published=True, empty=UNKNOWN),
        Column("memory_bandwidth_gb_per_s", "Memory bandwidth (GB/s)", published=True, empty=UNKNOWN),
        Column("released", "Released", published=True, empty=UNKNOWN),
    )
    gpus = (
        Column("fp32_tflops", "FP32 peak (TFLOPS)", published=True, empty=UNKNOWN),
        Column("cores", "GPU cores", published=True, empty=UNKNOWN),
        Column("memory_bandwidth_gb_per_s", "Memory bandwidth (GB/s)", published=True, empty=UNKNOWN),
        Column("memory_gb", "GPU memory (GB)", published=True, empty=UNKNOWN),
        Column("power_watts", "Board power (W)", published=True, empty=UNKNOWN),
        Column("released", "Released", published=True, empty=UNKNOWN),
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
    measured = data.runs[data.runs["device"] == "gpu"] if kind == "gpu" else data.runs
    rows = [
        _sourced(row) for row in rows_of(known[(known["kind"] == kind) & known["machine"].isin(measured["machine"])])
    ]
    if measured.empty:
        return Section(key, title, ["Not measured. No run on a GPU is among these."], level=3)
    texts = [
        "Published figures, from the files that the configuration names: they were not measured here and enter no "
        "statistic but the comparison of TFLOPS with training time."
    ]
    texts += _undescribed(set(measured["machine"]) - {row["machine"] for row in rows})
    if not rows:
        return Section(key, title, texts[1:], level=3)
    columns = (Column("machine", "Machine"), Column("name", "Name"), *columns, Column("sources", "Sources", "long"))
    return Section(key, title, texts, tables=[Table(key, title, columns, rows, "specifications.csv")], level=3)


# What the reader may make of records that others have sent.
_BELIEVED = (
    "Records are believed as far as they do not contradict themselves, each other or what the machine can do. "
    "Checksums show that an archive was damaged on its way, not that a record was invented. What signatures and the "
    "order of the records show stands under Where the records come from."
)


def _unidentified(runs: pd.DataFrame) -> list[str]:
    """What is said of machines whose runs may be another's, for want of an identity."""
    nameless, by_hardware = [], []
    for machine, part in runs.groupby("machine"):
        unknown = int((part["machine_id_hash"].isna() & part["hardware"].isna()).sum())
        if unknown:
            nameless.append(f"{machine} ({unknown} of {plural(len(part), 'run')})")
        elif part["machine_id_hash"].isna().any():
            by_hardware.append(machine)
    texts = []
    if nameless:
        texts.append(f"Without identity, so that nothing tells which machine they are of: {', '.join(nameless)}.")
    if by_hardware:
        texts.append(
            "Known by their hardware alone, so that two of a kind under one name would not be noticed: "
            f"{', '.join(by_hardware)}."
        )
    return texts


def _undescribed(machines: set[str]) -> list[str]:
    """What is said of machines that have runs and no machine.json."""
    return [f"Unknown, for want of a machine.json: {', '.join(sorted(machines))}."] if machines else []


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
        Column("cores_logical", "Threads", "integer", empty=UNKNOWN),
        Column("core_levels", "Kinds of cores"),
        Column("memory_bytes", "Memory (GiB)", "gib", empty=UNKNOWN),
        Column("gpu", "GPU", empty="none"),
        Column("gpu_cores", "GPU cores", "integer"),
        Column("gpu_memory_bytes", "GPU memory (GiB)", "gib"),
        Column("gpu_driver", "GPU driver"),
        Column("operating_system", "Operating system"),
        Column("virtualisation", "Virtualisation", empty=UNKNOWN),
    )
    numeric = {column.key for column in columns if column.numeric}
    rows = [
        {key: float(value) if key in numeric and value else value for key, value in row.items()}
        for row in rows_of(data.tables["machines"])
        if row["machine"] in set(data.runs["machine"])
    ]
    title = "Exhibit 3: the set-up, machine by machine"
    said = "As each machine described itself. Threads usable are what TensorFlow had, after affinity and quota."
    texts = [said, *_undescribed(set(data.runs["machine"]) - {row["machine"] for row in rows})]
    texts += [*_unidentified(data.runs), _BELIEVED]
    found = [Table("set-up", title, columns, rows, "machines.csv")] if rows else []
    return Section("set-up", title, texts, tables=found, level=3)


def pictured(data: ReportData, name: str, before: str = "", found: list[Table] | None = None) -> Section:
    """A figure in a section of its own, or why there is none."""
    entry = data.figures[name]
    title = f"{before}: {entry['title']}" if before else entry["title"]
    texts = [entry["missing"]] if entry["missing"] else []
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
        *PAIR,
        Column("model", "Model"),
        Column("cells", "Cells", "integer"),
        Column("geometric_mean", "Geometric mean", "ratio"),
        *LIMITS,
        Column("arithmetic_mean", "Average", "ratio"),
        Column("minimum", "Minimum", "ratio"),
        Column("maximum", "Maximum", "ratio"),
    )
    each = (
        *PAIR,
        Column("model", "Model"),
        Column("batch_size", "Batch size", "integer"),
        Column("fit_seconds_baseline", "Baseline, median (s)", "seconds"),
        Column("fit_seconds_candidate", "Candidate, median (s)", "seconds"),
        Column("speed_up", "Speed-up", "ratio"),
        *LIMITS,
        Column("certain", "Faster?"),
        Column("steady_state_speed_up", "Speed-up, steady state", "ratio"),
        Column("test_accuracy_baseline", "Accuracy, baseline", "accuracy"),
        Column("test_accuracy_candidate", "Accuracy, candidate", "accuracy"),
        Column("n_baseline", "Runs, baseline", "integer"),
        Column("n_candidate", "Runs, candidate", "integer"),
    )
    mine = summary[(summary[["comparison", "exhibit"]] == cells[["comparison", "exhibit"]].iloc[0]).all(axis=1)]
    rows = [{**row, "certain": certain(row)} for row in named(cells)]
    return [
        Table(
            f"{name}-averages",
            "Times faster: averages over the cells that both have",
            averages,
            named(mine),
            "comparisons_summary.csv",
            "The interval is of the geometric mean of these very cells: it holds the noise of the runs, not the choice "
            "of cells.",
        ),
        Table(
            f"{name}-cells",
            "Times faster: every cell",
            each,
            rows,
            "comparisons.csv",
            "The speed-up is the ratio of the geometric means of the repeats, which their medians only come near.",
        ),
    ]


def named(cells: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows with candidate and baseline in words."""
    words = series_names.both(cells) if len(cells) else []
    return [{**row, "candidate": sides[0], "baseline": sides[1]} for row, sides in zip(rows_of(cells), words)]


def certain(row: Mapping[str, Any], above: str = "faster", below: str = "slower") -> str:
    """What an interval of a ratio says of it."""
    if row["low"] is None:
        return "needs two runs a side"
    if row["low"] <= 1 <= row["high"]:
        return "cannot tell, includes 1"
    return above if row["low"] > 1 else below


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
        "outside. Within noise: it cannot tell. The claims are in the files that the configuration names, by default "
        "config/claims.yaml, and you can add your own. Every machine and stack that fits a claim gets a verdict; of "
        f"more than {claims.MOST_OF_A_KIND} machines of a kind, those with the most runs."
    ]
    found = [Table("claims", "Claims and verdicts", columns, rows, "claims.csv")] if rows else []
    return Section("claims", "What was claimed, and what was measured", said, tables=found)


def other_comparisons(data: ReportData) -> list[Section]:
    """The comparisons that are not the article's: configured ones, or sensible ones."""
    cells = data.tables["comparisons"]
    others = cells[cells["exhibit"] == ""]
    found = []
    for number, (_, part) in enumerate(others.groupby("comparison", sort=False), start=1):
        name = f"comparison_{number}"
        found.append(pictured(data, name, found=comparison_tables(data, part, name)))
    return [Section("comparisons", "Other comparisons"), *found] if found else []
