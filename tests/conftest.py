"""Fixtures that unit and integration tests share. Every record made here is synthetic and says so in its machine."""

import copy
import datetime
import functools
import gc
import itertools
import os
import platform
import shutil
import zlib
from pathlib import Path

import jsonschema
import pytest
from trainmark import process_environment, stacks, system
from trainmark.dataset import fashion_mnist
from trainmark.experiment import grid, suites, workloads
from trainmark.ingest import older_formats, yaml_file
from trainmark.machine import energy, gpus, hardware
from trainmark.records import record

from tests import installs, shared

ROOT = Path(__file__).resolve().parents[1]
ARTICLE_LOCK = ROOT / "envs/tf-2.12.linux-64.yaml"
CONFIG = {
    "train_samples": 50000,
    "validation_samples": 10000,
    "test_samples": 10000,
    "epochs": 2,
    "learning_rate": 0.001,
    "jit_compile": False,
}

# Test files of which one group is run by one process; every other file is a group of its own.
GROUPS = dict.fromkeys(("test_macs.py", "test_nvidia.py", "test_together.py"), "machines")
GROUPS |= dict.fromkeys(("test_stacks.py", "test_optimizers.py"), "article")
GROUPS |= dict.fromkeys(("test_flops.py", "test_suite.py", "test_cifar_training.py"), "tensorflow")

# What make dropped of the environment of whoever started the tests; a test's programs have an environment of their own.
os.environ.pop(process_environment.DROPPED, None)


@pytest.hookimpl(tryfirst=True)  # before xdist looks for the mark
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep in one of the processes that run the tests what shares machines, or an environment that a test changes."""
    for item in items:
        file = item.path.relative_to(ROOT).as_posix()  # two folders may have files of one name
        item.add_marker(pytest.mark.xdist_group(GROUPS.get(item.path.name, file)))


def pytest_collection() -> None:
    """Collecting tests leaves next to no garbage."""
    gc.disable()


def pytest_collection_finish() -> None:
    """What is there now stays to the end, so no collection of garbage need go through it."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def payloads() -> dict[str, bytes]:
    """The real data set, from wherever this machine can have it."""
    return fashion_mnist.obtain(None, allow_download=True)[0]


@pytest.fixture(scope="session")
def data_folder(request, tmp_path_factory) -> Path:
    """The real data set, decoded. Nobody may write into its files: checkouts hold links to them."""

    def make(folder: Path) -> Path:
        fashion_mnist.save_arrays(request.getfixturevalue("payloads"), folder)
        return folder

    return shared.make_once(tmp_path_factory, "data", make)


@pytest.fixture(scope="session")
def answers(tmp_path_factory, data_folder) -> dict:
    """What a process that has TensorFlow answers to all cases of ``worker_answers``, by their names."""
    from tests import worker_answers  # which imports this module

    return shared.make_once(tmp_path_factory, "answers", lambda folder: worker_answers.make(folder, data_folder))


def find_python() -> str | None:
    """A working Python 3.10: on the path, or one of pyenv's."""
    candidates = [shutil.which("python3.10"), *sorted(Path.home().glob(".pyenv/versions/3.10.*/bin/python"))]
    for candidate in filter(None, candidates):
        version = system.command_output(str(candidate), "-c", "import sys; print(sys.version_info[:2])")
        if version == "(3, 10)":
            return str(candidate)
    return None


@pytest.fixture(scope="session")
def article_python(tmp_path_factory) -> str:
    """The Python of an environment made from the lock of tf-2.12."""
    base = find_python()
    if base is None:
        pytest.skip("no Python 3.10, which TensorFlow 2.12 needs, was found")
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        pytest.skip(f"{ARTICLE_LOCK.name} is for Linux on x86-64")
    return shared.make_once(
        tmp_path_factory, "tf-2.12", lambda folder: install_lock(ARTICLE_LOCK, base, folder, "tensorflow, keras")
    )


def install_lock(lock: Path, base: str | Path, folder: Path, module: str) -> str:
    """Make the environment of a lock, with a Python that fits it; gives its Python, in which a module was imported."""
    # What conda does with the file's pip section.
    section = yaml_file.read(lock)["dependencies"][-1]["pip"]
    (folder / "requirements.txt").write_text("\n".join(section))
    return installs.make_environment(folder / "env", base, ["-r", folder / "requirements.txt"], module)


def times_of(axes: list, fit_seconds: float) -> dict[str, str]:
    """Start and end of an invented run in 2025: no two start at once."""
    after = datetime.timedelta(milliseconds=7 * zlib.crc32(repr(axes).encode()))
    start = datetime.datetime(2025, 1, 1, tzinfo=datetime.timezone.utc) + after
    times = start, start + datetime.timedelta(seconds=fit_seconds + 10)
    return dict(zip(("started_at", "ended_at"), (time.isoformat(timespec="milliseconds") for time in times)))


