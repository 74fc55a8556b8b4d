"""The report's sections on what the article could not show."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from trainmark.analysis import comparisons, series_names
from trainmark.analysis.control_ratios import overall
from trainmark.analysis.series_names import SIDES, WHO, label
from trainmark.contents import figures, tables
from trainmark.experiment import controls
from trainmark.report.figures import control_ratios, speed
from trainmark.report.sections import equal_nodes, matrices, over_time, repeating, time_to_accuracy, whole_tables
from trainmark.report.sections.document import Section, Table, first_rows, mean_with_interval, rows_of
from trainmark.report.sections.report_data import ReportData
from trainmark.report.sections.speed import EVERY, folded, pictured
from trainmark.report.sections.whole_tables import named
from trainmark.words import enumerate_words, plural


def all_of_it(data: ReportData) -> list[Section]:
    """What the article could not show."""
    found = [Section("further", "What the article could not show")]
    for figure in figures.FIGURES:
        entry = data.figures[figure.name]
        if figure.number or figure.first or (entry["missing"] and not figure.always):
            continue
        section = pictured(data, figure.name, _winners(data) if figure.name == "steady_state_speed_up" else None)
        section.texts.extend(_said(data, figure.name))
        if figure.name == "equal_nodes":
            section = replace(section, how=equal_nodes.HOW)
        if figure.name in _MATRICES:
            section = _with_matrix(data, section, figure.name)
        found.append(section)
        if figure.name == "spread" and data.runs["machine"].nunique() > 1:  # else it is at the top of the page
            found += [again] if (again := repeating.disturbed(data)) else []
        if figure.name == "spread":
            found += over_time.section(data)
        if figure.name == "steady_state_speed_up":
            found.append(time_to_accuracy.section(data))
        if figure.name == "tflops":
            found.append(utilisation(data))
    return found


# The figures beside which every ratio of a table stands as a matrix, and that table.
_MATRICES = {"energy": "energy_ratios", "control_ratios": "control_ratios"}


def _with_matrix(data: ReportData, section: Section, figure: str) -> Section:
    """A section with the ratios of its table as a matrix; the table itself is folded."""
    name = _MATRICES[figure]
    cells = data.tables[name]
    if cells.empty:
        return section
    title = f"{tables.named(name).title}: by model and batch size"
    if figure == "energy":
        note = "Baseline energy divided by candidate energy. Above 1, the candidate used less. Grey: not comparable."
        keys, names = matrices.keys_of(cells, SIDES), series_names.pairs(cells)
        head = matrices.Head(f"{name}-matrix", title, note, name, ("uses less", "uses more"))
        found = matrices.of_ratios(cells.assign(row=keys), names, head, "ratio")
    else:
        note = "Time of the plain runs divided by the control's. Above 1, the control is faster."
        keys = matrices.keys_of(cells, [*WHO, "control"])
        names = {key: f"{label(key[:3])}: {control_ratios.in_words(key[3])}" for key in keys}
        head = matrices.Head(f"{name}-matrix", title, note, name, corner="Control")
        found = matrices.of_ratios(cells.assign(row=keys), names, head)
    shown = [t for table in section.tables for t in (folded([table], EVERY) if table.name == name else [table])]
    return replace(section, matrices=[found], tables=shown)


def _said(data: ReportData, name: str) -> list[str]:
    """What the page says beside a figure."""
    table = data.tables.get(name)
    if table is None or table.empty:
        return []
    if name == "tflops":
        return [speed.say_tflops(table)]
    if name == "equal_nodes":
        return equal_nodes.sentences(data)
    return control_sentences(table) if name == "control_ratios" else []


def _winners(data: ReportData) -> list[Table]:
    """The cells in which another side is faster in the steady state than in the whole."""
    cells = data.tables["comparisons"]
    changes = comparisons.distinct(cells[cells["winner_changes"].fillna(False)])
    columns = tables.named("comparisons").pick(
        "candidate baseline model batch_size speed_up low high steady_state_speed_up steady_state_low "
        "steady_state_high",
        speed_up="Speed-up, total",
    )
    title = "Test cases in which the winner changes"
    found = first_rows("comparisons", changes, named, columns=columns, key="winner-changes", title=title)
    return [replace(table, note="") for table in found]


_UTILISATION = (
    "Reached is the arithmetic of the whole fit over its time, at the batch size where that is highest (median of "
    "the repeats). Operations are counted from the layers, a multiply-add as two. One share is of the published peak "
    "of a GPU, the other of the best product of two square float32 matrices that the stack makes on the same "
    "device. Start-up and validation are in the time, so the shares say what a user gets, not what the device can do."
)


def utilisation(data: ReportData) -> Section:
    """How much arithmetic each model gets out of each device."""
    rows = rows_of(data.tables["utilisation"])
    texts = [_UTILISATION] if rows else []
    over = [row for row in rows if max(row["share"] or 0, row["swept_share"] or 0) > 1]
    if over:
        which = enumerate_words([f"{label([row[axis] for axis in WHO])}, {row['model']}" for row in over])
        texts.append(
            f"More than a peak: {which}. Possible reasons for a share over 100 %: convolutions with fewer "
            "multiplications than are counted, TensorFloat-32, a sweep of matrix products that was disturbed, or "
            "times that were not measured. Runs that the first three cannot explain are refused."
        )
    title = tables.named("utilisation").title
    found = whole_tables.in_section(data, "utilisation")
    missing = "" if rows else "There is no run of a model whose operations are counted."
    return Section("utilisation", title, texts, tables=found, level=3, missing=missing)


def control_sentences(cells: pd.DataFrame) -> list[str]:
    """A sentence for each control, machine, stack and device, and what becomes of the article's guess."""
    said = []
    for row in overall(cells).to_dict("records"):
        held_to = controls.threads(row["comparison"])
        who, times = label([row[axis] for axis in WHO]), mean_with_interval(row)
        what = f"With {control_ratios.in_words(row['comparison'])}, {who} trains {times} times as fast"
        cause, shown = "delivering the images slowed it down", row["low"] > 1
        if held_to:
            cause, shown = f"{held_to} threads slow it down", row["high"] < 1
        verdict = f"so {cause}" if shown else f"so there is no evidence that {cause}"
        if pd.isna(row["low"]):
            verdict = "which may be chance: an interval needs repeats"
        if row["comparison"] not in controls.ABOUT_HOST:
            accuracies = [f"{100 * row[f'test_accuracy_{side}']:.2f} %" for side in ("candidate", "baseline")]
            of_both = f"at a mean test accuracy of {accuracies[0]} against {accuracies[1]}"
            chance = "which may be chance: the interval includes 1" if row["low"] <= 1 <= row["high"] else ""
            chance = verdict if pd.isna(row["low"]) else chance
            verdict = f"{of_both}, {chance}" if chance else of_both
        said.append(f"{what} (geometric mean of {plural(row['cells'], 'test case')}), {verdict}.")
    on_gpu = cells[(cells["device"] == "gpu") & (cells["control"] == "threads-2")]
    if on_gpu.empty and cells["control"].isin(controls.ABOUT_HOST).any():
        said.append(
            "These controls do not test the article's guess that two vCPUs were too few for its V100. That needs the "
            "control threads-2 on the GPU of a machine with more than two threads."
        )
    return said
