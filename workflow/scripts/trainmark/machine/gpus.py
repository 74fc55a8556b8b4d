"""Which GPUs there are, and which one of them is timed.

A benchmark is of one GPU. Where there are several, or a job may use one of eight, what is described, named, compared
and metered is the one that trains, and the framework is shown no other.
"""

from __future__ import annotations

import functools
import os
import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from trainmark import system
from trainmark.errors import TrainmarkError

AUTO = "auto"
# What nvidia-smi is asked for. Drivers before 510 do not know compute_cap, and refuse the whole question.
_FIELDS = ("index", "uuid", "pci.bus_id", "memory.total", "driver_version", "mig.mode.current", "compute_cap", "name")
_OLD_FIELDS = tuple(field for field in _FIELDS if field != "compute_cap")
# A line of "nvidia-smi -L": of a GPU, or, indented, of an instance that a GPU was divided into (Multi-Instance GPU).
_INSTANCE = re.compile(r"^\s+MIG (\S+)\s+Device\s+\d+:\s+\(UUID:\s*(MIG-[^)\s]+)\)")
_WHOLE = re.compile(r"^GPU \d+: .*\(UUID:\s*(GPU-[^)\s]+)\)")


@dataclass(frozen=True)
class Gpu:
    """A GPU that a stack could train on: Apple's own, or an NVIDIA one, whole or an instance of one.

    Attributes:
        name: marketing name; of an instance, its profile behind it.
        cores: of an Apple GPU.
        memory_bytes: of its own; None where it shares the machine's, and of an instance.
        driver: version of its driver.
        compute_capability: NVIDIA's, as "7.5"; None where the driver does not tell.
        mig_profile: of an instance, as "3g.20gb"; None of a whole GPU.
        uuid: NVIDIA's. It identifies the machine, and so never leaves it but as a keyed hash.
        pci_bus_id: where it is plugged in, as "00000000:00:04.0".
        index: as nvidia-smi counts.
    """

    name: str
    cores: int | None = None
    memory_bytes: int | None = None
    driver: str | None = None
    compute_capability: str | None = None
    mig_profile: str | None = None
    uuid: str | None = None
    pci_bus_id: str | None = None
    index: int | None = None

    def describe(self) -> dict[str, Any]:
        """What machine.json says of it: nothing that identifies this very one."""
        kept = ("name", "cores", "memory_bytes", "driver", "compute_capability", "mig_profile")
        return {key: getattr(self, key) for key in kept}

    def __str__(self) -> str:
        where = [f"gpu {self.index}", self.pci_bus_id, self.uuid]
        return f"{self.name} ({', '.join(part for part in where if part)})" if self.uuid else self.name


@functools.cache
def usable() -> tuple[Gpu, ...]:
    """The GPUs that this process may use, in nvidia-smi's order, or in that of CUDA_VISIBLE_DEVICES."""
    if system.MAC:
        return apple() if platform.machine() == "arm64" else ()
    return visible(nvidia(), os.environ)


def choose(wanted: str | int = AUTO) -> Gpu | None:
    """The GPU to time, of those that this process may use; None where there is none.

    Args:
        wanted: ``auto``, for the first of those with the most memory, or of those that CUDA_VISIBLE_DEVICES names the
            first; or an index as nvidia-smi counts, the beginning of a UUID, or a PCI bus id.

    Raises:
        TrainmarkError: if there is no such GPU.
    """
    there = usable()
    if str(wanted) == AUTO:
        if not there or "CUDA_VISIBLE_DEVICES" in os.environ:
            return there[0] if there else None
        return max(there, key=lambda gpu: gpu.memory_bytes or 0)
    found = named(there, wanted)
    if len(found) != 1:
        raise TrainmarkError(f"gpu is {wanted!r} in the configuration; expected {expectation(there)}.")
    return found[0]


def named(there: Sequence[Gpu], wanted: str | int) -> list[Gpu]:
    """Those of the GPUs that an index, the beginning of a UUID or a PCI bus id means."""
    return [gpu for gpu in there if is_named(gpu, str(wanted))]


