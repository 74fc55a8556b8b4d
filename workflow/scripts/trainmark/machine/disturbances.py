"""What may disturb a timing: other work on the machine, heat, and how it is powered.

Asked of the operating system, without root; None where it does not tell. Linux and macOS are known; the macOS side was
written from Apple's documentation of ``host_statistics``, ``pmset`` and ``OSThermalNotification.h``.
"""

from __future__ import annotations

import ctypes
import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainmark import system
from trainmark.machine.gpus import Gpu

_PRESSURES = ("cpu", "memory", "io")
# macOS's thermal pressure levels, from none to the last before it goes to sleep.
THERMAL_PRESSURES = ("nominal", "moderate", "heavy", "trapping", "sleeping")
# A device is cool when its temperature falls by no more than so many degrees in so many seconds.
_COOL_DEGREES, _COOL_SECONDS = 1.0, 20.0
_LOOK_SECONDS = 5.0
# Share of the cores' time beyond which what others took of it is said to disturb.
DISTURBING = 0.1
# Sleep, and jumps of the clock, that are noticed: time servers set a clock by less.
NOTICED_SECONDS = 1.0
# Spread (standard deviation over mean) of repeated times beyond which they are called unstable, as pyperf does.
UNSTABLE = 0.1
# What outliers.csv says of a run that is by more than a fifth off its siblings. All else that it says names a cause.
TOOK_LONGER = "took over a fifth longer than the median of its test case"
TOOK_LESS = "took under five sixths of the median of its test case"


def known_causes(why: str) -> list[str]:
    """What is known to have disturbed a run, of what outliers.csv says of it.

    That it took longer or less long is no cause: whoever repeats such runs chooses the result.
    """
    return [each for each in why.split(", ") if each not in (TOOK_LONGER, TOOK_LESS)]


@dataclass(frozen=True)
class Snapshot:
    """Counters of the whole machine at one moment; what happened between two is their difference.

    Attributes:
        busy_seconds: in which its cores computed, all programs and cores added up.
        steal_seconds: that a hypervisor took from its cores.
        pressure_seconds: in which at least one program waited for cores, memory or the disk, by kind.
        throttle_events: how often a core was slowed down for its heat.
    """

    busy_seconds: float | None
    steal_seconds: float | None
    pressure_seconds: Mapping[str, float | None]
    throttle_events: int | None


@dataclass(frozen=True)
class Clocks:
    """Three clocks at one moment, seconds: what passed between two of them differs where the machine slept.

    Attributes:
        awake: counts while the machine is awake, and cannot be set.
        total: counts while it sleeps, too; None where there is no such clock.
        wall: the time of day, which can be set.
    """

    awake: float
    total: float | None
    wall: float


def clocks() -> Clocks:
    """The clocks now.

    Linux: CLOCK_BOOTTIME is CLOCK_MONOTONIC with the time in which the system was suspended (clock_gettime(2)). macOS:
    CLOCK_MONOTONIC goes on while it sleeps, CLOCK_UPTIME_RAW does not (its clock_gettime(3)).
    """
    if hasattr(time, "CLOCK_BOOTTIME"):
        return Clocks(time.clock_gettime(time.CLOCK_MONOTONIC), time.clock_gettime(time.CLOCK_BOOTTIME), time.time())
    if hasattr(time, "CLOCK_UPTIME_RAW"):
        return Clocks(time.clock_gettime(time.CLOCK_UPTIME_RAW), time.clock_gettime(time.CLOCK_MONOTONIC), time.time())
    return Clocks(time.monotonic(), None, time.time())


def interruption(before: Clocks, after: Clocks) -> dict[str, float | None]:
    """What became of the time between two moments: fields of the record's ``noise``, and the seconds themselves.

    Returns:
        ``seconds`` (those asleep, too), ``suspended_seconds`` (asleep) and ``clock_jump_seconds`` (by which the time of
        day was set forward, or, negative, back). Where sleep cannot be told, it is a jump.
    """
    awake, wall = after.awake - before.awake, after.wall - before.wall
    suspended = None
    if before.total is not None and after.total is not None:
        suspended = max(0.0, round(after.total - before.total - awake, 3))
    seconds = awake + (suspended or 0.0)
    return {"seconds": seconds, "suspended_seconds": suspended, "clock_jump_seconds": round(wall - seconds, 3)}


