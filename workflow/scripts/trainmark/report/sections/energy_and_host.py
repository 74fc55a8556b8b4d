"""The report's sections on what the article could not show."""

from __future__ import annotations

import pandas as pd

from trainmark.analysis import comparison_statistics
from trainmark.analysis.host_bound import overall
from trainmark.analysis.series_names import WHO, label
from trainmark.experiment import controls
from trainmark.report.figures import figure_list, host_bound
from trainmark.report.sections.document import UNKNOWN, Column, Section, Table, mean_with_interval, rows_of
from trainmark.report.sections.report_data import CELL, SERIES, ReportData
from trainmark.report.sections.speed import INTERVAL, LIMITS, PAIR, certain, named, pictured
from trainmark.words import enumerate_words, plural


def all_of_it(data: ReportData) -> list[Section]:
    """What the article could not show."""
    t = data.tables
    changes = comparison_statistics.distinct(t["comparisons"][t["comparisons"]["winner_changes"].fillna(False)])
    columns = (
        *PAIR,
        Column("model", "Model"),
        Column("batch_size", "Batch size", "integer"),
        Column("speed_up", "Speed-up, total", "ratio"),
        *LIMITS,
        Column("steady_state_speed_up", "Speed-up, steady state", "ratio"),
        Column("steady_state_low", "95 % from", "ratio", empty=INTERVAL),
        Column("steady_state_high", "to", "ratio", empty=INTERVAL),
    )
    title = "Cells in which the winner changes"
    winners = [Table("winner-changes", title, columns, named(changes), "comparisons.csv")] if len(changes) else []
    said = figure_list.say_break_even(t["break_even"])
    breaks = [{**row, "said": words} for row, words in zip(rows_of(t["break_even"]), said)]
    crossing = (
        Column("machine", "Machine"),
        Column("stack", "Stack"),
        Column("model", "Model"),
        Column("said", "The GPU is faster", "long"),
    )
    promised = pictured(data, "tflops")
    if len(t["tflops"]):
        promised.texts.append(figure_list.say_tflops(t["tflops"]))
    return [
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
        promised,
        utilisation(data),
        held_back(data),
        energy(data),
    ]


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
    title = "Outliers and disturbed runs"
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
    rows = [{**row, "said": certain(row, "slower", "faster")} for row in rows_of(data.tables["drift"])]
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
    over = [row for row in rows if max(row["share"] or 0, row["swept_share"] or 0) > 1]
    if over:
        which = enumerate_words([f"{label([row[axis] for axis in WHO])}, {row['model']}" for row in over])
        texts.append(
            f"More than a peak: {which}. A share over 100 % has a reason: convolutions with fewer multiplications than "
            "are counted, TensorFloat-32, a sweep of matrix products that something disturbed, or times that were not "
            "measured. Runs beyond what the first three explain are refused."
        )
    return Section("utilisation", title, texts, tables=found, level=3)


def held_back(data: ReportData) -> Section:
    """Whether the host holds the device back, by controls; and what the GPUs told of themselves."""
    compared = (
        Column("said", "With"),
        *CELL,
        Column("fit_seconds_baseline", "Plain, median (s)", "seconds"),
        Column("fit_seconds_candidate", "Control, median (s)", "seconds"),
        Column("speed_up", "Times as fast", "ratio"),
        *LIMITS,
        Column("certain", "Faster?"),
        Column("steady_state_speed_up", "Times as fast, steady state", "ratio"),
        Column("n_baseline", "Runs, plain", "integer"),
        Column("n_candidate", "Runs, control", "integer"),
    )
    states = (
        *SERIES,
        Column("runs", "Runs", "integer"),
        Column("clock_hertz", "Clock, median (MHz)", "megahertz"),
        Column("hottest_celsius", "Hottest (°C)", "number"),
        Column("peak_memory_bytes", "Memory of the tensors, most (GiB)", "gib"),
        Column("held_back_by", "Clock held back by (share of the time)", "long", empty="nothing"),
    )
    t = data.tables
    cells = t[host_bound.NAME]
    found = []
    if len(cells):
        rows = [{**row, "certain": certain(row), "said": host_bound.in_words(row["control"])} for row in rows_of(cells)]
        note = "A control is a run like the plain ones in all but one thing. It is in no other figure, table or ratio."
        title = "Controls against plain runs, by cell"
        found.append(Table(host_bound.NAME, title, compared, rows, f"{host_bound.NAME}.csv", note))
    if len(t["gpu_states"]):
        rows, title = rows_of(t["gpu_states"]), "GPU clock, temperature, throttling"
        found.append(Table("gpu_states", title, states, rows, "gpu_states.csv"))
    section = pictured(data, host_bound.NAME, found=found)
    section.texts.extend(host_sentences(cells) if len(cells) else [])
    return section


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
        *PAIR,
        Column("model", "Model"),
        Column("batch_size", "Batch size", "integer"),
        Column("ratio", "Baseline energy / candidate energy", "ratio"),
        *LIMITS,
        Column("certain", "Uses less?"),
        Column("why", "Not like with like", "long"),
    )
    missing = (*SERIES, Column("missing", "Missing"), Column("runs", "Runs", "integer"), Column("why", "Why", "long"))
    t = data.tables
    ratios = [
        {**row, "certain": "not comparable" if row["why"] else certain(row, "less", "more"), "grey": bool(row["why"])}
        for row in named(t["energy_comparisons"])
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
            "Energy ratio",
            compared,
            ratios,
            "Above 1: the candidate used less. Ratios of different scopes are grey and are no efficiencies: an SoC's "
            "energy holds what a board's does not.",
        ),
        ("energy_unmeasured", "Runs without energy", missing, rows_of(t["energy_unmeasured"]), ""),
    )
    found = [Table(name, title, cols, rows, f"{name}.csv", note) for name, title, cols, rows, note in parts if rows]
    return pictured(data, "energy", found=found)


def host_sentences(cells: pd.DataFrame) -> list[str]:
    """A sentence for each control, machine, stack and device, and what becomes of the article's guess."""
    said = []
    for row in overall(cells).to_dict("records"):
        held_to = controls.threads(row["comparison"])
        who, times = label([row[axis] for axis in WHO]), mean_with_interval(row)
        what = f"With {host_bound.in_words(row['comparison'])}, {who} trains {times} times as fast"
        if pd.isna(row["low"]):
            verdict = "whether that is chance takes repeats"
        elif held_to:
            verdict = (
                f"so {held_to} threads hold it back"
                if row["high"] < 1
                else f"so nothing shows that {held_to} threads hold it back"
            )
        else:
            verdict = (
                "so delivering the images held it back"
                if row["low"] > 1
                else "so nothing shows that delivering the images held it back"
            )
        said.append(f"{what} (geometric mean of {plural(row['cells'], 'cell')}), {verdict}.")
    on_gpu = cells[(cells["device"] == "gpu") & (cells["control"] == "threads-2")]
    if on_gpu.empty:
        said.append(
            "The article's guess, that two vCPUs starved its V100, is not tested by these: it takes a GPU beside more "
            "than two threads, with the control threads-2."
        )
    return said