def expectation(there: Sequence[Gpu]) -> str:
    """What the configuration's ``gpu`` may be here, in words."""
    which = f"an index, UUID or PCI bus id of one of: {'; '.join(map(str, there))}" if there else "nothing else here"
    return f'"{AUTO}", or {which}'


def is_named(gpu: Gpu, wanted: str) -> bool:
    """Whether an index, the beginning of a UUID or a PCI bus id means this GPU."""
    if wanted.isdigit():
        return gpu.index == int(wanted) and gpu.mig_profile is None
    if re.match("GPU-|MIG-", wanted):
        return (gpu.uuid or "").startswith(wanted)
    return same_bus(gpu.pci_bus_id, wanted) and gpu.mig_profile is None


def same_bus(one: str | None, other: str | None) -> bool:
    """Whether two PCI bus ids are equal: CUDA writes the domain with four digits, nvidia-smi with eight."""

    def parts(text: str | None) -> list[int]:
        found = re.fullmatch(r"(?:([0-9a-f]+):)?([0-9a-f]+):([0-9a-f]+)\.([0-9a-f]+)", (text or "").lower())
        return [int(part or "0", 16) for part in found.groups()] if found else []

    return bool(parts(one)) and parts(one) == parts(other)


def apple() -> tuple[Gpu, ...]:
    """The GPU of Apple Silicon; its driver comes with macOS."""
    return (Gpu(f"{system.sysctl('machdep.cpu.brand_string') or 'Apple'} GPU", apple_cores(), driver=macos()),)


def apple_cores() -> int | None:
    """Number of cores of an Apple GPU."""
    listing = system.command_output("ioreg", "-rc", "AGXAccelerator", "-d", "1") or ""
    match = re.search(r'"gpu-core-count"\s*=\s*(\d+)', listing)
    return int(match[1]) if match else None


def macos() -> str:
    """MacOS and its version. Pythons that were built before macOS 11 or 26 are told another one by the system."""
    return f"macOS {system.command_output('sw_vers', '-productVersion') or platform.mac_ver()[0]}"


def nvidia() -> tuple[Gpu, ...]:
    """The GPUs that NVIDIA's driver shows, and of one that was divided its instances; none without a working driver.

    /proc alone would show the host's GPUs inside a container, and all eight to a job that may use one.
    """
    if not (any(Path("/dev").glob("nvidia[0-9]*")) or Path("/dev/dxg").exists()):  # dxg: Windows' driver, in WSL2
        return ()
    if system.find_program("nvidia-smi") is None:
        return _from_proc()
    for fields in (_FIELDS, _OLD_FIELDS):
        query = f"--query-gpu={','.join(fields)}"
        text = system.command_output("nvidia-smi", query, "--format=csv,noheader,nounits")
        if text:
            # A name may hold a comma, and stands last.
            rows = [[each.strip() for each in line.split(",", len(fields) - 1)] for line in text.splitlines()]
            found = [_from_row(dict(zip(fields, row))) for row in rows if len(row) == len(fields)]
            return _divided(found, [row for row in rows if "Enabled" in row])
    return ()


def is_nvidia_on_bus(devices: Path = Path("/sys/bus/pci/devices")) -> bool:
    """Whether an NVIDIA GPU is plugged in, whether or not a driver answers (Linux: vendor and class of PCI devices)."""
    found = [(system.read_text(each / "vendor"), system.read_text(each / "class") or "") for each in devices.glob("*")]
    return any(vendor == "0x10de" and kind.startswith("0x03") for vendor, kind in found)


def _from_proc() -> tuple[Gpu, ...]:
    """The GPUs by the kernel's own account, as in containers that were given a GPU and not the driver's tools."""
    found: list[Gpu] = []
    for path in sorted(Path("/proc/driver/nvidia/gpus").glob("*/information")):
        fields = dict(re.findall(r"^([^:]+):\s*(.+?)\s*$", system.read_text(path) or "", re.MULTILINE))
        uuid, minor = fields.get("GPU UUID", "?"), fields.get("Device Minor", "")
        if "Model" in fields and Path(f"/dev/nvidia{minor}").exists():  # those of other containers are listed, too
            uuid = None if "?" in uuid else uuid  # not known before the GPU is first used
            found.append(Gpu(fields["Model"], uuid=uuid, pci_bus_id=fields.get("Bus Location"), index=len(found)))
    return tuple(found)


