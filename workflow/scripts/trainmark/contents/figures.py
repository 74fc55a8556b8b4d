"""Every figure of the report, declared once, in the order of the page.

The page, Snakemake's own report and the drawing take names, titles and captions from here. To add a figure, add an
entry and write the function that it names.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Figure:
    """A figure.

    Attributes:
        name: of its files, results/report/figures/<name>.svg and the like.
        title: above it.
        made_by: module and function of ``report.figures`` that say of which rows it is; takes the declaration first.
        given: what else that function is given: attributes of ``figure_list.Inputs``, or names of tables.
        caption: below it: what is shown, how it was computed, and what it does not say.
        missing: what is said in its place where there is nothing to draw.
        number: of the article's exhibit; empty for what the article does not have.
        always: whether its place on the page is there when it is not.
        first: whether it stands at the top of the page.
    """

    name: str
    title: str
    made_by: str
    given: tuple[str, ...]
    caption: str
    missing: str = ""
    number: str = ""
    always: bool = True
    first: bool = False

    @property
    def section(self) -> str:
        """Key of its section of the page."""
        return self.name.replace("_", "-")


_TRAINING_TIME = (
    "The time that a user waits: the whole fit with the validation after each epoch, by time.perf_counter in the "
    "training process. Start-up of the process and evaluation on the test set are not in it. The end of a "
    'data pipeline is in it: it may idle for seconds after the last epoch (see "After the last epoch" in the table '
    "of test cases), which matters most in short runs. The times are of models of this kind and size; larger models "
    "need tests of their own."
)
_SPEED_UP = (
    "Baseline time divided by candidate time (geometric means of the repeats). Above 1, the candidate is faster. "
    "The intervals (95 %, Welch, on log times) need two runs on each side. If an interval includes 1, the difference "
    "may be chance. Hollow diamonds, if any, are published figures; they are in no statistic. Speed says nothing "
    "about learning: see the accuracies."
)
_GPU_AND_CPU = "Not measured. This needs comparable runs on the GPU and on the CPU of one machine."

FIGURES = (
    Figure(
        "ranking",
        "How many times as fast",
        "speed.ranking",
        ("ranking",),
        "Time of the baseline divided by the time of each machine, device and stack: the geometric mean over the test "
        "cases that both have, for each model and over all. Above 1: faster than the baseline. The intervals are of "
        "95 % (Welch, on log times).",
        "Only one machine, device and stack was measured, so there is nothing to compare.",
        first=True,
    ),
    Figure(
        "training_time_apple_gpus",
        "Training time, Apple GPUs",
        "speed.training_time",
        ("apple_gpus", "lost_on_apple_gpus", "published_times"),
        _TRAINING_TIME,
        "Not measured. There is no run on an Apple GPU.",
        "4",
    ),
    Figure(
        "speed_up_apple_gpus",
        "Times faster: Apple GPUs",
        "speed.speed_ups",
        ("among_apple", "comparisons_summary", "published", "lost"),
        _SPEED_UP,
        "Not measured. This needs comparable runs on the GPUs of two Macs, with one stack.",
        "5",
    ),
    Figure(
        "training_time_gpus",
        "Training time, all GPUs",
        "speed.training_time",
        ("all_gpus", "lost_on_gpus", "published_times"),
        _TRAINING_TIME,
        "Not measured. There is no run on a GPU.",
        "6",
    ),
    Figure(
        "speed_up_apple_against_nvidia",
        "Times faster: Apple GPU against NVIDIA GPUs",
        "speed.speed_ups",
        ("apple_against_nvidia", "comparisons_summary", "published", "lost"),
        _SPEED_UP,
        "Not measured. This needs comparable runs on an Apple and on an NVIDIA GPU, with one stack.",
        "7",
    ),
    Figure(
        "speed_up_gpu_against_cpu",
        "Times faster: GPU against CPU of the same machine",
        "speed.speed_ups",
        ("gpu_against_cpu", "comparisons_summary", "published", "lost"),
        _SPEED_UP,
        _GPU_AND_CPU,
        "8",
    ),
    Figure(
        "training_time_cpus",
        "Training time, CPUs",
        "speed.training_time",
        ("cpus", "lost_on_cpus", "published_times"),
        _TRAINING_TIME,
        "Not measured. There is no run on a CPU.",
    ),
    Figure(
        "learning",
        "Did they learn?",
        "quality.learning",
        ("everything",),
        "How far the validation accuracy after a run's last epoch is above a threshold, in standard deviations of a "
        "further run. The threshold is the mean of reference runs (config/references.yaml) of the same model, batch "
        "size and experiment after the same epoch, less half a point. The dotted limit belongs to the level in the "
        "configuration: a one-sided prediction interval of Student's t, with the deviation pooled over the model's "
        "batch sizes. Runs without references are judged by weaker rules and are not shown.",
        "Not measured. This needs runs of the experiment whose references are in config/references.yaml.",
    ),
    Figure(
        "not_converged",
        "Runs that did not converge",
        "quality.not_converged",
        ("everything", "references"),
        "These runs ended without a fault but did not learn, so they are in no ratio. The list of excluded runs says "
        "why.",
        "Every run that ended without a fault passed the convergence gate.",
        always=False,
    ),
    Figure(
        "throughput",
        "Throughput over the batch size",
        "speed.throughput",
        ("runs", "lost"),
        "Training samples times epochs, divided by the time of fit. The time includes the validation and the first "
        "epoch with its start-up. A line that still rises at its end has not reached the limit of the device.",
        "Not measured. No run is ok.",
    ),
    Figure(
        "spread",
        "Spread of the repeats",
        "quality.spread",
        ("runs", "lost"),
        "Each point is an independent process; the repeats of a test case are distributed over the session. A test "
        "case is unstable if its standard deviation is over 10 % of its mean, as in pyperf. Repeat it on a quiet "
        "machine before you believe a difference of that size.",
        "Not measured. This needs at least two runs of a test case.",
    ),
    Figure(
        "equal_nodes",
        "Equal nodes",
        "equal_nodes.one_dot_a_node",
        ("equal_nodes_each",),
        "Machines of one kind have equal processors, cores, memory, GPUs and platforms by their own descriptions. Each "
        "dot is a machine: its time over the median of its kind, as the geometric mean over the test cases that it "
        "shares with others. Dots that would hide each other are stacked, less than a dot from their place. The more "
        "nodes there are, the farther apart are the slowest and the fastest, by chance alone.",
        "Not measured. This needs two machines of one kind with runs of the same test cases and stack.",
        always=False,
    ),
    Figure(
        "steady_state",
        "Total time beside steady state",
        "quality.steady_state",
        ("runs", "lost"),
        "Total is the time of fit divided by its epochs; steady state is the mean of epochs 2 to n, each with its "
        "validation. The difference is start-up (tracing, compiling, first transfers) and the end of the data "
        "pipeline. Its share falls with more epochs and with more data, and says nothing about speed. Below 1, later "
        "epochs were slower than the first: the machine drifted.",
        "Not measured. This needs runs of at least two epochs.",
    ),
    Figure(
        "steady_state_speed_up",
        "Does the winner change in the steady state?",
        "speed.steady_state_speed_ups",
        ("comparisons",),
        "Each point is a compared test case: how many times faster the candidate is in total time, and from the second "
        "epoch on. The intervals are in the tables only: a point near a line may be on either side of it.",
        "Not measured. This needs comparisons of runs of at least two epochs.",
    ),
    Figure(
        "break_even",
        "From which batch size on does the GPU beat the CPU?",
        "break_even.batch_sizes",
        ("break_even",),
        "The batch size at which the speed-up of GPU over CPU last rises above 1. Between the batch sizes measured, "
        "it is interpolated by straight lines on logarithmic axes. The interval ends where the curves through the "
        "upper and the lower 95 % limits rise above 1. Nothing is known about batch sizes below and above those "
        "measured.",
        _GPU_AND_CPU,
    ),
    Figure(
        "tflops",
        "Do TFLOPS predict training time?",
        "speed.tflops",
        ("tflops",),
        "Every pair of GPUs with different published FP32 peaks, of any vendor; of more than 30 GPUs, each is "
        "compared with the weakest only. The published figures are from config/hardware.yaml and are on the "
        "horizontal axis alone. Spearman's rank correlation is 1 if a greater ratio of TFLOPS always means a greater "
        "speed-up, and 0 if the two are unrelated. It has no interval, since the points are not independent.",
        "Not measured. This needs two GPUs with different TFLOPS in config/hardware.yaml, measured with one stack.",
    ),
    Figure(
        "control_ratios",
        "What one change does: controls against plain runs",
        "control_ratios.controls_against_plain",
        ("control_ratios",),
        "A control is a run that differs from the plain runs of its test case in one thing: where the images are, how "
        "many CPU threads there are, whether XLA compiles, the precision, or what brings the images. The intervals are "
        "of 95 % (Welch, on log times). If one includes 1, the difference may be chance. A training is host-bound if "
        "it gets faster with less work for the host, or slower with fewer threads. Accuracies are in the table.",
        "Not measured. This needs controls, runs in which one thing is otherwise: --config "
        "'controls=[device-data,threads-2,mixed-float16]', described in config/README.md.",
    ),
    Figure(
        "energy",
        "Energy of an epoch",
        "energy.of_an_epoch",
        ("runs", "lost"),
        "The energy that the meters counted from the beginning of fit to its end, idle power included, divided by "
        "the epochs. A meter's scope is what it counts: an SoC (processor and GPU of an Apple chip), memory, a "
        "processor package, a GPU's whole board. Energies of different scopes must not be compared. Apple's counters "
        "are estimates by a model in the chip; some NVIDIA GPUs sample their board's power only part of the time "
        "(Yang, Adamek, Armour, arXiv 2312.02741).",
        "Not measured. No run has a meter's readings; the reasons are below.",
    ),
)
# A comparison that is not the article's: its name gets a number, and its title is the comparison's.
COMPARISON = Figure(
    "comparison",
    "",
    "speed.speed_ups",
    ("cells", "comparisons_summary", "published", "lost"),
    _SPEED_UP,
    "No test case was compared.",
)
_BY_NAME = {figure.name: figure for figure in FIGURES}


def named(name: str) -> Figure:
    """The figure of a name, those of further comparisons among them.

    Raises:
        KeyError: if none is declared by that name.
    """
    further = name.startswith(f"{COMPARISON.name}_")
    return replace(COMPARISON, name=name) if further else _BY_NAME[name]


def captions() -> dict[str, str]:
    """The captions by the figures' names, as Snakemake's own report needs them."""
    return {figure.name: figure.caption for figure in (*FIGURES, COMPARISON)}
