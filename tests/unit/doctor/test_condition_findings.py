"""Tests of trainmark.doctor.condition_findings: what it says of conditions that are invented."""

import re
import time
from pathlib import Path

import pytest
from trainmark import system
from trainmark.doctor import condition_findings
from trainmark.machine import disturbances, energy

from tests.unit.doctor.conftest import BOARD, CALM, PLAN, STATE, check, found, part, times


@pytest.mark.parametrize(
    ("device", "missing", "words"),
    [
        ("cpu", "zeus-apple-silicon counts only one of the two dies of an Apple M3 Ultra", "two dies"),
        ("gpu", "an instance of a divided GPU (MIG) has no counter of its own", "MIG"),
        ("cpu", "/sys/class/powercap holds no RAPL counter (virtual machines rarely have one)", "no RAPL counter"),
        (
            "cpu",
            "/sys/class/powercap/intel-rapl:0/energy_uj can be read by root only; 'sudo chmod a+r' on it allows it",
            "sudo chmod a+r /sys/class/powercap/intel-rapl:*/energy_uj",
        ),
    ],
    ids=["Ultra", "MIG", "no meter", "for root alone"],
)
def test_why_no_energy_will_be_measured(device, missing, words):
    seen = {"energy": energy.unmeasured(energy.uncounted(device, [missing])), "gpu": {}, "moves_a_second": {}}
    check(condition_findings.energy(device, seen), "warning", "None will be measured", words)


