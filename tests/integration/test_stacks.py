"""The article's stack, installed by pip from its environment file as conda would, beside the one that is installed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from trainmark.experiment import workloads
from trainmark.install import lockfile

from tests.conftest import CONFIG, ROOT, validate_record

LOCK = ROOT / "envs/tf-2.12.linux-64.yaml"
SCRIPT = ROOT / "workflow/scripts/time_training.py"
# Builds the three models and says what they are; runs in both stacks.
DESCRIBE = """
import json, sys
sys.path.insert(0, sys.argv[1])
from trainmark.experiment import workloads
from trainmark.measure.worker import frameworks, settings
framework = frameworks.of("tf")
framework.load("cpu", 2)
found = {}
for name, workload in json.load(sys.stdin).items():
    model = workloads.MODELS[name](framework.keras)
    settings.compile_model(framework, model, workload)
    loss = model.loss if isinstance(model.loss, str) else type(model.loss).__name__
    found[name] = {"loss": loss, "layers": [type(layer).__name__ for layer in model.layers]}
    found[name] |= settings.in_use(framework, model) | {"learning_rate": float(model.optimizer.learning_rate)}
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def python(article_python) -> str:
    """The Python of an environment made from the lock of tf-2.12."""
    return article_python


def time_training(python: str, folder: Path, data_folder: Path, kind: str = "runs") -> subprocess.CompletedProcess:
    workload = workloads.describe("mlp", {**CONFIG, "train_samples": 400, "validation_samples": 100})
    command = [python, str(SCRIPT), "--workload", json.dumps(workload), "--seed", "2024", "--threads", "auto"]
    command += ["--time-limit", "120", "--data", str(data_folder), "--lock-file", str(LOCK), "--log", "log"]
    command += [f"results/machines/test-checkout/{kind}/tf-2.12/cpu/mlp/64/1.json"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)


def test_real_cell_is_trained_with_the_articles_tensorflow(python, tmp_path, data_folder):
    """And images that are on the device beforehand change its time alone."""
    found = {}
    for kind in ("runs", "controls/device-data"):
        result = time_training(python, tmp_path, data_folder, kind)
        assert result.returncode == 0, result.stdout + result.stderr
        path = tmp_path / f"results/machines/test-checkout/{kind}/tf-2.12/cpu/mlp/64/1.json"
        found[kind] = json.loads(path.read_text())
        validate_record(found[kind])
        assert found[kind]["status"] == "ok", found[kind]["reason"]
    data, control = found.values()
    assert data["versions"]["framework_version"] == "2.12.0"
    assert data["versions"]["python"].startswith("3.10.")
    assert data["environment"]["lock_file"] == LOCK.name
    assert data["environment"]["lock_sha256"] == lockfile.digest(LOCK.read_bytes())
    assert data["execution"]["optimizer_operations"]["ResourceApplyAdam"] == 6
    assert control["execution"]["look_up_devices"] == ["CPU:0"]
    assert control["accuracy"] == data["accuracy"]


def test_same_is_computed_in_both_stacks(python):
    """In Keras 2.12 the text "adam" alone would mean three different optimizers on three platforms."""
    wanted = {model: workloads.describe(model, CONFIG) for model in workloads.MODELS}

    def describe(interpreter: str) -> dict:
        command = [interpreter, "-c", DESCRIBE, str(SCRIPT.parent)]
        return json.loads(subprocess.run(command, input=json.dumps(wanted), capture_output=True, text=True).stdout)

    older, newer = describe(python), describe(sys.executable)
    assert set(older) == {"mlp", "cnn", "lstm"}
    for model in older:
        optimizers = [found[model].pop("optimizer_class") for found in (older, newer)]
        assert optimizers == ["keras.optimizers.legacy.adam.Adam", "keras.src.optimizers.adam.Adam"]
        layers = [[kind for kind in found[model].pop("layers") if kind != "InputLayer"] for found in (older, newer)]
        assert layers[0] == layers[1]
    assert older == newer
    assert {found["jit_compile"] for found in older.values()} == {False}
    assert {found["loss"] for found in older.values()} == {"sparse_categorical_crossentropy"}


def test_package_upgraded_by_hand_is_refused_with_both_versions(python, tmp_path, data_folder):
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*pip, "six==1.16.0"], check=True)
    try:
        result = time_training(python, tmp_path, data_folder)
    finally:
        subprocess.run([*pip, "six==1.17.0"], check=True)
    assert result.returncode == 1
    assert "six: pinned 1.17.0, found 1.16.0" in result.stdout
    assert not list(tmp_path.glob("results/**/*.json"))
