"""What the worker answers to requests of all kinds, asked of one process for all tests: see worker_cases.py."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from trainmark.experiment import suites, workloads
from trainmark.machine import gpus, hardware
from trainmark.measure import worker_process

from tests.conftest import CONFIG, ROOT

LOCK = ROOT / f"envs/tf-2.19.{hardware.platform_tag()}.yaml"
TINY = {**CONFIG, "epochs": 2, "train_samples": 400, "validation_samples": 100, "test_samples": 100}
# The mixed ones come last: they set the process.
CONTROLS = ("device-data", "xla", "tf-data", "mixed-bfloat16", "mixed-float16")
# Controls that are trained, with their models; an LSTM takes long to build, longer with XLA.
CONTROLLED = [*((control, "mlp") for control in CONTROLS), ("mixed-bfloat16", "lstm")]
# A model that no suite has.
UNKNOWN = "unknown"
NO_GPU = "no GPU"
NO_DATA = "no data"
DIVERGING = "diverging"
FLOAT16 = "float16"
OTHER_NUMPY = "another numpy"
LOOK, LOOK_WITHOUT_GPU = "look", "look without a GPU"
NO_OPTIMIZER = "no optimizer"
SWEEP = "sweep"
MODELS = "models"
# What a user's home may hold; none of it may count.
KERAS_SETTINGS = '{"floatx": "float16", "image_data_format": "channels_first"}'


def request_of(workload: dict[str, Any], data_folder: Path, **changes: Any) -> dict[str, Any]:
    """What a worker is asked."""
    common = {"stack": "tf-2.19", "device": "cpu", "threads": 2, "lock_file": str(LOCK), "batch_size": 64}
    common |= {"seed": 2024, "cpus": None, "control": None, "data_folder": str(data_folder)}
    return {**common, "workload": workload, **changes}


def cases(data_folder: Path) -> list[tuple[Any, str, dict[str, Any]]]:
    """Name, kind and request of each, in the order in which one process can take them."""
    mlp = workloads.describe("mlp", TINY)
    plain = request_of(mlp, data_folder)
    every = {model: workloads.describe(model, CONFIG) for model in suites.of(CONFIG).models}
    look = {**plain, "workloads": [{**mlp, "model": UNKNOWN}, *every.values()]}
    gpu = {"device": "gpu"}
    # Whatever is about a GPU comes before TensorFlow has begun to compute on the CPU.
    first = [] if gpus.usable() else [(NO_GPU, "train", plain | gpu), (LOOK_WITHOUT_GPU, "examine", look | gpu)]
    controlled = [(None, "mlp"), (None, "lstm"), *CONTROLLED]
    return [
        *first,
        (NO_DATA, "train", {**plain, "data_folder": str(data_folder / "none")}),
        (FLOAT16, "train_in_float16", plain),
        (OTHER_NUMPY, "train_with_another_numpy", plain),
        (DIVERGING, "train", request_of(workloads.describe("mlp", {**TINY, "learning_rate": 1e30}), data_folder)),
        (LOOK, "examine", look),
        (NO_OPTIMIZER, "prove_without_optimizer", plain),
        (SWEEP, "sweep", plain),
        (MODELS, "describe", {**plain, "workloads": every}),
        *(
            ((control, model), "train", request_of(workloads.describe(model, TINY), data_folder, control=control))
            for control, model in controlled
        ),
    ]


def ask(
    wanted: list[tuple[Any, str, dict[str, Any]]], variables: Mapping[str, str], python: str = sys.executable
) -> dict[Any, Any]:
    """The answers to cases, in a process of its own with these variables, by their names."""
    message = json.dumps([(str(name), kind, request) for name, kind, request in wanted])
    command = [python, str(Path(__file__).with_name("worker_cases.py"))]
    options = {"env": variables, "capture_output": True, "text": True, "timeout": 900}
    result = subprocess.run(command, input=message, **options)
    assert result.returncode == 0, result.stderr
    answers = json.loads(result.stdout.splitlines()[-1])
    return {name: answers[str(name)] for name, *_ in wanted}


def make(folder: Path, data_folder: Path) -> dict[Any, Any]:
    """The answers to all of them, in the environment of a training process, for a user with settings of Keras."""
    (folder / ".keras").mkdir()
    (folder / ".keras/keras.json").write_text(KERAS_SETTINGS)
    home = {"HOME": str(folder), "KERAS_HOME": str(folder / ".keras")}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in home.items():
            patch.setenv(name, value)
        return ask(cases(data_folder), worker_process.child_environment("cpu", 2, None, "tf-2.19"))
