"""The timed training. Imports tensorflow.

It runs in a fresh process that ``supervision`` starts. What is timed is what most people would write: ``fit`` with
arrays and validation data, then ``evaluate``. No callback works per batch, since such callbacks make Keras wait for
the device after every step.
"""

from __future__ import annotations

import importlib.metadata
import math
import os
import platform
import re
import resource
import sys
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from trainmark import system
from trainmark.dataset import fashion_mnist
from trainmark.errors import TrainmarkError
from trainmark.experiment import controls, workloads
from trainmark.install import lockfile
from trainmark.machine import cuda, disturbances, gpus, hardware
from trainmark.measure.worker import device_data
from trainmark.records.record import OK

# Operations of an optimizer that move values and compute nothing: how many there are differs between devices.
_PLUMBING = {"_Arg", "_Retval", "_Send", "_Recv", "_HostSend", "_HostRecv", "Cast", "Const", "Identity", "NoOp"}
_PLUMBING |= {"Placeholder", "ReadVariableOp", "PartitionedCall", "StatefulPartitionedCall"}
# Operations that do a model's arithmetic, as TensorFlow and its oneDNN, cuDNN and fused variants name them.
_ARITHMETIC = re.compile(r"MatMul|Einsum|Conv2D|Rnn|RNN|LSTM|XlaRun|XlaLaunch")
_COLOUR = re.compile("\x1b\\[[0-9;]*m")
_OUT_OF_MEMORY = re.compile(r"out of memory|OOM when allocating|Dst tensor is not initialized", re.IGNORECASE)


class WrongDeviceError(TrainmarkError):
    """The training did not run, or could not be proven to run, on the device that was asked for."""


def train(request: dict[str, Any]) -> dict[str, Any]:
    """Train once and say how it went; a failure becomes a status, never an exception.

    Args:
        request: ``batch_size``, ``device``, ``seed``, ``threads``, ``workload`` (as ``workloads.describe`` gives it),
            ``control`` (one of ``controls.NAMES`` or None), ``cpus`` (that the process is held to, or None),
            ``data_folder`` (of the decoded arrays) and ``lock_file``.

    Returns:
        ``status`` (one of ``record.STATUSES``), ``reason``, and what was measured until then: ``durations`` (seconds,
        ``time.perf_counter``), ``accuracy``, ``execution``, ``versions``, ``noise``, ``peak_memory_bytes``,
        ``peak_device_memory_bytes``, ``fit_window`` (begin and end of ``fit`` on that clock) and ``gpu`` (what
        TensorFlow says of the one that it used).
    """
    measured: dict[str, Any] = {"durations": {}, "execution": {}, "versions": {}, "noise": {}, "accuracy": None}
    measured |= {"peak_device_memory_bytes": None, "fit_window": None, "gpu": None}
    try:
        _measure(request, measured)
        status, reason = _judge(measured["accuracy"])
    except Exception as error:
        traceback.print_exc()  # to the run's log
        status, reason = classify(error)
    measured["peak_memory_bytes"] = _peak_memory_bytes()
    return {"status": status, "reason": reason, **measured}


