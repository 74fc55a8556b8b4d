"""What the doctor says of the conditions under which the machine is timed: meters, power, heat, others, the clock."""

from __future__ import annotations

import datetime
import math
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from trainmark import system
from trainmark.doctor.report_files import GOOD, WARNING, WRONG, Finding
from trainmark.doctor.stack_check import StackLook
from trainmark.machine import awake, disturbances, hardware, meters
from trainmark.measure.messages import Load, Readings

# A checkout may come from a machine whose clock is a little ahead.
_CLOCK_TOLERANCE_SECONDS = 86_400.0
# Half of the 95 % interval (Welch) of the ratio of two cells of three repeats each and of equal spread, over that
# spread: t(0.975, 4) times the root of 2/3.
_LOST_AT_THREE_REPEATS = 2.776 * math.sqrt(2 / 3)
# Spread beyond which a single repetition makes a measurement unstable, as pyperf has it.
_EXTREME = 0.5
# What a GPU says under full load, as most do.
_ORDINARY_THROTTLE = {"power cap"}


def energy(device: str, seen: Readings) -> Finding:
    """Which meters count a device, how often they move, and the power that they tell."""
    topic, found = f"{device} energy", seen["energy"]
    if found["reason"] is None:
        counted = [part for part in found["domains"] if part["counted"]]
        moves = {part["source"]: seen["moves_a_second"][part["source"]] for part in counted}
        meters_told = " and ".join(f"{name}, which moves {rate:.0f} times a second" for name, rate in moves.items())
        known = [part for part in counted if part["idle_watts"] is not None]
        watts = ", ".join(f"{part['domain']} {part['idle_watts']:.1f} W" for part in known)
        idle = f"idle {watts}" if known else f"idle power not known ({found['idle_reason']})"
        load = found["joules"] / found["window_seconds"]
        return Finding(topic, GOOD, f"{meters_told}: {idle}; under load {load:.1f} W in all.")
    text = f"None will be measured: {found['reason']}."
    if device == "cpu" and "sudo chmod" in text:
        allow = f"sudo chmod a+r {meters.POWERCAP}/intel-rapl:*/energy_uj"
        return Finding(topic, WARNING, text, "To allow it until the next start:", allow)
    return Finding(topic, WARNING, text, "The times still count.")


def power(conditions: Mapping[str, Any]) -> Iterator[Finding]:
    """How the machine is powered, and whether it was asked to save power."""
    found: list[tuple[str, ...]] = []
    if conditions["low_power_mode"]:
        normal = "sudo pmset -a lowpowermode 0"
        normal = normal if system.MAC else "echo balanced | sudo tee /sys/firmware/acpi/platform_profile"
        found.append(("The machine is in low-power mode: it computes slower.", "To end it:", normal))
    if conditions["governor"] == "powersave":
        text = "Linux holds the processor at its lowest clock (its governor is powersave)."
        found.append((text, "To end it:", "sudo cpupower frequency-set --governor performance"))
    if conditions["power_source"] == "battery":
        found.append(("On battery; many machines compute slower then.", "Plug it in."))
    yield from (Finding("power", WARNING, *each) for each in found)
    if not found:
        source = {"mains": "On mains"}.get(conditions["power_source"], "The system names no battery")
        yield Finding("power", GOOD, f"{source}; not in low-power mode.")


def heat(conditions: Mapping[str, Any], parts: Sequence[StackLook]) -> Finding:
    """Whether anything held the processor or the GPU back under load."""
    found = [each for part in parts for each in part["devices"].values()]
    states = [each["seen"]["gpu"] for each in found if each["seen"]["gpu"].get("gpu_clock_hertz")]
    held: set[str] = set()
    for state in states:
        held |= {name for name, share in (state["gpu_throttle_shares"] or {}).items() if share}
    slowed = sum(each["load"]["noise"]["fit_throttle_events"] or 0 for each in found if each["load"])
    clock = max((state["gpu_clock_hertz"] or 0 for state in states), default=0)
    hottest = max((state["gpu_temperature_celsius"] or 0 for state in states), default=0)
    told = f" The GPU's clock under load was {clock / 1e6:.0f} MHz, at {hottest:.0f} degrees Celsius." if clock else ""
    if conditions["thermal_pressure"] not in (None, disturbances.THERMAL_PRESSURES[0]):
        held.add(f"macOS's thermal pressure ({conditions['thermal_pressure']})")
    if slowed:
        held.add(f"the processor's heat ({slowed} times)")
    if held - _ORDINARY_THROTTLE:
        advice = "Let the machine cool, give it air, and let it rest between the runs: cool_down_seconds in the "
        advice += "configuration, or --config cool_down_seconds=300"
        return Finding("heat", WARNING, f"Slowed down by {', '.join(sorted(held))}.{told}", advice)
    usual = " Its power cap limits the GPU, as is usual under full load." if held else ""
    return Finding("heat", GOOD, f"Heat did not slow the machine down.{told}{usual}")


def wakefulness(conditions: Mapping[str, Any]) -> Finding:
    """Whether the machine can be kept awake while it is timed."""
    program = awake.holder()
    if program:
        return Finding("sleep", GOOD, f"{program} keeps the machine awake while it is timed.")
    what = "Nothing here keeps the machine awake while it is timed; a run during which it slept is marked."
    if not system.MAC and conditions["power_source"] is None:
        return Finding("sleep", GOOD, f"{what} Servers and virtual machines do not fall asleep by themselves.")
    return Finding("sleep", WARNING, what, "Turn sleep off for that time, in the settings for saving energy.")


