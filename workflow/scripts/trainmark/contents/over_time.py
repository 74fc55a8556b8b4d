"""The table of the sessions of one machine."""

from __future__ import annotations

from trainmark.contents.columns import Column
from trainmark.contents.run_columns import SERIES
from trainmark.contents.table import MAKE, Table, interval

SECTION = "over-time"

TABLES = (
    Table(
        "over_time",
        MAKE,
        (
            *SERIES,
            Column("earlier", "Earlier session (UTC)"),
            Column("later", "Later session (UTC)"),
            Column("cells", "Test cases", "integer"),
            Column("ratio", "Later / earlier (time)", "ratio"),
            *interval(),
            Column("verdict", "Change"),
            Column("changed", "What changed", "long", empty="nothing that is recorded"),
        ),
        "Over time: sessions of one machine",
        "By machine, device and stack, each session beside the one before it: later time over earlier time, as the "
        "geometric mean over the test cases that both have, with its 95 % interval (Welch, on log times). Above 1, the "
        "machine became slower.",
        SECTION,
        "Above 1: slower than before.",
        made_by="over_time.compare",
        given=("runs", "earlier", "machines", "earlier_machines"),
    ),
)
