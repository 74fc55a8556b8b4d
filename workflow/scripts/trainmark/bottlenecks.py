"""What holds the runs back: controls, in which one thing is otherwise, compared with the plain runs of their cells."""

from __future__ import annotations

import pandas as pd

from trainmark import comparing, controls, naming, tables
from trainmark.document import mean_with_interval, plural
from trainmark.exhibits import Exhibit, constants, few, ratio_exhibit
from trainmark.naming import BASELINE, WHO
from trainmark.record import OK

COLUMNS = ("control", *tables.CELL, "speed_up", "low", "high", "steady_state_speed_up")
COLUMNS += ("fit_seconds_baseline", "fit_seconds_candidate", "n_baseline", "n_candidate")
COLUMNS += ("log_standard_error", "degrees_of_freedom")
NAME, TITLE = "bottlenecks", "Does the host hold the device back?"
MISSING = (
    "Not measured. It takes controls, variants of the runs in which the host has less to do or fewer threads: "
    "--config 'controls=[device-data,threads-2,threads-4]', described in config/README.md."
)


def in_words(control: str) -> str:
    """What a control is, in a figure's legend."""
    held_to = controls.threads(control)
    return f"{held_to} CPU threads" if held_to else "images on the device beforehand"


def compare(runs: pd.DataFrame, controlled: pd.DataFrame) -> pd.DataFrame:
    """Plain time / time of the control, of every cell that has both.

    Args:
        runs: comparable runs that are ok.
        controlled: runs of controls of the same experiment, whatever became of them.

    Returns:
        Rows of COLUMNS: ``speed_up`` with its 95 % interval, by the statistics of any comparison, above 1 where the
        control is faster; the plain runs are the baseline, the control is the candidate. Cells whose two sides differ
        in more than the control (versions, threads) are left out, and those whose plain runs have no more threads than
        the control.
    """
    parts = [pd.DataFrame(columns=list(COLUMNS))]
    for control, part in controlled[controlled["status"] == OK].groupby("control"):
        held_to = controls.threads(control)
        plain = runs[runs["intra_op_threads"] > held_to] if held_to else runs
        alike = [column for column in tables.APART if not (held_to and column.endswith("_op_threads"))]
        apart = tables.differing(pd.concat([plain, part]), tables.CELL, alike)
        cells = comparing.speed_ups(plain, part, tables.CELL)
        cells = cells[~cells.set_index(tables.CELL).index.isin(apart.index)]
        parts.append(cells.assign(control=control)[list(COLUMNS)])
    found = pd.concat([part for part in parts if len(part)] or parts)
    return tables.in_order(found, ["control", *tables.CELL])


def overall(cells: pd.DataFrame) -> pd.DataFrame:
    """The geometric mean over the cells of each control, machine, stack and device: columns of ``comparing``."""
    sides = {baseline: cells[axis] for axis, baseline in zip(WHO, BASELINE)}
    summary = comparing.summarise(cells.assign(comparison=cells["control"], exhibit="", **sides))
    return summary[summary["model"] == comparing.ALL_MODELS]


def say(cells: pd.DataFrame) -> list[str]:
    """A sentence for each control, machine, stack and device, and what becomes of the article's guess."""
    said = []
    for row in overall(cells).to_dict("records"):
        held_to = controls.threads(row["comparison"])
        who, times = naming.label([row[axis] for axis in WHO]), mean_with_interval(row)
        what = f"With {in_words(row['comparison'])}, {who} trains {times} times as fast"
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


def exhibit(cells: pd.DataFrame) -> Exhibit:
    """Plain time / time of the control, by model and batch size."""
    if cells.empty:
        return Exhibit(NAME, TITLE, missing=MISSING)
    who = naming.series(cells)
    of = f"{next(iter(who.values()))}, {constants(cells)}" if len(who) == 1 else constants(cells)
    keys = cells[[*WHO, "control"]].drop_duplicates().itertuples(index=False, name=None)
    names = {key: (f"{who[key[:3]]}: " if len(who) > 1 else "") + in_words(key[3]) for key in keys}
    means = [
        f"{names[(*(row[axis] for axis in WHO), row['comparison'])]} {row['geometric_mean']:.3g}"
        for row in overall(cells).to_dict("records")
    ]
    return ratio_exhibit(
        NAME,
        TITLE,
        cells,
        axis="Times as fast (plain run / control)",
        note=f"Above 1: faster than the plain run. Logarithmic axis. {of}".strip(),
        alt=f"{TITLE} Geometric mean over the cells of each: {few(means)}.",
        series=[*WHO, "control"],
        names=names,
    )
