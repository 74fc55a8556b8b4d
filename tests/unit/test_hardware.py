"""Tests of trainmark.hardware: this computer, and faithful fakes of others."""

import platform

import jsonschema
import pytest
import yaml
from trainmark import hardware

from tests.conftest import ROOT, synthetic_machine

# Logical CPUs of two packages with two cores each, as Linux numbers them: the hardware threads of one core are apart.
CORES = {0: (0, 0), 1: (0, 1), 2: (1, 0), 3: (1, 1), 4: (0, 0), 5: (0, 1), 6: (1, 0), 7: (1, 1)}
NVIDIA_SMI = """#!/bin/sh
echo "Tesla T4, 15360, 535.104.05"
echo "Tesla T4, 15360, 535.104.05"
"""


@pytest.fixture(autouse=True)
def fresh():
    hardware.gpu_names.cache_clear()
    yield
    hardware.gpu_names.cache_clear()


def test_this_machine_fits_the_schema():
    schema = yaml.safe_load((ROOT / "workflow/schemas/machine.schema.yaml").read_text())
    validate = jsonschema.Draft202012Validator(schema).validate
    description = {"format_version": 1, "machine": hardware.automatic_name(), **hardware.describe()}
    validate(description)
    assert description["memory_bytes"] > 2**30
    assert 1 <= description["cores"]["usable"] <= description["cores"]["logical"]
    assert platform.node() not in str(description)
    validate(synthetic_machine())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Intel(R) Xeon(R) CPU @ 2.20GHz", "intel-xeon"),
        ("Intel(R) Core(TM) i7-9750H CPU @ 2.60GHz", "intel-core-i7-9750h"),
        ("AMD Ryzen 9 5950X 16-Core Processor", "amd-ryzen-9-5950x"),
        ("AMD Ryzen 7 5800H with Radeon Graphics", "amd-ryzen-7-5800h"),
        ("Apple M2 Max", "apple-m2-max"),
        ("NVIDIA H100 80GB HBM3", "nvidia-h100-80gb-hbm3"),
        ("Raspberry Pi 4 Model B Rev 1.1\0", "raspberry-pi-4-model-b-rev-1-1"),
    ],
)
def test_names_are_readable(name, expected):
    assert hardware.slug(name) == expected


def test_nvidia_gpus_by_their_driver(tmp_path, monkeypatch):
    tool = tmp_path / "nvidia-smi"
    tool.write_text(NVIDIA_SMI)
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(hardware, "MAC", False)
    monkeypatch.setattr(hardware, "chip", lambda: "Intel(R) Xeon(R) CPU @ 2.20GHz")
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    first, second = hardware.gpus()
    assert first == second == hardware.Gpu("Tesla T4", None, 15360 * 2**20, "535.104.05")
    assert hardware.automatic_name() == "intel-xeon-2x-tesla-t4"
    assert hardware.platform_tag() == "linux-64-cuda"


def test_nvidia_tool_without_a_working_driver_is_no_gpu(tmp_path, monkeypatch):
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 'NVIDIA-SMI has failed'\nexit 9\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert hardware.nvidia_gpus() == ()


def test_apple_silicon(monkeypatch):
    answers = {
        ("sysctl", "-n", "machdep.cpu.brand_string"): "Apple M2 Max",
        ("sysctl", "-n", "hw.memsize"): "34359738368",
        ("sysctl", "-n", "hw.physicalcpu"): "12",
        ("sysctl", "-n", "hw.perflevel0.physicalcpu"): "8",
        ("sysctl", "-n", "hw.perflevel1.physicalcpu"): "4",
        ("sysctl", "-n", "kern.hv_vmm_present"): "0",
        ("ioreg", "-rc", "AGXAccelerator", "-d", "1"): '+-o AGX\n  "gpu-core-count" = 30\n',
        ("ioreg", "-rd1", "-c", "IOPlatformExpertDevice"): '"IOPlatformUUID" = "SYNTHETIC-UUID"',
    }
    monkeypatch.setattr(hardware, "MAC", True)
    monkeypatch.setattr(hardware, "command_output", lambda *command: answers.get(command))
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    monkeypatch.setattr(platform, "mac_ver", lambda: ("14.1", ("", "", ""), "arm64"))
    assert hardware.automatic_name() == "apple-m2-max-30-core-gpu"
    assert hardware.platform_tag() == "osx-arm64"
    description = hardware.describe()
    assert description["gpus"] == [
        {"name": "Apple M2 Max GPU", "cores": 30, "memory_bytes": None, "driver": "macOS 14.1"}
    ]
    assert description["cores"]["performance"] == 8
    assert "SYNTHETIC-UUID" not in str(description)
    assert len(description["machine_id_hash"]) == 32


@pytest.mark.parametrize(
    ("system", "machine", "tag"),
    [
        ("Linux", "aarch64", None),
        ("Darwin", "x86_64", None),
        ("Windows", "AMD64", None),
        ("Linux", "x86_64", "linux-64"),
    ],
)
def test_platforms(system, machine, tag, monkeypatch):
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(hardware, "gpu_names", lambda: ())
    assert hardware.platform_tag() == tag


def test_quota_of_the_control_group_limits_the_cores(monkeypatch):
    files = {
        "/proc/self/cgroup": "0::/a/b",
        "/sys/fs/cgroup/a/cpu.max": "150000 100000",
        "/sys/fs/cgroup/cpu.max": "max 1",
    }
    monkeypatch.setattr(hardware, "read_text", lambda path: files.get(str(path)))
    assert hardware.cpu_quota() == 1.5
    monkeypatch.setattr(hardware.os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)
    assert hardware.usable_cores() == 2


def test_missing_tools_are_no_error():
    assert hardware.command_output("no-such-tool-anywhere") is None
    assert hardware.command_output("false") is None
    assert hardware.read_text("/no/such/file") is None


def test_hardware_threads_of_a_core_stand_beside_each_other(tmp_path, monkeypatch):
    for cpu, (package, core) in CORES.items():
        folder = tmp_path / f"cpu{cpu}/topology"
        folder.mkdir(parents=True)
        (folder / "physical_package_id").write_text(f"{package}\n")
        (folder / "core_id").write_text(f"{core}\n")
    monkeypatch.setattr(hardware.os, "sched_getaffinity", lambda pid: set(CORES), raising=False)
    assert hardware.cpus_by_core(tmp_path) == [0, 4, 1, 5, 2, 6, 3, 7]
    monkeypatch.setattr(hardware.os, "sched_getaffinity", lambda pid: {1, 5, 7}, raising=False)
    assert hardware.cpus_by_core(tmp_path) == [1, 5, 7]
    assert hardware.cpus_by_core(tmp_path / "none") == [1, 5, 7]
    monkeypatch.delattr(hardware.os, "sched_getaffinity")
    assert hardware.cpus_by_core(tmp_path) is None