def test_counter_that_hardly_moves_is_told_with_its_reason():
    moments = [0.1 * n for n in range(201)]
    trace = energy.Trace((BOARD,), moments, [(30.0 * (t // 5),) for t in moments])
    seen = {"energy": energy.of_window([trace], "gpu", (10.5, 19.5), (0.5, 9.5)), "moves_a_second": {}}
    check(condition_findings.energy("gpu", seen), "warning", "its counter moved 1 times in 9.0 s")


@pytest.mark.parametrize(
    ("mac", "changes", "verdict", "words"),
    [
        (False, {}, "good", "On mains"),
        (False, {"power_source": None}, "good", "no battery"),
        (True, {"power_source": "battery"}, "warning", "Plug it in"),
        (True, {"low_power_mode": True}, "warning", "sudo pmset -a lowpowermode 0"),
        (False, {"low_power_mode": True}, "warning", "tee /sys/firmware/acpi/platform_profile"),
        (False, {"governor": "powersave"}, "warning", "cpupower frequency-set"),
        (False, {"governor": "performance"}, "good", "On mains"),
    ],
)
def test_power(monkeypatch, mac, changes, verdict, words):
    monkeypatch.setattr(system, "MAC", mac)
    (finding,) = condition_findings.power({**CALM, **changes})
    check(finding, verdict, words)


def test_mac_on_battery_and_in_low_power_mode_is_told_both():
    told = condition_findings.power({**CALM, "low_power_mode": True, "power_source": "battery"})
    assert [finding.verdict for finding in told] == ["warning", "warning"]


@pytest.mark.parametrize(
    ("pressure", "shares", "events", "verdict", "words"),
    [
        (None, {}, None, "good", "1590 MHz, at 48 degrees"),
        ("nominal", {}, 0, "good", "did not slow the machine"),
        ("heavy", {}, None, "warning", "thermal pressure (heavy)"),
        (None, {"power cap": 0.9}, None, "good", "as is usual"),
        (None, {"hardware thermal slowdown": 0.2, "power cap": 0.9}, None, "warning", "hardware thermal slowdown"),
        (None, {}, 3, "warning", "the processor's heat (3 times)"),
    ],
)
def test_heat(pressure, shares, events, verdict, words):
    load = {**found()["load"], "noise": {"fit_throttle_events": events}}
    looked_at = part(gpu={"load": load, "seen": {"gpu": {**STATE, "gpu_throttle_shares": shares}}})
    check(condition_findings.heat({**CALM, "thermal_pressure": pressure}, [looked_at]), verdict, words)


def test_heat_where_nothing_is_told():
    looked_at = part(gpu={"load": None, "seen": {"gpu": dict.fromkeys(STATE)}})
    check(condition_findings.heat(CALM, [looked_at]), "good", "did not slow the machine")
    check(condition_findings.heat(CALM, []), "good", "did not slow the machine")


@pytest.mark.parametrize(
    ("mac", "holder", "source", "verdict", "words"),
    [
        (True, "caffeinate", "mains", "good", "caffeinate keeps"),
        (True, None, "mains", "warning", "Turn sleep off"),
        (False, None, "battery", "warning", "Turn sleep off"),
        (False, None, None, "good", "Servers"),
    ],
)
def test_sleep(monkeypatch, mac, holder, source, verdict, words):
    monkeypatch.setattr(system, "MAC", mac)
    monkeypatch.setattr(condition_findings.awake, "holder", lambda: holder)
    check(condition_findings.wakefulness({**CALM, "power_source": source}), verdict, words)


@pytest.mark.parametrize(
    ("cpu", "steal", "processes", "verdict", "words"),
    [
        (0.02, 0.0, 0, "good", "Other programs took 2%"),
        (None, None, None, "good", "does not say"),
        (0.34, 0.0, 0, "warning", "ps -A -o pcpu,comm"),
        (0.02, 0.2, 0, "warning", "The host gave 20%"),
        (0.02, 0.0, 2, "warning", "2 other processes on the GPU"),
    ],
)
def test_neighbours(cpu, steal, processes, verdict, words):
    looked_at = part(gpu={"gpu_processes": processes})
    (finding,) = condition_findings.neighbours({"cpu_share": cpu, "steal_share": steal}, [looked_at])
    check(finding, verdict, words)


def test_every_kind_of_neighbour_is_told():
    told = condition_findings.neighbours({"cpu_share": 0.3, "steal_share": 0.3}, [part(gpu={"gpu_processes": 1})])
    assert [finding.verdict for finding in told] == ["warning"] * 3


def test_what_others_take_is_a_share_of_the_cores(monkeypatch):
    snapshots = iter([disturbances.Snapshot(100.0, 10.0, {}, None), disturbances.Snapshot(100.4, 10.2, {}, None)])
    monkeypatch.setattr(disturbances, "snapshot", lambda: next(snapshots))
    monkeypatch.setattr(disturbances, "_PRESSURES", ())
    monkeypatch.setattr(condition_findings.hardware, "usable_cores", lambda: 4)
    monkeypatch.setattr(condition_findings.time, "perf_counter", iter([5.0, 6.0]).__next__)
    monkeypatch.setattr(condition_findings.time, "process_time", lambda: 1.0)
    shares = condition_findings.watch_others(0.0)
    assert shares == {"cpu_share": pytest.approx(0.1), "steal_share": pytest.approx(0.05)}


@pytest.mark.parametrize(
    ("seconds", "verdict", "words"),
    [
        (times(0.01), "good", "spread 1.1%"),
        (times(0.2), "warning", "snakemake --cores 1 --config repeats=auto"),
        ([2.0] * 9 + [3.5], "warning", "at most 63% from the mean"),
    ],
)
def test_evenness(seconds, verdict, words):
    check(condition_findings.evenness(PLAN, "tf-2.19 gpu", {"seconds": seconds}), verdict, words)


def test_what_two_cells_must_differ_by_is_welchs_interval():
    """Held against scipy: two cells of three repeats, whose logarithms spread alike."""
    stats = pytest.importorskip("scipy.stats")
    half = stats.t.ppf(0.975, 4) * (2 / 3) ** 0.5
    text = condition_findings.evenness(PLAN, "x", {"seconds": times(0.1)}).text
    spread, told = (float(number) for number in re.findall(r"([\d.]+)%", text)[:3:2])
    assert told == pytest.approx(half * spread, rel=0.01)


DAY = 86_400.0
STEADY = {"seconds": 60.0, "suspended_seconds": 0.0, "clock_jump_seconds": 0.001}


@pytest.mark.parametrize(
    ("now", "changes", "verdict", "words"),
    [
        (1000 * DAY, {}, "good", "1972-09-27"),
        (999.5 * DAY, {}, "good", "ran evenly"),
        (0.0, {}, "wrong", "1970-01-01 00:00 UTC, but this checkout was changed on 1972-09-27: the clock is behind"),
        (1000 * DAY, {"clock_jump_seconds": -600.0}, "warning", "set by -600.0 s"),
        (1000 * DAY, {"suspended_seconds": 900.0}, "warning", "slept for 900 s"),
        (1000 * DAY, {"suspended_seconds": None}, "good", "ran evenly"),
    ],
)
def test_clock(now, changes, verdict, words):
    check(condition_findings.clock(now, 1000 * DAY, {**STEADY, **changes}), verdict, words)


def test_newest_change_of_a_checkout_is_not_in_the_future(monkeypatch):
    assert 1.7e9 < condition_findings.newest_change() < time.time() + DAY
    monkeypatch.setattr(system, "command_output", lambda *command: "1800000000" if "git" in command else None)
    monkeypatch.setattr(Path, "exists", lambda path: True)
    assert condition_findings.newest_change() == 1.8e9
    monkeypatch.setattr(system, "command_output", lambda *command: None)
    assert 1.7e9 < condition_findings.newest_change() < time.time() + DAY
