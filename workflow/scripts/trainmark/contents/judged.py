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
            # What it measures; of a claim that names its workload, on what, in which experiment if it is not the one
            # that is shown, of which published table it is a number, and what to type to measure it.
            Column("measure"),
            Column("workload"),
            Column("measured_in"),
            Column("table"),
            Column("command", "What to type there", "long"),
        ),
        "Claims and verdicts",
        "Each claim of ``config/claims`` with its verdict, which comes from measurements alone: reproduced where "
        "the 95 % interval lies within the claimed range, contradicted where it lies outside (corrected for the "
        "number of test cases), within noise where neither holds, not measured where something is missing, which is "
        "named, with the command that would measure it, and cannot be tested where trainmark does not have the "
        "workload. Every number of a published table is such a claim.",
        category="Claims",
        made_by="claims.judge_all",
        given=("ledger", "measured", "peaks", "hardware_ids"),
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
            Column("table"),
        ),
        made_by="published_tables.speed_ups",
        given=("ledger", "measured", "hardware_ids"),
    ),
    # The times of published tables, for as many epochs as were measured, drawn beside the measured ones.
    Table(
        "published_times",
        MAKE,
        (
            *(Column(key) for key in ("machine", "device", "stack", "model")),
            Column("batch_size", kind="integer"),
            Column("fit_seconds", kind="seconds"),
            Column("table"),
        ),
        made_by="published_tables.times",
        given=("ledger", "measured", "hardware_ids"),
    ),
    Table(
        "published_checks",
        MAKE,
        (
            Column("table"),
            Column("said", "What was said, or follows", "long", published=True),
            Column("found", "By its own numbers", "long", published=True),
            Column("verdict", "Verdict"),
            Column("source", "Source", "long"),
        ),
        "Published tables against themselves",
        "What a source says of its own table, by the numbers of that table: agrees, or does not agree. Machines that "
        "take the same time although their published peaks are far apart, or although another table of the source has "
        "them far apart, are not equal: it was not the devices that were timed, but a loader, say.",
        category="Claims",
        made_by="published_tables.checks",
        given=("ledger", "published_peaks"),
    ),
)
