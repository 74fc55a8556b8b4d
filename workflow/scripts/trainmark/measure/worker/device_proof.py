"""The proof of where a run computed: one training step, observed operation by operation. Imports tensorflow."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from trainmark.dataset import fashion_mnist
from trainmark.errors import TrainmarkError
from trainmark.experiment import workloads
from trainmark.measure.messages import Execution, UsedGpu
from trainmark.measure.worker import device_data, settings
from trainmark.measure.worker.failures import WrongDeviceError

# Operations of an optimizer that move values and compute nothing: how many there are differs between devices.
_PLUMBING = {"_Arg", "_Retval", "_Send", "_Recv", "_HostSend", "_HostRecv", "Cast", "Const", "Identity", "NoOp"}
_PLUMBING |= {"Placeholder", "ReadVariableOp", "PartitionedCall", "StatefulPartitionedCall"}
# Operations that do a model's arithmetic, as TensorFlow and its oneDNN, cuDNN and fused variants name them.
_ARITHMETIC = re.compile(r"MatMul|Einsum|Conv2D|Rnn|RNN|LSTM|XlaRun|XlaLaunch")


def prove_step(tf: Any, workload: dict[str, Any], batch_size: int, device: str) -> Execution:
    """Build a model as a run does, take one training step on random images, and demand of it what a run has to show.

    Args:
        tf: tensorflow, configured.
        workload: as ``workloads.describe`` gives it.
        batch_size: of the step.
        device: cpu or gpu.

    Returns:
        ``execution`` as a record has it, and ``optimizer_devices``.

    Raises:
        WrongDeviceError: if any of it was elsewhere.
        TrainmarkError: if Keras or the optimizer compute otherwise than this stack has to.
    """
    settings.refuse_other_defaults(tf.keras, workload["precision"])
    model = workloads.MODELS[workload["model"]](tf.keras)
    settings.compile_model(tf.keras, model, workload)
    images = tf.random.stateless_uniform((batch_size, *fashion_mnist.IMAGE_SHAPE), seed=(1, 1)).numpy()
    labels = tf.zeros((batch_size,), tf.uint8).numpy()
    nodes = take_step(model, (images, labels), batch_size)
    execution = settings.in_use(tf, model) | describe_step(model, nodes, device)
    check_device(execution, device)
    check_optimizer(execution)
    where = Counter(short_device(node.device) for node in _optimizer_nodes(model, nodes) if node.device)
    execution["optimizer_devices"] = dict(sorted(where.items()))
    return execution


def take_step(model: Any, train_set: tuple[Any, Any], batch_size: int) -> list[Any]:
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


def describe_step(model: Any, nodes: list[Any], device: str) -> Execution:
    """Where a training step was placed, whose nodes ``take_step`` gave."""
    placed = [(short_device(node.device), node.op) for node in nodes if node.device]
    optimizer = Counter(node.op for node in _optimizer_nodes(model, nodes))
    found: Execution = {
        "variable_devices": sorted({short_device(variable.device) for variable in _tensorflow_variables(model)}),
        "arithmetic_devices": sorted({where for where, op in placed if _ARITHMETIC.search(op)}),
        "step_operations": dict(Counter(where for where, _ in placed)),
        "step_fallback": sorted({op for where, op in placed if device == "gpu" and not where.startswith("GPU")}),
        "optimizer_operations": dict(sorted(optimizer.items())),
    }
    if any(layer.name == device_data.LAYER for layer in model.layers):
        look_ups = [node for node in nodes if device_data.LAYER in node.name and "Gather" in node.op]
        found["look_up_devices"] = sorted({short_device(node.device) for node in look_ups if node.device})
    return found


def _optimizer_nodes(model: Any, nodes: list[Any]) -> list[Any]:
    """Those of a step's nodes that are the optimizer's and compute something."""
    # Their names begin with that of the optimizer, or have it between two strokes.
    name = f"/{model.optimizer.get_config()['name']}/"
    return [node for node in nodes if name in f"/{node.name}" and node.op not in _PLUMBING]


def _tensorflow_variables(model: Any) -> list[Any]:
    # Keras 3 wraps tf.Variable and keeps it under .value; in Keras 2 .value is a method of tf.Variable itself.
    return [v if callable(getattr(v, "value", None)) else v.value for v in model.variables]


def short_device(name: str) -> str:
    """``CPU:0`` for ``/job:localhost/replica:0/task:0/device:CPU:0``."""
    return name.rpartition("device:")[2]


def check_device(execution: Execution, device: str) -> None:
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


def check_optimizer(execution: Execution) -> None:
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


def gpu_details(tf: Any) -> UsedGpu:
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
