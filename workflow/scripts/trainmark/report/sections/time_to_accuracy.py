"""The page's section on the time until a model is good enough."""

from __future__ import annotations

from typing import Any

import pandas as pd

from trainmark.analysis.series_names import BASELINE, WHO, label
from trainmark.contents import tables
from trainmark.report.sections.document import Section, first_rows, rows_of
from trainmark.report.sections.report_data import ReportData
from trainmark.report.sections.speed import EVERY, folded
from trainmark.words import and_words, plural

KEY = "time-to-accuracy"
_MEASURE = (
    "Seconds of fit until the validation accuracy, taken after each epoch, first reached a target: {targets}. A target "
    "is the highest whole percent that every reference run of the model reached, at any batch size. The time ends with "
    "an epoch and its validation."
)
_NEVER = (
    "Nobody knows how long a run that never reached its target would have taken: it counts as longer than all others. "
    "So there is a median only where more than half of the runs reached it, and a ratio only where every run of both "
    "sides did."
)


def section(data: ReportData) -> Section:
    """Seconds and epochs to the target of each model, where there is something to compare, or why there is not."""
    table = data.tables["time_to_accuracy"]
    title = tables.named("time_to_accuracy").title
    if table.empty:
        said = "Not shown: a target comes from convergence references, and there are none of this experiment."
        return Section(KEY, title, [said], level=3)
    shown = comparable(table)
    if shown.empty:
        return Section(KEY, title, [_nothing(data, table)], level=3)
    texts = [_MEASURE.format(targets=_targets(table)), _NEVER, *_baseline(data, shown), *_left_out(table, shown)]
    if _alone(shown):  # the times of a machine over themselves say nothing
        shown = shown.assign(speed_up=None)
    found = first_rows("time_to_accuracy", shown, _counted, key=f"{KEY}-cells", title="Time to accuracy, by test case")
    return Section(KEY, title, texts, tables=folded(found, EVERY), level=3)


def _counted(shown: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows with how many of their runs reached the target."""
    return [{**row, "of_runs": f"{row['reached']:.0f} of {row['runs']:.0f}"} for row in rows_of(shown)]


def comparable(table: pd.DataFrame) -> pd.DataFrame:
    """The test cases that have a median beside another one: of one machine, device and stack alone, all that have one.

    Args:
        table: time_to_accuracy.csv.
    """
    known = table[table["seconds"].notna()]
    if _alone(table):
        return known
    return known[known.groupby(["model", "batch_size"])["seconds"].transform("size") > 1]


def _alone(table: pd.DataFrame) -> bool:
    """Whether all test cases are of one machine, device and stack."""
    return len(table[WHO].drop_duplicates()) == 1


def _targets(table: pd.DataFrame) -> str:
    pairs = table[["model", "target_accuracy"]].drop_duplicates().itertuples(index=False, name=None)
    return and_words(f"{100 * accuracy:.0f} % ({model})" for model, accuracy in pairs)


def _nothing(data: ReportData, table: pd.DataFrame) -> str:
    """Why no test case is shown."""
    epochs = plural(int(data.runs["epochs"].max()), "epoch")
    if table["seconds"].isna().all():
        return f"Not shown: with {epochs}, no test case reached its target ({_targets(table)}) in most of its runs."
    return (
        f"Not shown: with {epochs}, no test case of two machines, devices or stacks reached its target "
        f"({_targets(table)}) in most of its runs on both sides."
    )


def _baseline(data: ReportData, shown: pd.DataFrame) -> list[str]:
    """What the ratios are over; nothing where there are none."""
    ranking = data.of_experiment("ranking")
    if ranking.empty or _alone(shown):
        return []
    base = label(ranking[BASELINE].iloc[0])
    return [
        f"Times as fast: the time of {base} divided by that of the row (geometric means, with a 95 % interval by Welch "
        "on log times, which needs two runs on each side)."
    ]


def _left_out(table: pd.DataFrame, shown: pd.DataFrame) -> list[str]:
    """How many test cases are in the file alone; nothing where there are none."""
    count = len(table) - len(shown)
    if not count:
        return []
    are, file = "is" if count == 1 else "are", tables.named("time_to_accuracy").file
    never = int(table["seconds"].isna().sum())
    why = f": in {never:,} of them, half of the runs or more never reached the target" if never else ""
    return [f"{plural(count, 'test case')} with nothing to compare {are} in {file} only{why}."]
