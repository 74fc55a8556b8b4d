"""The table of the steps of suites whose runs are compared by them."""

from __future__ import annotations

from trainmark.contents.columns import UNKNOWN, Column
from trainmark.contents.run_columns import CELL
from trainmark.contents.table import MAKE, Table

TABLES = (
    Table(
        "step_times",
        MAKE,
        (
            *CELL,
            Column("runs", "Runs", "integer"),
            Column("steady_state_step_seconds", "Step from epoch 2 on (s)", "number"),
            Column("steady_state_samples_per_second", "Samples/s from epoch 2 on", "integer"),
            Column("fit_seconds", "Time to train (s)", "seconds"),
            Column("joules_per_epoch", "Epoch (J)", "number", empty=UNKNOWN),
            Column("energy_scope", "Energy of", empty=UNKNOWN),
        ),
        "Mean step from the second epoch on",
        "Mean time of a training step from the second epoch to the last, without the validation, and the energy of an "
        "epoch with it, by test case (medians of the runs). Of suites whose published figures are of steps.",
        "steady-state",
        "Medians of the runs. A step is the time of epochs 2 to n, less their validation, over their training steps: "
        "start-up and first transfers are left out, as in the article's second part. The energy of an epoch is of the "
        "whole fit over its epochs.",
        made_by="step_times.per_cell",
        given=("runs", "steps"),
    ),
)
