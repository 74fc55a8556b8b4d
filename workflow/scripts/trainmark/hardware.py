"""What this computer is, asked of the operating system: quick, without root, without anything but Python.

Every function that finds nothing says None: an unknown is never a guess. Linux and macOS are known; the macOS side was
written from Apple's documentation of ``sysctl``, ``ioreg`` and ``sw_vers``.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import json
import math
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

MAC = sys.platform == "darwin"
# The layout of machine.json.
FORMAT_VERSION = 1

# Words in a processor's or GPU's name that tell nothing about it.
_NOISE = re.compile(
    r"\((?:r|tm|c)\)|\bcpu\b|\bgpu\b|\bprocessor\b|\b\d+-core\b|\bwith radeon.*|@.*|\bgenuine\b", re.IGNORECASE
)


@dataclass(frozen=True)
class Gpu:
    """A GPU that TensorFlow could train on: Apple's own or an NVIDIA one with a working driver."""

    name: str
    cores: int | None = None
    memory_bytes: int | None = None
    driver: str | None = None


def command_output(*command: str) -> str | None:
    """What a command prints, stripped; None if it is not there, fails, prints nothing or takes over 20 seconds."""
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return result.stdout.strip() or None


def read_text(path: str | Path) -> str | None:
    """A small file's text, stripped; None if it cannot be read or is empty."""
    try:
        return Path(path).read_text(errors="replace").strip() or None
    except OSError:
        return None


def sysctl(name: str) -> str | None:
    """A value of macOS's ``sysctl``."""
    return command_output("sysctl", "-n", name) if MAC else None


def chip() -> str:
    """The processor's marketing name, or the architecture where none is given."""
    if MAC:
        name = sysctl("machdep.cpu.brand_string")
    else:
        match = re.search(r"^model name\s*:\s*(.+)$", read_text("/proc/cpuinfo") or "", re.MULTILINE)
        name = match[1].strip() if match else read_text("/proc/device-tree/model")
    return name or platform.machine() or "unknown"


@functools.cache
def gpu_names() -> tuple[str, ...]:
    """Names of the GPUs that a stack of this project can train on; quick enough for every start of the workflow."""
    if MAC:
        return (f"{chip()} GPU",) if platform.machine() == "arm64" else ()
    if any(Path("/dev").glob("nvidia[0-9]*")):  # /proc alone shows the host's GPUs inside a container without any
        texts = [read_text(path) or "" for path in sorted(Path("/proc/driver/nvidia/gpus").glob("*/information"))]
        names = tuple(match[1] for text in texts if (match := re.search(r"^Model:\s*(.+)$", text, re.MULTILINE)))
        if names:
            return names
    return tuple(gpu.name for gpu in nvidia_gpus())


def gpus() -> tuple[Gpu, ...]:
    """The GPUs with their cores, memory and driver."""
    if not gpu_names():
        return ()
    if MAC:
        return (Gpu(gpu_names()[0], cores=apple_gpu_cores(), driver=operating_system()),)  # it comes with macOS
    return nvidia_gpus() or tuple(Gpu(name) for name in gpu_names())


def apple_gpu_cores() -> int | None:
    """Number of cores of an Apple GPU."""
    match = re.search(
        r'"gpu-core-count"\s*=\s*(\d+)', command_output("ioreg", "-rc", "AGXAccelerator", "-d", "1") or ""
    )
    return int(match[1]) if match else None


def nvidia_gpus() -> tuple[Gpu, ...]:
    """The GPUs that NVIDIA's driver shows to ``nvidia-smi``; none where the driver does not work."""
    if not shutil.which("nvidia-smi"):
        return ()
    query = "--query-gpu=name,memory.total,driver_version"
    lines = (command_output("nvidia-smi", query, "--format=csv,noheader,nounits") or "").splitlines()
    rows = [[field.strip() for field in line.split(",")] for line in lines]
    return tuple(
        Gpu(row[0], memory_bytes=int(row[1]) * 2**20 if row[1].isdigit() else None, driver=row[2])
        for row in rows
        if len(row) == 3
    )


def platform_tag() -> str | None:
    """Which environment files fit: osx-arm64, linux-64-cuda or linux-64; None where no stack runs."""
    system, architecture = platform.system(), platform.machine()
    if (system, architecture) == ("Darwin", "arm64"):
        return "osx-arm64"
    if (system, architecture) == ("Linux", "x86_64"):
        return "linux-64-cuda" if gpu_names() else "linux-64"
    return None


def unsupported() -> str:
    """What to tell who wants to measure where ``platform_tag`` is None."""
    return (
        f"No pinned TensorFlow runs on this platform ({platform.system()} on {platform.machine()}). Supported are Macs "
        "with Apple Silicon, and Linux on x86-64 with or without an NVIDIA GPU; on Windows, Linux in WSL2. Reports of "
        "other machines' results can be drawn here: install Snakemake and the packages in envs/inputs/report.in, then "
        "'snakemake --cores 1 report'."
    )


def cpu_quota() -> float | None:
    """How many cores' time the control group of this process may use; None where there is no limit."""
    groups = re.findall(r"^0::(/.*)$", read_text("/proc/self/cgroup") or "", re.MULTILINE) or ["/"]
    group, limits = Path(groups[0]), []
    for folder in (group, *group.parents):  # a parent's limit holds for its children
        fields = (read_text(f"/sys/fs/cgroup{folder}/cpu.max") or "").split()
        if len(fields) == 2 and fields[0].isdigit():
            limits.append(int(fields[0]) / int(fields[1]))
    quota, period = (read_text(f"/sys/fs/cgroup/cpu/cpu.cfs_{name}_us") for name in ("quota", "period"))
    if quota and period and int(quota) > 0:  # version 1
        limits.append(int(quota) / int(period))
    return min(limits, default=None)


