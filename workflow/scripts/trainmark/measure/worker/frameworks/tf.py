"""TensorFlow, with the Keras that it brings: Keras 2 in 2.12, Keras 3 in 2.19."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

from trainmark import stacks, system
from trainmark.machine import cuda
from trainmark.measure.messages import Execution, UsedGpu
from trainmark.measure.worker.frameworks import (
    LOOK_UP,
    Framework,
    Operation,
    Step,
    WrongDeviceError,
    other_optimizer,
    package_version,
    plugin,
    updating,
)

_METAL = "tensorflow-metal"
# Operations of an optimizer that move values and compute nothing: how many there are differs between devices.
_PLUMBING = {"_Arg", "_Retval", "_Send", "_Recv", "_HostSend", "_HostRecv", "Cast", "Const", "Identity", "NoOp"}
_PLUMBING |= {"Placeholder", "ReadVariableOp", "PartitionedCall", "StatefulPartitionedCall"}
# Operations that do a model's arithmetic, as TensorFlow and its oneDNN, cuDNN and fused variants name them.
_ARITHMETIC = re.compile(r"MatMul|Einsum|Conv2D|Rnn|RNN|LSTM|XlaRun|XlaLaunch")
# Of a call that XLA compiles, as a whole and for the device of the call: its operations have none of their own.
_COMPILED = "_XlaMustCompile"


class TensorFlow(Framework):
    """TensorFlow on the CPU, on NVIDIA's GPUs, and with tensorflow-metal on Apple's."""

    name = "tensorflow"
    has_pipeline = True
    tf: Any = None

    def variables(self, device: str, threads: int) -> dict[str, str | None]:
        """Threads: what they are set to later on is what counts, but libraries start some before."""
        return dict.fromkeys(("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"), str(threads))

    def import_library(self) -> None:
        """Import TensorFlow and its Keras."""
        import tensorflow as tf

        self.tf, self.keras = tf, tf.keras

    def configure(self, device: str, threads: int) -> None:
        """As for every framework; here TensorFloat-32 is on by default."""
        config = self.tf.config
        config.experimental.enable_tensor_float_32_execution(False)
        config.threading.set_intra_op_parallelism_threads(threads)
        config.threading.set_inter_op_parallelism_threads(threads)
        shown = config.get_visible_devices("GPU")
        config.set_visible_devices(shown[:1] if device == "gpu" else [], "GPU")
        if device == "gpu" and not shown:
            why = (
                f"{_METAL}, which brings it, is {package_version(_METAL) or 'not installed'}."
                if system.MAC
                else cuda.explain_missing_gpu(self.tf.sysconfig.get_build_info())
            )
            raise WrongDeviceError(f"A GPU was asked for and TensorFlow {self.tf.__version__} sees none. {why}")

    def package_versions(self) -> dict[str, str]:
        """TensorFlow's, under each of its names: a lock pins one of them."""
        return dict.fromkeys(stacks.framework_packages()["tf"], self.tf.__version__)

    def build(self) -> dict[str, str | None]:
        """As TensorFlow says that it was built."""
        found = self.tf.sysconfig.get_build_info()
        return {
            "framework_version": self.tf.__version__,
            "plugin": plugin(_METAL),
            "cuda": found.get("cuda_version"),
            "cudnn": found.get("cudnn_version"),
        }

    def threads_in_use(self) -> tuple[int, int]:
        """As they were set."""
        threading = self.tf.config.threading
        return threading.get_intra_op_parallelism_threads(), threading.get_inter_op_parallelism_threads()

    def rounds_products(self) -> bool:
        """As it was set."""
        return bool(self.tf.config.experimental.tensor_float_32_execution_enabled())

    def allow_rounded_products(self) -> None:
        """Of products, convolutions and recurrences alike."""
        self.tf.config.experimental.enable_tensor_float_32_execution(True)

    def why_no_xla(self, device: str) -> str | None:
        """XLA's programs for GPUs are CUDA's or ROCm's; Keras' own choice for a Mac's GPU is not to compile, too."""
        return f"{_METAL} cannot run what XLA compiles" if device == "gpu" and system.MAC else None

    def pipeline(self, images: Any, labels: Any, batch_size: int, shuffled: bool) -> Any:
        """A tf.data.Dataset as TensorFlow's guides write it: of slices, shuffled, in batches, prefetched."""
        found = self.tf.data.Dataset.from_tensor_slices((images, labels))
        if shuffled:
            found = found.shuffle(len(images))
        return found.batch(batch_size).prefetch(self.tf.data.AUTOTUNE)

    def wait(self, model: Any) -> None:
        """Read the smallest variable: a copy to the host waits for all that is queued before it."""
        min(model.trainable_variables, key=lambda variable: math.prod(tuple(variable.shape))).numpy()

    def gpu(self) -> UsedGpu:
        """All of NVIDIA's; of Apple's TensorFlow knows nothing."""
        # Not exported under tensorflow's public names; the stacks that we run are pinned.
        from tensorflow.python.client import device_lib

        config = self.tf.config
        details = config.experimental.get_device_details(config.get_visible_devices("GPU")[0])
        described = [each.physical_device_desc for each in device_lib.list_local_devices() if each.device_type == "GPU"]
        found = re.search(r"pci bus id: ([0-9a-fA-F:.]+)", described[0]) if described else None
        capability = details.get("compute_capability")
        return {
            "name": details.get("device_name"),
            "compute_capability": ".".join(map(str, capability)) if capability else None,
            "pci_bus_id": found[1] if found else None,
        }

    def peak_device_memory_bytes(self) -> int | None:
        """Of TensorFlow's tensors; what it has reserved beyond says nothing of the training."""
        return int(self.tf.config.experimental.get_memory_info("GPU:0")["peak"]) or None

    def variable_devices(self, model: Any) -> list[str]:
        """Keras 3 wraps tf.Variable and keeps it under .value; in Keras 2 .value is a method of tf.Variable itself."""
        found = [v if callable(getattr(v, "value", None)) else v.value for v in model.variables]
        return [_short(variable.device) for variable in found]

    def observe_step(self, model: Any, images: Any, labels: Any) -> Step:
        """By the nodes of the graphs that TensorFlow executed, every one with its device."""
        # Not exported under tensorflow's public names; the stacks that we run are pinned.
        from tensorflow.python.eager import context

        context.enable_graph_collection()
        try:
            model.make_train_function(force=True)  # a graph is handed out when it is made, and fit's was made before
            if getattr(model, "jit_compile", False):  # train_on_batch calls such a step outside of any graph
                model.train_function(iter(self.tf.data.Dataset.from_tensors((images, labels))))
            else:
                model.train_on_batch(images, labels)
            graphs = context.context().export_run_metadata().partition_graphs
        finally:
            context.disable_graph_collection()
        nodes = [node for graph in graphs for node in graph.node]
        nodes += [node for graph in graphs for function in graph.library.function for node in function.node_def]
        # Names of an optimizer's nodes begin with that of the optimizer, or have it between two strokes.
        inside = f"/{updating(model).get_config()['name']}/"
        updates = [node for node in nodes if inside in f"/{node.name}" and node.op not in _PLUMBING]
        look_ups = [node for node in nodes if LOOK_UP in node.name and "Gather" in node.op]
        return Step(*([_operation(node) for node in part] for part in (nodes, updates, look_ups)))

    def multiplier(self, device: str, side: int) -> tuple[Callable[[int], None], str]:
        """One operation a product, not compiled together."""
        where = f"/{device.upper()}:0"
        with self.tf.device(where):
            left, right = (self.tf.random.stateless_uniform((side, side), seed=(1, n)) for n in (1, 2))
            product = left @ right

        def multiply(count: int) -> None:
            with self.tf.device(where):
                for _ in range(count):
                    last = left @ right
                last[0, 0].numpy()  # a device works through its queue in order

        return multiply, _short(product.device)

    def look_up_layer(self, device: str, images: Any) -> Any:
        """The images are a tensor that the step's graph refers to."""
        with self.tf.device(f"/{device.upper()}:0"):
            held = self.tf.constant(images)
        held[0, 0, 0].numpy()  # the copy is made when it is asked for
        return self.keras.layers.Lambda(
            lambda numbers: self.tf.gather(held, numbers[:, 0]), output_shape=tuple(images.shape[1:]), name=LOOK_UP
        )

    def optimizers(self) -> Any:
        """The legacy ones of Keras 2.

        Keras 2.12 has two of Adam, and on ARM Macs it replaces any instance of the new one (12 elementary operations a
        variable) by the legacy one (a fused operation a variable) in ``keras.optimizers.get``; with the text "adam",
        other platforms take the new one, on CUDA through XLA. The legacy one is the only one that it leaves as it is
        everywhere, what the article's Macs ran, and the same formula. Keras 3 has one.
        """
        return self.keras.optimizers.legacy if str(self.keras.__version__).startswith("2.") else self.keras.optimizers

    def check_optimizer(self, execution: Execution) -> None:
        """Of Keras 2 one fused operation a variable, of Keras 3 elementary ones."""
        fused = "legacy" in execution["optimizer_class"]
        found = execution["optimizer_operations"]
        if not found or fused != ("ResourceApplyAdam" in found):
            raise other_optimizer(execution, "one ResourceApplyAdam a variable" if fused else "elementary ones")


def _operation(node: Any) -> Operation:
    arithmetic = bool(_ARITHMETIC.search(node.op)) or (_COMPILED in node.attr and node.attr[_COMPILED].b)
    return Operation(node.op, _short(node.device), arithmetic)


def _short(name: str) -> str:
    """``CPU:0`` for ``/job:localhost/replica:0/task:0/device:CPU:0``."""
    return name.rpartition("device:")[2]


FRAMEWORK = TensorFlow