def snapshot() -> Snapshot:
    """The counters now. Takes a fraction of a millisecond."""
    busy, steal = _mac_busy_seconds() if system.MAC else _linux_seconds()
    return Snapshot(busy, steal, {kind: _pressure_seconds(kind) for kind in _PRESSURES}, _throttle_events())


def between(before: Snapshot, after: Snapshot, own_cpu_seconds: float) -> dict[str, Any]:
    """Fields of the record's ``noise``, of what happened between two snapshots.

    Args:
        before: the earlier one.
        after: the later one.
        own_cpu_seconds: CPU time of this process in between, which is no noise.
    """
    busy = _difference(before.busy_seconds, after.busy_seconds)
    return {
        "fit_cpu_seconds": own_cpu_seconds,
        # Ticks of a hundredth are counted, so what is left may be a little under nothing.
        "fit_other_cpu_seconds": None if busy is None else max(0.0, busy - own_cpu_seconds),
        "fit_steal_seconds": _difference(before.steal_seconds, after.steal_seconds),
        "fit_throttle_events": _difference(before.throttle_events, after.throttle_events),
        **{
            f"fit_{kind}_pressure_seconds": _difference(before.pressure_seconds[kind], after.pressure_seconds[kind])
            for kind in _PRESSURES
        },
    }


