"""Whole runs from shells whose variables and settings would change what is computed, drawn or installed."""

import json
import re
from pathlib import Path

import pytest

from tests.conftest import validate_record
from tests.integration.conftest import trained
from tests.machines import catalogue
from tests.machines.conftest import Machine

# Set by notebooks, by clusters' modules, by other projects, and by people who try things out. What stands in the place
# of {folder} is a folder whose modules and settings would spoil everything.
HOSTILE = {
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "MATPLOTLIBRC": "{folder}/matplotlibrc",
    "KERAS_BACKEND": "jax",
    "KERAS_HOME": "{folder}/keras",
    "TF_USE_LEGACY_KERAS": "1",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "TF_XLA_FLAGS": "--tf_xla_auto_jit=2 --tf_xla_cpu_global_jit",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",
    "XLA_FLAGS": "--xla_there_is_no_such_flag",
    "CUDA_LAUNCH_BLOCKING": "1",
    "OMP_NUM_THREADS": "1",
    "OMP_PROC_BIND": "close",
    "NVIDIA_TF32_OVERRIDE": "0",
    "LD_PRELOAD": "{folder}/libhostile.so",
    "PYTHONPATH": "{folder}/modules",
    "PYTHONSAFEPATH": "1",
    "PYTHONSTARTUP": "{folder}/startup.py",
    "PYTHONWARNINGS": "error",
    "PYTHONOPTIMIZE": "2",
    "PIP_USER": "1",
    "PIP_CONFIG_FILE": "{folder}/pip.conf",
    "SNAKEMAKE_PROFILE": "no-such-profile",
    "MACHINE": "another-machine",
}
# In the user's home.
SETTINGS = {
    ".keras/keras.json": json.dumps({"image_data_format": "channels_first", "floatx": "float16", "backend": "jax"}),
    ".config/matplotlib/matplotlibrc": "figure.dpi: 7\nsavefig.dpi: 7\ntext.usetex: True\nbackend: Qt5Agg\n",
    ".config/pip/pip.conf": "[install]\nuser = yes\n",
}


def spoil(home: Path) -> dict[str, str]:
    """Fill a home and a folder with what spoils everything; gives the variables."""
    for name, text in SETTINGS.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)
    (home / "matplotlibrc").write_text(SETTINGS[".config/matplotlib/matplotlibrc"])
    (home / "keras").mkdir()
    (home / "keras/keras.json").write_text(SETTINGS[".keras/keras.json"])
    (home / "pip.conf").write_text(SETTINGS[".config/pip/pip.conf"])
    for module in ("tensorflow", "matplotlib", "trainmark", "sitecustomize"):
        path = home / f"modules/{module}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f'raise RuntimeError("{module} of the caller\'s PYTHONPATH")\n')
    return {name: value.format(folder=home) for name, value in HOSTILE.items()}


@pytest.fixture(scope="module")
def calm(imitate) -> Machine:
    """This machine, on which everything has run once from a clean shell, to the report."""
    machine = imitate(catalogue.plain())
    machine.make("run")
    return machine


@pytest.fixture(scope="module")
def hostile(imitate, tmp_path_factory) -> Machine:
    """The same from a hostile shell."""
    home = tmp_path_factory.mktemp("hostile")
    machine = imitate(catalogue.plain(), **{**spoil(home), "HOME": str(home)})
    machine.make("run")
    return machine


def test_hostile_shell_changes_nothing_that_is_computed(calm, hostile):
    assert trained(hostile.output) == 1
    expected, found = calm.record("cpu"), hostile.record("cpu")
    validate_record(found)
    assert found["status"] == "ok", found["reason"]
    for part in ("machine", "workload_digest", "accuracy", "execution", "versions"):
        assert found[part] == expected[part], part


def test_hostile_shell_is_on_record(calm, hostile):
    assert calm.record("cpu")["environment"]["dropped_variables"] == []
    dropped = hostile.record("cpu")["environment"]["dropped_variables"]
    assert set(dropped) >= HOSTILE.keys() - {"MACHINE"}


def test_hostile_shell_changes_nothing_that_is_drawn(calm, hostile):
    sizes = []
    for machine in (calm, hostile):
        figure = (machine.folder / "results/report/figures/training_time_cpus.svg").read_text()
        sizes.append(re.findall(r'<svg[^>]* (?:width|height|viewBox)="([^"]+)"', figure))
        assert "data:image/png" in machine.page() or "<svg" in machine.page()
    assert sizes[0] == sizes[1]


# What Colab sets for its kernel, beside what ipykernel sets.
COLAB = {
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",
    "TF2_BEHAVIOR": "1",
    "PYTHONPATH": "/env/python",
    "PYTHONWARNINGS": "ignore:::pip._internal.cli.base_command",
    "PYTHONDONTWRITEBYTECODE": "1",
    "NVIDIA_VISIBLE_DEVICES": "all",
    "LD_LIBRARY_PATH": "/usr/lib64-nvidia",
    "COLAB_GPU": "1",
}


def run_cell(folder: Path, environment: dict[str, str], cell: str) -> tuple[str, int]:
    """What a cell prints in a new kernel, and the exit code of its last ``!`` command."""
    manager = pytest.importorskip("jupyter_client.manager")
    kernel, client = manager.start_new_kernel(kernel_name="python3", env=environment, cwd=str(folder))
    printed = []

    def keep(message: dict) -> None:
        if message["msg_type"] in ("stream", "error"):
            printed.append(message["content"].get("text") or "\n".join(message["content"]["traceback"]))

    try:
        for code in (cell, "print('exit code', _exit_code)"):
            client.execute_interactive(code, output_hook=keep, timeout=300)
    finally:
        client.stop_channels()
        kernel.shutdown_kernel(now=True)
    output = "".join(printed)
    return output, int(output.rpartition("exit code ")[2])


def test_notebook_runs_to_the_report(imitate):
    machine = imitate(catalogue.t4())
    machine.prepare_make(devices=["gpu"])
    output, code = run_cell(machine.folder, {**machine.checkout.environment, **COLAB}, "!make run")
    assert code == 0, output
    assert trained(output) == 1
    record = machine.record("gpu")
    assert record["status"] == "ok", record["reason"]
    assert set(record["environment"]["dropped_variables"]) >= {"MPLBACKEND", "PYTHONPATH", "TF_FORCE_GPU_ALLOW_GROWTH"}
    assert "Tesla T4" in machine.page()
