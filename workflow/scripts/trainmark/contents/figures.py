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
    """

    name: str
    title: str
    made_by: str
    given: tuple[str, ...]
    caption: str
    missing: str = ""
    number: str = ""
    always: bool = True

    @property
    def section(self) -> str:
        """Key of its section of the page."""
        return self.name.replace("_", "-")


_TRAINING_TIME = (
    "Time of the whole fit with the validation after each epoch, by time.perf_counter in the training process: what a "
    "user waits for. Start-up of the process and evaluation on the test set are not in it; the end of TensorFlow's "
    'data pipeline is, which may idle for seconds after the last epoch (see "After the last epoch" among the cells) '
    "and weighs most in short runs. It holds for models of this kind and size; larger ones need tests of their own."
)
_SPEED_UP = (
    "Baseline time divided by candidate time (geometric means of the repeats), above 1 where the candidate is faster. "
    "Bars are 95 % intervals (Welch, on log times), for which either side needs two runs: one that includes 1 may be "
    "chance. Hollow grey diamonds, if any, are what was published; they enter no statistic. Faster says nothing of "
    "learning: see the accuracies."
)
_GPU_AND_CPU = "Not measured. It takes runs on the GPU and on the CPU of one machine that can be compared."

FIGURES = (
    Figure(
        "training_time_apple_gpus",
        "Training time, Apple GPUs",
        "speed.training_time",
        ("apple_gpus",),
        _TRAINING_TIME,
        "Not measured. No run on an Apple GPU is among these.",
        "4",
    ),
    Figure(
        "speed_up_apple_gpus",
        "Times faster: Apple GPUs",
        "speed.speed_ups",
        ("among_apple", "comparisons_summary", "published"),
        _SPEED_UP,
        "Not measured. It takes runs on the GPUs of two Macs that can be compared, with one stack.",
        "5",
    ),
    Figure(
        "training_time_gpus",
        "Training time, all GPUs",
        "speed.training_time",
        ("all_gpus",),
        _TRAINING_TIME,
        "Not measured. No run on a GPU is among these.",
        "6",
    ),
    Figure(
        "speed_up_apple_against_nvidia",
        "Times faster: Apple GPU against NVIDIA GPUs",
        "speed.speed_ups",
        ("apple_against_nvidia", "comparisons_summary", "published"),
        _SPEED_UP,
        "Not measured. It takes runs on an Apple and on an NVIDIA GPU that can be compared, with one stack.",
        "7",
    ),
    Figure(
        "speed_up_gpu_against_cpu",
        "Times faster: GPU against CPU of the same machine",
        "speed.speed_ups",
        ("gpu_against_cpu", "comparisons_summary", "published"),
        _SPEED_UP,
        _GPU_AND_CPU,
        "8",
    ),
    Figure(
        "training_time_cpus",
        "Training time, CPUs",
        "speed.training_time",
        ("cpus",),
        _TRAINING_TIME,
        "Not measured. No run on a CPU is among these.",
    ),
    Figure(
        "learning",
        "Did they learn?",
        "quality.learning",
        ("everything",),
        "Validation accuracy after a run's last epoch, against the mean of reference runs of the same model, batch "
        "size and experiment after the same epoch, less half a point, in standard deviations of a further run "
        "(config/references.yaml; a one-sided prediction interval of Student's t, with the deviation pooled over the "
        "model's batch sizes). The dotted limit is the level in the configuration. Runs without references are judged "
        "by weaker rules and are not here.",
        "Not measured. It takes runs of the experiment that config/references.yaml is of.",
    ),
    Figure(
        "not_converged",
        "Runs that did not converge",
        "quality.not_converged",
        ("everything", "references"),
        "These runs ended without a fault and did not learn: whatever their speed, they are in no ratio. Their reasons "
        "are in the list of excluded runs.",
        "No run that ended without a fault failed the convergence gate.",
        always=False,
    ),
    Figure(
        "throughput",
        "Throughput over the batch size",
        "speed.throughput",
        ("runs",),
        "Training samples times epochs, divided by the time of fit. The first epoch, which holds start-up, and the "
        "validation are in it. A line that still rises at its end has not reached what the device can do.",
        "Not measured. No run is ok.",
    ),
    Figure(
        "spread",
        "Spread of the repeats",
        "quality.spread",
        ("runs",),
        "Each point is an independent process; repeats of a cell are spread over the session. A cell whose standard "
        "deviation is over 10 % of its mean is called unstable, as pyperf does: repeat it on a quiet machine before "
        "you believe a difference of that size.",
        "Not measured. It takes at least two runs of a cell.",
    ),
    Figure(
        "steady_state",
        "Total time beside steady state",
        "quality.steady_state",
        ("runs",),
        "Total is the time of fit divided by its epochs; steady state is the mean of epochs 2 to n, each with its "
        "validation. What lies between is start-up (tracing, compiling, first transfers) and the end of the data "
        "pipeline. Its share falls with more epochs and with more data, and says nothing of speed. Below 1, later "
        "epochs were slower than the first: the machine drifted.",
        "Not measured. A steady state takes runs of at least two epochs.",
    ),
    Figure(
        "steady_state_speed_up",
        "Does the winner change in the steady state?",
        "speed.steady_state_speed_ups",
        ("comparisons",),
        "Every compared cell once: how many times faster the candidate is in total time, and from the second epoch on. "
        "The points are drawn without their intervals, which the tables have: a point near a line may be on either "
        "side of it.",
        "Not measured. It takes comparisons, of runs of at least two epochs.",
    ),
    Figure(
        "break_even",
        "From which batch size on does the GPU beat the CPU?",
        "break_even.batch_sizes",
        ("break_even",),
        "Where the speed-up of GPU over CPU last crosses 1 upwards, on straight lines between the measured points of "
        "its logarithm over that of the batch size. The interval is where the curves through the upper and the lower "
        "95 % limits cross. Nothing is said of batch sizes below and above those measured.",
        _GPU_AND_CPU,
    ),
    Figure(
        "tflops",
        "Do TFLOPS predict training time?",
        "speed.tflops",
        ("tflops",),
        "Every pair of GPUs of different published FP32 peak, whatever their make (of more than 30, each with the "
        "weakest); the published figures are those of config/hardware.yaml and are on the horizontal axis alone. "
        "Spearman's rank correlation is 1 if a greater ratio of TFLOPS always means a greater speed-up, and 0 if they "
        "have nothing to do with each other; it has no interval, since the points are not independent.",
        "Not measured. It takes two GPUs with different TFLOPS in config/hardware.yaml, measured with one stack.",
    ),
    Figure(
        "host_bound",
        "Is the host the bottleneck?",
        "host_bound.controls_against_plain",
        ("host_bound",),
        "Controls are runs that differ from the plain ones of their cell in one thing: all images are on the device "
        "before the training starts, or the process has fewer CPU threads. Bars are 95 % intervals (Welch, on log "
        "times): one that includes 1 may be chance. What gets faster with less work for the host, or slower with fewer "
        "threads, was held back by the host.",
        "Not measured. It takes controls, variants of the runs in which the host has less to do or fewer threads: "
        "--config 'controls=[device-data,threads-2,threads-4]', described in config/README.md.",
    ),
    Figure(
        "energy",
        "Energy of an epoch",
        "energy.of_an_epoch",
        ("runs",),
        "What the meters counted from the begin of fit to its end, idle power included, divided by the epochs. A "
        "meter's scope is what it counts: an SoC (processor and GPU of an Apple chip), memory, a processor package, a "
        "GPU's whole board. Energies of different scopes must not be compared. Apple's counters are estimates of the "
        "chip's own model; some NVIDIA GPUs sample their board's power during a part of the time only (Yang, Adamek, "
        "Armour, arXiv 2312.02741).",
        "Not measured. No run has a meter's readings; the reasons are below.",
    ),
)
# A comparison that is not the article's: its name gets a number, and its title is the comparison's.
COMPARISON = Figure(
    "comparison",
    "",
    "speed.speed_ups",
    ("cells", "comparisons_summary", "published"),
    _SPEED_UP,
    "No cell was compared.",
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
