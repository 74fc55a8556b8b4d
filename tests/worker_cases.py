"""What a training's worker answers in a row of cases, in one process, which imports TensorFlow once for all of them.

A program: it takes the cases from stdin as JSON, [name, kind, request] each; its last line is name -> answer.
"""

import contextlib
import dataclasses
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow/scripts"))

from trainmark.errors import TrainmarkError
from trainmark.experiment import suites
from trainmark.measure.worker import device_check, device_proof, failures, frameworks, matmul, settings, training


def train(request: Any) -> Any:
    """A training."""
    return training.train(request)


def examine(request: Any) -> Any:
    """A doctor's look, cut short."""
    with (
        _changed(device_check, "LOAD_SECONDS", 0.2),
        _changed(device_check, "SIDE", 256),
        _changed(matmul, "ROUND_SECONDS", 0.05),
    ):
        return device_check.examine(request)


def sweep(request: Any) -> Any:
    """A sweep of matrix products, cut short."""
    with _changed(matmul, "SIDES", (256, 512)), _changed(matmul, "ROUND_SECONDS", 0.01):
        return matmul.sweep(request)


def train_in_float16(request: Any) -> Any:
    """A training where something else has set Keras before."""
    import tensorflow

    backend = tensorflow.keras.backend
    backend.set_floatx("float16")
    try:
        return training.train(request)
    finally:
        backend.set_floatx("float32")


def train_with_another_numpy(request: Any) -> Any:
    """A training where another numpy came first on the path."""
    with _changed(sys.modules["numpy"], "__version__", "9.9"):
        return training.train(request)


def prove_without_optimizer(request: Any) -> Any:
    """A doctor's step, in which no operation of an optimizer was seen."""
    framework = frameworks.of(request["stack"])
    framework.load(request["device"], request["threads"])
    real = framework.observe_step
    framework.observe_step = lambda *step: dataclasses.replace(real(*step), optimizer=[])
    try:
        return device_proof.prove_step(framework, request["workload"], request["batch_size"], request["device"])
    except TrainmarkError as error:
        return failures.classify(error)


def describe(request: Any) -> Any:
    """Each of some models, and how it is compiled."""
    framework = frameworks.of(request["stack"])
    framework.load("cpu", request["threads"])
    framework.configure("cpu", request["threads"])
    found = {}
    for name, workload in request["workloads"].items():
        model = suites.model_of(workload).build(framework.keras)
        settings.compile_model(framework, model, workload)
        loss = model.loss if isinstance(model.loss, str) else type(model.loss).__name__
        found[name] = {"loss": loss, "layers": [type(layer).__name__ for layer in model.layers]}
        found[name] |= settings.in_use(framework, model) | {"learning_rate": float(model.optimizer.learning_rate)}
    return found


@contextlib.contextmanager
def _changed(module: Any, name: str, value: Any) -> Iterator[None]:
    """Give a name of a module another value for a while."""
    before = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, before)


KINDS: list[Callable[[Any], Any]] = [
    train,
    examine,
    sweep,
    train_in_float16,
    train_with_another_numpy,
    prove_without_optimizer,
    describe,
]


def main() -> None:
    kinds = {function.__name__: function for function in KINDS}
    print(json.dumps({name: kinds[kind](request) for name, kind, request in json.load(sys.stdin)}))


if __name__ == "__main__":
    main()