def usable_cores() -> int:
    """How many logical cores this process may use: its affinity, and its control group's quota rounded up."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = cpu_quota()
    return max(1, min(affinity, math.ceil(quota))) if quota else affinity


def cpus_by_core(topology: Path = Path("/sys/devices/system/cpu")) -> list[int] | None:
    """Logical CPUs that this process may use, those of one core beside each other; None on a Mac, which names none."""
    if not hasattr(os, "sched_getaffinity"):
        return None

    def core(cpu: int) -> tuple[int, ...]:
        names = ("physical_package_id", "core_id")
        return (*(int(read_text(topology / f"cpu{cpu}/topology/{name}") or -1) for name in names), cpu)

    return sorted(os.sched_getaffinity(0), key=core)


def core_counts() -> dict[str, int | None]:
    """Physical, logical, usable, and on Apple Silicon performance and efficiency cores."""
    counts: dict[str, int | None] = {"logical": os.cpu_count(), "usable": usable_cores()}
    if MAC:
        wanted = {
            "physical": "hw.physicalcpu",
            "performance": "hw.perflevel0.physicalcpu",
            "efficiency": "hw.perflevel1.physicalcpu",
        }
        values = {kind: sysctl(name) for kind, name in wanted.items()}
        return counts | {kind: int(value) if value else None for kind, value in values.items()}
    siblings = {
        read_text(path / "topology/thread_siblings_list") for path in Path("/sys/devices/system/cpu").glob("cpu[0-9]*")
    } - {None}
    return counts | {"physical": len(siblings) or None, "performance": None, "efficiency": None}


def memory_bytes() -> int | None:
    """The machine's physical memory."""
    if MAC:
        size = sysctl("hw.memsize")
        return int(size) if size else None
    match = re.search(r"^MemTotal:\s*(\d+) kB", read_text("/proc/meminfo") or "", re.MULTILINE)
    return int(match[1]) * 1024 if match else None


def operating_system() -> str:
    """The system's name and version, as its vendor writes it."""
    if MAC:
        return f"macOS {platform.mac_ver()[0]}"
    match = re.search(r'^PRETTY_NAME="?([^"\n]+)', read_text("/etc/os-release") or "", re.MULTILINE)
    return match[1] if match else platform.system()


def virtualisation() -> str | None:
    """The kind of virtual machine or container; "none" on bare metal, None where it cannot be told."""
    if MAC:
        return {"0": "none", "1": "virtual machine"}.get(sysctl("kern.hv_vmm_present") or "")
    try:  # exit code 1 means "none" here, so command_output does not fit
        found = subprocess.run(["systemd-detect-virt"], capture_output=True, text=True, timeout=20).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        found = ""
    if found:
        return found
    flags = re.search(r"^flags\s*:(.*)$", read_text("/proc/cpuinfo") or "", re.MULTILINE)
    return "virtual machine" if flags and " hypervisor" in flags[1] else None


def machine_id_hash() -> str | None:
    """A keyed hash of the operating system's machine id: equal on one machine, telling nothing about it.

    HMAC-SHA256 as systemd's machine-id(5) advises: the id itself is confidential and must not leave the machine.
    """
    if MAC:
        listing = command_output("ioreg", "-rd1", "-c", "IOPlatformExpertDevice") or ""
        match = re.search(r'"IOPlatformUUID"\s*=\s*"([^"]+)"', listing)
        identity = match[1] if match else None
    else:
        identity = read_text("/etc/machine-id") or read_text("/var/lib/dbus/machine-id")
    if identity is None:
        return None
    return hmac.new(b"trainmark machine identity 1", identity.encode(), hashlib.sha256).hexdigest()[:32]


def slug(text: str) -> str:
    """Lower-case words of letters and digits joined by hyphens, without the words that tell nothing."""
    words = re.findall(r"[a-z0-9]+", _NOISE.sub(" ", text).lower())
    return "-".join(words)


def automatic_name() -> str:
    """A readable, stable name for this machine from its processor and GPU: ``apple-m2-max-30-core-gpu``, say."""
    processor = slug(chip()) or "unknown"
    names = gpu_names()
    if not names:
        return processor
    if MAC:
        cores = apple_gpu_cores()
        return f"{processor}-{cores}-core-gpu" if cores else processor
    count = f"{len(names)}x-" if len(names) > 1 else ""
    return f"{processor}-{count}{slug(names[0])}"


def signature(description: Mapping[str, Any]) -> str:
    """A short digest of the hardware in a machine file: equal where a benchmark would call it the same hardware.

    Memory is left out, since kernels and drivers count it differently; so are drivers and the operating system, whose
    update leaves a machine the same.
    """
    cores = {kind: description["cores"][kind] for kind in ("physical", "logical", "performance", "efficiency")}
    gpus = [[gpu["name"], gpu["cores"]] for gpu in description["gpus"]]
    what = [description["chip"], description["architecture"], cores, gpus]
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:16]


def identity(description: Mapping[str, Any]) -> dict[str, str | None]:
    """By what a record tells which machine it was measured on."""
    return {"machine_id_hash": description["machine_id_hash"], "hardware": signature(description)}


def describe() -> dict[str, Any]:
    """All of the above but the name, as machine.json holds it; nothing that identifies a person."""
    return {
        "chip": chip(),
        "architecture": platform.machine(),
        "cores": core_counts(),
        "memory_bytes": memory_bytes(),
        "gpus": [asdict(gpu) for gpu in gpus()],
        "operating_system": operating_system(),
        "kernel": f"{platform.system()} {platform.release()}",
        "virtualisation": virtualisation(),
        "cpu_quota_cores": cpu_quota(),
        "machine_id_hash": machine_id_hash(),
    }
