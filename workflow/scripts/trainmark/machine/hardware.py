"""What this computer is, asked of the operating system: quick, without root, without anything but Python.

Every function that finds nothing says None: an unknown is never a guess. Linux and macOS are known; the macOS side was
written from Apple's documentation of ``sysctl``, ``ioreg`` and ``sw_vers``.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import math
import os
import platform
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trainmark import files, system
from trainmark.machine import gpus
from trainmark.machine.gpus import Gpu

# The layout of machine.json.
FORMAT_VERSION = 2

# Words in a processor's or GPU's name that tell nothing about it.
_NOISE = re.compile(
    r"\((?:r|tm|c)\)|\bcpu\b|\bgpu\b|\bprocessor\b|\b\d+-core\b|\bwith radeon.*|@.*|\bgenuine\b", re.IGNORECASE
)


def chip() -> str:
    """The processor's marketing name, or the architecture where none is given."""
    if system.MAC:
        name = system.sysctl("machdep.cpu.brand_string")
    else:
        match = re.search(r"^model name\s*:\s*(.+)$", system.read_text("/proc/cpuinfo") or "", re.MULTILINE)
        name = match[1].strip() if match else system.read_text("/proc/device-tree/model")
    return name or platform.machine() or "unknown"


def platform_tag() -> str | None:
    """Which environment files fit: osx-arm64, linux-64-cuda or linux-64; None where no stack runs."""
    found = platform.system(), platform.machine()
    if found == ("Darwin", "arm64"):
        return "osx-arm64"
    if found == ("Linux", "x86_64"):
        return "linux-64-cuda" if gpus.usable() else "linux-64"
    return None


def unsupported() -> str:
    """What to tell who wants to measure where ``platform_tag`` is None."""
    if system.sysctl("sysctl.proc_translated") == "1":
        return (
            f"This Python ({sys.executable}) was built for Intel processors, and macOS translates it (Rosetta 2). "
            "No pinned stack runs that way. Install a Python for Apple Silicon, as 'brew install python@3.12' of a "
            "Homebrew in /opt/homebrew or Miniforge's arm64 installer does, from a terminal that is not itself opened "
            "with Rosetta ('uname -m' says arm64 there), and give the same command again."
        )
    return (
        f"No pinned stack runs on this platform ({platform.system()} on {platform.machine()}). Supported are Macs "
        "with Apple Silicon, and Linux on x86-64 with or without an NVIDIA GPU; on Windows, Linux in WSL2. Reports of "
        "other machines' results can be drawn here: install Snakemake and the packages in envs/inputs/report.in, then "
        "'snakemake --cores 1 report'."
    )


def cpu_quota() -> float | None:
    """How many cores' time the control group of this process may use; None where there is no limit."""
    groups = re.findall(r"^0::(/.*)$", system.read_text("/proc/self/cgroup") or "", re.MULTILINE) or ["/"]
    group, limits = Path(groups[0]), []
    for folder in (group, *group.parents):  # a parent's limit holds for its children
        fields = (system.read_text(f"/sys/fs/cgroup{folder}/cpu.max") or "").split()
        if len(fields) == 2 and fields[0].isdigit():
            limits.append(int(fields[0]) / int(fields[1]))
    quota, period = (system.read_text(f"/sys/fs/cgroup/cpu/cpu.cfs_{name}_us") for name in ("quota", "period"))
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
        return (*(int(system.read_text(topology / f"cpu{cpu}/topology/{name}") or -1) for name in names), cpu)

    return sorted(os.sched_getaffinity(0), key=core)


def core_levels() -> dict[str, int] | None:
    """Apple Silicon's kinds of cores, the fastest first, by macOS's names of them, and how many there are of each.

    M1 to M4 have "performance" and "efficiency" cores; newer chips have other names, or three kinds.
    """
    found = {}
    for level in range(system.sysctl_number("hw.nperflevels") or 0):
        name = (system.sysctl(f"hw.perflevel{level}.name") or f"level {level}").lower()
        count = system.sysctl_number(f"hw.perflevel{level}.physicalcpu")
        if count is not None:
            found[name] = count
    return found or None


def core_counts() -> dict[str, Any]:
    """Physical, logical and usable cores, and on Apple Silicon how many there are of each kind."""
    counts: dict[str, Any] = {"logical": os.cpu_count(), "usable": usable_cores()}
    if system.MAC:
        return counts | {"physical": system.sysctl_number("hw.physicalcpu"), "levels": core_levels()}
    siblings = {
        system.read_text(path / "topology/thread_siblings_list")
        for path in Path("/sys/devices/system/cpu").glob("cpu[0-9]*")
    } - {None}
    return counts | {"physical": len(siblings) or None, "levels": None}


def memory_bytes() -> int | None:
    """The machine's physical memory."""
    if system.MAC:
        return system.sysctl_number("hw.memsize")
    match = re.search(r"^MemTotal:\s*(\d+) kB", system.read_text("/proc/meminfo") or "", re.MULTILINE)
    return int(match[1]) * 1024 if match else None


