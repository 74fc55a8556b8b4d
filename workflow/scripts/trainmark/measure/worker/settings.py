"""What Keras is set to before a run, and what a model computed with."""

from __future__ import annotations

from typing import Any

from trainmark.errors import TrainmarkError
from trainmark.measure.messages import Execution
from trainmark.measure.worker.frameworks import LOOK_UP, Framework, updating


def refuse_other_defaults(framework: Framework, precision: str) -> None:
    """Demand that Keras computes as the stack and the workload say, whatever may have set it otherwise.

    Raises:
        TrainmarkError: if it does not.
    """
    backend = framework.keras.backend
    found = backend.backend(), backend.floatx(), backend.image_data_format()
    expected = framework.name, precision, "channels_last"
    if found != expected:
        is_so, should_be = (f"with {name} in {floatx}, {order}" for name, floatx, order in (found, expected))
        raise TrainmarkError(
            f"Keras computes {is_so}; expected: {should_be}. ~/.keras/keras.json and KERAS_* variables are not read, "
            "so something else sets it, perhaps a sitecustomize."
        )


def compile_model(framework: Framework, model: Any, workload: dict[str, Any]) -> None:
    """Compile the model, with one implementation of the optimizer everywhere in a stack."""
    settings = workload["optimizer"]
    known = {"adam": framework.optimizers().Adam}
    model.compile(
        optimizer=known[settings["name"]](learning_rate=settings["learning_rate"]),
        loss=workload["loss"],
        metrics=["accuracy"],
        jit_compile=framework.always_compiles or workload["jit_compile"],
    )


def in_use(framework: Framework, model: Any) -> Execution:
    """What the run computes with, as the libraries resolved it."""
    backend, optimizer = framework.keras.backend, updating(model)
    within, across = framework.threads_in_use()
    images = sum(layer.count_params() for layer in model.layers if layer.name == LOOK_UP)
    found: Execution = {
        "floatx": backend.floatx(),
        "image_data_format": backend.image_data_format(),
        "intra_op_threads": within,
        "inter_op_threads": across,
        "optimizer_class": f"{type(optimizer).__module__}.{type(optimizer).__qualname__}",
        "jit_compile": bool(getattr(model, "jit_compile", False) or getattr(model, "_jit_compile", False)),
        "always_compiled": framework.always_compiles,
        "tensor_float_32": framework.rounds_products(),
        "parameters": int(model.count_params()) - images,
    }
    types = sorted({layer.compute_dtype for layer in model.layers if layer.weights})
    return found if types == [found["floatx"]] else {**found, "compute_types": types}
