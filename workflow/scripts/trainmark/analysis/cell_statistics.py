"""From runs to cells: the statistics of the report."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

import pandas as pd

from trainmark.experiment import suites
from trainmark.records import repeats_needed
from trainmark.records.record import OK

CELL = ["machine", "stack", "device", "model", "batch_size"]
# Runs are repeats of each other only where these are equal too.
MEASURED_ALIKE = ["workload_digest", "settings_digest", "protocol", "epochs"]
# Values that may differ within a cell only if its runs were not measured alike: such a cell is compared with nothing.
APART = ["intra_op_threads", "inter_op_threads", "framework_version", "keras", "plugin", "cuda", "cudnn", "gpu"]
APART += ["optimizer_class", "optimizer_operations", "jit_compile", "tensor_float_32", "floatx", "image_data_format"]
# Of two cells that are compared these must be equal, whatever the two are of ...
RESOLVED = ["jit_compile", "tensor_float_32", "floatx", "image_data_format"]
# ... these too where they are of one stack, which pins them, ...
RESOLVED_IN_STACK = ["framework_version", "keras", "optimizer_class"]
# ... and these where they are also of one kind of device: a framework's graphs differ between the kinds.
RESOLVED_ON_DEVICE = ["optimizer_operations"]
# Values whose change leaves a machine's cell one cell, but not without being told.
JOINED = ["python", "numpy", "gpu_id", "operating_system", "gpu_driver", "lock_sha256", "code_version"]


def model_rank(model: str) -> tuple[int, str]:
    """Sorts models in the order of the suites, and by the alphabet those that they no longer have."""
    known = suites.models()
    return (known.index(model) if model in known else len(known), model)


def summarise(runs: pd.DataFrame) -> pd.DataFrame:
    """One row a cell, and more than one where a cell was measured with several workloads or protocols.

    Args:
        runs: runs.csv.

    Returns:
        The cell's columns; ``n`` (ok runs) and ``failed``; over the runs that are ok: median, minimum, maximum and
        spread (standard deviation over mean; empty for one run) of ``fit_seconds``, half of the 95 % interval of its
        median over that (``median_half_width``), median and minimum of ``test_accuracy``, medians of
        ``throughput_samples_per_second``, ``flops_per_second``, ``first_epoch_seconds``,
        ``steady_state_epoch_seconds``, ``fit_teardown_seconds``, ``peak_memory_bytes`` and
        ``peak_device_memory_bytes`` (empty where n is 0, or where nothing was measured).
    """
    keys = CELL + MEASURED_ALIKE
    ok = runs["status"] == OK
    counts = runs.assign(n=ok, failed=~ok).groupby(keys)[["n", "failed"]].sum()
    values = (
        runs[ok]
        .groupby(keys)
        .agg(
            fit_seconds_median=("fit_seconds", "median"),
            fit_seconds_min=("fit_seconds", "min"),
            fit_seconds_max=("fit_seconds", "max"),
            fit_seconds_spread=("fit_seconds", "std"),
            mean=("fit_seconds", "mean"),
            throughput_samples_per_second_median=("throughput_samples_per_second", "median"),
            flops_per_second_median=("flops_per_second", "median"),
            fit_teardown_seconds_median=("fit_teardown_seconds", "median"),
            test_accuracy_median=("test_accuracy", "median"),
            test_accuracy_min=("test_accuracy", "min"),
            first_epoch_seconds_median=("first_epoch_seconds", "median"),
            steady_state_epoch_seconds_median=("steady_state_epoch_seconds", "median"),
            peak_memory_bytes_median=("peak_memory_bytes", "median"),
            peak_device_memory_bytes_median=("peak_device_memory_bytes", "median"),
        )
    )
    values["fit_seconds_spread"] /= values.pop("mean")
    many = runs[ok].groupby(keys)["fit_seconds"].transform("size") >= repeats_needed.FEWEST
    groups = runs[ok][many].groupby(keys)["fit_seconds"]
    values["median_half_width"] = groups.agg(lambda times: repeats_needed.half_width(times.tolist())).astype(float)
    cells = counts.join(values).reset_index()
    for name, columns in (("apart", APART), ("joined", JOINED)):
        cells = cells.merge(differing(runs[ok], keys, columns).rename(name).reset_index(), how="left", on=keys)
    return in_order(cells, keys)[CELL + [c for c in cells if c not in keys] + MEASURED_ALIKE]


def in_order(table: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """A table sorted by these columns, models in the order of the suites."""

    def ranked(column: pd.Series) -> pd.Series:
        if column.name != "model":
            return column
        order = sorted(column.unique(), key=model_rank)
        return column.map({model: rank for rank, model in enumerate(order)})

    return table.sort_values(keys, key=ranked)


def differing(runs: pd.DataFrame, keys: list[str], columns: list[str]) -> pd.Series:
    """Which values differ between the runs of a cell, in words, by cell; cells in which none does are left out."""
    counts = runs.groupby(keys)[columns].nunique()
    mixed = counts[(counts > 1).any(axis=1)]
    if mixed.empty:
        return pd.Series(dtype=object, index=mixed.index)
    groups = runs.groupby(keys)
    words = {
        cell: "; ".join(
            f"{column.replace('_', ' ')} {' and '.join(sorted(map(short, groups.get_group(cell)[column].unique())))}"
            for column in columns
            if row[column] > 1
        )
        for cell, row in mixed.iterrows()
    }
    return pd.Series(words, index=mixed.index, dtype=object)


def short(value: Any) -> str:
    """A value as it stands in a sentence."""
    if isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value):
        return value[:12]
    return f"{value:g}" if isinstance(value, float) else str(value)


def alike(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs of cells whose runs were measured in one way."""
    return runs[~runs.set_index(CELL).index.isin(differing(runs, CELL, APART).index)]


def missing_runs(runs: pd.DataFrame, grid: Mapping[str, Any], machines: Collection[str]) -> pd.DataFrame:
    """Cells of the configured grid that lack runs, for each machine that has any.

    The local machine is expected to have every stack and device of the grid, and so are the machines of a fleet, each
    its own, whether they have runs or not; another machine those that it has runs of.

    Args:
        runs: comparable runs.
        grid: ``machine`` (the local one), ``stacks``, ``devices``, ``models``, ``batch_sizes``, ``repeats``; and
            ``fleet`` where there is one, with stacks and devices by the machine's name.
        machines: those that have runs of any experiment.

    Returns:
        The cell's columns, ``there`` (runs with a record, failed ones too) and ``expected``.
    """
    pairs = set(zip(runs["machine"], runs["stack"], runs["device"]))
    own = grid.get("fleet") or ({grid["machine"]: grid} if grid["machine"] in set(machines) else {})
    for machine, axes in own.items():
        pairs |= {(machine, stack, device) for stack in axes["stacks"] for device in axes["devices"]}
    expected = pd.DataFrame(
        [(*pair, m, b) for pair in sorted(pairs) for m in grid["models"] for b in grid["batch_sizes"]], columns=CELL
    )
    there = runs.groupby(CELL).size().rename("there").reset_index()
    table = expected.merge(there, how="left", on=CELL).fillna({"there": 0}).astype({"there": int})
    return table.assign(expected=grid["repeats"]).query("there < expected")