def operating_system() -> str:
    """The system's name and version, as its vendor writes it."""
    if system.MAC:
        return gpus.macos()
    match = re.search(r'^PRETTY_NAME="?([^"\n]+)', system.read_text("/etc/os-release") or "", re.MULTILINE)
    return match[1] if match else platform.system()


def virtualisation() -> str | None:
    """The kind of virtual machine or container; "none" on bare metal, None where it cannot be told."""
    if system.MAC:
        return {"0": "none", "1": "virtual machine"}.get(system.sysctl("kern.hv_vmm_present") or "")
    try:  # exit code 1 means "none" here, so command_output does not fit
        found = subprocess.run(["systemd-detect-virt"], capture_output=True, text=True, timeout=20).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        found = ""
    if found:
        return found
    flags = re.search(r"^flags\s*:(.*)$", system.read_text("/proc/cpuinfo") or "", re.MULTILINE)
    return "virtual machine" if flags and " hypervisor" in flags[1] else None


def machine_id_hash() -> str | None:
    """A keyed hash of the operating system's machine id: equal on one machine, telling nothing about it.

    HMAC-SHA256 as systemd's machine-id(5) advises: the id itself is confidential and must not leave the machine.
    """
    if system.MAC:
        listing = system.command_output("ioreg", "-rd1", "-c", "IOPlatformExpertDevice") or ""
        match = re.search(r'"IOPlatformUUID"\s*=\s*"([^"]+)"', listing)
        identity = match[1] if match else None
    else:
        identity = system.read_text("/etc/machine-id") or system.read_text("/var/lib/dbus/machine-id")
    if identity is None:
        return None
    return keyed_hash(identity)


def keyed_hash(identity: str) -> str:
    """HMAC-SHA256 (32 hex digits): equal for equal identities, which cannot be read from it."""
    return hmac.new(b"trainmark machine identity 1", identity.encode(), hashlib.sha256).hexdigest()[:32]


def is_virtual_mac() -> bool:
    """Whether this is macOS in a virtual machine, whose GPU is a paravirtual one that shares the host's."""
    return system.MAC and virtualisation() == "virtual machine"


def slug(text: str) -> str:
    """Lower-case words of letters and digits joined by hyphens, without the words that tell nothing."""
    words = re.findall(r"[a-z0-9]+", _NOISE.sub(" ", text).lower())
    return "-".join(words)


def automatic_name(gpu: Gpu | None) -> str:
    """A readable, stable name for this machine from its processor and the GPU that is timed.

    As ``apple-m2-max-30-core-gpu``, or ``intel-xeon-tesla-t4``.
    """
    processor = slug(chip()) or "unknown"
    if gpu is None:
        return processor
    if system.MAC:
        return f"{processor}-{gpu.cores}-core-gpu" if gpu.cores else processor
    return f"{processor}-{slug(gpu.name)}"


def signature(description: Mapping[str, Any]) -> str:
    """A short digest of the hardware in a machine file: equal where a benchmark would call it the same hardware.

    Memory is left out, since kernels and drivers count it differently; so are drivers and the operating system, whose
    update leaves a machine the same.
    """
    counts = description["cores"]
    levels = dict(counts.get("levels") or {})
    cores = {kind: counts[kind] for kind in ("physical", "logical")}
    # These two always, as machine files of format 1 have them.
    cores |= {kind: levels.pop(kind, counts.get(kind)) for kind in ("performance", "efficiency")} | levels
    used = [[gpu["name"], gpu["cores"]] for gpu in description["gpus"]]
    what = [description["chip"], description["architecture"], cores, used]
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:16]


def identity(description: Mapping[str, Any]) -> dict[str, str | None]:
    """By what a record tells which machine it was measured on."""
    return {"machine_id_hash": description["machine_id_hash"], "hardware": signature(description)}


def difference(description: Path, gpu: Gpu | None) -> str | None:
    """In what this computer is another one than that of a machine file, in words; None where it is not.

    Args:
        description: the file. Nothing is said of one that is missing, or that is refused where the results are read.
        gpu: that is timed here.
    """
    try:
        there = files.read_object(description)
        return unlike(describe(gpu), there)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def unlike(one: Mapping[str, Any], other: Mapping[str, Any]) -> str | None:
    """In what two descriptions, as in machine files, are of different computers, in words; None where they are not.

    Raises:
        KeyError, TypeError, AttributeError: if one is no description.
    """
    first, second = identity(one), identity(other)
    differing = [key for key in first if None not in (first[key], second[key]) and first[key] != second[key]]
    if not differing:
        return None
    return "machine id" if "machine_id_hash" in differing else "processor, cores or GPU"


def describe(gpu: Gpu | None) -> dict[str, Any]:
    """All of the above but the name, as machine.json holds it; nothing that identifies a person.

    Args:
        gpu: the one that is timed; others that the machine may have are not described.
    """
    return {
        "chip": chip(),
        "architecture": platform.machine(),
        "cores": core_counts(),
        "memory_bytes": memory_bytes(),
        "gpus": [gpu.describe()] if gpu else [],
        "operating_system": operating_system(),
        "kernel": f"{platform.system()} {platform.release()}",
        "virtualisation": virtualisation(),
        "cpu_quota_cores": cpu_quota(),
        "machine_id_hash": machine_id_hash(),
    }
