"""Meters: where a machine tells what energy it has used. A thin layer over what the platforms offer.

Every meter counts up, in joules, from some fixed point; what a training used is the difference of two readings
(``energy``). Three kinds are known: RAPL on Linux, NVIDIA's NVML, and Apple's counters through zeus-apple-silicon. No
root is asked for, and a library that is not installed is a reason, not an error.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from trainmark.machine.gpus import Gpu

POWERCAP = Path("/sys/class/powercap")

# What a domain's energy is of. Totals of different scopes are different things.
PACKAGE, MEMORY, BOARD, SOC = "CPU package", "memory", "GPU board", "SoC"

# NVML's bits of nvmlDeviceGetCurrentClocksThrottleReasons that mean that the GPU is held back (NVML API reference).
THROTTLE_REASONS = {
    0x04: "power cap",
    0x08: "hardware slowdown",
    0x20: "software thermal slowdown",
    0x40: "hardware thermal slowdown",
    0x80: "power brake",
}


# Domain -> field of zeus-apple-silicon's metrics, and its scope. The GPU's SRAM is left out: nothing says whether it is
# within the GPU's energy already.
_APPLE_FIELDS = {"cpu": ("cpu_total_mj", SOC), "gpu": ("gpu_mj", SOC), "dram": ("dram_mj", MEMORY)}


class NoMeterError(Exception):
    """Why there is no such meter here, in words that go on after "no energy: "."""


class SensorError(Exception):
    """A meter that worked no longer does."""


@dataclass(frozen=True)
class Domain:
    """One part of a machine whose energy is counted.

    Attributes:
        name: ``package-0``, ``gpu-0``, ``cpu``.
        scope: one of PACKAGE, MEMORY, BOARD, SOC.
        source: what counts it.
        devices: whose trainings it counts. The idle GPU's board is no part of what a training on the CPU used.
    """

    name: str
    scope: str
    source: str
    devices: tuple[str, ...]


class Meter(Protocol):
    """What every meter can do."""

    domains: tuple[Domain, ...]

    def read(self) -> tuple[float, ...]:
        """Joules of each domain since a fixed point.

        Raises:
            SensorError: if it can no longer be told.
        """


class Rapl:
    """Intel's and AMD's running average power limit counters, as Linux shows them (Documentation/power/powercap).

    Packages, and the memory beside them. The other domains (core, uncore) are within the package, and psys, the whole
    platform, holds all; ``intel-rapl-mmio`` counts the same packages again.

    Args:
        folder: /sys/class/powercap.

    Raises:
        NoMeterError: where there is none, or it may not be read.
    """

    def __init__(self, folder: Path = POWERCAP) -> None:
        zones = sorted(path for path in folder.glob("intel-rapl:*") if (path / "energy_uj").exists())
        if not zones:
            raise NoMeterError(f"{folder} holds no RAPL counter (virtual machines rarely have one)")
        self._files: list[Path] = []
        self._wraps: list[float] = []
        domains = []
        for zone in zones:
            name = (zone / "name").read_text().strip()
            if name.startswith("package"):
                scope = PACKAGE
            elif name == "dram":
                scope = MEMORY
            else:
                continue
            package = zone.name.removeprefix("intel-rapl:").partition(":")[0]
            domains.append(Domain(name if scope == PACKAGE else f"{name}-{package}", scope, "RAPL", ("cpu",)))
            self._files.append(zone / "energy_uj")
            self._wraps.append(int((zone / "max_energy_range_uj").read_text()) / 1e6)
        if not domains:
            raise NoMeterError(f"{folder} counts neither packages nor memory")
        self.domains = tuple(domains)
        self._turns = [0.0] * len(domains)
        try:
            self._last = self._joules()
        except SensorError as error:
            hint = "can be read by root only; 'sudo chmod a+r' on it allows it until the next start"
            raise NoMeterError(f"{self._files[0]} {hint}" if "Permission" in str(error) else str(error)) from None

    def read(self) -> tuple[float, ...]:
        """See ``Meter``. A counter that went round is told by its going back; it is read far more often than that."""
        now = self._joules()
        for position, (before, after) in enumerate(zip(self._last, now)):
            if after < before:
                self._turns[position] += self._wraps[position]
        self._last = now
        return tuple(value + turns for value, turns in zip(now, self._turns))

    def _joules(self) -> list[float]:
        try:
            return [int(file.read_text()) / 1e6 for file in self._files]
        except (OSError, ValueError) as error:
            raise SensorError(f"RAPL could not be read ({error})") from None


class Nvml:
    """The GPU that trains, by NVIDIA's management library (nvidia-ml-py).

    Volta and newer count their board's energy. Older ones, as the P100, tell their power alone, which is added up from
    reading to reading (trapezoids).
    A GPU that counts neither still has a state.

    Attributes:
        domains: what it counts, if anything.
        reason: why it counts nothing; None where it does.

    Args:
        gpu: the one that trains.
        library: the module ``pynvml``; imported if not given.

    Raises:
        NoMeterError: without the library, the driver or this GPU, or where it counts nothing.
    """

    def __init__(self, gpu: Gpu, library: Any = None) -> None:
        try:
            self._nvml = library or importlib.import_module("pynvml")
        except ImportError:
            raise NoMeterError("nvidia-ml-py is not installed") from None
        try:
            self._nvml.nvmlInit()
            self._gpu = self._find(gpu)
        except self._nvml.NVMLError as error:
            raise NoMeterError(f"NVIDIA's driver shows no such GPU ({error})") from None
        self._joules = 0.0
        self._last: tuple[float, float] | None = None
        self.domains: tuple[Domain, ...] = ()
        self.reason = None
        if gpu.mig_profile:
            self.reason = "an instance of a divided GPU (MIG) has no counter of its own"
            return
        try:
            self._nvml.nvmlDeviceGetTotalEnergyConsumption(self._gpu)
            self._counts, source = True, "NVML energy counter"
        except self._nvml.NVMLError:
            self._counts, source = False, "NVML power, added up"
            try:
                self._nvml.nvmlDeviceGetPowerUsage(self._gpu)
            except self._nvml.NVMLError as error:
                self.reason = f"this GPU reports neither its energy nor its power ({error})"
                return
        self.domains = (Domain("gpu-0", BOARD, source, ("gpu",)),)

    def _find(self, gpu: Gpu) -> Any:
        """The handle of this GPU, by what is its own: a number would mean another one in another order."""
        if gpu.uuid:
            return self._nvml.nvmlDeviceGetHandleByUUID(gpu.uuid)
        if gpu.pci_bus_id:
            return self._nvml.nvmlDeviceGetHandleByPciBusId(gpu.pci_bus_id)
        raise NoMeterError("neither the UUID nor the PCI bus id of the GPU is known")

    def read(self) -> tuple[float, ...]:
        """See ``Meter``."""
        if not self.domains:
            return ()
        try:
            if self._counts:
                return (self._nvml.nvmlDeviceGetTotalEnergyConsumption(self._gpu) / 1e3,)  # it counts millijoules
            now = time.perf_counter(), self._nvml.nvmlDeviceGetPowerUsage(self._gpu) / 1e3
        except self._nvml.NVMLError as error:
            raise SensorError(f"NVML stopped answering ({error})") from None
        if self._last:
            self._joules += (now[0] - self._last[0]) * (now[1] + self._last[1]) / 2
        self._last = now
        return (self._joules,)

    def state(self) -> dict[str, Any]:
        """Temperature (degrees Celsius), clock (hertz) and what holds the GPU back; None where it does not tell."""
        nvml, gpu = self._nvml, self._gpu
        bits = self._ask(lambda: nvml.nvmlDeviceGetCurrentClocksThrottleReasons(gpu))
        clock = self._ask(lambda: nvml.nvmlDeviceGetClockInfo(gpu, nvml.NVML_CLOCK_SM))
        return {
            "temperature_celsius": self._ask(lambda: nvml.nvmlDeviceGetTemperature(gpu, nvml.NVML_TEMPERATURE_GPU)),
            "clock_hertz": None if clock is None else clock * 10**6,
            "throttle": None if bits is None else [name for bit, name in THROTTLE_REASONS.items() if bits & bit],
        }

    def other_processes(self) -> int | None:
        """How many processes compute on the GPU; None where it does not tell."""
        found = self._ask(lambda: self._nvml.nvmlDeviceGetComputeRunningProcesses(self._gpu))
        return None if found is None else len(found)

    def _ask(self, question: Any) -> Any:
        try:
            return question()
        except self._nvml.NVMLError:
            return None


class Apple:
    """Apple Silicon's energy counters, which need no root (zeus-apple-silicon over IOReport).

    CPU, GPU and memory. They are estimates of the chip's own model (the library's README), in steps of a millijoule.

    Args:
        chip: marketing name of the processor.
        library: the module ``zeus_apple_silicon``; imported if not given.

    Raises:
        NoMeterError: without the library, where the counters cannot be had, or where they are wrong.
    """

    def __init__(self, chip: str, library: Any = None) -> None:
        # Its 1.1.0 keeps, of the counters of the two dies, the one that it reads last where it should add them.
        if "Ultra" in chip:
            raise NoMeterError(f"zeus-apple-silicon counts only one of the two dies of an {chip}")
        try:
            self._monitor = (library or importlib.import_module("zeus_apple_silicon")).AppleEnergyMonitor()
            found = self._monitor.get_cumulative_energy()
        except ImportError:
            raise NoMeterError("zeus-apple-silicon is not installed") from None
        except Exception as error:  # whatever a library of C++ may throw
            raise NoMeterError(f"Apple's counters cannot be read ({error})") from None
        there = {name: field for name, field in _APPLE_FIELDS.items() if getattr(found, field[0]) is not None}
        if not there:
            raise NoMeterError("Apple's counters give no values here")
        self._names = tuple(field for field, _ in there.values())
        both = ("cpu", "gpu")  # one chip with one memory, whichever part of it trains
        self.domains = tuple(Domain(name, scope, "IOReport", both) for name, (_, scope) in there.items())

    def read(self) -> tuple[float, ...]:
        """See ``Meter``."""
        try:
            found = self._monitor.get_cumulative_energy()
            return tuple(getattr(found, name) / 1e3 for name in self._names)
        except Exception as error:  # a field that became None, too
            raise SensorError(f"Apple's counters stopped answering ({error})") from None


def find(chip: str, mac: bool, gpu: Gpu | None) -> tuple[list[Meter], list[str]]:
    """The meters of this machine, and for each kind that it lacks the reason.

    Args:
        chip: marketing name of the processor.
        mac: whether this is a Mac.
        gpu: the one that is timed.
    """
    kinds: list[Callable[[], Meter]] = [lambda: Apple(chip)] if mac else [Rapl]
    if gpu and not mac:
        kinds.append(lambda: Nvml(gpu))
    found: list[Meter] = []
    missing: list[str] = []
    for kind in kinds:
        try:
            found.append(kind())
        except NoMeterError as error:
            missing.append(str(error))
    return found, missing + [meter.reason for meter in found if isinstance(meter, Nvml) and meter.reason]
