"""The report's sections on speed: the article's exhibits, claims, other comparisons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from trainmark import stacks
from trainmark.analysis import comparisons
from trainmark.contents import figures, tables
from trainmark.contents.columns import Column
from trainmark.contents.figures import Figure
from trainmark.ingest import catalogue
from trainmark.report.sections import matrices, whole_tables
from trainmark.report.sections.document import Picture, Section, Table, declared, first_rows, rows_of
from trainmark.report.sections.report_data import ReportData
from trainmark.report.sections.whole_tables import certain, named
from trainmark.words import and_words, plural

_SPECIFICATIONS = tables.named("specifications")
_CHIPS = _SPECIFICATIONS.pick(
    "machine name cores transistors_billion memory_gb memory_bandwidth_gb_per_s released sources"
)
_GPUS = _SPECIFICATIONS.pick(
    "machine name fp32_tflops cores memory_bandwidth_gb_per_s memory_gb power_watts released sources",
    cores="GPU cores",
    memory_gb="GPU memory (GB)",
)
_SET_UP = tables.named("machines").pick(
    "machine chip cores_usable cores_logical core_levels memory_bytes gpu gpu_cores gpu_memory_bytes "
    "gpu_driver operating_system virtualisation"
)
_CELLS = tables.named("comparisons").pick(
    "candidate baseline model batch_size fit_seconds_baseline fit_seconds_candidate speed_up low high certain "
    "steady_state_speed_up test_accuracy_baseline test_accuracy_candidate n_baseline n_candidate"
)


# On what a reader clicks to see the rows behind a matrix.
EVERY = "Every test case, with its interval"


def article(data: ReportData) -> list[Section]:
    """The article's eight exhibits, in its order."""
    return [
        Section("article", "The article's exhibits, for these machines"),
        specifications(data, "chip", "Exhibit 1: specifications of the processors", _CHIPS),
        specifications(data, "gpu", "Exhibit 2: the GPUs compared", _GPUS),
        set_up(data),
        *(
            compared(data, figure) if "comparisons_summary" in figure.given else pictured(data, figure.name)
            for figure in figures.FIGURES
            if figure.number
        ),
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
        return Section(key, title, level=3, missing="There is no run on a GPU.")
    texts = [
        "These figures were published, not measured here. They come from the files that the configuration names, and "
        "are used in one statistic only: the comparison of TFLOPS with training time."
    ]
    texts += _undescribed(set(measured["machine"]) - {row["machine"] for row in rows})
    if not rows:
        return Section(key, title, texts[1:], level=3)
    return Section(key, title, texts, tables=declared("specifications", rows, columns, key, title), level=3)


# What the reader may make of records that others have sent.
_BELIEVED = (
    "Records are accepted unless they contradict themselves, each other or what the machine can do. Checksums show "
    "that an archive was damaged on its way, not that a record was invented. The section Where the records come from "
    "says what signatures and the order of the records show."
)


def _unidentified(runs: pd.DataFrame) -> list[str]:
    """What is said of machines whose runs may be another's, for want of an identity."""
    unhashed = runs["machine_id_hash"].isna()
    each = pd.DataFrame({"unhashed": unhashed, "unknown": unhashed & runs["hardware"].isna(), "runs": 1})
    nameless, by_hardware = [], []
    for row in each.groupby(runs["machine"]).sum().itertuples():
        if row.unknown:
            nameless.append(f"{row.Index} ({row.unknown} of {plural(row.runs, 'run')})")
        elif row.unhashed:
            by_hardware.append(row.Index)
    texts = []
    if nameless:
        texts.append(f"Records without an identity may be of any machine: {', '.join(nameless)}.")
    if by_hardware:
        texts.append(
            "Known by their hardware alone, so two machines of one kind under one name would not be noticed: "
            f"{', '.join(by_hardware)}."
        )
    return texts


def _undescribed(machines: set[str]) -> list[str]:
    """What is said of machines that have runs and no machine.json."""
    return [f"Unknown, because there is no machine.json: {', '.join(sorted(machines))}."] if machines else []


def _sourced(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of specifications with its sources in one text, each figure named."""
    by_source: dict[str, list[str]] = {}
    for figure in catalogue.FIGURES:
        if row[f"{figure}_source"]:
            by_source.setdefault(row[f"{figure}_source"], []).append(figure.split("_")[0])
    words = [f"{source} ({', '.join(names)})" for source, names in by_source.items()]
    unknown = "none of its figures is" if row["hardware"] else "unknown hardware: not"
    return {**row, "sources": "; ".join(words) or f"{unknown} in config/hardware.yaml"}


def set_up(data: ReportData) -> Section:
    """The article's third exhibit: the machines as they described themselves."""
    measured = set(data.runs["machine"])
    rows = [row for row in rows_of(data.tables["machines"]) if row["machine"] in measured]
    title = "Exhibit 3: the set-up, machine by machine"
    said = (
        "Each machine described itself. Threads usable are those that a training could use, after affinity and quota."
    )
    texts = [said, *_undescribed(measured - {row["machine"] for row in rows})]
    texts += [*_unidentified(data.runs), _BELIEVED]
    return Section("set-up", title, texts, tables=declared("machines", rows, _SET_UP, "set-up", title), level=3)


def pictured(data: ReportData, name: str, found: list[Table] | None = None) -> Section:
    """A figure in a section of its own, or why there is none; with the tables that stand there, or others."""
    figure, entry = figures.named(name), data.figures[name]
    title = f"Exhibit {figure.number}: {entry['title']}" if figure.number else entry["title"]
    drawn = [] if entry["missing"] else [picture(entry)]
    shown = whole_tables.in_section(data, figure.section) if found is None else found
    section = Section(figure.section, title, figures=drawn, tables=shown, level=3)
    if entry["missing"] == figure.missing:
        return replace(section, missing=entry["missing"])
    return replace(section, texts=[entry["missing"]] if entry["missing"] else [])


def picture(entry: Mapping[str, Any]) -> Picture:
    """A figure that is drawn, as ``page.with_figures`` has it."""
    return Picture(*(entry[key] for key in ("name", "title", "alt", "caption", "file")))


# Compared test cases beyond which a page lists them in the matrix alone.
MOST_PAIRS = 200


def compared(data: ReportData, figure: Figure) -> Section:
    """One of the article's comparisons: its figure, every ratio, its averages."""
    return comparison(data, figure.name, data.tables["comparisons"].query("exhibit == @figure.number"))


def comparison(data: ReportData, name: str, cells: pd.DataFrame) -> Section:
    """A comparison's section.

    Args:
        data: what the report is made from.
        name: of its figure.
        cells: its rows of comparisons.csv.
    """
    if cells.empty:
        return pictured(data, name, [])
    summary = data.tables["comparisons_summary"]
    mine = summary[(summary[["comparison", "exhibit"]] == cells[["comparison", "exhibit"]].iloc[0]).all(axis=1)]
    averages = first_rows("comparisons_summary", mine, named, key=f"{name}-averages")
    # A longer list says nothing to a reader that the matrix does not; comparisons.csv has it.
    rows = [{**row, "certain": certain(row)} for row in named(cells)] if len(cells) <= MOST_PAIRS else []
    every = declared("comparisons", rows, _CELLS, f"{name}-cells")
    found = [*folded(averages, "Averages"), *folded(every, EVERY)]
    section = pictured(data, name, found)
    title = f"{cells['comparison'].iloc[0]}: by model and batch size"
    section.texts.extend(_of_frameworks(data.runs, cells))
    section.matrices.append(matrices.of_comparison(cells, mine, name, title, matrices.lost(data.cells)))
    return section


def _of_frameworks(runs: pd.DataFrame, cells: pd.DataFrame) -> list[str]:
    """What has to be known to compare one framework with another; nothing where a comparison is of other things."""
    if not cells["comparison"].iloc[0].startswith(comparisons.FRAMEWORKS):
        return []
    sides = sorted({*cells["stack"], *cells["stack_baseline"]}, key=stacks.age)
    there = runs[runs["stack"].isin(sides)]
    compiled = [stack for stack in sides if there.loc[there["stack"] == stack, "always_compiled"].any()]
    texts = [
        f"{and_words(f'{stack} is {stacks.label(stack)}' for stack in sides)}: the same models from the same code. A "
        "program that is written for one framework alone may be faster than Keras upon it.",
        "Both sides of a ratio agree in the rounding of products (TensorFloat-32) and in the order of an image's "
        "channels in memory, or they are not compared.",
    ]
    if compiled:
        texts.append(
            f"{and_words(compiled)} compiles every training step as a whole, and pays for it in the first epoch: the "
            "steady state says what longer trainings would show."
        )
    return texts


def folded(found: list[Table], words: str) -> list[Table]:
    """Tables that a reader sees on a click."""
    return [replace(table, folded=words) for table in found]


def other_comparisons(data: ReportData) -> list[Section]:
    """The comparisons that are not the article's: configured ones, or sensible ones."""
    found = [comparison(data, name, cells) for name, cells in further(data)]
    return [Section("comparisons", "Other comparisons"), *found] if found else []


def further(data: ReportData) -> list[tuple[str, pd.DataFrame]]:
    """The comparisons that are not the article's: the name of each figure, and its rows of comparisons.csv."""
    others = data.tables["comparisons"].query("exhibit == ''")
    groups = enumerate(others.groupby("comparison", sort=False), start=1)
    return [(f"{figures.COMPARISON.name}_{number}", cells) for number, (_, cells) in groups]
