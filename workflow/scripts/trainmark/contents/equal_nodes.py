"""The tables of machines of one kind, as the nodes of a cluster's partition."""

from __future__ import annotations

from trainmark.contents.columns import Column
from trainmark.contents.table import MAKE, Table

SECTION = "equal-nodes"
_GROUP = (Column("kind", "Kind of node", "long"), Column("device", "Device"), Column("stack", "Stack"))

TABLES = (
    Table(
        "equal_nodes",
        MAKE,
        (
            *_GROUP,
            Column("nodes", "Nodes", "integer"),
            Column("cells", "Test cases", "integer"),
            Column("slowest_over_fastest", "Slowest / fastest (time)", "ratio"),
            Column("slowest", "Slowest"),
            Column("fastest", "Fastest"),
            Column("spread", "Spread between nodes (%)", "percent"),
            Column("spread_by_repeats", "By repeats alone (%)", "percent", empty="needs repeats"),
            Column("spread_of_repeats", "Spread of the repeats of a test case (%)", "percent", empty="needs repeats"),
            Column("outliers", "Outliers", "integer"),
            Column("typical", "Typical node"),
            Column("samples_per_second", "Samples/s of it", "integer"),
        ),
        "Equal nodes: how much they differ",
        "Machines of one kind (equal processor, cores, memory, GPU and platform) by device and stack: the time of the "
        "slowest over that of the fastest, the robust spread between them, and what it would be if the repeats of the "
        "runs alone made them differ.",
        SECTION,
        "Spreads are robust standard deviations of log times: a few nodes or runs that stand apart do not widen them.",
        made_by="equal_nodes.per_kind",
        given=("node_cells", "equal_nodes_each", "runs"),
    ),
    Table(
        "equal_nodes_each",
        MAKE,
        (
            Column("machine", "Machine"),
            *_GROUP,
            Column("cells", "Test cases", "integer"),
            Column("ratio", "Times as long as the kind's median", "number"),
            Column("verdict", "Outlier?"),
            Column("p_value", "p, adjusted", "number", empty="unknown"),
            Column("differs", "Software unlike that of most", "long"),
        ),
        "Every node beside those of its kind",
        "Machines of one kind, one row a machine, device and stack: its time over the median of its kind, as the "
        "geometric mean over the test cases, and whether it is an outlier: by Rosner's generalized ESD test, adjusted "
        "by Holm's method, and by over 1 %.",
        SECTION,
        "The slowest of each kind first. Above 1: slower than the median of its kind, as the geometric mean over its "
        "test cases.",
        made_by="equal_nodes.per_node",
        given=("node_cells", "machines"),
    ),
)
