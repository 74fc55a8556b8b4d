"""Which runs were disturbed, by what, and the command that repeats them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from trainmark import stacks
from trainmark.analysis.series_names import WHO
from trainmark.contents import tables
from trainmark.experiment import workloads
from trainmark.experiment.grid import Cell, Run
from trainmark.machine import disturbances
from trainmark.report.sections.document import Section, declared, rows_of
from trainmark.report.sections.report_data import ReportData
from trainmark.words import plural

_LISTS = {"stacks": "stack", "models": "model", "batch_sizes": "batch_size"}
# What marks a run of which others took the cores, as stability.outliers writes it, by the share that they took.
_MARKS = {"other_cpu_share": "other programs computed", "steal_share": "the host gave its cores to others"}
_COLUMNS = "model batch_size repeat why fit_seconds other_cpu_share steal_share"


def command(data: ReportData, runs: pd.DataFrame, repeated: Sequence[str] = ()) -> str:
    """What to type for the same experiment.

    Args:
        data: what the report is made from.
        runs: whose grid it is.
        repeated: paths of records that are to be measured once more; machine and devices are named then, too.
    """
    settings = data.settings[data.experiment[0]]
    values = workloads.configuration_of(settings)
    repeats = "auto" if repeated and data.grid.get("goal") else int(runs["repeat"].max())
    values |= {"seed": int((runs["seed"] - runs["repeat"]).min()), "repeats": repeats}
    lists = {**_LISTS, **({"devices": "device"} if repeated else {})}
    words = {key: "[" + ",".join(map(str, sorted(runs[column].unique()))) + "]" for key, column in lists.items()}
    words |= {"machine": runs["machine"].iloc[0]} if repeated else {}
    pairs = " ".join(f"'{key}={str(value).lower()}'" for key, value in {**values, **words}.items())
    pinned = {*runs["stack"]} & {*stacks.names()}
    # Without conda there is one environment, and no stack that only conda can install.
    conda = " --use-conda" if len(pinned) > 1 or any(not stacks.named(each).host_pythons for each in pinned) else ""
    forced = f" --forcerun {' '.join(repeated)}" if repeated else ""
    return f"{data.program} --cores 1{conda}{forced} --config {pairs}"


def disturbed(data: ReportData) -> Section | None:
    """The runs of this computer that were disturbed or stand apart, and how to repeat them; None without any."""
    outliers, machine = data.tables["outliers"], data.grid["machine"]
    mine = data.runs[data.runs["machine"] == machine]
    here = set(_keys(mine))  # outliers.csv is of the experiment shown first, which need not be this one
    each = zip(_keys(outliers), outliers["why"])
    found = outliers[[key in here and bool(disturbances.known_causes(why)) for key, why in each]]
    if found.empty:
        return None
    paths = [str(Run(Cell(*row[:-1]), row[-1], None, data.suite.name).path) for row in _keys(found)]
    several = len(found[WHO].drop_duplicates()) > 1
    columns = tables.named("outliers").pick(f"{'stack device ' * several}{_COLUMNS}", why="What was noticed")
    said = (
        f"{plural(len(found), 'run')} of this computer {'was' if len(found) == 1 else 'were'} disturbed. To repeat "
        "them, close other programs and give this command; what was measured before is kept in results/superseded. "
        "Runs that took long for no known reason are not among them: whoever repeats those chooses the result."
    )
    shown = [replace(t, note="") for t in declared("outliers", rows_of(found), columns, "disturbed", "Disturbed runs")]
    title = "Disturbed runs, and how to repeat them"
    return Section("disturbed", title, [said], tables=shown, code=[command(data, mine, paths)], level=3)


def _keys(outliers: pd.DataFrame) -> list[tuple[str, str, str, str, int, int]]:
    """Axes of a cell and the repeat, of each run."""
    axes = ["machine", "stack", "device", "model", "batch_size", "repeat"]
    return list(outliers[axes].itertuples(index=False, name=None))


def noticed(outliers: pd.DataFrame, runs: int) -> list[str]:
    """How often others computed beside the runs, and how much they took.

    Args:
        outliers: outliers.csv.
        runs: how many runs there are that are ok.
    """
    said = []
    for column, what in (("other_cpu_share", "other programs took"), ("steal_share", "the host took")):
        shares = outliers.loc[outliers["why"].str.contains(_MARKS[column], regex=False), column]
        if len(shares):
            low, high = (f"{100 * share:.0f}" for share in (shares.min(), shares.max()))
            much = low if low == high else f"{low} to {high}"
            said.append(f"In {len(shares):,} of {plural(runs, 'run')}, {what} {much} % of the cores' time.")
    return said
