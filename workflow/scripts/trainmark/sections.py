"""The report's sections on speed: the article's exhibits, what it could not show, claims, other comparisons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from trainmark import catalogue, claims, comparing, gallery, naming
from trainmark.content import CELL, SERIES, ReportData
from trainmark.document import UNKNOWN, Column, Figure, Section, Table, rows_of

_PAIR = (Column("candidate", "Candidate"), Column("baseline", "Baseline"))
_INTERVAL = "needs repeats"


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
        Column("cores_performance", "Performance cores", "integer"),
        Column("cores_efficiency", "Efficiency cores", "integer"),
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
        Column("fit_seconds_baseline", "Baseline, median (s)", "seconds"),
        Column("fit_seconds_candidate", "Candidate, median (s)", "seconds"),
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
    mine = summary[(summary[["comparison", "exhibit"]] == cells[["comparison", "exhibit"]].iloc[0]).all(axis=1)]
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
        Table(
            f"{name}-cells",
            "Times faster: every cell",
            each,
            rows,
            "comparisons.csv",
            "The speed-up is the ratio of the geometric means of the repeats, which their medians only come near.",
        ),
    ]


def _named(cells: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows with candidate and baseline in words."""
    words = naming.both(cells) if len(cells) else []
    return [{**row, "candidate": sides[0], "baseline": sides[1]} for row, sides in zip(rows_of(cells), words)]


def _certain(row: Mapping[str, Any], above: str = "faster", below: str = "slower") -> str:
    """What an interval of a ratio says of it."""
    if row["low"] is None:
        return "needs two runs a side"
    if row["low"] <= 1 <= row["high"]:
        return "cannot tell, includes 1"
    return above if row["low"] > 1 else below


def beyond(data: ReportData) -> list[Section]:
    """What the article could not show."""
    t = data.tables
    changes = comparing.distinct(t["comparisons"][t["comparisons"]["winner_changes"].fillna(False)])
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
    said = gallery.say_break_even(t["break_even"])
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
        pictured(data, "learning"),
        *([] if data.figures["not_converged"]["missing"] else [pictured(data, "not_converged")]),
        pictured(data, "throughput"),
        pictured(data, "spread", found=[*outlying(data), *drift(data)]),
        pictured(data, "steady_state"),
        pictured(data, "steady_state_speed_up", found=winners),
        pictured(
            data,
            "break_even",
            found=[Table("break-even", "Break-even batch sizes", crossing, breaks, "break_even.csv")] if breaks else [],
        ),
        pictured(data, "tflops"),
        utilisation(data),
        energy(data),
    ]
    if len(t["tflops"]):
        sections[-3].texts.append(gallery.say_tflops(t["tflops"]))
    return sections


def outlying(data: ReportData) -> list[Table]:
    """Runs that stand apart from their repeats, with what was noticed of the machine."""
    columns = (
        *CELL,
        Column("repeat", "Repeat", "integer"),
        Column("fit_seconds", "Time (s)", "seconds"),
        Column("median_seconds", "Median of its cell (s)", "seconds"),
        Column("ratio", "Times as long", "ratio"),
        Column("why", "Why it is here", "long"),
        Column("load_average_before", "Load before", "number"),
        Column("other_cpu_share", "Cores taken by other programs (%)", "percent"),
        Column("steal_share", "Taken by the host (%)", "percent"),
        Column("cpu_share", "By the run itself (%)", "percent"),
        Column("started_at", "Started (UTC)"),
    )
    rows = rows_of(data.tables["outlying"])
    note = (
        "Over a fifth longer or less long than the median of their cell; or others took over a tenth of the cores' "
        "time, the machine ran on its battery, saved power or was held back for its heat. They count like all others."
    )
    title = "Runs that stand apart or were disturbed"
    return [Table("outlying", title, columns, rows, "outlying.csv", note)] if rows else []


def drift(data: ReportData) -> list[Table]:
    """Whether a machine became slower or faster over its session."""
    columns = (
        *SERIES,
        Column("cells", "Cells", "integer"),
        Column("ratio", "Last repeat / first", "ratio"),
        Column("low", "95 % from", "ratio"),
        Column("high", "to", "ratio"),
        Column("said", "Drift?"),
    )
    rows = [{**row, "said": _certain(row, "slower", "faster")} for row in rows_of(data.tables["drift"])]
    note = (
        "Time of the last repeat of a cell over that of its first, the geometric mean over the cells: above 1, slower."
    )
    return [Table("drift", "Drift over the session", columns, rows, "drift.csv", note)] if rows else []


