"""Tests of trainmark.machine.hardware: this computer, and faithful fakes of others."""

import platform

import jsonschema
import pytest
from trainmark import system
from trainmark.ingest import yaml_file
from trainmark.machine import gpus, hardware

from tests.conftest import ROOT, synthetic_machine

# Logical CPUs of two packages with two cores each, as Linux numbers them: the hardware threads of one core are apart.
CORES = {0: (0, 0), 1: (0, 1), 2: (1, 0), 3: (1, 1), 4: (0, 0), 5: (0, 1), 6: (1, 0), 7: (1, 1)}


@pytest.fixture(autouse=True)
def fresh():
    gpus.usable.cache_clear()
    yield
    gpus.usable.cache_clear()


def test_this_machine_fits_the_schema():
    schema = yaml_file.read(ROOT / "workflow/schemas/machine.schema.yaml")
    validate = jsonschema.Draft202012Validator(schema).validate
    gpu = gpus.choose()
    description = {"format_version": hardware.FORMAT_VERSION, "machine": hardware.automatic_name(gpu)}
    description |= hardware.describe(gpu)
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


MAC = {
    ("sysctl", "-n", "machdep.cpu.brand_string"): "Apple M2 Max",
    ("sysctl", "-n", "hw.memsize"): "34359738368",
    ("sysctl", "-n", "hw.physicalcpu"): "12",
    ("sysctl", "-n", "hw.nperflevels"): "2",
    ("sysctl", "-n", "hw.perflevel0.name"): "Performance",
    ("sysctl", "-n", "hw.perflevel0.physicalcpu"): "8",
    ("sysctl", "-n", "hw.perflevel1.name"): "Efficiency",
    ("sysctl", "-n", "hw.perflevel1.physicalcpu"): "4",
    ("sysctl", "-n", "kern.hv_vmm_present"): "0",
    ("sw_vers", "-productVersion"): "26.1",
    ("ioreg", "-rc", "AGXAccelerator", "-d", "1"): '+-o AGX\n  "gpu-core-count" = 30\n',
    ("ioreg", "-rd1", "-c", "IOPlatformExpertDevice"): '"IOPlatformUUID" = "SYNTHETIC-UUID"',
}


@pytest.fixture
def mac(monkeypatch):
    """Small answers of a Mac; whole imitations are in tests/machines."""
    answers = dict(MAC)
    monkeypatch.setattr(system, "MAC", True)
    monkeypatch.setattr(system, "command_output", lambda *command: answers.get(command))
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    # What macOS 26 says to a Python that was built before it.
    monkeypatch.setattr(platform, "mac_ver", lambda: ("16.0", ("", "", ""), "arm64"))
    return answers


def test_apple_silicon(mac):
    gpu = gpus.choose()
    assert hardware.automatic_name(gpu) == "apple-m2-max-30-core-gpu"
    assert hardware.platform_tag() == "osx-arm64"
    description = hardware.describe(gpu)
    assert description["gpus"] == [gpus.Gpu("Apple M2 Max GPU", cores=30, driver="macOS 26.1").describe()]
    assert description["operating_system"] == "macOS 26.1"
    assert description["cores"]["levels"] == {"performance": 8, "efficiency": 4}
    assert "SYNTHETIC-UUID" not in str(description)
    assert len(description["machine_id_hash"]) == 32
    assert not hardware.is_virtual_mac()


def test_chips_with_other_kinds_of_cores_are_described_by_macos_names(mac):
    mac[("sysctl", "-n", "hw.nperflevels")] = "3"
    for level, (name, count) in enumerate([("Super", "6"), ("Performance", "4"), ("Efficiency", "2")]):
        mac[("sysctl", "-n", f"hw.perflevel{level}.name")] = name
        mac[("sysctl", "-n", f"hw.perflevel{level}.physicalcpu")] = count
    description = hardware.describe(gpus.choose())
    assert description["cores"]["levels"] == {"super": 6, "performance": 4, "efficiency": 2}
    fewer = {
        **description,
        "cores": {**description["cores"], "levels": {"super": 5, "performance": 4, "efficiency": 2}},
    }
    assert hardware.signature(description) != hardware.signature(fewer)


def test_signature_of_a_machine_file_of_format_1_stays(mac):
    description = hardware.describe(gpus.choose())
    levels = description["cores"].pop("levels")
    older = {**description, "cores": {**description["cores"], **levels}}
    assert hardware.signature(older) == hardware.signature(
        {**older, "cores": {**description["cores"], "levels": levels}}
    )


def test_python_for_intel_on_apple_silicon_is_told_the_cause(mac, monkeypatch):
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    mac[("sysctl", "-n", "sysctl.proc_translated")] = "1"
    assert gpus.usable() == ()
    assert hardware.platform_tag() is None
    assert "Rosetta" in hardware.unsupported()
    del mac[("sysctl", "-n", "sysctl.proc_translated")]  # a Mac with an Intel processor
    assert "Rosetta" not in hardware.unsupported()


def test_mac_in_a_virtual_machine(mac):
    mac[("sysctl", "-n", "kern.hv_vmm_present")] = "1"
    assert hardware.is_virtual_mac()


@pytest.mark.parametrize(
    ("name", "machine", "tag"),
    [
        ("Linux", "aarch64", None),
        ("Darwin", "x86_64", None),
        ("Windows", "AMD64", None),
        ("Linux", "x86_64", "linux-64"),
    ],
)
def test_platforms(name, machine, tag, monkeypatch):
    monkeypatch.setattr(platform, "system", lambda: name)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(gpus, "nvidia", lambda: ())
    assert hardware.platform_tag() == tag


def test_quota_of_the_control_group_limits_the_cores(monkeypatch):
    files = {
        "/proc/self/cgroup": "0::/a/b",
        "/sys/fs/cgroup/a/cpu.max": "150000 100000",
        "/sys/fs/cgroup/cpu.max": "max 1",
    }
    monkeypatch.setattr(system, "read_text", lambda path: files.get(str(path)))
    assert hardware.cpu_quota() == 1.5
    monkeypatch.setattr(hardware.os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)
    assert hardware.usable_cores() == 2


def test_missing_tools_are_no_error():
    assert system.command_output("no-such-tool-anywhere") is None
    assert system.command_output("false") is None
    assert system.read_text("/no/such/file") is None


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
