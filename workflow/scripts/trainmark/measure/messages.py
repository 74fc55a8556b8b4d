"""What the processes of a measurement say to each other, each time one JSON object.

The processes are a supervisor, the worker that it starts, and the one that reads the meters beside that. Both ends of a
pipe name the same type, so that a key which one of them misspells or leaves out is found before anything runs.
"""

from __future__ import annotations

from typing import Any, TypedDict

# Begin and end by ``time.perf_counter``, which all processes of a machine share. JSON makes a list of it, which does
# for a reader what the tuple does.
Window = tuple[float, float]


class WorkerRequest(TypedDict):
    """What every worker is told; for a sweep of matrix products, that is all.

    Attributes:
        stack: that is timed, which says by what framework.
        device: cpu or gpu.
        threads: of the framework.
        lock_file: the file that pins the environment.
    """

    stack: str
    device: str
    threads: int
    lock_file: str


class TrainingRequest(WorkerRequest):
    """One training to do.

    Attributes:
        batch_size: samples per training step.
        workload: what to compute, as ``workloads.describe`` gives it.
        seed: of the run's random numbers.
        control: one of ``controls.NAMES``, or None.
        cpus: that the process is held to, or None.
        data_folder: of the decoded arrays.
    """

    batch_size: int
    workload: dict[str, Any]
    seed: int
    control: str | None
    cpus: list[int] | None
    data_folder: str


class ExaminationRequest(WorkerRequest):
    """One look at a device.

    Attributes:
        batch_size: of the steps.
        workloads: one a model, as ``workloads.describe`` gives them.
    """

    batch_size: int
    workloads: list[dict[str, Any]]


class UsedGpu(TypedDict):
    """What the framework says of the GPU that it used; of Apple's most know nothing."""

    name: str | None
    compute_capability: str | None
    pci_bus_id: str | None


class Durations(TypedDict, total=False):
    """Seconds of the parts of a training, by ``time.perf_counter``, as far as it came."""

    import_seconds: float
    data_seconds: float
    build_seconds: float
    fit_seconds: float
    fit_setup_seconds: float
    fit_teardown_seconds: float
    epoch_seconds: list[float]
    validation_seconds: list[float]
    first_epoch_seconds: float
    steady_state_epoch_seconds: float | None
    evaluate_seconds: float


class Curves(TypedDict):
    """Loss and accuracy after each epoch."""

    train_loss: list[float]
    train_accuracy: list[float]
    validation_loss: list[float]
    validation_accuracy: list[float]


class Scores(TypedDict):
    """Loss and accuracy after the training."""

    test_loss: float
    test_accuracy: float


class Accuracy(Curves, Scores):
    """What a model learned."""


class KeptCurves(Curves):
    """What is known of a training that was stopped: the epochs that it finished."""

    test_loss: None
    test_accuracy: None


class Execution(TypedDict, total=False):
    """What a model computed with, as the libraries resolved it, and where a step was placed, as far as it came.

    Attributes:
        always_compiled: whether the framework compiles every step, whatever the workload says.
        cpus: that the process was held to, if it was.
        compute_types: in which the layers with variables compute, where that is not floatx.
        input_pipeline: class of what brought the images to the training, where that was no array.
        variable_devices: the devices (``CPU:0``) of the model's variables.
        arithmetic_devices: the devices of the step's matrix products, convolutions and recurrences.
        step_operations: the number of the step's operations per device.
        step_fallback: the kinds of operations of a GPU run that were left to the CPU.
        optimizer_operations: the number of the optimizer's operations by kind, without those that compute nothing.
        optimizer_devices: the number of the same by device, in an examination alone.
        look_up_devices: where images are on the device beforehand, the devices where they are looked up.
    """

    floatx: str
    image_data_format: str
    intra_op_threads: int
    inter_op_threads: int
    optimizer_class: str
    jit_compile: bool
    always_compiled: bool
    tensor_float_32: bool
    parameters: int
    cpus: list[int]
    compute_types: list[str]
    input_pipeline: str
    variable_devices: list[str]
    arithmetic_devices: list[str]
    step_operations: dict[str, int]
    step_fallback: list[str]
    optimizer_operations: dict[str, int]
    optimizer_devices: dict[str, int]
    look_up_devices: list[str]


