"""Runs in conda environments, from shells as conda's users have them. Skipped where there is no conda."""

import json
import os
import re
import shutil
import signal
import subprocess
import time
import venv
from pathlib import Path

import pytest
from trainmark.install import lockfile

from tests.conftest import ROOT
from tests.integration.conftest import Checkout, find_child, trained

CONDA = shutil.which("conda") or os.environ.get("CONDA_EXE")
pytestmark = pytest.mark.skipif(CONDA is None, reason="conda is not installed")
STACKS = ["tf-2.12", "tf-2.19"]
# $0: conda's installation, $1: the environment to activate, $2: a folder to put first on PATH.
SHELL = '. "$0/etc/profile.d/conda.sh"; [ -z "$1" ] || conda activate "$1"; [ -z "$2" ] || PATH="$2:$PATH"; '


@pytest.fixture(scope="session")
def environments(tmp_path_factory) -> str:
    """Where the environments of all tests are made, once."""
    return str(tmp_path_factory.mktemp("environments"))


@pytest.fixture(scope="module")
def another_python(tmp_path_factory) -> Path:
    """The folder of another Python, as a virtual environment or pyenv put one first on PATH."""
    folder = tmp_path_factory.mktemp("another")
    venv.create(folder, symlinks=True)
    return folder / "bin"


def in_shell(command: list[str], active: str = "", first: str = "") -> list[str]:
    """A command that runs another one in a shell that was set up for conda."""
    base = json.loads(subprocess.run([CONDA, "info", "--json"], capture_output=True, check=True).stdout)["root_prefix"]
    return ["bash", "-c", f'{SHELL} shift 2; exec "$@"', base, active, first, *command]


def run(checkout: Checkout, environments: str, *options: str, active="", first="", code=0, **config) -> str:
    command = checkout.command(
        "--use-conda", "--conda-prefix", environments, *options, **{"batch_sizes": [64], **config}
    )
    result = subprocess.run(
        in_shell(command, active, str(first)),
        cwd=checkout.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert result.returncode == code, result.stdout
    return result.stdout


def environment_of_newest(environments: str) -> Path:
    """The folder of the environment of tf-2.19, once it is made."""
    (package,) = Path(environments).glob("*/lib/python3.12/site-packages/tensorflow")
    return package.parents[3]


def clear(checkout: Checkout) -> Path:
    """The folder of the machine's runs, emptied."""
    runs = checkout.folder / "results/machines/test-checkout/runs"
    shutil.rmtree(runs)
    return runs


@pytest.mark.parametrize("first", [None, "another python"])
@pytest.mark.parametrize("active", ["", "base"])
def test_python_is_that_of_the_environment_whatever_is_active(checkout, environments, another_python, active, first):
    runs = clear(checkout)
    run(checkout, environments, "measure", active=active, first=another_python if first else "", stacks=STACKS)
    found = [json.loads(path.read_text()) for path in runs.rglob("1.json")]
    assert {data["stack"] for data in found} == set(STACKS)
    for data in found:
        assert data["status"] == "ok", data["reason"]
        pinned = lockfile.python_version(ROOT / "envs" / data["environment"]["lock_file"])
        assert data["versions"]["python"].startswith(f"{pinned}.")


def test_run_with_another_python_is_refused(checkout, environments, another_python):
    runs = clear(checkout)
    run(checkout, environments, "measure", stacks=["tf-2.19"])
    folder = environment_of_newest(environments)
    python = folder / "bin/python"
    target = python.readlink()
    python.unlink()
    shutil.rmtree(runs)
    try:
        output = run(checkout, environments, "measure", code=1, stacks=["tf-2.19"], first=another_python)
    finally:
        python.symlink_to(target)
    assert f"Expected the Python 3.12 of the environment {folder}, found" in output
    assert f"The environment has lost its Python. Delete it (rm -r {folder}) and give the same command again" in output
    assert not list(runs.rglob("*.json"))


def test_environment_that_was_changed_is_to_be_deleted_wherever_it_is(checkout, environments):
    runs = clear(checkout)
    run(checkout, environments, "measure", stacks=["tf-2.19"])
    folder = environment_of_newest(environments)
    shutil.rmtree(runs)
    (six,) = folder.glob("lib/python3.12/site-packages/six-*.dist-info/METADATA")
    text = six.read_text()
    six.write_text(text.replace("Version: 1.17.0", "Version: 1.16.0"))
    try:
        output = run(checkout, environments, "measure", code=1, stacks=["tf-2.19"])
    finally:
        six.write_text(text)
    assert "six: pinned 1.17.0, found 1.16.0" in output
    assert f"Delete it (rm -r {folder}) and give the same command again" in output


def test_interrupted_run_shows_no_shell_command(checkout, environments):
    clear(checkout)
    run(checkout, environments, "--conda-create-envs-only", "measure", stacks=["tf-2.19"])
    command = checkout.command("--use-conda", "--conda-prefix", environments, stacks=["tf-2.19"], epochs=500)
    workflow = checkout.start_command(in_shell(command, "base"))
    find_child(workflow)
    os.killpg(workflow.pid, signal.SIGINT)
    output, _ = workflow.communicate(timeout=60)
    assert "Give the same command again to go on" in output
    assert "python workflow/scripts" not in output


def test_interrupted_making_of_an_environment_shows_no_traceback(checkout, tmp_path):
    shutil.rmtree(checkout.folder / "results/report")
    command = checkout.command("--use-conda", "--conda-prefix", str(tmp_path / "new"), "report")
    workflow = checkout.start_command(in_shell(command, "base"))
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("new/*.yaml")) and time.monotonic() < deadline:
        time.sleep(0.1)
    os.killpg(workflow.pid, signal.SIGINT)
    output, _ = workflow.communicate(timeout=60)
    assert workflow.returncode != 0
    assert "1 environment to make first" in output
    assert "Give the same command again to go on" in output
    assert "Traceback" not in output


def test_environments_are_announced_before_they_are_made(checkout, tmp_path):
    output = run(checkout, str(tmp_path / "new"), "--dry-run", stacks=STACKS, machine="another-machine")
    assert output.index("3 environments to make first") < output.index("envs/report.yaml will be created")


def test_report_is_drawn_in_its_own_environment(checkout, environments):
    shutil.rmtree(checkout.folder / "results/report")
    assert trained(run(checkout, environments, "report")) == 0
    assert (checkout.folder / "results/report/index.html").exists()


def test_doctor_looks_at_every_stack_in_its_environment(checkout, environments):
    """Another benchmark on this machine keeps it from computing with a stack, and from nothing else."""
    output = run(checkout, environments, "doctor", active="base", stacks=STACKS)
    for stack, version in (("tf-2.12", "3.10"), ("tf-2.19", "3.12")):
        assert re.search(rf"^[✓!] {stack} +In its conda environment, Python {version}\.", output, re.MULTILINE)
