"""What the page says of machines of one kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trainmark.analysis import node_outliers
from trainmark.analysis.equal_nodes import FASTER, GROUP, SLOWER
from trainmark.contents import tables
from trainmark.contents.columns import ratio
from trainmark.report.sections.document import rows_of
from trainmark.report.sections.report_data import ReportData
from trainmark.words import enumerate_words, plural

# Kinds, by device and stack, that each get a sentence; the table has all.
_MOST_GROUPS = 6
HOW = (
    "Two machines are of one kind if their descriptions agree in processor, cores, memory (to a tenth), GPU, "
    "virtualisation and platform; names, drivers and versions of the system may differ. A node's value is the mean, "
    "over its test cases, of the log of its time over the median of its kind. Whether the farthest node is an outlier "
    "is asked by Rosner's generalized ESD test: it is held against all others by a t test, then taken out before the "
    "next is asked, so that two outliers cannot hide each other. Its p-values are corrected for the number of nodes "
    "and of steps, and by Holm's method over all kinds, devices and stacks of the page: if no node is an outlier, the "
    f"chance that any is called one is at most {100 * node_outliers.LEVEL:.0f} %. Nodes within 1 % of the median are "
    f"never called so. It needs {node_outliers.FEWEST_NODES} nodes. A run that is an outlier among its repeats is "
    "something else, and is in another table."
)


def sentences(data: ReportData) -> list[str]:
    """What the tables say, kind by kind."""
    groups, nodes = rows_of(data.tables["equal_nodes"]), data.tables["equal_nodes_each"]
    several = {column for column in ("device", "stack") if nodes[column].nunique() > 1}
    apart = nodes[nodes["verdict"].isin((SLOWER, FASTER))]
    said = []
    for group in groups[:_MOST_GROUPS]:
        mine = apart[(apart[GROUP] == [group[column] for column in GROUP]).all(axis=1)]
        said.append(f"{_how_far(group, several)} {_outliers(group, rows_of(mine))}")
    if len(groups) > _MOST_GROUPS:
        said.append(f"{len(groups) - _MOST_GROUPS} more are in {tables.named('equal_nodes').file}.")
    return said


def _how_far(group: Mapping[str, Any], several: set[str]) -> str:
    """How much the nodes of a group differ."""
    more = {"device": group["device"].upper(), "stack": group["stack"]}
    of = "; ".join([group["kind"], *(more[column] for column in ("device", "stack") if column in several)])
    widest = ratio(group["slowest_over_fastest"])
    found = f"{plural(group['nodes'], 'node')} of one kind ({of}): the slowest takes {widest} times as long as the "
    found += f"fastest. The nodes are spread by {_percent(group['spread'])}"
    if group["spread_by_repeats"] is not None:
        found += f"; if their repeats alone made them differ, that would be {_percent(group['spread_by_repeats'])}"
    return (
        f"{found}. The typical node is {group['typical']}, with {group['samples_per_second']:,.0f} samples per second "
        "(geometric mean over its test cases)."
    )


def _outliers(group: Mapping[str, Any], apart: list[dict[str, Any]]) -> str:
    """Which nodes of a group stand apart."""
    if group["nodes"] < node_outliers.FEWEST_NODES:
        return f"Too few nodes to tell whether one is an outlier: that needs {node_outliers.FEWEST_NODES}."
    if not apart:
        return "No node is an outlier."
    each = [f"{row['machine']} ({row['ratio']:.3g} times the median{_because(row)})" for row in apart]
    return f"{'Outlier' if len(each) == 1 else 'Outliers'}: {enumerate_words(each)}."


def _because(row: Mapping[str, Any]) -> str:
    """What may explain an outlier, if something is known."""
    return f"; its software differs: {row['differs']}" if row["differs"] else ""


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %"
