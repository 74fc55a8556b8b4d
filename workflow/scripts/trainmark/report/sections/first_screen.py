"""The top of the page: one sentence, the ranking, and a picture of it; for one machine alone, its own times."""

from __future__ import annotations

from typing import Any

import pandas as pd

from trainmark.analysis import series_names
from trainmark.analysis.comparison_statistics import ALL_MODELS
from trainmark.analysis.series_names import WHO
from trainmark.contents import tables
from trainmark.contents.columns import Column, seconds, unknown
from trainmark.records.record import INVENTED, OK
from trainmark.report.sections import matrices, repeating
from trainmark.report.sections.document import FirstScreen, Matrix, Table, rows_of, with_interval
from trainmark.report.sections.report_data import ReportData
from trainmark.report.sections.speed import picture
from trainmark.words import and_words, enumerate_words, plural


def first_screen(data: ReportData) -> FirstScreen:
    """What the reader sees first."""
    table = data.of_experiment("ranking")
    if table.empty:
        return _unranked(data)
    if len(table[WHO].drop_duplicates()) == 1:
        return _alone(data)
    own = _own(data) if table["machine"].nunique() == 1 else None
    entry = data.figures["ranking"]
    said = fastest(data.of_experiment("fastest"), table["stack"].nunique() > 1)
    drawn = None if entry["missing"] else picture(entry)
    return FirstScreen(said, _ranked(table), drawn, own, repeating.disturbed(data) if own else None)


def fastest(cells: pd.DataFrame, stacks: bool) -> str:
    """Which series is fastest, in one sentence that is true of every cell and hides no crossing behind a mean.

    Args:
        cells: fastest.csv.
        stacks: whether there are several.
    """
    if cells.empty:
        return "No model and batch size was measured on two comparable sides, so there is nothing to compare."
    names = [series_names.label(key, (True, True, stacks)) for key in cells[WHO].itertuples(index=False, name=None)]
    cells = cells.assign(winner=names)
    counts = cells["winner"].value_counts()
    everywhere = f"{plural(len(cells), 'combination')} of model and batch size"
    if len(counts) == 1:
        return f"{counts.index[0]} is fastest in all {everywhere}."
    for axis, one, many in (("batch_size", "at batch size", "at batch sizes"), ("model", "with", "with")):
        winners = cells.groupby(axis, sort=False)["winner"]
        if (winners.nunique() == 1).all():
            values = {name: [str(v) for v in winners.first().index[winners.first() == name]] for name in counts.index}
            where = [f"{one if len(each) == 1 else many} {and_words(each)}" for each in values.values()]
            first, *others = zip(values, where)
            return f"{first[0]} is fastest {first[1]}, {and_words(' '.join(each) for each in others)}."
    parts = [f"{name} in {count}" for name, count in counts.items()]
    return f"None is fastest throughout. Of {everywhere}, the fastest is {enumerate_words(parts, 4)}."


def _unranked(data: ReportData) -> FirstScreen:
    """Where no run can be ranked."""
    ok = data.runs[data.runs["status"] == OK]
    tried = int((data.runs["status"] == INVENTED).sum())
    if ok.empty and tried:
        return FirstScreen(
            f"{data.suite.title}: {plural(tried, 'run')} trained to the end, so the suite runs here. Of speed, "
            "invented data say nothing."
        )
    if ok.empty:
        return FirstScreen("No run is ok, so nothing can be said of speed.")
    said = (
        "Every run that is ok was made with software that no lock pins, so it is compared with others only where the "
        "configuration names it."
    )
    own = _own(data) if ok["machine"].nunique() == 1 else None
    return FirstScreen(said, own=own, disturbed=repeating.disturbed(data) if own else None)


def _alone(data: ReportData) -> FirstScreen:
    """One machine, device and stack: its own times."""
    cells = data.cells[data.cells["n"] > 0]
    who = series_names.label(cells[WHO].iloc[0])
    low, high = (seconds(end) for end in (cells["fit_seconds_median"].min(), cells["fit_seconds_median"].max()))
    (doubts,) = data.of_experiment("ranking")["doubts"].fillna("").unique()
    said = f"{who} trains each of {len(cells)} combinations of model and batch size in {low} to {high} s."
    said += f" What speaks against it: {doubts}." if doubts else ""
    return FirstScreen(said, own=_own(data), disturbed=repeating.disturbed(data))


def _own(data: ReportData) -> Matrix:
    """The times, rates and accuracies of a machine that is alone."""
    return matrices.of_one_machine(data.cells, data.tables["outliers"], data.example)


def _ranked(table: pd.DataFrame) -> Table:
    """A row for each machine, device and stack, with a column for each model and one over all."""
    models = [model for model in dict.fromkeys(table["model"]) if model != ALL_MODELS]
    stacks = table["stack"].nunique() > 1
    base = series_names.label(table[series_names.BASELINE].iloc[0], (True, True, stacks))
    rows = []
    by_series: dict[tuple[str, ...], dict[str, dict[str, Any]]] = {}
    for row in rows_of(table):
        by_series.setdefault(tuple(row[axis] for axis in WHO), {})[row["model"]] = row
    for key, by_model in by_series.items():
        overall = by_model[ALL_MODELS]
        found = {**overall, "who": series_names.label(key, (True, True, stacks))}
        found |= {model: by_model[model]["speed_up"] if model in by_model else None for model in models}
        known = not unknown(overall["speed_up"])
        ends = overall["speed_up"], overall["low"], overall["high"]
        found["overall"] = with_interval(*ends) if known else "no test case in common"
        found["trust"] = f"\u26a0 {overall['doubts']}" if overall["doubts"] else "\u2713"
        found["grey"] = not known
        rows.append(found)
    columns = (
        Column("who", "Machine and device"),
        Column("overall", "Overall [95 %]"),
        *(Column(model, model, "ratio", empty="-") for model in models),
        Column("samples_per_second", "Samples/s", "integer"),
        Column("trust", "Trust", "long"),
    )
    note = (
        f"Times as fast as {base}: geometric means over the batch sizes that both have, the fastest first. "
        "\u2713: repeated, undisturbed, steady, and all of it learned. \u26a0: what speaks against the figures."
    )
    return Table("ranking", "Ranking", columns, rows, tables.named("ranking").file, note)