def _from_row(row: Mapping[str, str]) -> Gpu:
    known = {key: value for key, value in row.items() if not value.startswith("[")}  # "[N/A]", "[Not Supported]"
    memory = known.get("memory.total", "")
    return Gpu(
        row["name"],
        memory_bytes=int(memory) * 2**20 if memory.isdigit() else None,
        driver=known.get("driver_version"),
        compute_capability=known.get("compute_cap"),
        uuid=known.get("uuid"),
        pci_bus_id=known.get("pci.bus_id"),
        index=int(row["index"]) if row["index"].isdigit() else None,
    )


def _divided(found: Sequence[Gpu], with_mig: list[Any]) -> tuple[Gpu, ...]:
    """The GPUs, those that are divided replaced by their instances: CUDA cannot use them whole."""
    if not with_mig:
        return tuple(found)
    instances: dict[str, list[tuple[str, str]]] = {}
    whole = ""
    for line in (system.command_output("nvidia-smi", "-L") or "").splitlines():
        if match := _WHOLE.match(line):
            whole = match[1]
        elif match := _INSTANCE.match(line):
            instances.setdefault(whole, []).append((match[1], match[2]))
    return tuple(part for gpu in found for part in _instances(gpu, instances.get(gpu.uuid or "", [])) or [gpu])


def _instances(gpu: Gpu, there: list[tuple[str, str]]) -> list[Gpu]:
    whole = replace(gpu, memory_bytes=None, cores=None)
    return [replace(whole, name=f"{gpu.name} MIG {profile}", mig_profile=profile, uuid=uuid) for profile, uuid in there]


def visible(there: Sequence[Gpu], environment: Mapping[str, str]) -> tuple[Gpu, ...]:
    """The GPUs that CUDA_VISIBLE_DEVICES leaves, as CUDA reads it: in its order, and up to the first that is not there.

    Numbers are nvidia-smi's, the order of the bus. CUDA would count unlike GPUs by their speed, which only CUDA knows.

    Args:
        there: in the order of nvidia-smi.
        environment: of the caller.

    Raises:
        TrainmarkError: where numbers were to be read as CUDA counts, and that cannot be known.
    """
    value = environment.get("CUDA_VISIBLE_DEVICES")
    if value is None:
        return tuple(there)
    entries = [entry.strip() for entry in value.split(",")]
    by_speed = environment.get("CUDA_DEVICE_ORDER") == "FASTEST_FIRST" and len({gpu.name for gpu in there}) > 1
    if by_speed and any(entry.isdigit() for entry in entries):
        raise TrainmarkError(
            f"CUDA_VISIBLE_DEVICES={value} with CUDA_DEVICE_ORDER=FASTEST_FIRST: only CUDA knows which GPU that is. "
            f"Name it by its UUID instead, CUDA_VISIBLE_DEVICES={next(g.uuid for g in there)}, or unset "
            f"CUDA_DEVICE_ORDER. There are: {'; '.join(map(str, there))}."
        )
    numbers = list(dict.fromkeys(gpu.index for gpu in there))
    found: list[Gpu] = []
    for entry in entries:
        if entry.isdigit():
            named = [gpu for gpu in there if int(entry) < len(numbers) and gpu.index == numbers[int(entry)]][:1]
        else:
            named = [gpu for gpu in there if re.match("GPU-|MIG-", entry) and (gpu.uuid or "").startswith(entry)]
        if len(named) != 1 or named[0] in found:
            break
        found += named
    return tuple(found)


def remark(chosen: Gpu | None) -> str | None:
    """What to tell where one of several GPUs is timed, if anything."""
    others = remark_on_others(chosen)
    return f"trainmark: the GPU that is timed is {chosen}. {others}" if others else None


def remark_on_others(chosen: Gpu | None) -> str | None:
    """What to tell of GPUs that are not timed, if anything."""
    others = [gpu for gpu in usable() if gpu != chosen]
    if chosen is None or not others:
        return None
    several = f"{len(others)} more: {', '.join(sorted({gpu.name for gpu in others}))}"
    return f"This machine has {several}. To time another one: --config gpu=INDEX"
