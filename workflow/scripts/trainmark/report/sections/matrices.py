"""Tables of one kind of value: a row for each machine or pair, a column for each batch size, in groups."""

from __future__ import annotations

import bisect
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from trainmark.analysis import cell_statistics, series_names
from trainmark.analysis.comparison_statistics import ALL_MODELS
from trainmark.analysis.series_names import BASELINE, SIDES, WHO
from trainmark.contents import tables
from trainmark.contents.columns import Column, ratio, unknown
from trainmark.report.sections.document import Entry, Matrix, rows_of

# Rows that a matrix of ratios has at most; the file beside it has them all.
MOST_ROWS = 200
# From these ratios on, or their inverses, a shade is darker; so does the script that shows what a reader chooses.
STEPS = (1.05, 1.25, 1.6, 2.5, 5)
MAYBE, ALONE, NONE, FAILED, DISTURBED = "\u2248", "*", "\u2013", "\u2717", "\u26a0"
_NOT_COMPARED = Entry(NONE, hint="not compared")
_NO_RUN = Entry(FAILED, hint="no run is ok")
_MEAN = ("geometric_mean", "low", "high")
_MEASURES = ("fit_seconds_median", "throughput_samples_per_second_median", "test_accuracy_median")
Key = tuple[str, ...]
Place = tuple[str, int]
# Machine, device, stack, model and batch size of what has no run that is ok.
Lost = Collection[tuple[Any, ...]]


def look(value: float) -> str:
    """How a ratio is shaded: by how far its log is from 0."""
    level = bisect.bisect_right(STEPS, max(value, 1 / value))
    return f"{'up' if value > 1 else 'down'}{level}" if level else "even"


def entry(value: float | None, low: float | None, high: float | None, why: str = "") -> Entry:
    """A ratio with its 95 % interval, or what is written where there is none.

    Args:
        value: the ratio.
        low: lower limit; None without repeats.
        high: upper limit.
        why: why it compares nothing, in words; empty where it does.
    """
    if unknown(value) or value is None:
        return _NOT_COMPARED
    if why:
        return Entry(ratio(value), value, "maybe", why)
    if low is None or high is None or unknown(low):
        return Entry(f"{ratio(value)}{ALONE}", value, look(value), "no interval")
    within = f"95 %: {ratio(low)} to {ratio(high)}"
    if low <= 1 <= high:
        return Entry(f"{MAYBE} {ratio(value)}", value, "maybe", within)
    return Entry(ratio(value), value, look(value), within)


@dataclass(frozen=True)
class Head:
    """What a matrix of ratios is called, what it says above, the table that holds its values, and what they mean."""

    name: str
    title: str
    note: str
    source: str = "comparisons"
    meaning: tuple[str, str] = ("faster", "slower")
    corner: str = ""


def of_comparison(
    cells: pd.DataFrame, summary: pd.DataFrame, name: str, title: str, failed: Lost = frozenset()
) -> Matrix:
    """Speed-ups of a comparison: a row for each pair, the fastest first, a group of batch sizes for each model.

    Args:
        cells: its rows of comparisons.csv.
        summary: its rows of comparisons_summary.csv.
        name: of the table.
        title: of the table.
        failed: what has no run that is ok.
    """
    names = series_names.pairs(cells)
    means = summary.loc[summary["model"] == ALL_MODELS, [*SIDES, *_MEAN]]
    overall = {tuple(row[axis] for axis in SIDES): row for row in rows_of(means)}
    order = sorted(names, key=lambda key: -overall[key]["geometric_mean"])
    found = of_ratios(
        cells.assign(row=keys_of(cells, SIDES)),
        {key: names[key] for key in order},
        Head(name, title, _of_what(cells)),
        failed=failed,
    )
    if sum(len(columns) for _, columns in found.groups) < 2:
        return found
    last = [entry(*(overall[key][column] for column in _MEAN)) for key in order[: len(found.rows)]]
    rows = [(said, [*entries, mean]) for (said, entries), mean in zip(found.rows, last)]
    return replace(found, groups=[*found.groups, ("all", ["mean"])], rows=rows)


def keys_of(table: pd.DataFrame, columns: Sequence[str]) -> list[tuple[Any, ...]]:
    """Some values of each row."""
    return list(table[list(columns)].itertuples(index=False, name=None))


def _of_what(cells: pd.DataFrame) -> str:
    """What is divided by what."""
    candidate, baseline = series_names.both(cells, most=1)[0]
    if len(cells[BASELINE].drop_duplicates()) == 1:
        return f"Time of {baseline} divided by the time of each row. Above 1, the row is faster."
    if len(cells[WHO].drop_duplicates()) == 1:
        return f"Time of each row divided by the time of {candidate}. Above 1, {candidate} is faster."
    return "Baseline time divided by candidate time. Above 1, the candidate is faster."