def parameters_of(workload: dict) -> int:
    """Of the workload's model; 1 of one that its suite does not have."""
    known = workload.get("suite", suites.DEFAULT) in suites.NAMES
    model = suites.of(workload).models.get(workload["model"]) if known else None
    return model.parameters if model else 1


def synthetic_record(**changes) -> dict:
    """A valid record with invented numbers; ``changes`` replace its keys, or keys of its parts by ``part__key``."""
    workload = changes.get("workload", workloads.describe(changes.get("model", "mlp"), CONFIG))
    epochs, fit = workload["epochs"], changes.get("durations__fit_seconds") or 20.0
    device, stack = changes.get("device", "cpu"), changes.get("stack", "tf-2.19")
    axes = ("machine", "stack", "device", "model", "batch_size", "repeat", "control")
    where = f"{device.upper()}:0"
    data = {
        "format_version": record.FORMAT_VERSION,
        "protocol": record.PROTOCOL,
        "machine": "synthetic",
        "stack": "tf-2.19",
        "device": "cpu",
        "model": "mlp",
        "batch_size": 32,
        "repeat": 1,
        "control": None,
        "workload": workload,
        "workload_digest": workloads.digest(workload),
        "identity": {"machine_id_hash": "0" * 32, "hardware": hardware.signature(synthetic_machine())},
        "previous": None,
        "seed": 2024,
        "status": "ok",
        "reason": None,
        "log_tail": None,
        **times_of([changes.get(axis) for axis in axes], fit),
        "durations": {
            "import_seconds": 2.0,
            "data_seconds": 0.5,
            "build_seconds": 0.1,
            "fit_seconds": fit,
            "fit_setup_seconds": fit / 20,
            "fit_teardown_seconds": fit / 20,
            "epoch_seconds": [fit * 0.9 / epochs] * epochs,
            "validation_seconds": [fit * 0.1 / epochs] * epochs,
            "first_epoch_seconds": fit * 0.9 / epochs,
            "steady_state_epoch_seconds": fit * 0.9 / epochs if epochs > 1 else None,
            "evaluate_seconds": 0.5,
        },
        "accuracy": {
            "train_loss": [0.4] * epochs,
            "train_accuracy": [0.85] * epochs,
            "validation_loss": [0.4] * epochs,
            "validation_accuracy": [0.86] * epochs,
            "test_loss": 0.4,
            "test_accuracy": 0.86,
        },
        "execution": {
            "floatx": "float32",
            "image_data_format": "channels_last",
            "intra_op_threads": 2,
            "inter_op_threads": 2,
            "optimizer_class": "keras.src.optimizers.adam.Adam",
            "jit_compile": workload["jit_compile"],
            "always_compiled": False,
            "tensor_float_32": False,
            "parameters": parameters_of(workload),
            "variable_devices": [where],
            "arithmetic_devices": [where],
            "step_operations": {where: 304},
            "optimizer_operations": {"AddV2": 12, "AssignAddVariableOp": 12, "AssignSubVariableOp": 6, "Sqrt": 12},
            "step_fallback": [],
        },
        "versions": {
            "python": "3.12.0",
            "framework": {"tf": "tensorflow"}.get(stacks.framework(stack), stacks.framework(stack)),
            "framework_version": {"tf-2.19": "2.19.1"}.get(
                stack, stacks.version(stack) + ".0" * (stack.count(".") == 1)
            ),
            "keras": "3.15.1",
            "numpy": "2.1.3",
            "plugin": None,
            "cuda": None,
            "cudnn": None,
            "gpu_driver": None,
            "operating_system": "Synthetic OS 1",
        },
        "environment": {
            "lock_file": "synthetic.txt",
            "lock_sha256": "0" * 64,
            "dropped_variables": [],
            **({"packages": {"keras": "3.15.1"}} if stacks.is_unpinned(stack) else {}),
        },
        "code": {"version": "0.1.0", "commit": None},
        "gpu": synthetic_gpu("Synthetic GPU") if device == "gpu" else None,
        "noise": {
            **dict.fromkeys(older_formats.NOISE_SINCE_3),
            "suspended_seconds": 0.0,
            "clock_jump_seconds": 0.0,
            "load_average_before": 0.1,
            "fit_cpu_seconds": 1.5 * fit,
            "fit_steal_seconds": None,
        },
        "energy": energy.unmeasured("synthetic"),
        "peak_memory_bytes": 10**9,
        "peak_device_memory_bytes": None,
    }
    for key, value in changes.items():
        part, _, inner = key.partition("__")
        if inner:
            data[part][inner] = value
        else:
            data[part] = value
    return copy.deepcopy(data)