def _measure(request: dict[str, Any], measured: dict[str, Any]) -> None:
    """Fill ``measured`` step by step, so that a failure keeps what came before it."""
    workload, durations = request["workload"], measured["durations"]
    clock = time.perf_counter

    start = clock()
    import tensorflow as tf

    keras = tf.keras
    durations["import_seconds"] = clock() - start
    measured["versions"] |= versions(tf)
    lockfile.refuse_differences(Path(request["lock_file"]), imported_versions(tf))
    configure(tf, request["device"], request["threads"])
    _refuse_other_defaults(keras, workload["precision"])
    keras.utils.set_random_seed(request["seed"])

    start = clock()
    sets: Sequence[tuple[Any, Any]] = fashion_mnist.load_split(
        Path(request["data_folder"]),
        workload["train_samples"],
        workload["validation_samples"],
        workload["test_samples"],
    )
    durations["data_seconds"] = clock() - start

    start = clock()
    model = workloads.MODELS[workload["model"]](keras)
    if request["control"] == controls.DEVICE_DATA:
        images, sets = device_data.move_in(tf, request["device"], sets)
        model = device_data.looking_up(tf, images, model)
    _compile(keras, model, workload)
    durations["build_seconds"] = clock() - start
    measured["execution"] |= _settings(tf, model)
    if request["cpus"]:
        measured["execution"]["cpus"] = sorted(os.sched_getaffinity(0))
    train_set, validation_set, test_set = sets

    epochs = _epoch_clock(keras)
    before, cpu_start, start = disturbances.snapshot(), time.process_time(), clock()
    history = model.fit(
        *train_set,
        batch_size=request["batch_size"],
        epochs=workload["epochs"],
        validation_data=validation_set,
        verbose=0,  # the progress bar waits for the device after every batch
        callbacks=[epochs],
    )
    durations["fit_seconds"] = clock() - start
    cpu_seconds = time.process_time() - cpu_start
    measured["noise"] = disturbances.between(before, disturbances.snapshot(), cpu_seconds)
    measured["fit_window"] = [start, start + durations["fit_seconds"]]
    measured["peak_device_memory_bytes"] = _peak_device_memory_bytes(tf, request["device"])
    later = epochs.epoch_seconds[1:]
    durations |= {
        "fit_setup_seconds": epochs.first_start - start,
        "fit_teardown_seconds": start + durations["fit_seconds"] - epochs.last_end,
        "epoch_seconds": epochs.epoch_seconds,
        "validation_seconds": epochs.validation_seconds,
        "first_epoch_seconds": epochs.epoch_seconds[0],
        "steady_state_epoch_seconds": sum(later) / len(later) if later else None,
    }

    start = clock()
    test_loss, test_accuracy = model.evaluate(*test_set, batch_size=request["batch_size"], verbose=0)
    durations["evaluate_seconds"] = clock() - start
    measured["accuracy"] = {
        "train_loss": [float(value) for value in history.history["loss"]],
        "train_accuracy": [float(value) for value in history.history["accuracy"]],
        "validation_loss": [float(value) for value in history.history["val_loss"]],
        "validation_accuracy": [float(value) for value in history.history["val_accuracy"]],
        "test_loss": float(test_loss),
        "test_accuracy": float(test_accuracy),
    }
    # Last, because it takes one more training step.
    nodes = _take_step(model, train_set, request["batch_size"])
    measured["execution"] |= _describe_step(model, nodes, request["device"])
    measured["gpu"] = gpu_details(tf) if request["device"] == "gpu" else None
    _check_device(measured["execution"], request["device"])
    _check_optimizer(measured["execution"])


def _refuse_other_defaults(keras: Any, precision: str) -> None:
    """Demand that Keras computes as the workload says, whatever may have set it otherwise.

    Raises:
        TrainmarkError: if it does not.
    """
    found = keras.backend.floatx(), keras.backend.image_data_format()
    if found != (precision, "channels_last"):
        raise TrainmarkError(
            f"Keras computes in {found[0]} with {found[1]}, expected {precision} with channels_last. Something sets it "
            "otherwise than ~/.keras/keras.json and KERAS_* variables, which are not read: a sitecustomize, perhaps."
        )


def configure(tf: Any, device: str, threads: int) -> None:
    """Set the threads, hide the GPU from a CPU run, and have float32 be float32 on every GPU.

    TensorFlow's default, TensorFloat-32, rounds the factors of products to 10 bits of mantissa on Ampere and newer GPUs
    alone: they would compute something else than all others.
    """
    tf.config.experimental.enable_tensor_float_32_execution(False)
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    shown = tf.config.get_visible_devices("GPU")
    tf.config.set_visible_devices(shown[:1] if device == "gpu" else [], "GPU")
    if device == "gpu" and not shown:
        why = (
            f"tensorflow-metal, which brings it, is {_package_version('tensorflow-metal') or 'not installed'}."
            if system.MAC
            else cuda.explain_missing_gpu(tf.sysconfig.get_build_info())
        )
        raise WrongDeviceError(f"A GPU was asked for and TensorFlow {tf.__version__} sees none. {why}")


