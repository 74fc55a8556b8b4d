"""The tables that compare runs, or say what is to be known before they are compared."""

from __future__ import annotations

from trainmark.contents.columns import Column
from trainmark.contents.run_columns import CELL, SERIES
from trainmark.contents.table import MAKE, Table, interval, words

MODEL, BATCH_SIZE = CELL[3:]
SIDES = tuple(Column(f"{axis}{side}") for side in ("", "_baseline") for axis in ("machine", "device", "stack"))
PAIR = (words("candidate", "Candidate"), words("baseline", "Baseline"))
CERTAIN = words("certain", "Faster?")

TABLES = (
    Table(
        "ranking",
        MAKE,
        (
            *(Column(axis, axis.capitalize()) for axis in ("machine", "device", "stack")),
            Column("model"),
            Column("cells", "Test cases", "integer"),
            Column("speed_up", "Times as fast", "ratio"),
            *interval(),
            Column("samples_per_second", "Samples/s", "integer"),
            Column("doubts", "What speaks against it", "long", empty="nothing"),
            *(Column(f"{axis}_baseline") for axis in ("machine", "device", "stack")),
        ),
        "Ranking",
        "Each machine, device and stack against one of them, by model and over all: baseline time divided by its time "
        "(geometric means over the test cases that both have, with 95 % intervals), samples per second, and what "
        "speaks against the figures.",
        made_by="ranking.ranking",
        of_every_experiment=True,
        given=("against_baseline", "pinned_runs", "shown", "outliers", "drift"),
    ),
    # One row a model and batch size that two series or more have.
    Table(
        "fastest",
        MAKE,
        (
            MODEL,
            BATCH_SIZE,
            *(Column(axis) for axis in ("machine", "device", "stack")),
            Column("seconds", kind="seconds"),
            Column("series", kind="integer"),
        ),
        made_by="ranking.fastest",
        of_every_experiment=True,
        given=("against_baseline",),
    ),
    Table(
        "comparisons",
        MAKE,
        (
            *PAIR,
            Column("comparison"),
            Column("exhibit"),
            *SIDES,
            MODEL,
            BATCH_SIZE,
            Column("speed_up", "Speed-up", "ratio"),
            *interval(),
            CERTAIN,
            Column("includes_1", kind="flag"),
            Column("steady_state_speed_up", "Speed-up, steady state", "ratio"),
            *interval("steady_state_low", "steady_state_high"),
            Column("winner_changes", kind="flag"),
            Column("n_baseline", "Runs, baseline", "integer"),
            Column("n_candidate", "Runs, candidate", "integer"),
            Column("fit_seconds_baseline", "Baseline, median (s)", "seconds"),
            Column("fit_seconds_candidate", "Candidate, median (s)", "seconds"),
            Column("steady_state_epoch_seconds_baseline", kind="seconds"),
            Column("steady_state_epoch_seconds_candidate", kind="seconds"),
            Column("test_accuracy_baseline", "Accuracy, baseline", "accuracy"),
            Column("test_accuracy_candidate", "Accuracy, candidate", "accuracy"),
            Column("log_standard_error", kind="number"),
            Column("degrees_of_freedom", kind="number"),
        ),
        "Times faster: every test case",
        "Speed-up of the candidate over the baseline, by test case: baseline time divided by candidate time (geometric "
        "means of the seconds of ``fit``), above 1 where the candidate is faster, with its 95 % interval (Welch, on "
        "log times), which needs two runs on each side. Only runs of one experiment and protocol are compared.",
        note=(
            "The speed-up is the ratio of the geometric means of the repeats; the medians give a slightly different "
            "ratio."
        ),
        made_by="comparisons.compare_all",
        given=("moments", "wanted"),
        blank_texts=True,
    ),
    Table(
        "comparisons_summary",
        MAKE,
        (
            *PAIR,
            Column("comparison"),
            Column("exhibit"),
            *SIDES,
            MODEL,
            Column("cells", "Test cases", "integer"),
            Column("geometric_mean", "Geometric mean", "ratio"),
            *interval(),
            Column("arithmetic_mean", "Average", "ratio"),
            Column("minimum", "Minimum", "ratio"),
            Column("maximum", "Maximum", "ratio"),
        ),
        "Times faster: averages over the test cases that both sides have",
        "The speed-ups of a comparison taken together: geometric and arithmetic mean, minimum and maximum over "
        "the test cases that both sides have, for each model and for all.",
        note=(
            "The interval is that of the geometric mean of these test cases: it covers the noise of the runs, not "
            "their choice."
        ),
        made_by="comparison_statistics.summarise",
        given=("comparisons",),
        blank_texts=True,
    ),
    Table(
        "excluded_pairs",
        MAKE,
        (
            *PAIR,
            *SIDES,
            Column("model"),
            Column("batch_size", kind="integer"),
            words("cells", "Test cases"),
            Column("why", "Differ in (candidate against baseline)", "long"),
        ),
        made_by="comparisons.unlike",
        given=("moments", "wanted"),
    ),
    Table(
        "break_even",
        MAKE,
        (
            Column("machine", "Machine"),
            Column("stack", "Stack"),
            MODEL,
            words("said", "The GPU is faster", "long"),
            Column("smallest", kind="integer"),
            Column("largest", kind="integer"),
            *(Column(key, kind="number") for key in ("batch_size", "low", "high")),
        ),
        "Break-even batch sizes",
        "Batch size from which on the GPU beats the CPU of its machine: where the log of the speed-up, over the log of "
        "the batch size, last crosses 0 upwards. 0: faster at every batch size measured; inf: not faster at the "
        "largest. ``low`` and ``high`` are where the limits of the 95 % intervals cross. Nothing is said of batch "
        "sizes that were not measured.",
        "break-even",
        made_by="break_even.batch_sizes",
        given=("gpu_against_cpu",),
    ),
    Table(
        "tflops",
        MAKE,
        (
            *SIDES,
            Column("model"),
            *(Column(key, kind="number") for key in ("batch_size", "tflops_ratio", "speed_up", "low", "high")),
        ),
        "TFLOPS against training time",
        "For each pair of GPUs (of more than 30, each with the weakest only) and each test case that both have: the "
        "ratio of their published FP32 TFLOPS, and the measured speed-up of the one with more TFLOPS, with its 95 % "
        "interval. Pairs of equal or unknown TFLOPS are left out.",
        made_by="arithmetic.tflops_ratios",
        given=("moments", "gpus"),
    ),
    Table(
        "time_to_accuracy",
        MAKE,
        (
            *CELL,
            Column("target_accuracy", "Target", "accuracy"),
            Column("epochs", "Epochs, median", "number"),
            Column("seconds", "Seconds, median", "seconds"),
            words("of_runs", "Runs that reached it"),
            Column("runs", kind="integer"),
            Column("reached", kind="integer"),
            Column("speed_up", "Times as fast", "ratio"),
            *interval(empty=""),
        ),
        "Time to accuracy",
        "By test case, the seconds of ``fit`` until the validation accuracy first reached the target of its model "
        "(median of the runs; a run that never did counts as longer than all others), the epochs that took, how many "
        "of the runs reached it, and the baseline's time divided by this one (geometric means, 95 % interval by Welch, "
        "on log times), where every run of both sides reached it.",
        made_by="time_to_accuracy.per_cell",
        given=("shown", "against_baseline"),
    ),
    Table(
        "utilisation",
        MAKE,
        (
            *SERIES,
            MODEL,
            Column("batch_size", "At batch size", "size"),
            Column("tflops", "Reached (TFLOPS)", "number"),
            Column("published_tflops", "FP32 peak (TFLOPS)", "number", published=True),
            Column("share", "Share of it (%)", "percent"),
            Column("swept_tflops", "Best matrix product (TFLOPS)", "number"),
            Column("swept_share", "Share of it (%)", "percent"),
        ),
        "Utilisation: how much of the arithmetic is used",
        "For each model, the arithmetic of the whole fit over its time at the batch size where that is highest (median "
        "of the repeats), in TFLOPS, beside the GPU's published FP32 peak. Operations are counted from the layers (a "
        "multiply-add as two); the validation and all start-up are in the time, so the share of the peak is what a "
        "user gets, not what the device can do.",
        "utilisation",
        made_by="arithmetic.utilisation",
        given=("runs", "gpus", "peaks"),
    ),
    Table(
        "matrix_products",
        MAKE,
        (
            *SERIES,
            Column("threads", "Threads", "integer"),
            Column("side", "Side of the matrices", "integer"),
            Column("tflops", "Reached (TFLOPS)", "number"),
            Column("published_tflops", "FP32 peak of the GPU (TFLOPS)", "number", published=True),
            Column("published_share", "Share of it (%)", "percent"),
            Column("theoretical_tflops", "FP32 peak of the cores (TFLOPS)", "number"),
            Column("theoretical_share", "Share of it (%)", "percent"),
            Column("theory", "Computed from"),
        ),
        "Matrix products: the most of each device",
        "The best product of two square float32 matrices that a stack makes on each device, in TFLOPS, beside the "
        "GPU's published FP32 peak, and beside the peak of the processor's cores at their clock.",
        "utilisation",
        "The best of all rounds and sizes, without TensorFloat-32. The peak of a processor's cores is computed from "
        "the highest clock that the system names. In a virtual machine that is often the nominal clock, so a share "
        "may exceed 100 %.",
        made_by="arithmetic.best_products",
        given=("peaks", "gpus"),
    ),
    Table(
        "control_ratios",
        MAKE,
        (
            words("said", "With"),
            Column("control"),
            *CELL,
            Column("speed_up", "Times as fast", "ratio"),
            *interval(),
            CERTAIN,
            Column("steady_state_speed_up", "Times as fast, steady state", "ratio"),
            Column("fit_seconds_baseline", "Plain, median (s)", "seconds"),
            Column("fit_seconds_candidate", "Control, median (s)", "seconds"),
            Column("test_accuracy_baseline", "Accuracy, plain", "accuracy"),
            Column("test_accuracy_candidate", "Accuracy, control", "accuracy"),
            Column("n_baseline", "Runs, plain", "integer"),
            Column("n_candidate", "Runs, control", "integer"),
            Column("log_standard_error", kind="number"),
            Column("degrees_of_freedom", kind="number"),
        ),
        "Controls against plain runs, by test case",
        "Controls, runs in which one thing is otherwise (place of the images, CPU threads, compiling, precision, input "
        "pipeline), against the plain runs of the same test case: plain time divided by the control's, above 1 where "
        "the control is faster, with its 95 % interval (Welch, on log times), and the median test accuracy of both.",
        "control-ratios",
        "A control differs from the plain runs in one thing. It is in no other figure, table or ratio.",
        made_by="control_ratios.compare",
        given=("runs", "controls"),
    ),
    Table(
        "gpu_states",
        MAKE,
        (
            *SERIES,
            Column("runs", "Runs", "integer"),
            Column("clock_hertz", "Clock, median (MHz)", "megahertz"),
            Column("hottest_celsius", "Hottest (°C)", "number"),
            Column("peak_memory_bytes", "Memory of the tensors, most (GiB)", "gib"),
            Column("held_back_by", "Clock held back by (share of the time)", "long", empty="nothing"),
        ),
        "GPU clock, temperature, throttling",
        "What NVIDIA's driver and the framework reported of the GPUs while they trained: the median of the clocks of "
        "the graphics processor, the highest temperature, the most memory that the framework's tensors took, and the "
        "mean share of the samples in which each reason held the clock back.",
        "spread",
        made_by="stability.gpu_states",
        given=("runs",),
    ),
    Table(
        "outliers",
        MAKE,
        (
            *CELL,
            Column("repeat", "Repeat", "integer"),
            Column("fit_seconds", "Time (s)", "seconds"),
            Column("median_seconds", "Median of its test case (s)", "seconds"),
            Column("ratio", "Times as long", "ratio"),
            Column("load_average_before", "Load before", "number"),
            Column("other_cpu_share", "Cores taken by other programs (%)", "percent"),
            Column("steal_share", "Taken by the host (%)", "percent"),
            Column("cpu_share", "By the run itself (%)", "percent"),
            Column("started_at", "Started (UTC)"),
            Column("why", "Why it is here", "long"),
        ),
        "Outliers and disturbed runs",
        "Runs that took over a fifth longer than the median of their test case (of at least three runs) or under five "
        "sixths of it, and disturbed runs, with what was noticed: the machine's load before, the share of the cores' "
        "time that the host gave to others, and the share of the threads' time in which the run computed. They count "
        "like all others.",
        "spread",
        "Outliers took over a fifth longer than the median of their test case, or under five sixths of it. In "
        "disturbed runs others took over a tenth of the cores' time, or the machine ran on battery, saved power or "
        "was slowed down by heat. They count like all others.",
        made_by="stability.outliers",
        given=("runs",),
    ),
    Table(
        "drift",
        MAKE,
        (
            *SERIES,
            Column("cells", "Test cases", "integer"),
            Column("ratio", "Last repeat / first", "ratio"),
            *interval(empty=""),
            words("certain", "Drift?"),
        ),
        "Drift over the session",
        "By machine, stack and device: the time of the last repeat of a test case over that of its first, as the "
        "geometric mean over the test cases, with its 95 % interval (t, on logs). Above 1, the machine became slower "
        "over the session.",
        "spread",
        "Time of the last repeat of a test case over that of its first, as geometric mean over the test cases. Above "
        "1, the machine became slower.",
        made_by="stability.drift",
        given=("runs",),
    ),
)