def of_ratios(
    cells: pd.DataFrame, names: Mapping[Key, str], head: Head, value: str = "speed_up", failed: Lost = frozenset()
) -> Matrix:
    """Ratios with their intervals.

    Args:
        cells: with ``row`` (the key of its row: machine, device and stack, then those of the baseline, if it has one),
            ``model``, ``batch_size``, the value, ``low``, ``high``, and ``why`` where some compare nothing.
        names: what each row is called, in order.
        head: of the matrix.
        value: column of the ratio.
        failed: what has no run that is ok.
    """
    shown = dict(list(names.items())[:MOST_ROWS])
    columns = [column for column in ("row", "model", "batch_size", value, "low", "high", "why") if column in cells]
    there = {
        (row["row"], row["model"], row["batch_size"]): entry(row[value], row["low"], row["high"], row.get("why") or "")
        for row in rows_of(cells.loc[[key in shown for key in cells["row"]], columns])
    }
    places = _places(cells)

    def at(key: Key, place: Place) -> Entry:
        gone = any((*side, *place) in failed for side in (key[:3], key[3:6]))
        return there.get((key, *place)) or (_NO_RUN if gone else _NOT_COMPARED)

    rows = [(said, [at(key, place) for place in places]) for key, said in shown.items()]
    corner = head.corner or ("Pair" if any("against " in said for said in names.values()) else "Machine")
    left_out, file = max(0, len(names) - MOST_ROWS), tables.named(head.source).file
    return Matrix(head.name, head.title, corner, _grouped(places), rows, head.note, file, left_out, head.meaning)


def _places(cells: pd.DataFrame) -> list[Place]:
    """Models and batch sizes, in the order of the columns."""
    places = cells[["model", "batch_size"]].drop_duplicates().itertuples(index=False, name=None)
    return sorted(places, key=lambda place: (cell_statistics.model_rank(place[0]), place[1]))


def _grouped(places: Sequence[Place]) -> list[tuple[str, list[str]]]:
    """Groups of columns: the batch sizes of each model."""
    groups: dict[str, list[str]] = {}
    for model, size in places:
        groups.setdefault(model, []).append(str(size))
    return list(groups.items())


def lost(cells: pd.DataFrame) -> set[tuple[Any, ...]]:
    """Machine, device, stack, model and batch size of what has no run that is ok.

    Args:
        cells: cells.csv.
    """
    return set(keys_of(cells[cells["n"] == 0], [*WHO, "model", "batch_size"]))


def of_one_machine(cells: pd.DataFrame, disturbed: pd.DataFrame, example: pd.DataFrame) -> Matrix:
    """One machine's own times, rates and accuracies: a row for each model, a group of batch sizes for each measure.

    Args:
        cells: cells.csv, of one experiment and machine.
        disturbed: outliers.csv.
        example: shipped cells of that experiment, to be seen beside its own.
    """
    columns = tables.named("cells").pick(" ".join(_MEASURES), fit_seconds_median="Time to train (s)")
    sizes = sorted(cells["batch_size"].unique())
    shown = series_names.varying(cells)
    series = series_names.label if len(cells[WHO].drop_duplicates()) > 1 else None
    marked = set(keys_of(disturbed, [*WHO, "model", "batch_size"]))
    rows = []
    for key, part in cells.groupby([*WHO, "model"], sort=False):
        by_size = {row["batch_size"]: row for row in rows_of(part)}
        said = f"{series(key[:3], (False, *shown[1:]))}: {key[3]}" if series else key[3]
        rows.append(
            (said, [_own(column, by_size.get(size), (*key, size) in marked) for column in columns for size in sizes])
        )
    for (_, device, model), part in example.groupby(["machine", "device", "model"], sort=False):
        by_size = {row["batch_size"]: row for row in rows_of(part)}
        entries = [_own(column, by_size.get(size), False) for column in columns for size in sizes]
        said = f"the example, {device.upper()}: {model}"
        rows.append((said, [replace(each, look="soft") for each in entries]))
    groups = [(column.heading, [str(size) for size in sizes]) for column in columns]
    note = (
        "A column for each batch size; medians of the runs."
        + f" {DISTURBED}: a run was disturbed or stands apart." * any(DISTURBED in e.text for _, r in rows for e in r)
        + f" {FAILED}: no run is ok." * any(e.text == FAILED for _, r in rows for e in r)
        + "".join(
            f" The example is {machine}, whose records come with trainmark: to be compared, they have to be merged."
            for machine in example["machine"].unique()
        )
    )
    return Matrix("own-times", "Times of this machine", "Model", groups, rows, note, tables.named("cells").file)


def _own(column: Column, row: Mapping[str, Any] | None, disturbed: bool) -> Entry:
    """One measure of one of a machine's test cases."""
    if row is None:
        return Entry(NONE, hint="not measured")
    if not row["n"]:
        return _NO_RUN
    value = row[column.key]
    marked = disturbed and column.key == _MEASURES[0] and not (value is None or math.isnan(value))
    text = f"{DISTURBED} {column.show(value)}" if marked else column.show(value)
    return Entry(text, value, hint="a run was disturbed or stands apart" if marked else "")
