"""Stacks beside the one that is installed: by pip from their environment files, as conda would, or by make."""

import functools
import json
import subprocess
from pathlib import Path

import pytest
from trainmark import stacks
from trainmark.experiment import workloads
from trainmark.install import lockfile, stack_locks
from trainmark.machine import hardware
from trainmark.measure import worker_process

from tests import shared, worker_answers
from tests.conftest import CONFIG, ROOT, install_lock, validate_record
from tests.installs import find_python, install
from tests.integration.conftest import trained

LOCK = ROOT / "envs/tf-2.12.linux-64.yaml"
SCRIPT = ROOT / "workflow/scripts/time_training.py"
# An environment that takes no more is made for the tests.
SMALL_BYTES = 500e6


@pytest.fixture(scope="module")
def python(article_python) -> str:
    """The Python of an environment made from the lock of tf-2.12."""
    return article_python


def time_training(
    python: str, folder: Path, data_folder: Path, kind: str = "runs", lock: Path = LOCK
) -> subprocess.CompletedProcess:
    workload = workloads.describe("mlp", {**CONFIG, "train_samples": 400, "validation_samples": 100})
    command = [python, str(SCRIPT), "--workload", json.dumps(workload), "--seed", "2024", "--threads", "auto"]
    command += ["--time-limit", "120", "--data", str(data_folder), "--lock-file", str(lock), "--log", "log"]
    command += [f"results/machines/test-checkout/{kind}/{lock.name.removesuffix('.linux-64.yaml')}/cpu/mlp/64/1.json"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module", params=[stack for stack in stacks.names() if stacks.framework(stack) != "tf"])
def other(request, tmp_path_factory) -> tuple[str, str]:
    """A stack of another framework, and the Python of its environment: what make has made, or a small one's lock."""
    stack = request.param
    made, lock = ROOT / f".venv-{stack}/bin/python", f"{stack}.linux-64.yaml"
    if made.exists():
        return stack, str(made)
    size = json.loads((ROOT / "envs/sizes.json").read_text())[lock]
    if size > SMALL_BYTES or hardware.platform_tag() != "linux-64":
        pytest.skip(f"there is no .venv-{stack}, and it takes {size / 1e9:.1f} GB: make doctor STACK={stack}")
    base, package = find_python(stacks.named(stack).python), stacks.named(stack).packages[0]
    make = functools.partial(install_lock, ROOT / "envs" / lock, base, module=package)
    return stack, shared.make_once(tmp_path_factory, stack, make)


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


def test_real_cell_is_trained_with_another_framework(other, tmp_path, data_folder):
    stack, python = other
    lock = ROOT / f"envs/{stack}.linux-64.yaml"
    result = time_training(python, tmp_path, data_folder, lock=lock)
    assert result.returncode == 0, result.stdout + result.stderr
    data = json.loads((tmp_path / f"results/machines/test-checkout/runs/{stack}/cpu/mlp/64/1.json").read_text())
    validate_record(data)
    assert data["status"] == "ok", data["reason"]
    assert data["versions"]["framework_version"] == stack_locks.framework_version(stack, "linux-64")
    assert data["versions"]["keras"] == "3.15.1"
    assert data["environment"]["lock_file"] == lock.name


def test_what_is_installed_is_timed_and_in_no_comparison_with_what_a_lock_pins(checkout):
    """But in one that asks for it."""
    name = "tf-2.19.1-unpinned"
    asked = {"name": "Asked for", "candidate": {"stack": name}, "baseline": {"stack": "tf-2.19"}}
    output = checkout.run(stacks=["installed"], batch_sizes=[64])
    assert trained(output) == 1
    path = checkout.folder / f"results/machines/test-checkout/runs/{name}/cpu/mlp/64/1.json"
    data = json.loads(path.read_text())
    validate_record(data)
    assert data["status"] == "ok", data["reason"]
    assert data["environment"]["packages"] == {**data["environment"]["packages"], "keras": "3.15.1"}
    report = checkout.folder / "results/report"
    assert name in (report / "runs.csv").read_text()
    assert name not in (report / "comparisons.csv").read_text()
    assert trained(checkout.run("report", comparisons=[asked])) == 0
    assert name in (report / "comparisons.csv").read_text()
    output = checkout.run("measure")  # with "auto": the pinned one, as before
    assert trained(output) == 0


def test_same_is_computed_in_both_stacks(python, answers, data_folder):
    """In Keras 2.12 the text "adam" alone would mean three different optimizers on three platforms."""
    models = worker_answers.MODELS
    wanted = [case for case in worker_answers.cases(data_folder) if case[0] == models]
    older = worker_answers.ask(wanted, worker_process.child_environment("cpu", 2, None, "tf-2.12"), python)[models]
    newer = answers[models]
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
    install(python, "--no-deps", "six==1.16.0")
    try:
        result = time_training(python, tmp_path, data_folder)
    finally:
        install(python, "--no-deps", "six==1.17.0")
    assert result.returncode == 1
    assert "six: pinned 1.17.0, found 1.16.0" in result.stdout
    assert not list(tmp_path.glob("results/**/*.json"))
