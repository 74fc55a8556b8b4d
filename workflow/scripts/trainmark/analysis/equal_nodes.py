"""Machines of one kind, as the nodes of a cluster's partition: how much they differ, and which stand apart."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from trainmark.analysis import cell_statistics, node_outliers, table_files
from trainmark.contents import tables

# What must be equal in two machines' descriptions. Names, identities, drivers and versions of systems are not in it.
_HARDWARE: tuple[str, ...] = ("chip", "architecture", "cores_physical", "cores_logical", "cores_usable", "core_levels")
_HARDWARE += ("cpu_quota_cores", "gpu", "gpu_cores", "virtualisation")
# Equal but for what kernels and drivers keep for themselves: by more than this factor, it is another size.
_MEMORY, _SAME_SIZE = ("memory_bytes", "gpu_memory_bytes"), 1.1
# What may be otherwise on a node that stands apart, and would explain it.
_SOFTWARE = ("operating_system", "kernel", "gpu_driver")
GROUP = ["kind", "device", "stack"]
_CELL = [*GROUP, "model", "batch_size"]

SLOWER, FASTER = "outlier: slower", "outlier: faster"
TOO_FEW_NODES, TOO_FEW_CELLS = "too few nodes to tell", "too few test cases to tell"
LIKE_OTHERS = "like the others"
# Nobody does anything about a node that differs by less, however sure that is.
_NOTABLE = 0.01


def kinds(machines: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Machine -> its kind in words, of those of which there is another machine of that kind.

    Args:
        machines: rows of machines.csv, every value a text.
    """
    alike: dict[tuple[str, ...], list[Mapping[str, str]]] = defaultdict(list)
    for row in machines:
        alike[(row["kernel"].partition(" ")[0], *(row[key] for key in _HARDWARE))].append(row)
    groups = [*alike.values()]
    for key in _MEMORY:
        groups = [part for group in groups for part in _of_one_size(group, key)]
    found: dict[str, str] = {}
    named: Counter[str] = Counter()
    for group in groups:
        if len(group) > 1:
            words = _in_words(group[0])
            named[words] += 1
            words += f" ({named[words]})" if named[words] > 1 else ""
            found |= {row["machine"]: words for row in group}
    return found


def _of_one_size(group: Iterable[Mapping[str, str]], key: str) -> list[list[Mapping[str, str]]]:
    """The machines in parts of about the same size of something; those of unknown size are a part."""
    parts: list[list[Mapping[str, str]]] = []
    last = -1.0
    for row in sorted(group, key=lambda row: float(row[key] or 0)):
        size = float(row[key] or 0)
        if not parts or size > _SAME_SIZE * last:
            parts.append([])
        parts[-1].append(row)
        last = size
    return parts


def _in_words(row: Mapping[str, str]) -> str:
    """What a machine is, but for its name."""
    threads = row["cores_usable"] + (
        f" of {row['cores_logical']}" if row["cores_logical"] != row["cores_usable"] else ""
    )
    memory = f"{float(row['memory_bytes']) / 2**30:.0f} GiB" if row["memory_bytes"] else ""
    virtual = "" if row["virtualisation"] in ("", "none") else row["virtualisation"]
    return ", ".join(word for word in (row["chip"], f"{threads} threads", memory, row["gpu"], virtual) if word)


def cells(runs: pd.DataFrame, machines: Sequence[Mapping[str, str]]) -> pd.DataFrame:
    """The cells that two nodes of one kind or more have measured alike.

    Args:
        runs: comparable runs that are ok.
        machines: rows of machines.csv, every value a text.

    Returns:
        One row a node and cell: ``GROUP``, ``machine``, ``model``, ``batch_size``; ``n``, its runs; ``mean`` and
        ``variance`` of the logs of their seconds of fit; ``log_ratio``, the mean less the median of all nodes' means.
    """
    of = kinds(machines)
    mine = runs[runs["machine"].isin(of)]
    if mine.empty:
        return pd.DataFrame(columns=[*_CELL, "machine", "n", "mean", "variance", "log_ratio"])
    cell = cell_statistics.CELL
    first = mine.drop_duplicates(cell)
    # What was resolved otherwise on some nodes, as another number of threads, is not compared with the others.
    alike = pd.util.hash_pandas_object(first[cell_statistics.APART].astype(str), index=False)
    logs = mine.assign(log=np.log(mine["fit_seconds"])).groupby(cell)["log"]
    found = logs.agg(n="size", mean="mean", variance="var").reset_index()
    found = found.merge(first[cell].assign(alike=alike.to_numpy()), on=cell)
    found = found.assign(kind=found["machine"].map(of))
    together = found.groupby([*_CELL, "alike"])["mean"]
    found = found.assign(log_ratio=found["mean"] - together.transform("median"))
    return found[together.transform("size") > 1].drop(columns="alike").reset_index(drop=True)


