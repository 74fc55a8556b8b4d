"""The workloads: the models, and everything else that decides what a run computes.

To add a model, write one function here that is decorated with ``@model`` and takes ``keras``; then name it in
config/config.yaml. The functions are given ``keras``, that of the stack that trains, so that this module can be read
without importing a framework.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from trainmark.dataset import fashion_mnist

MODELS: dict[str, Callable[[Any], Any]] = {}


def model(build: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Register a function that builds a model; its name is the model's name in config and in every record."""
    MODELS[build.__name__] = build
    return build


@model
def mlp(keras: Any) -> Any:
    """Multilayer perceptron on the flattened image; 435,402 parameters."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input(fashion_mnist.IMAGE_SHAPE),
            layers.Flatten(),
            layers.Dense(512, activation="relu"),
            layers.Dropout(0.2),
            layers.Dense(64, activation="relu"),
            layers.Dropout(0.2),
            layers.Dense(fashion_mnist.CLASSES, activation="softmax"),
        ]
    )


@model
def cnn(keras: Any) -> Any:
    """Convolutional network, the body of a well-known CIFAR-10 tutorial on one channel; 93,322 parameters."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input(fashion_mnist.IMAGE_SHAPE),
            layers.Reshape((*fashion_mnist.IMAGE_SHAPE, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(fashion_mnist.CLASSES, activation="softmax"),
        ]
    )


@model
def lstm(keras: Any) -> Any:
    """LSTM over the image's 28 rows of 28 values; 81,674 parameters."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input(fashion_mnist.IMAGE_SHAPE),
            layers.LSTM(128),
            layers.Dense(fashion_mnist.CLASSES, activation="softmax"),
        ]
    )


def is_optimizer_of(stack: str, optimizer_class: str | None) -> bool:
    """Whether a stack trains with this implementation of its optimizer; records of before may have another.

    Args:
        stack: tf-2.12, whose Keras has two (``measure.worker.frameworks`` takes one of them), or another.
        optimizer_class: module and class as a record has them; None where it failed before.
    """
    return stack != "tf-2.12" or optimizer_class is None or ".legacy." in optimizer_class


# The configuration's keys that decide what is computed: two experiments differ in one of these.
SETTINGS = ("epochs", "train_samples", "validation_samples", "test_samples", "learning_rate", "jit_compile")


def describe(model_name: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """The workload of a run as its record holds it: all that decides what is computed, but for the batch size.

    Two runs with equal workloads and batch sizes trained the same thing; anything else must not be compared.
    """
    return {
        "model": model_name,
        "data": {"name": fashion_mnist.NAME, "sha256": dict(fashion_mnist.PAYLOADS)},
        "train_samples": config["train_samples"],
        "validation_samples": config["validation_samples"],
        "test_samples": config["test_samples"],
        "epochs": config["epochs"],
        "optimizer": {"name": "adam", "learning_rate": config["learning_rate"]},
        "loss": "sparse_categorical_crossentropy",
        "precision": "float32",
        "jit_compile": config["jit_compile"],
    }


def configuration_of(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration's keys that decide what is computed, as a workload or an experiment has them."""
    return {key: settings[key] for key in SETTINGS if key in settings} | {
        "learning_rate": settings["optimizer"]["learning_rate"]
    }


def digest(workload: Mapping[str, Any]) -> str:
    """SHA-256 (hex) of a workload's canonical JSON."""
    return hashlib.sha256(canonical_json(workload).encode()).hexdigest()


def settings_digest(workload: Mapping[str, Any]) -> str:
    """Digest of a workload but for its model: equal for all models of one experiment."""
    return digest({key: value for key, value in workload.items() if key != "model"})


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spaces: equal values give equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def samples_of(workload: Mapping[str, Any]) -> int:
    """Training samples that a run of this workload goes through, epochs counted."""
    return int(workload["train_samples"] * workload["epochs"])