def _compile(keras: Any, model: Any, workload: dict[str, Any]) -> None:
    """Compile the model, with one implementation of the optimizer everywhere in a stack.

    Keras 2.12 has two of Adam, and on ARM Macs it replaces any instance of the new one (12 elementary operations a
    variable) by the legacy one (a fused operation a variable) in ``keras.optimizers.get``; with the text "adam", other
    platforms take the new one, on CUDA through XLA. The legacy one is the only one that it leaves as it is everywhere,
    what the article's Macs ran, and the same formula. Keras 3 has one.
    """
    settings = workload["optimizer"]
    optimizers = keras.optimizers.legacy if is_keras_2(keras) else keras.optimizers
    optimizer_class = {"adam": "Adam"}[settings["name"]]
    model.compile(
        optimizer=getattr(optimizers, optimizer_class)(learning_rate=settings["learning_rate"]),
        loss=workload["loss"],
        metrics=["accuracy"],
        jit_compile=workload["jit_compile"],
    )


def is_keras_2(keras: Any) -> bool:
    """Whether this is Keras 2, which has two implementations of its optimizers."""
    return str(keras.__version__).startswith("2.")


def _epoch_clock(keras: Any) -> Any:
    """A callback that times epochs, and the validation inside each, in seconds."""

    class EpochClock(keras.callbacks.Callback):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.epoch_seconds: list[float] = []
            self.validation_seconds: list[float] = []

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self._epoch_start = time.perf_counter()
            if epoch == 0:
                self.first_start = self._epoch_start

        def on_test_begin(self, logs: Any = None) -> None:
            self._validation_start = time.perf_counter()

        def on_test_end(self, logs: Any = None) -> None:
            self.validation_seconds.append(time.perf_counter() - self._validation_start)

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.last_end = time.perf_counter()
            self.epoch_seconds.append(self.last_end - self._epoch_start)

    return EpochClock()


def _settings(tf: Any, model: Any) -> dict[str, Any]:
    """What the run computes with, as the libraries resolved it."""
    optimizer = model.optimizer
    return {
        "floatx": tf.keras.backend.floatx(),
        "image_data_format": tf.keras.backend.image_data_format(),
        "intra_op_threads": tf.config.threading.get_intra_op_parallelism_threads(),
        "inter_op_threads": tf.config.threading.get_inter_op_parallelism_threads(),
        "optimizer_class": f"{type(optimizer).__module__}.{type(optimizer).__qualname__}",
        "jit_compile": bool(getattr(model, "jit_compile", False) or getattr(model, "_jit_compile", False)),
        "tensor_float_32": bool(tf.config.experimental.tensor_float_32_execution_enabled()),
        "parameters": int(model.count_params()),
    }


def _take_step(model: Any, train_set: tuple[Any, Any], batch_size: int) -> list[Any]:
    """Take one training step; gives the nodes of the graphs that TensorFlow executed, every one with its device."""
    # Not exported under tensorflow's public names; the stacks that we run are pinned.
    from tensorflow.python.eager import context

    inputs, labels = train_set
    context.enable_graph_collection()
    try:
        model.make_train_function(force=True)  # a graph is handed out when it is made, and fit's was made before
        model.train_on_batch(inputs[:batch_size], labels[:batch_size])
        graphs = context.context().export_run_metadata().partition_graphs
    finally:
        context.disable_graph_collection()
    nodes = [node for graph in graphs for node in graph.node]
    return nodes + [node for graph in graphs for function in graph.library.function for node in function.node_def]


