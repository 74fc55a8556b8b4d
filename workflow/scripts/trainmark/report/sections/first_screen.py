"""The top of the page: one sentence, the ranking, and a picture of it; for one machine alone, its own times."""

from __future__ import annotations

import pandas as pd

from trainmark.analysis import cell_statistics, ranking, series_names
from trainmark.analysis.comparison_statistics import ALL_MODELS
from trainmark.analysis.series_names import WHO
from trainmark.contents import tables
from trainmark.contents.columns import Column, ratio, seconds, unknown
from trainmark.records.record import OK
from trainmark.report.sections.document import FirstScreen, Table, declared, rows_of
from trainmark.report.sections.report_data import ReportData
from trainmark.report.sections.speed import picture

_OWN = tables.named("cells").pick(
    "model batch_size fit_seconds_median throughput_samples_per_second_median test_accuracy_median n failed",
    fit_seconds_median="Time to train (s)",
)


def first_screen(data: ReportData) -> FirstScreen:
    """What the reader sees first."""
    table = data.tables["ranking"]
    if table.empty:
        return FirstScreen("No run is ok, so nothing can be said of speed.")
    if len(table[WHO].drop_duplicates()) == 1:
        return _alone(data)
    ok = cell_statistics.alike(data.runs[data.runs["status"] == OK])
    found = _ranked(table)
    entry = data.figures["ranking"]
    return FirstScreen(ranking.fastest(ok), found, None if entry["missing"] else picture(entry))


def _alone(data: ReportData) -> FirstScreen:
    """One machine, device and stack: its own times."""
    cells = data.cells[data.cells["n"] > 0]
    who = series_names.label(cells[WHO].iloc[0])
    low, high = (seconds(end) for end in (cells["fit_seconds_median"].min(), cells["fit_seconds_median"].max()))
    (doubts,) = data.tables["ranking"]["doubts"].fillna("").unique()
    said = f"{who} trains each of {len(cells)} combinations of model and batch size in {low} to {high} s."
    said += f" What speaks against it: {doubts}." if doubts else ""
    (shown,) = declared("cells", rows_of(data.cells), _OWN, "own-times", "Times of this machine")
    return FirstScreen(said, shown)


def _ranked(table: pd.DataFrame) -> Table:
    """A row for each machine, device and stack, with a column for each model and one over all."""
    models = [model for model in dict.fromkeys(table["model"]) if model != ALL_MODELS]
    stacks = table["stack"].nunique() > 1
    base = series_names.label(table[series_names.BASELINE].iloc[0], (True, True, stacks))
    rows = []
    for key, part in table.groupby(WHO, sort=False):
        by_model = {row["model"]: row for row in rows_of(part)}
        overall = by_model[ALL_MODELS]
        found = {**overall, "who": series_names.label(key, (True, True, stacks))}
        found |= {model: by_model[model]["speed_up"] if model in by_model else None for model in models}
        found["overall"] = _with_interval(overall)
        found["trust"] = f"\u26a0 {overall['doubts']}" if overall["doubts"] else "\u2713"
        found["grey"] = unknown(overall["speed_up"])
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


def _with_interval(row: dict[str, float]) -> str:
    """A speed-up with its interval."""
    if unknown(row["speed_up"]):
        return "no cell in common"
    interval = "" if unknown(row["low"]) else f" [{ratio(row['low'])}, {ratio(row['high'])}]"
    return ratio(row["speed_up"]) + interval