class Ending(TypedDict):
    """How it went: one of ``record.STATUSES``, and for all but ``ok`` a sentence."""

    status: str
    reason: str | None


class TrainingAnswer(Ending):
    """How a training went, and what was measured until then.

    Attributes:
        durations: of its parts.
        execution: how it was trained.
        versions: of what it was made with.
        noise: what happened on the machine meanwhile, as ``disturbances.between`` gives it.
        accuracy: what it learned; None where it finished no epoch.
        peak_memory_bytes: of the process.
        peak_device_memory_bytes: of the GPU; None where nothing counts it.
        fit_window: begin and end of ``fit``.
        gpu: that was used; None on the CPU.
    """

    durations: Durations
    execution: Execution
    versions: dict[str, str | None]
    noise: dict[str, Any]
    accuracy: Accuracy | KeptCurves | None
    peak_memory_bytes: int | None
    peak_device_memory_bytes: int | None
    fit_window: Window | None
    gpu: UsedGpu | None


def nothing_measured(status: str, reason: str | None) -> TrainingAnswer:
    """The answer of a training of which nothing was measured, or nothing yet."""
    return {
        "status": status,
        "reason": reason,
        "durations": {},
        "execution": {},
        "versions": {},
        "noise": {},
        "accuracy": None,
        "peak_memory_bytes": None,
        "peak_device_memory_bytes": None,
        "fit_window": None,
        "gpu": None,
    }


class Product(TypedDict):
    """FLOP/s of every round of products of square matrices of one side, a multiply-add as two."""

    side: int
    flops_per_second: list[float]


class SweepAnswer(TypedDict):
    """What a sweep of matrix products measured; ``reason`` says why nothing, None if it went well."""

    reason: str | None
    versions: dict[str, str | None]
    threads: int
    products: list[Product]


class ObservedStep(TypedDict):
    """One training step of a model; ``reason`` says what is wrong with it, None if all is well."""

    reason: str | None
    execution: Execution


class Load(TypedDict):
    """One and the same load, repeated.

    Attributes:
        side: of its matrices.
        seconds: of each repetition.
        flops_per_second: the same.
        noise: what happened on the machine meanwhile, as ``disturbances.between`` gives it.
    """

    side: int
    seconds: list[float]
    flops_per_second: list[float]
    noise: dict[str, Any]


class Examination(Ending):
    """What was found of a device until something failed.

    Attributes:
        versions: of what was imported.
        gpu: that was used; None on the CPU.
        steps: by model.
        load: repeated at the end.
    """

    versions: dict[str, str | None]
    gpu: UsedGpu | None
    steps: dict[str, ObservedStep]
    load: Load | None


class ExaminationAnswer(Examination):
    """The same, and ``window``: begin and end of the load."""

    window: Window | None


def nothing_examined(status: str, reason: str | None) -> ExaminationAnswer:
    """The answer of an examination that found nothing, or nothing yet."""
    return {
        "status": status,
        "reason": reason,
        "versions": {},
        "gpu": None,
        "steps": {},
        "load": None,
        "window": None,
    }


class CountedDomain(TypedDict):
    """A ``meters.Domain``."""

    name: str
    scope: str
    source: str
    devices: list[str]


class Hello(TypedDict):
    """What the meters' process says first.

    Attributes:
        domains: that its meters count.
        missing: why there are no others.
        gpu_processes: how many compute on the GPU; None where that cannot be told.
        watches: whether it goes on until it is asked.
    """

    domains: list[CountedDomain]
    missing: list[str]
    gpu_processes: int | None
    watches: bool


class Question(TypedDict):
    """What the meters' process is asked: of a training on a device, and of an idle time before it, if there was one."""

    device: str
    window: Window
    idle: Window | None


class GpuConditions(TypedDict, total=False):
    """Fields of the record's ``noise``: the GPU's state over a window; None where it does not tell."""

    gpu_temperature_celsius: float | None
    gpu_clock_hertz: float | None
    gpu_throttle_shares: dict[str, float] | None


class Readings(TypedDict):
    """What the meters' process answers.

    Attributes:
        moves_a_second: how often each meter moved within the window, by source.
        energy: as the record has it.
        gpu: empty where no GPU is watched.
    """

    moves_a_second: dict[str, float]
    energy: dict[str, Any]
    gpu: GpuConditions
