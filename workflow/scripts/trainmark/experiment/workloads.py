"""The workloads: everything that decides what a run computes."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from trainmark.experiment import suites


def is_optimizer_of(stack: str, optimizer_class: str | None) -> bool:
    """Whether a stack trains with this implementation of its optimizer; records of before may have another.

    Args:
        stack: tf-2.12, whose Keras has two (``measure.worker.frameworks`` takes one of them), or another.
        optimizer_class: module and class as a record has them; None where it failed before.
    """
    return stack != "tf-2.12" or optimizer_class is None or ".legacy." in optimizer_class


# The configuration's keys that decide what is computed: two experiments differ in one of these.
SETTINGS = ("suite", "epochs", "train_samples", "validation_samples", "test_samples", "learning_rate", "jit_compile")


def describe(model_name: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """The workload of a run as its record holds it: all that decides what is computed, but for the batch size.

    Two runs with equal workloads and batch sizes trained the same thing; anything else must not be compared.
    """
    suite = suites.of(config)
    return {
        # Workloads of the default suite are older than suites, and stay as they are.
        **({} if suite.name == suites.DEFAULT else {"suite": suite.name}),
        "model": model_name,
        "data": {"name": suite.data.name, "sha256": dict(suite.data.sha256)},
        "train_samples": config["train_samples"],
        "validation_samples": config["validation_samples"],
        "test_samples": config["test_samples"],
        "epochs": config["epochs"],
        "optimizer": {"name": suite.optimizer, "learning_rate": config["learning_rate"]},
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
