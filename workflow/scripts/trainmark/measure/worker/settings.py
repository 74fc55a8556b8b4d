"""What TensorFlow and Keras are set to before a run, and what they computed with. Imports tensorflow."""

from __future__ import annotations

from typing import Any

from trainmark import system
from trainmark.errors import TrainmarkError
from trainmark.machine import cuda
from trainmark.measure.messages import Execution
from trainmark.measure.worker import versions
from trainmark.measure.worker.failures import WrongDeviceError


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
            f"tensorflow-metal, which brings it, is {versions.package_version('tensorflow-metal') or 'not installed'}."
            if system.MAC
            else cuda.explain_missing_gpu(tf.sysconfig.get_build_info())
        )
        raise WrongDeviceError(f"A GPU was asked for and TensorFlow {tf.__version__} sees none. {why}")


def refuse_other_defaults(keras: Any, precision: str) -> None:
    """Demand that Keras computes as the workload says, whatever may have set it otherwise.

    Raises:
        TrainmarkError: if it does not.
    """
    found = keras.backend.floatx(), keras.backend.image_data_format()
    if found != (precision, "channels_last"):
        raise TrainmarkError(
            f"Keras computes in {found[0]} with {found[1]}, expected {precision} with channels_last. "
            "~/.keras/keras.json and KERAS_* variables are not read, so something else sets it, perhaps a "
            "sitecustomize."
        )


def compile_model(keras: Any, model: Any, workload: dict[str, Any]) -> None:
    """Compile the model, with one implementation of the optimizer everywhere in a stack.

    Keras 2.12 has two of Adam, and on ARM Macs it replaces any instance of the new one (12 elementary operations a
    variable) by the legacy one (a fused operation a variable) in ``keras.optimizers.get``; with the text "adam", other
    platforms take the new one, on CUDA through XLA. The legacy one is the only one that it leaves as it is everywhere,
    what the article's Macs ran, and the same formula. Keras 3 has one.
    """
    settings = workload["optimizer"]
    optimizers = keras.optimizers.legacy if is_keras_2(keras) else keras.optimizers
    known = {"adam": optimizers.Adam}
    model.compile(
        optimizer=known[settings["name"]](learning_rate=settings["learning_rate"]),
        loss=workload["loss"],
        metrics=["accuracy"],
        jit_compile=workload["jit_compile"],
    )


def is_keras_2(keras: Any) -> bool:
    """Whether this is Keras 2, which has two implementations of its optimizers."""
    return str(keras.__version__).startswith("2.")


def in_use(tf: Any, model: Any) -> Execution:
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