def _describe_step(model: Any, nodes: list[Any], device: str) -> dict[str, Any]:
    """Where a training step was placed.

    Returns:
        ``variable_devices``: the devices (``CPU:0``) of the model's variables. ``arithmetic_devices``: the devices of
        the step's matrix products, convolutions and recurrences. ``step_operations``: the number of the step's
        operations per device. ``step_fallback``: the kinds of operations of a GPU run that were left to the CPU.
        ``optimizer_operations``: the number of the optimizer's operations by kind, without those that compute nothing.
        ``look_up_devices``, where images are on the device beforehand: the devices where they are looked up.
    """
    placed = [(short_device(node.device), node.op) for node in nodes if node.device]
    optimizer = Counter(node.op for node in _optimizer_nodes(model, nodes))
    look_ups = {short_device(n.device) for n in nodes if n.device and device_data.LAYER in n.name and "Gather" in n.op}
    return {
        "variable_devices": sorted({short_device(variable.device) for variable in _tensorflow_variables(model)}),
        "arithmetic_devices": sorted({where for where, op in placed if _ARITHMETIC.search(op)}),
        "step_operations": dict(Counter(where for where, _ in placed)),
        "step_fallback": sorted({op for where, op in placed if device == "gpu" and not where.startswith("GPU")}),
        "optimizer_operations": dict(sorted(optimizer.items())),
        **(
            {"look_up_devices": sorted(look_ups)}
            if any(each.name == device_data.LAYER for each in model.layers)
            else {}
        ),
    }


def _optimizer_nodes(model: Any, nodes: list[Any]) -> list[Any]:
    """Those of a step's nodes that are the optimizer's and compute something."""
    # Their names begin with that of the optimizer, or have it between two strokes.
    name = f"/{model.optimizer.get_config()['name']}/"
    return [node for node in nodes if name in f"/{node.name}" and node.op not in _PLUMBING]


def prove_step(tf: Any, workload: dict[str, Any], batch_size: int, device: str) -> dict[str, Any]:
    """Build a model as a run does, take one training step on random images, and demand of it what a run has to show.

    Args:
        tf: tensorflow, configured.
        workload: as ``workloads.describe`` gives it.
        batch_size: of the step.
        device: cpu or gpu.

    Returns:
        ``execution`` as a record has it, and ``optimizer_devices``, the number of the optimizer's operations by device.

    Raises:
        WrongDeviceError: if any of it was elsewhere.
        TrainmarkError: if Keras or the optimizer compute otherwise than this stack has to.
    """
    _refuse_other_defaults(tf.keras, workload["precision"])
    model = workloads.MODELS[workload["model"]](tf.keras)
    _compile(tf.keras, model, workload)
    images = tf.random.stateless_uniform((batch_size, *fashion_mnist.IMAGE_SHAPE), seed=(1, 1)).numpy()
    labels = tf.zeros((batch_size,), tf.uint8).numpy()
    nodes = _take_step(model, (images, labels), batch_size)
    execution = _settings(tf, model) | _describe_step(model, nodes, device)
    _check_device(execution, device)
    _check_optimizer(execution)
    where = Counter(short_device(node.device) for node in _optimizer_nodes(model, nodes) if node.device)
    return execution | {"optimizer_devices": dict(sorted(where.items()))}


def _check_device(execution: dict[str, Any], device: str) -> None:
    """Demand that the variables, all arithmetic and any look-up of the observed step were on the device asked for.

    Raises:
        WrongDeviceError: if they were elsewhere, or TensorFlow showed no arithmetic at all.
    """
    wanted = device.upper()
    found = {"variables": execution["variable_devices"], "arithmetic": execution["arithmetic_devices"]}
    if "look_up_devices" in execution:
        found["images"] = execution["look_up_devices"]
    if any(not devices or any(not where.startswith(wanted) for where in devices) for devices in found.values()):
        words = ", ".join(f"{what} on {devices}" for what, devices in found.items())
        raise WrongDeviceError(f"Expected all of a training step on the {wanted}; found {words}.")


def _check_optimizer(execution: dict[str, Any]) -> None:
    """Demand that the observed step updated the variables as this stack does everywhere, by its operations.

    Raises:
        TrainmarkError: if it did otherwise, as Keras 2.12 would on an ARM Mac.
    """
    fused = "legacy" in execution["optimizer_class"]
    found = execution["optimizer_operations"]
    if not found or fused != ("ResourceApplyAdam" in found):
        raise TrainmarkError(
            f"The optimizer is {execution['optimizer_class']}, and its operations in a training step are "
            f"{found or 'none'}; expected {'one ResourceApplyAdam a variable' if fused else 'elementary ones'}. Times "
            "with another implementation of the optimizer are not comparable."
        )


