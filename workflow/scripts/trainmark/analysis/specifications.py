"""What was published of the hardware that was measured, as a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from trainmark.contents import tables
from trainmark.ingest import catalogue


def look_up(machines: list[dict[str, str]], published: Mapping[str, Any]) -> pd.DataFrame:
    """The published figures of each machine's processor and GPU.

    Args:
        machines: rows of machines.csv, every value a text.
        published: as ``catalogue.load`` gives it.

    Returns:
        Rows of specifications.csv, every value a text, as it was published.
    """
    keys = tables.named("specifications").keys
    found = catalogue.look_up(machines, published)
    rows = [[None if row.get(key) is None else str(row[key]) for key in keys] for row in found]
    return pd.DataFrame(rows, columns=keys, dtype=object)


def hardware_ids(specifications: pd.DataFrame) -> dict[str, set[str]]:
    """Machine -> ids and families of its processor and GPU in config/hardware.yaml."""
    groups = specifications.groupby("machine")[["hardware", "family"]]
    return {machine: set(rows.to_numpy().ravel()) - {""} for machine, rows in groups}