def utilisation(data: ReportData) -> Section:
    """How much arithmetic each model gets out of each device."""
    columns = (
        *SERIES,
        Column("model", "Model"),
        Column("batch_size", "At batch size", "integer"),
        Column("tflops", "Reached (TFLOPS)", "number"),
        Column("published_tflops", "FP32 peak (TFLOPS)", "number", published=True),
        Column("share", "Share of it (%)", "percent"),
        Column("swept_tflops", "Best matrix product (TFLOPS)", "number"),
        Column("swept_share", "Share of it (%)", "percent"),
    )
    products = (
        *SERIES,
        Column("threads", "Threads", "integer"),
        Column("side", "Side of the matrices", "integer"),
        Column("tflops", "Reached (TFLOPS)", "number"),
        Column("published_tflops", "FP32 peak of the GPU (TFLOPS)", "number", published=True),
        Column("published_share", "Share of it (%)", "percent"),
        Column("theoretical_tflops", "FP32 peak of the cores (TFLOPS)", "number"),
        Column("theoretical_share", "Share of it (%)", "percent"),
        Column("theory", "Made of"),
    )
    said = (
        "The arithmetic of the whole fit over its time, at the batch size where that is highest (median of the "
        "repeats). Operations are counted from the layers, a multiply-add as two. The shares are of the published peak "
        "of a GPU, and of the best product of two square float32 matrices that TensorFlow makes on the same device; "
        "start-up and validation are in the time, so they say what a user gets, not what the device can do."
    )
    t = data.tables
    rows = rows_of(t["utilisation"])
    title = "Utilisation: how much of the arithmetic is used"
    found = [Table("utilisation", title, columns, rows, "utilisation.csv")] if rows else []
    swept = rows_of(t["products"])
    note = (
        "The best of all rounds and sizes, without TensorFloat-32. The peak of a processor's cores is by the highest "
        "clock that the system names, which in a virtual machine is often the nominal one: a share may exceed 100."
    )
    if swept:
        found.append(
            Table("products", "Matrix products: the most of each device", products, swept, "products.csv", note)
        )
    texts = [said] if rows else ["Not measured. It takes runs of models whose operations are counted."]
    return Section("utilisation", title, texts, tables=found, level=3)


def energy(data: ReportData) -> Section:
    """What energy the trainings used, and of what; where none was measured, why."""
    used = (
        *CELL,
        Column("energy_scope", "Energy of"),
        Column("runs", "Runs", "integer"),
        Column("joules", "Training (J)", "number"),
        Column("joules_per_epoch", "Epoch (J)", "number"),
        Column("joules_per_million_samples", "Million samples (J)", "number"),
        Column("watts", "Mean power (W)", "number"),
        Column("above_idle_joules", "Training, above idle (J)", "number", empty=UNKNOWN),
        Column("above_idle_joules_per_million_samples", "Million samples, above idle (J)", "number", empty=UNKNOWN),
    )
    compared = (
        *_PAIR,
        Column("model", "Model"),
        Column("batch_size", "Batch size", "integer"),
        Column("ratio", "Baseline energy / candidate energy", "ratio"),
        Column("low", "95 % from", "ratio", empty=_INTERVAL),
        Column("high", "to", "ratio", empty=_INTERVAL),
        Column("certain", "Uses less?"),
        Column("why", "Not like with like", "long"),
    )
    missing = (*SERIES, Column("runs", "Runs", "integer"), Column("why", "Why there is none", "long"))
    t = data.tables
    ratios = [
        {**row, "certain": "not comparable" if row["why"] else _certain(row, "less", "more"), "grey": bool(row["why"])}
        for row in _named(t["energy_comparisons"])
    ]
    parts = (
        (
            "energy",
            "Energy by cell",
            used,
            rows_of(t["energy"]),
            "Medians of the runs. Idle power is in it, but where it says above idle: less what the machine used when "
            "nothing ran, measured before each run.",
        ),
        (
            "energy_comparisons",
            "Times less energy",
            compared,
            ratios,
            "Above 1: the candidate used less. Ratios of different scopes are grey and are no efficiencies: an SoC's "
            "energy holds what a board's does not.",
        ),
        ("energy_unmeasured", "Runs without energy", missing, rows_of(t["energy_unmeasured"]), ""),
    )
    found = [Table(name, title, cols, rows, f"{name}.csv", note) for name, title, cols, rows, note in parts if rows]
    return pictured(data, "energy", found=found)


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
