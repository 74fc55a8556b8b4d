"""The tables of the energy that trainings used."""

from __future__ import annotations

from trainmark.contents.columns import UNKNOWN, Column
from trainmark.contents.compared import BATCH_SIZE, MODEL, PAIR, SIDES
from trainmark.contents.run_columns import CELL, SERIES
from trainmark.contents.table import MAKE, Table, interval, words

TABLES = (
    Table(
        "energy",
        MAKE,
        (
            *CELL,
            Column("energy_scope", "Energy of"),
            Column("runs", "Runs", "integer"),
            Column("joules", "Training (J)", "number"),
            Column("joules_per_epoch", "Epoch (J)", "number"),
            Column("joules_per_million_samples", "Million samples (J)", "number"),
            Column("watts", "Mean power (W)", "number"),
            Column("above_idle_joules", "Training, above idle (J)", "number", empty=UNKNOWN),
            Column("above_idle_joules_per_million_samples", "Million samples, above idle (J)", "number", empty=UNKNOWN),
        ),
        "Energy by test case",
        "Energy of the training window, from the beginning of fit to its end, by test case (medians of the runs). Idle "
        "power is included, except where a column says above idle. The scope says what was counted.",
        "energy",
        "Medians of the runs. Idle power is included. Above idle is the energy less what the idle machine would have "
        "used, by its power before each run.",
        made_by="energy_use.per_cell",
        given=("runs",),
    ),
    Table(
        "energy_ratios",
        MAKE,
        (
            *PAIR,
            *SIDES,
            MODEL,
            BATCH_SIZE,
            Column("ratio", "Baseline energy / candidate energy", "ratio"),
            *interval(),
            words("certain", "Uses less?"),
            Column("energy_scope"),
            Column("energy_scope_baseline"),
            Column("why", "Why not comparable", "long"),
        ),
        "Energy ratio",
        "Baseline energy over candidate energy of the test cases that both have; ratios of different scopes are "
        "marked: they do not compare efficiency.",
        "energy",
        "Above 1, the candidate used less. Ratios of different scopes are grey and do not compare efficiency: the "
        "energy of an SoC includes parts that a GPU board does not have.",
        made_by="energy_use.ratios",
        given=("runs", "wanted"),
    ),
    Table(
        "energy_unmeasured",
        MAKE,
        (
            *SERIES,
            Column("missing", "Missing"),
            Column("why", "Why", "long"),
            Column("runs", "Runs", "integer"),
        ),
        "Runs without energy",
        "Runs whose energy was not measured, or not above idle, with the reason.",
        "energy",
        made_by="energy_use.unmeasured",
        given=("runs",),
    ),
)
