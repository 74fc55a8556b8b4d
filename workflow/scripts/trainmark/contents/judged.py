"""The tables that hold measurements against what was published."""

from __future__ import annotations

from trainmark.contents.columns import Column
from trainmark.contents.table import MAKE, Table, interval

TABLES = (
    Table(
        "claims",
        MAKE,
        (
            Column("claim", "Claim"),
            Column("statement", "What was published", "long", published=True),
            Column("source", "Source", "long"),
            Column("note", "Note", "long"),
            Column("expected", "Taken as"),
            # The values that the claim allows, to infinity where it has no upper end; or all but those.
            Column("claimed_low", kind="number"),
            Column("claimed_high", kind="number"),
            Column("claimed_outside", kind="flag"),
            Column("candidate", "Candidate"),
            Column("baseline", "Baseline", "long"),
            Column("stack", "Stack"),
            Column("measured", "Measured", "ratio"),
            *interval(empty=""),
            Column("verdict", "Verdict"),
            Column("detail", "By", "long"),
        ),
        "Claims and verdicts",
        "Each claim of ``config/claims.yaml`` with its verdict, which comes from measurements alone: reproduced where "
        "the 95 % interval lies within the claimed range, contradicted where it lies outside (corrected for the "
        "number of test cases), within noise where neither holds, not measured where something is missing, which is "
        "named.",
        category="Claims",
        made_by="claims.judge_all",
        given=("ledger", "pinned_moments", "peaks", "hardware_ids"),
    ),
    # What the claims published of cells, drawn beside the measured ones.
    Table(
        "published",
        MAKE,
        (
            *(Column(key) for key in ("machine", "device", "machine_baseline", "device_baseline", "model")),
            Column("batch_size", kind="integer"),
            Column("value", kind="number"),
            Column("claim"),
        ),
        made_by="claims.published",
        given=("ledger", "pinned_moments", "hardware_ids"),
    ),
)
