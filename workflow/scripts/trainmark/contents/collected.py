"""The tables that are made from the records, before anything is compared, and of what was published of hardware."""

from __future__ import annotations

from trainmark.contents.columns import UNKNOWN, Column
from trainmark.contents.run_columns import CELL, RUN, SERIES
from trainmark.contents.table import COLLECT, EXPERIMENT, MAKE, Table, published, words

_MACHINE = (
    Column("machine", "Machine"),
    Column("chip", "Processor"),
    Column("architecture"),
    Column("cores_physical", kind="integer"),
    Column("cores_logical", "Threads", "integer", empty=UNKNOWN),
    Column("cores_usable", "Threads usable", "integer"),
    Column("core_levels", "Kinds of cores"),
    Column("cpu_quota_cores", kind="number"),
    Column("memory_bytes", "Memory (GiB)", "gib", empty=UNKNOWN),
    Column("gpu", "GPU", empty="none"),
    Column("gpu_cores", "GPU cores", "integer"),
    Column("gpu_memory_bytes", "GPU memory (GiB)", "gib"),
    Column("gpu_driver", "GPU driver"),
    Column("operating_system", "Operating system"),
    Column("kernel"),
    Column("virtualisation", "Virtualisation", empty=UNKNOWN),
)

TABLES = (
    Table("runs", COLLECT, RUN),
    Table("controls", COLLECT, RUN),
    Table("machines", COLLECT, _MACHINE, blank_texts=True),
    # Of earlier sessions of machines, which are in no other table but over_time.csv.
    Table("earlier_runs", COLLECT, (Column("session"), *RUN)),
    Table("earlier_machines", COLLECT, (Column("session"), *_MACHINE), blank_texts=True),
    # Of each machine: how many of its records came with which signature, by which keys, and how they name each other.
    Table(
        "origins",
        COLLECT,
        (
            Column("machine", "Machine"),
            *(Column(key, kind="integer") for key in ("signed", "not_checked", "unsigned", "by_no_merge")),
            Column("keys"),
            Column("records", "Records", "integer"),
            words("came", "Source", "long"),
            Column("named_here", "Predecessor here", "integer"),
            Column("named_elsewhere", "Predecessor missing", "integer"),
            Column("unlinked", "No predecessor", "integer"),
            Column("forks", "Predecessor of several", "integer"),
            Column("late", "Predecessor started later", "integer"),
        ),
        blank_texts=True,
    ),
    Table("experiments", COLLECT, (Column("settings_digest"), Column("settings")), blank_texts=True),
    Table(
        "excluded_files",
        COLLECT,
        (
            Column("path", "File"),
            Column("what", "What is wrong", "long"),
            Column("remedy", "What to do", "long"),
        ),
        blank_texts=True,
    ),
    # One row a round of the side at which a sweep of matrix products was fastest.
    Table(
        "peaks",
        COLLECT,
        (
            *SERIES,
            *(
                Column(key, kind="number")
                for key in (
                    "side",
                    "round",
                    "flops_per_second",
                    "theoretical_flops_per_second",
                    "theoretical_cores",
                    "theoretical_clock_hertz",
                    "theoretical_flops_per_cycle",
                    "threads",
                )
            ),
        ),
    ),
    # Of the runs of suites that are compared by their steps, those that have a second epoch.
    Table(
        "steps",
        COLLECT,
        (
            *CELL,
            Column("repeat", kind="integer"),
            Column("steps_per_epoch", kind="integer"),
            Column("steady_state_step_seconds", kind="number"),
            *(Column(key) for key in EXPERIMENT[:1]),
            *(Column(key, kind="integer") for key in EXPERIMENT[1:]),
        ),
    ),
    # Of the runs and controls that their time limit stopped, those that finished an epoch.
    Table(
        "stopped",
        COLLECT,
        (
            *CELL,
            Column("repeat", "Repeat", "integer"),
            Column("control", "Control"),
            Column("epochs_finished", "Epochs finished", "integer"),
            Column("epochs", "of", "integer"),
            Column("first_epoch_seconds", "First epoch (s)", "seconds"),
            Column("steady_state_epoch_seconds", "Each later one (s)", "seconds"),
            Column("validation_accuracy_by_epoch"),
            words("curve", "Validation accuracy after each", "long"),
            *(Column(key) for key in EXPERIMENT[:1]),
            *(Column(key, kind="integer") for key in EXPERIMENT[1:]),
        ),
    ),
    Table(
        "cells",
        MAKE,
        (
            *CELL,
            Column("n", "Runs ok", "integer"),
            Column("failed", "Failed or not converged", "integer"),
            words("remarks", "Remarks", "long"),
            Column("fit_seconds_median", "Median (s)", "seconds"),
            Column("fit_seconds_min", "Minimum (s)", "seconds"),
            Column("fit_seconds_max", "Maximum (s)", "seconds"),
            Column("fit_seconds_spread", "Spread (%)", "percent"),
            Column("throughput_samples_per_second_median", "Samples/s", "integer"),
            Column("flops_per_second_median", kind="number"),
            Column("fit_teardown_seconds_median", "After the last epoch (s)", "seconds"),
            Column("test_accuracy_median", "Test accuracy", "accuracy"),
            Column("test_accuracy_min", kind="accuracy"),
            Column("first_epoch_seconds_median", "First epoch (s)", "seconds"),
            Column("steady_state_epoch_seconds_median", "Epoch in steady state (s)", "seconds"),
            Column("peak_memory_bytes_median", "Memory of the process (GiB)", "gib"),
            Column("peak_device_memory_bytes_median", "Memory of the GPU's tensors (GiB)", "gib", empty=UNKNOWN),
            Column("median_half_width", "Median known to (± %)", "percent"),
            Column("apart"),
            Column("joined"),
            Column("workload_digest"),
            Column("settings_digest"),
            Column("protocol", kind="integer"),
            Column("epochs", kind="integer"),
        ),
        "Every test case",
        "One row a test case (machine x stack x device x model x batch size): the number of runs that are ok and that "
        "failed; median, minimum and maximum of the seconds of ``fit``; throughput and test accuracy. Rows with "
        "different workload digests or protocols must not be compared.",
        "cells",
        made_by="cell_statistics.summarise",
        given=("everything",),
    ),
    Table(
        "specifications",
        MAKE,
        (
            Column("machine", "Machine"),
            Column("kind"),
            Column("vendor"),
            Column("hardware"),
            Column("family"),
            Column("name", "Name"),
            *published("fp32_tflops", "FP32 peak (TFLOPS)", "number"),
            *published("memory_bandwidth_gb_per_s", "Memory bandwidth (GB/s)"),
            *published("memory_gb", "Memory, at most (GB)"),
            *published("cores", "CPU cores"),
            *published("transistors_billion", "Transistors (10⁹)"),
            *published("power_watts", "Board power (W)"),
            *published("released", "Released"),
            words("sources", "Sources", "long"),
        ),
        "Exhibits 1 and 2: published specifications",
        "Published figures of the processors and GPUs that were measured, each with its source, from "
        "``config/hardware.yaml``. They were not measured here, and are used in one statistic only: the comparison "
        "of TFLOPS with training time. Empty where the hardware of a machine is not known.",
        made_by="specifications.look_up",
        given=("machines", "published_hardware"),
        blank_texts=True,
    ),
)