def watch_others(seconds: float) -> dict[str, Any]:
    """What other programs and the host take of the cores while nothing of ours runs.

    Returns:
        ``cpu_share`` and ``steal_share``, of the time of the cores that this process may use; None where the system
        does not tell.
    """
    before, own, start = disturbances.snapshot(), time.process_time(), time.perf_counter()
    time.sleep(seconds)
    found = disturbances.between(before, disturbances.snapshot(), time.process_time() - own)
    cores = (time.perf_counter() - start) * hardware.usable_cores()
    taken = {"cpu_share": found["fit_other_cpu_seconds"], "steal_share": found["fit_steal_seconds"]}
    return {key: None if value is None else value / cores for key, value in taken.items()}


def neighbours(others: Mapping[str, float | None], parts: Sequence[StackLook]) -> Iterator[Finding]:
    """Whether others compute here, or the host gives this machine's cores away."""
    on_gpu = max((each["gpu_processes"] or 0 for part in parts for each in part["devices"].values()), default=0)
    cpu, steal = others["cpu_share"], others["steal_share"]
    found: list[tuple[str, ...]] = []
    if (cpu or 0) > disturbances.DISTURBING:
        show = f"ps -A -o pcpu,comm {'-r' if system.MAC else '--sort=-pcpu'} | head"
        found.append((f"Other programs took {cpu:.0%} of the cores' time.", "End them. To see them:", show))
    if (steal or 0) > disturbances.DISTURBING:
        advice = "Measure at another time of day, or on a machine of your own."
        found.append((f"The host gave {steal:.0%} of the cores' time to others.", advice))
    if on_gpu:
        processes = "process" if on_gpu == 1 else "processes"
        found.append((f"{on_gpu} other {processes} on the GPU.", "End them. To see them:", "nvidia-smi"))
    yield from (Finding("neighbours", WARNING, *each) for each in found)
    if not found and cpu is None:
        yield Finding("neighbours", GOOD, "The system does not say how much of the cores others take.")
    elif not found:
        yield Finding("neighbours", GOOD, f"Other programs took {cpu:.0%} of the cores' time.")


def evenness(plan: Mapping[str, Any], topic: str, load: Load) -> Finding:
    """How far repetitions of one load lie apart, and what that means for a benchmark."""
    seconds = load["seconds"]
    mean = statistics.fmean(seconds)
    spread = statistics.stdev(seconds) / mean
    extreme = max(abs(each - mean) for each in seconds) / mean
    text = f"{len(seconds)} times the same load of {mean:.1f} s: spread {spread:.1%} (standard deviation over mean), "
    text += f"at most {extreme:.0%} from the mean. Expect at least that spread of the repeats of a cell. With three "
    text += (
        f"repeats each, two cells that differ by less than {_LOST_AT_THREE_REPEATS * spread:.1%} cannot be told apart."
    )
    if spread > disturbances.UNSTABLE or extreme > _EXTREME:
        again = f"{plan['command']} --config repeats=auto"
        return Finding(f"{topic} noise", WARNING, text, "Close other programs, or take more repeats:", again)
    return Finding(f"{topic} noise", GOOD, text)


def newest_change() -> float:
    """When this checkout was last changed, seconds since 1970: its newest commit, without git its newest file."""
    checkout = Path(__file__).resolve().parents[4]
    if (checkout / ".git").exists():
        commit = system.command_output("git", "-C", str(checkout), "log", "-1", "--format=%ct")
        if commit:
            return float(commit)
    return max(path.stat().st_mtime for path in (checkout / "workflow").rglob("*.py"))


def clock(now: float, newest: float, passed: Mapping[str, float | None]) -> Finding:
    """Whether the time of day can be true, by this checkout and by a clock that cannot be set.

    Args:
        now: the time of day, seconds since 1970.
        newest: when the checkout was last changed, on the same clock.
        passed: as ``disturbances.interruption`` gives it, of the time that the doctor took.
    """
    told = f"{datetime.datetime.fromtimestamp(now, datetime.timezone.utc):%Y-%m-%d %H:%M} UTC"
    ask = "sudo sntp -sS time.apple.com" if system.MAC else "sudo timedatectl set-ntp true"
    if now < newest - _CLOCK_TOLERANCE_SECONDS:
        since = datetime.datetime.fromtimestamp(newest, datetime.timezone.utc).date()
        text = f"It says {told}, but this checkout was changed on {since}: the clock is behind."
        return Finding("clock", WRONG, text, "Set it:", ask)
    if abs(passed["clock_jump_seconds"] or 0) > disturbances.NOTICED_SECONDS:
        text = f"{told}. The time of day was set by {passed['clock_jump_seconds']:.1f} s during the check."
        return Finding("clock", WARNING, text, "Let a time server set it, in small steps:", ask)
    if (passed["suspended_seconds"] or 0) > disturbances.NOTICED_SECONDS:
        text = f"{told}. The machine slept for {passed['suspended_seconds']:.0f} s during the check."
        return Finding("clock", WARNING, text, "Turn sleep off, in the settings for saving energy.")
    return Finding("clock", GOOD, f"{told}; it ran evenly with a clock that cannot be set.")