def of_stack(data: dict, stack: str) -> dict:
    """A record as another stack would have made it."""
    axes = ("machine", "device", "model", "batch_size", "repeat", "control")
    fit = data["durations"]["fit_seconds"]
    made = synthetic_record(stack=stack, durations__fit_seconds=fit, **{axis: data[axis] for axis in axes})
    return {**data, **{key: made[key] for key in ("stack", "versions", "environment", "started_at", "ended_at")}}


def unlearned(data: dict, curve: list[float]) -> dict:
    """A record of a run whose validation accuracies were these, with losses that go with them."""
    found = {"validation_accuracy": curve, "validation_loss": [1.5] * len(curve)}
    return {**data, "accuracy": {**data["accuracy"], **found, "test_accuracy": curve[-1], "test_loss": 1.5}}


def older(data: dict, version: int) -> dict:
    """A record as an older format has it: without the fields that came later."""
    data, versions = copy.deepcopy(data) | {"format_version": version}, data["versions"]
    for each in range(version, record.FORMAT_VERSION):
        for name in older_formats.UPGRADES[each].added:
            part, _, key = name.rpartition(".")
            (data.get(part, {}) if part else data).pop(key, None)
    if data["versions"]:
        metal = (versions["plugin"] or "").removeprefix("tensorflow-metal ") or None
        data["versions"] |= {"tensorflow": versions["framework_version"], "tensorflow_metal": metal}
    if version < 4:
        for domain in data.get("energy", {}).get("domains", []):
            domain.pop("counted", None)
    return data


def synthetic_gpu(name: str) -> dict:
    """A record's GPU with an invented id."""
    return {"name": name, "id_hash": "1" * 32, "memory_bytes": None, "compute_capability": None, "mig_profile": None}


def failed_record(**changes) -> dict:
    """A valid record of a killed run."""
    failure = {"status": "killed", "reason": "Synthetic: killed.", "log_tail": ["last line"]}
    empty = {"durations": {}, "execution": {}, "versions": {}, "accuracy": None, "peak_memory_bytes": None}
    return synthetic_record(**{**failure, **empty, "noise": {"load_average_before": 0.1}, **changes})


def synthetic_machine(name: str = "synthetic") -> dict:
    """A valid machine.json with invented hardware."""
    return {
        "format_version": hardware.FORMAT_VERSION,
        "machine": name,
        "chip": "Synthetic chip",
        "architecture": "arm64",
        "cores": {"physical": 8, "logical": 8, "usable": 8, "levels": {"performance": 4, "efficiency": 4}},
        "memory_bytes": 16 * 2**30,
        "gpus": [gpus.Gpu("Synthetic GPU", cores=10, driver="Synthetic OS 1").describe()],
        "operating_system": "Synthetic OS 1",
        "kernel": "Synthetic 1",
        "virtualisation": "none",
        "cpu_quota_cores": None,
        "machine_id_hash": "0" * 32,
    }


def synthetic_sweep(machine: str = "synthetic", device: str = "cpu", best: float = 4e11) -> dict:
    """A valid sweep of matrix products with invented rates."""
    made = synthetic_record(machine=machine, device=device)
    return {
        "format_version": record.ROOFLINE_FORMAT,
        **{key: made[key] for key in ("machine", "stack", "device", "started_at")},
        **{key: made[key] for key in ("identity", "environment", "code", "versions")},
        "threads": 2,
        "products": [{"side": 256, "flops_per_second": [best / 2, best]}],
        "theoretical": {"flops_per_second": 4.8e11, "cores": 2, "clock_hertz": 3.75e9, "flops_per_cycle": 64},
    }


def synthetic_grid(machines: list[str], seconds) -> list[dict]:
    """Records of three models, four batch sizes, both devices and three repeats.

    Args:
        machines: their names.
        seconds: gives the fit time from machine, device, model, batch size and repeat.
    """
    axes = itertools.product(machines, ["cpu", "gpu"], ["mlp", "cnn", "lstm"], [32, 128, 512, 1024], [1, 2, 3])
    return [
        synthetic_record(
            machine=machine,
            device=device,
            model=model,
            batch_size=batch_size,
            repeat=repeat,
            durations__fit_seconds=seconds(machine, device, model, batch_size, repeat),
        )
        for machine, device, model, batch_size, repeat in axes
    ]


@functools.cache
def record_validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(yaml_file.read(ROOT / "workflow/schemas/record.schema.yaml"))


def validate_record(data: dict) -> None:
    """Demand that a record follows its schema, by another library than the one that reads it."""
    record_validator().validate(data)


def path_of(data: dict) -> Path:
    """Where a record belongs, relative to the working directory."""
    cell = grid.Cell(data["machine"], data["stack"], data["device"], data["model"], data["batch_size"])
    return grid.Run(cell, data["repeat"], data.get("control"), data["workload"].get("suite", suites.DEFAULT)).path
