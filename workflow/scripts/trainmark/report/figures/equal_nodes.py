"""The figure of machines of one kind."""

from __future__ import annotations

import pandas as pd

from trainmark.analysis.equal_nodes import FASTER, GROUP, SLOWER
from trainmark.contents.figures import Figure
from trainmark.report.figures.figure_spec import Exhibit, constants, few, lacking


def one_dot_a_node(figure: Figure, nodes: pd.DataFrame) -> Exhibit:
    """Each node's time over the median of its kind; a panel a kind, device and stack."""
    if nodes.empty:
        return lacking(figure)
    several = [column for column in ("device", "stack") if nodes[column].nunique() > 1]
    keys = [*nodes[GROUP].drop_duplicates().itertuples(index=False, name=None)]
    apart = nodes["verdict"].isin((SLOWER, FASTER))
    said = [f"{row.machine} {row.ratio:.3g}" for row in nodes[apart].itertuples()]
    ends = nodes["ratio"].min(), nodes["ratio"].max()
    return Exhibit(
        figure.name,
        figure.title,
        "training time over the median of the kind",
        "dots",
        table=nodes[[*GROUP, "machine", "ratio"]].assign(outlier=apart),
        value="ratio",
        axis="Times as long as the kind's median",
        marks="One dot a node.",
        note=f"To the right: slower. Logarithmic axis. {constants(nodes)}".strip(),
        alt=f"{figure.title}: {len(nodes)} dots from {ends[0]:.3g} to {ends[1]:.3g} times the median of their kind; "
        + (f"outliers: {few(said)}." if said else "no outlier."),
        series=GROUP,
        names={key: _name(key, several) for key in keys},
        log=True,
        reference=1.0,
    )


def _name(key: tuple[str, str, str], several: list[str]) -> str:
    """The kind, with device and stack where there are several."""
    kind, device, stack = key
    more = {"device": device.upper(), "stack": stack}
    return "; ".join([kind, *(more[column] for column in several)])
