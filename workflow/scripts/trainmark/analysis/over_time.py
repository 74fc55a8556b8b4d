"""Sessions of one machine: whether it became slower or faster since an earlier one, and what changed meanwhile."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from trainmark.analysis import cell_statistics, comparison_statistics, table_files, verdicts
from trainmark.analysis.series_names import BASELINE, WHO
from trainmark.contents import tables
from trainmark.records.record import OK

SLOWER, FASTER, WITHIN_NOISE = "slower", "faster", "no change within noise"
SMALL, UNKNOWN = "under 1 %", "needs two runs on each side"
# A machine that was started anew differs by as much without any reason that could be named.
_NOTABLE = 0.01
# Versions, which are what may have changed; all else that was computed otherwise is compared with nothing.
_VERSIONS = ["framework_version", "keras", "optimizer_operations"]
# What a change of times may be due to, by what the records say and, of the kernel, the descriptions of the machine.
_RECORDED = [
    "operating_system",
    "gpu_driver",
    "python",
    "framework_version",
    "keras",
    "numpy",
    "plugin",
    "cuda",
    "cudnn",
]
_RECORDED += ["lock_sha256", "code_version"]
_SERIES, _CELL = ["machine", "device", "stack"], ["model", "batch_size", "intra_op_threads"]


def compare(
    runs: pd.DataFrame, earlier: pd.DataFrame, machines: list[dict[str, str]], earlier_machines: pd.DataFrame
) -> pd.DataFrame:
    """Each session of a machine, device and stack beside the one before it.

    The ratios are those of any comparison: geometric means of times, and Welch's intervals. Verdicts are by intervals
    that hold of all rows together with 95 % (Bonferroni).

    Args:
        runs: comparable runs of the experiment shown that are ok: the last session of every machine.
        earlier: the same of earlier sessions, with ``session``.
        machines: rows of machines.csv.
        earlier_machines: earlier_machines.csv.

    Returns:
        Rows of over_time.csv. ``ratio`` is later time over earlier time, above 1 where the machine became slower, as
        the geometric mean over the ``cells`` that both sessions have, with its 95 % interval; ``earlier`` and ``later``
        are the times of the sessions' first runs, and ``changed`` says what changed between them, as far as is known.
    """
    if earlier.empty:
        return table_files.nothing("over_time")
    described = _kernels(machines, earlier_machines)
    both = pd.concat([earlier, runs[runs["machine"].isin(earlier["machine"])].assign(session="")])
    both = both.assign(intra_op_threads=both["intra_op_threads"].fillna(0))
    kernels = [described.get(key) for key in both[["machine", "session"]].itertuples(index=False, name=None)]
    found = [pair for _, part in both.assign(kernel=kernels).groupby(_SERIES) for pair in _pairs(part)]
    cells = pd.concat([cells for cells, _ in found]) if found else pd.DataFrame()
    if cells.empty:
        return table_files.nothing("over_time")
    about = pd.DataFrame([row for _, row in found])
    summary = _overall(cells, comparison_statistics.CONFIDENCE).merge(about, on=[*_SERIES, "comparison"])
    strict = _overall(cells, verdicts.together(len(summary)))[["low", "high"]]
    summary = summary.assign(verdict=_verdicts(summary["geometric_mean"], strict), ratio=summary["geometric_mean"])
    return summary.sort_values([*_SERIES, "earlier"])[tables.named("over_time").keys]


def comparable(earlier: pd.DataFrame) -> pd.DataFrame:
    """The runs of earlier sessions that may be compared: those that are ok, each cell of a session measured in one way.

    Args:
        earlier: earlier_runs.csv, or a part of it.
    """
    ok = earlier[earlier["status"] == OK]
    keys = ["session", *cell_statistics.CELL]
    return ok[~ok.set_index(keys).index.isin(cell_statistics.differing(ok, keys, cell_statistics.APART).index)]


def _kernels(machines: list[dict[str, str]], earlier: pd.DataFrame) -> dict[tuple[str, str], str]:
    """The kernel of each machine and session, as it was described then."""
    found = {(row["machine"], ""): row["kernel"] for row in machines}
    return found | {(row["machine"], row["session"]): row["kernel"] for row in earlier.to_dict("records")}


def _pairs(part: pd.DataFrame) -> Iterator[tuple[pd.DataFrame, dict[str, str]]]:
    """The compared cells of each two sessions that follow each other, and what is said of the two."""
    starts = part.groupby("session")["started_at"].min().sort_values()
    for number, (before, after) in enumerate(zip(starts.index, starts.index[1:])):
        old, new = part[part["session"] == before], part[part["session"] == after]
        sides = [comparison_statistics.moments(side, [*_SERIES, *_CELL]).drop(columns=_VERSIONS) for side in (new, old)]
        cells = comparison_statistics.speed_ups(sides[0], sides[1], [*_SERIES, *_CELL])
        cells = cells[cells["unlike"] == ""]
        who = dict(zip(_SERIES, part[_SERIES].iloc[0]))
        times = {"earlier": _minute(starts.iloc[number]), "later": _minute(starts.iloc[number + 1])}
        comparison = f"{number}"
        yield (
            cells.assign(comparison=comparison),
            {**who, **times, "comparison": comparison, "changed": _changed(old, new)},
        )


def _minute(time: str) -> str:
    """A time of start to the minute."""
    return time[:16].replace("T", " ")


def _changed(old: pd.DataFrame, new: pd.DataFrame) -> str:
    """What is otherwise in the later one of two sessions, in words."""
    words = []
    for column in (*_RECORDED[:2], "kernel", *_RECORDED[2:]):
        before, after = ({*side[column].dropna().map(cell_statistics.short)} - {""} for side in (old, new))
        if before and after and before != after:
            was, became = (" and ".join(sorted(values)) for values in (before, after))
            words.append(f"{column.replace('_', ' ')} {was} to {became}")
    return "; ".join(words)


def _overall(cells: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """The geometric mean over the cells of each pair of sessions."""
    sides = {baseline: cells[axis] for axis, baseline in zip(WHO, BASELINE)}
    found = comparison_statistics.summarise_with(cells.assign(exhibit="", **sides), confidence)
    return found[found["model"] == comparison_statistics.ALL_MODELS].reset_index(drop=True)


def _verdicts(ratios: pd.Series, strict: pd.DataFrame) -> list[str]:
    """What is said of each pair of sessions."""
    found = []
    for ratio, low, high in zip(ratios, strict["low"], strict["high"]):
        if pd.isna(low):
            found.append(UNKNOWN)
        elif low <= 1 <= high:
            found.append(WITHIN_NOISE)
        elif abs(ratio - 1) < _NOTABLE:
            found.append(SMALL)
        else:
            found.append(SLOWER if ratio > 1 else FASTER)
    return found