def gpu_details(tf: Any) -> dict[str, Any]:
    """What TensorFlow says of the GPU that it used: ``name``, ``compute_capability`` and ``pci_bus_id``, or None each.

    Of Apple's GPUs it knows none of them.
    """
    # Not exported under tensorflow's public names; the stacks that we run are pinned.
    from tensorflow.python.client import device_lib

    details = tf.config.experimental.get_device_details(tf.config.get_visible_devices("GPU")[0])
    described = [each.physical_device_desc for each in device_lib.list_local_devices() if each.device_type == "GPU"]
    found = re.search(r"pci bus id: ([0-9a-fA-F:.]+)", described[0]) if described else None
    capability = details.get("compute_capability")
    return {
        "name": details.get("device_name"),
        "compute_capability": ".".join(map(str, capability)) if capability else None,
        "pci_bus_id": found[1] if found else None,
    }


def _tensorflow_variables(model: Any) -> list[Any]:
    # Keras 3 wraps tf.Variable and keeps it under .value; in Keras 2 .value is a method of tf.Variable itself.
    return [v if callable(getattr(v, "value", None)) else v.value for v in model.variables]


def short_device(name: str) -> str:
    """``CPU:0`` for ``/job:localhost/replica:0/task:0/device:CPU:0``."""
    return name.rpartition("device:")[2]


def _judge(accuracy: dict[str, Any]) -> tuple[str, str | None]:
    """Status and reason of a training that came to its end."""
    for name in ("train_loss", "validation_loss"):
        for epoch, value in enumerate(accuracy[name], start=1):
            if not math.isfinite(value):
                return "nan", f"The {name.replace('_', ' ')} is {value} in epoch {epoch}."
    if not math.isfinite(accuracy["test_loss"]):
        return "nan", f"The test loss is {accuracy['test_loss']}."
    return OK, None


def classify(error: Exception) -> tuple[str, str]:
    """Status and reason of a training that raised."""
    text = " ".join(_COLOUR.sub("", str(error)).split()) or "no message"
    if isinstance(error, WrongDeviceError):
        return "wrong_device", text[:5000]
    reason = text[:5000] if isinstance(error, TrainmarkError) else f"{type(error).__name__}: {text[:500]}"
    out_of_memory = isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError"
    return ("out_of_memory" if out_of_memory or _OUT_OF_MEMORY.search(text) else "error"), reason


def versions(tf: Any) -> dict[str, str | None]:
    """Versions of what was imported, and of what lies below it."""
    build = tf.sysconfig.get_build_info()
    drivers = {gpu.driver for gpu in gpus.usable() if gpu.driver}
    return {
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": tf.keras.__version__,
        "numpy": sys.modules["numpy"].__version__,
        "tensorflow_metal": _package_version("tensorflow-metal"),
        "cuda": build.get("cuda_version"),
        "cudnn": build.get("cudnn_version"),
        "gpu_driver": ", ".join(sorted(drivers)) or None,
        "operating_system": hardware.operating_system(),
    }


def imported_versions(tf: Any) -> dict[str, str]:
    """Versions of what was imported, whichever environment it came from, to be held against the lock."""
    found = dict.fromkeys(lockfile.TENSORFLOW_PACKAGES, tf.__version__)  # the lock pins one of them
    return found | {"keras": tf.keras.__version__, "numpy": sys.modules["numpy"].__version__}


def _package_version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _peak_memory_bytes() -> int:
    """Peak resident memory of this process; getrusage(2) counts in KiB on Linux and in bytes on a Mac."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if system.MAC else peak * 1024


def _peak_device_memory_bytes(tf: Any, device: str) -> int | None:
    """The most GPU memory that TensorFlow's tensors took; what it has reserved beyond says nothing of the training.

    None on the CPU, and where a plug-in does not count.
    """
    if device == "cpu":
        return None
    try:
        return int(tf.config.experimental.get_memory_info("GPU:0")["peak"]) or None
    except Exception as error:  # of whatever kind a plug-in raises
        print(f"no peak of the GPU's memory: {error}", file=sys.stderr)
        return None