def _difference(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else after - before


def _linux_seconds() -> tuple[float | None, float | None]:
    """Busy and steal seconds since the start, from the first line of /proc/stat (proc(5))."""
    fields = (system.read_text("/proc/stat") or "").split("\n")[0].split()[1:]
    if len(fields) < 8:
        return None, None
    user, nice, kernel, _, _, irq, softirq, steal = (int(field) / os.sysconf("SC_CLK_TCK") for field in fields[:8])
    return user + nice + kernel + irq + softirq, steal


def _mac_busy_seconds() -> tuple[float | None, None]:
    """Busy seconds since the start, by Mach's host_statistics(HOST_CPU_LOAD_INFO): user, system, idle, nice ticks."""
    try:
        library = ctypes.CDLL(None)
        ticks, count = (ctypes.c_uint * 4)(), ctypes.c_uint(4)
        if library.host_statistics(library.mach_host_self(), 3, ticks, ctypes.byref(count)):
            return None, None
    except (OSError, AttributeError):
        return None, None
    return (ticks[0] + ticks[1] + ticks[3]) / os.sysconf("SC_CLK_TCK"), None


def _pressure_seconds(kind: str) -> float | None:
    """Seconds since the start in which some program waited (Linux, Documentation/accounting/psi)."""
    match = re.search(r"^some .*total=(\d+)", system.read_text(f"/proc/pressure/{kind}") or "", re.MULTILINE)
    return int(match[1]) / 1e6 if match else None


def _throttle_events() -> int | None:
    """How often a core has been slowed down for its heat since the start (Linux on Intel)."""
    files = Path("/sys/devices/system/cpu").glob("cpu[0-9]*/thermal_throttle/core_throttle_count")
    counts = [text for file in files if (text := system.read_text(file))]
    return sum(int(count) for count in counts) if counts else None


def conditions() -> dict[str, Any]:
    """How the machine is powered and whether macOS holds it back, before a run: fields of the record's ``noise``."""
    return {
        "load_average_before": os.getloadavg()[0],
        "power_source": power_source(),
        "low_power_mode": low_power_mode(),
        "thermal_pressure": thermal_pressure(),
    }


def power_source(supplies: Path = Path("/sys/class/power_supply")) -> str | None:
    """``mains`` or ``battery``."""
    if system.MAC:
        match = re.search(r"drawing from '(AC|Battery)", system.command_output("pmset", "-g", "batt") or "")
        return {"AC": "mains", "Battery": "battery"}[match[1]] if match else None
    online, statuses = set(), set()
    for supply in supplies.glob("*"):
        kind = system.read_text(supply / "type")
        if system.read_text(supply / "online") == "1":
            online.add(kind)
        if kind == "Battery" and system.read_text(supply / "scope") != "Device":  # a mouse has a battery, too
            statuses.add(system.read_text(supply / "status"))
    if "Mains" in online:
        return "mains"
    # A USB port is on line, too, while it charges a phone: then the battery says who feeds whom.
    if "Discharging" in statuses:
        return "battery"
    return "mains" if "USB" in online else None


def low_power_mode() -> bool | None:
    """Whether the user has asked the machine to save power."""
    if system.MAC:
        match = re.search(r"^\s*(?:low)?powermode\s+(\d)", system.command_output("pmset", "-g") or "", re.MULTILINE)
        return match[1] == "1" if match else None
    profile = system.read_text("/sys/firmware/acpi/platform_profile")
    return None if profile is None else profile == "low-power"


def governor(folder: Path = Path("/sys/devices/system/cpu/cpu0/cpufreq")) -> str | None:
    """By what rule Linux sets the processor's clock (Documentation/admin-guide/pm/cpufreq); None where it does not.

    The drivers intel_pstate and amd-pstate-epp let the processor choose; what they call "powersave" is no such rule.
    """
    chooses_itself = (system.read_text(folder / "scaling_driver") or "").startswith(("intel_pstate", "amd-pstate-epp"))
    return None if chooses_itself else system.read_text(folder / "scaling_governor")


def thermal_pressure() -> str | None:
    """How hard macOS holds the machine back for its heat: one of THERMAL_PRESSURES."""
    if not system.MAC:
        return None
    name = "com.apple.system.thermalpressurelevel"
    match = re.search(rf"{re.escape(name)} (\d)", system.command_output("notifyutil", "-g", name) or "")
    return THERMAL_PRESSURES[int(match[1])] if match and int(match[1]) < len(THERMAL_PRESSURES) else None


def worse(before: str | None, after: str | None) -> str | None:
    """The higher of two thermal pressures."""
    return max((level for level in (before, after) if level), key=THERMAL_PRESSURES.index, default=None)


def temperature(gpu: Gpu | None, sensors: Path = Path("/sys/class/hwmon")) -> float | None:
    """The highest temperature of the processor and of an NVIDIA GPU, degrees Celsius (Linux)."""
    chips = [chip for chip in sensors.glob("*") if system.read_text(chip / "name") in ("coretemp", "k10temp")]
    texts = [system.read_text(file) for chip in chips for file in chip.glob("temp*_input")]
    found = [int(text) / 1000 for text in texts if text]
    if gpu and gpu.pci_bus_id:
        query = f"--id={gpu.pci_bus_id}", "--query-gpu=temperature.gpu", "--format=csv,noheader,nounits"
        answer = system.command_output("nvidia-smi", *query) or ""
        found += [float(answer)] if answer.isdigit() else []
    return max(found, default=None)


def cool_down(limit_seconds: float, gpu: Gpu | None, sleep: Callable[[float], None]) -> float:
    """Wait until the machine is cool: on a Mac, until nothing presses; on Linux, until its temperature hardly falls.

    Where neither can be told, the whole limit is waited.

    Args:
        limit_seconds: to wait at most.
        gpu: the one that is timed.
        sleep: waits so many seconds.

    Returns:
        The seconds waited.
    """
    began = time.monotonic()
    readings: list[tuple[float, float]] = []
    while (waited := time.monotonic() - began) < limit_seconds:
        if thermal_pressure() == THERMAL_PRESSURES[0]:
            break
        heat = temperature(gpu)
        if heat is not None:
            readings.append((waited, heat))
            earlier = [past for when, past in readings if when <= waited - _COOL_SECONDS]
            if earlier and earlier[-1] - heat <= _COOL_DEGREES:
                break
        sleep(min(_LOOK_SECONDS, limit_seconds - waited))
    return time.monotonic() - began