def per_node(cells: pd.DataFrame, machines: Sequence[Mapping[str, str]]) -> pd.DataFrame:
    """Each node beside the others of its kind.

    A node's value is the mean over its cells of the log of its time over the median of the kind's nodes. Which values
    are outliers is asked within each group by ``node_outliers.p_values``, and of all groups ``together``.

    Args:
        cells: as ``cells`` gives them.
        machines: rows of machines.csv, every value a text.

    Returns:
        Rows of equal_nodes_each.csv, the slowest first in each group: ``ratio`` is the node's time over the kind's
        median, as the geometric mean over its cells; ``p_value`` is adjusted, and empty where nothing can be told;
        ``differs`` says in what software the node is unlike most nodes of its group.
    """
    if cells.empty:
        return table_files.nothing("equal_nodes_each")
    groups = cells.groupby([*GROUP, "machine"])["log_ratio"]
    found = groups.agg(value="mean", cells="size").reset_index()
    most = cells.drop_duplicates(_CELL).groupby(GROUP).size().rename("most").reset_index()
    found = found.merge(most, on=GROUP)
    found = found.assign(enough=2 * found["cells"] >= found["most"], p_value=np.nan)
    parts = [part for _, part in found[found["enough"]].groupby(GROUP)]
    adjusted = node_outliers.together([node_outliers.p_values(part["value"]) for part in parts])
    for part, chances in zip(parts, adjusted):
        found.loc[part.index, "p_value"] = chances
    found = found.assign(ratio=np.exp(found["value"]), differs=_unlike_most(found, machines))
    found = found.assign(verdict=_verdicts(found))
    return found.sort_values([*GROUP, "ratio", "machine"], ascending=[True, True, True, False, True])[
        tables.named("equal_nodes_each").keys
    ]


def _verdicts(nodes: pd.DataFrame) -> list[str]:
    """What is said of each node."""
    apart = (nodes["p_value"] <= node_outliers.LEVEL) & ((nodes["ratio"] - 1).abs() > _NOTABLE)
    ways = [~nodes["enough"], nodes["p_value"].isna(), apart & (nodes["ratio"] > 1), apart]
    said = [TOO_FEW_CELLS, TOO_FEW_NODES, SLOWER, FASTER]
    return [str(each) for each in np.select(ways, said, LIKE_OTHERS)]


def _unlike_most(nodes: pd.DataFrame, machines: Sequence[Mapping[str, str]]) -> pd.Series:
    """In what software each node is unlike more than half of the nodes of its group, in words; empty for nothing."""
    software = pd.DataFrame(machines).set_index("machine").reindex(nodes["machine"])
    said = pd.Series("", index=nodes.index)
    for key in _SOFTWARE:
        values = pd.Series(software[key].to_numpy(), index=nodes.index).fillna("")
        for _, part in values.groupby([nodes[column] for column in GROUP]):
            counts = part.value_counts()
            usual = counts.index[0]
            if 2 * counts.iloc[0] > len(part):
                for place in part.index[part != usual]:  # less than half, and mostly none
                    word = f"{key.replace('_', ' ')} {part[place] or 'unknown'} (most: {usual or 'unknown'})"
                    said[place] = "; ".join(filter(None, (said[place], word)))
    return said


def per_kind(cells: pd.DataFrame, nodes: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    """How much the nodes of each kind differ, by device and stack, and what a typical one does.

    Args:
        cells: as ``cells`` gives them.
        nodes: equal_nodes_each.csv.
        runs: comparable runs that are ok.

    Returns:
        Rows of equal_nodes.csv. ``slowest_over_fastest`` is a ratio of times. ``spread`` is the robust standard
        deviation of the nodes' values, logs of time ratios; ``spread_of_repeats`` that of the runs of one node and
        cell; ``spread_by_repeats`` what the nodes' values would be spread by if repeats alone made them differ.
        ``typical`` is the node in the middle, of two the faster one, and ``samples_per_second`` what it does: the
        geometric mean of its cells' medians.
    """
    if nodes.empty:
        return table_files.nothing("equal_nodes")
    parts = dict(list(cells.groupby(GROUP)))
    rows = []
    for key, part in nodes.groupby(GROUP, sort=False):
        ordered = part.sort_values(["ratio", "machine"])
        fastest, slowest = ordered.iloc[0], ordered.iloc[-1]
        mine = parts[key]
        repeats = node_outliers.spread_of_repeats(mine["variance"], mine["n"])
        counts = mine.assign(share=1 / mine["n"]).groupby("machine")["share"].agg(["sum", "size"])
        typical = ordered["machine"].iloc[(len(ordered) - 1) // 2]
        rows.append(
            {
                **dict(zip(GROUP, key)),
                "nodes": len(part),
                "cells": len(mine.drop_duplicates(["model", "batch_size"])),
                "slowest_over_fastest": slowest["ratio"] / fastest["ratio"],
                "slowest": slowest["machine"],
                "fastest": fastest["machine"],
                "spread": node_outliers.spread(np.log(part["ratio"])),
                "spread_of_repeats": repeats,
                "spread_by_repeats": repeats * float((np.sqrt(counts["sum"]) / counts["size"]).median()),
                "outliers": int(part["verdict"].isin((SLOWER, FASTER)).sum()),
                "typical": typical,
                "samples_per_second": _rate(runs, typical, key[1], key[2]),
            }
        )
    return pd.DataFrame(rows)[tables.named("equal_nodes").keys]


def _rate(runs: pd.DataFrame, machine: str, device: str, stack: str) -> float:
    """Training samples per second of a node, geometric mean of its cells' medians."""
    mine = runs[(runs["machine"] == machine) & (runs["device"] == device) & (runs["stack"] == stack)]
    medians = mine.groupby(["model", "batch_size"])["throughput_samples_per_second"].median().astype(float)
    return float(np.exp(np.log(medians).mean()))
