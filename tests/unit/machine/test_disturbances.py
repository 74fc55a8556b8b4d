"""Tests of trainmark.machine.disturbances."""

import subprocess
import sys
import time

import pytest
from trainmark import system
from trainmark.machine import disturbances

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="asks /proc")


@LINUX
def test_busy_neighbour_is_seen_beside_ones_own_work():
    before, own = disturbances.snapshot(), time.process_time()
    neighbour = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        time.sleep(1.5)
        found = disturbances.between(before, disturbances.snapshot(), time.process_time() - own)
    finally:
        neighbour.kill()
        neighbour.wait()
    assert found["fit_other_cpu_seconds"] > 0.5
    assert found["fit_cpu_seconds"] < 0.5


def test_differences_of_what_is_not_told_are_none():
    nothing = disturbances.Snapshot(None, None, dict.fromkeys(("cpu", "memory", "io")), None)
    found = disturbances.between(nothing, disturbances.snapshot(), 1.0)
    assert {key for key, value in found.items() if value is not None} == {"fit_cpu_seconds"}


@pytest.mark.parametrize(
    ("supplies", "expected"),
    [
        ({}, None),
        ({"AC": {"type": "Mains", "online": "1"}, "BAT0": {"type": "Battery", "status": "Charging"}}, "mains"),
        ({"AC": {"type": "Mains", "online": "0"}, "BAT0": {"type": "Battery", "status": "Discharging"}}, "battery"),
        # A laptop that charges a phone: its USB port is on line.
        ({"ucsi": {"type": "USB", "online": "1"}, "BAT0": {"type": "Battery", "status": "Discharging"}}, "battery"),
        ({"ucsi": {"type": "USB", "online": "1"}, "BAT0": {"type": "Battery", "status": "Charging"}}, "mains"),
        ({"AC": {"type": "Mains", "online": "1"}, "BAT0": {"type": "Battery", "status": "Discharging"}}, "mains"),
        ({"mouse": {"type": "Battery", "status": "Discharging", "scope": "Device"}}, None),
    ],
)
def test_power_source_of_linux(tmp_path, monkeypatch, supplies, expected):
    monkeypatch.setattr(system, "MAC", False)
    for name, files in supplies.items():
        (tmp_path / name).mkdir()
        for file, text in files.items():
            (tmp_path / name / file).write_text(text + "\n")
    assert disturbances.power_source(tmp_path) == expected


def test_what_a_mac_tells(monkeypatch):
    """Outputs as Apple's manual pages show them; no Mac has been asked."""
    outputs = {
        ("pmset", "-g", "batt"): "Now drawing from 'Battery Power'\n -InternalBattery-0 (id=1)	81%; discharging",
        ("pmset", "-g"): "System-wide power settings:\nCurrently in use:\n lowpowermode         1\n standby   1",
        ("notifyutil", "-g", "com.apple.system.thermalpressurelevel"): "com.apple.system.thermalpressurelevel 2",
    }
    monkeypatch.setattr(system, "MAC", True)
    monkeypatch.setattr(system, "command_output", lambda *command: outputs[command])
    found = disturbances.conditions()
    assert (found["power_source"], found["low_power_mode"], found["thermal_pressure"]) == ("battery", True, "heavy")
    monkeypatch.setattr(system, "command_output", lambda *command: None)
    assert set(disturbances.conditions().values()) == {None, found["load_average_before"]}


def test_worse_of_two_pressures():
    assert disturbances.worse("nominal", "heavy") == "heavy"
    assert disturbances.worse(None, "moderate") == "moderate"
    assert disturbances.worse(None, None) is None


def test_highest_temperature_of_the_processor(tmp_path, monkeypatch):
    for chip, name, value in (
        ("hwmon0", "coretemp", 61_000),
        ("hwmon1", "nvme", 80_000),
        ("hwmon2", "k10temp", 40_500),
    ):
        (tmp_path / chip).mkdir()
        (tmp_path / chip / "name").write_text(name)
        (tmp_path / chip / "temp1_input").write_text(str(value))
    assert disturbances.temperature(None, tmp_path) == 61.0
    assert disturbances.temperature(None, tmp_path / "none") is None


@pytest.mark.parametrize(
    ("heat", "waited"),
    [
        (lambda seconds: 40 + 50 * 0.5 ** (seconds / 10), 70),  # halves every 10 s: under a degree in 20 s after 70
        (lambda seconds: None, 300),
        (lambda seconds: 90 - 0.1 * seconds, 300),
    ],
    ids=["cools", "untold", "goes on falling"],
)
def test_cool_down_ends_when_the_temperature_hardly_falls(monkeypatch, heat, waited):
    now = [0.0]
    monkeypatch.setattr(disturbances.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(disturbances, "temperature", lambda gpu: heat(now[0]))
    monkeypatch.setattr(disturbances, "thermal_pressure", lambda: None)
    assert disturbances.cool_down(300, None, lambda seconds: now.__setitem__(0, now[0] + seconds)) == pytest.approx(
        waited, abs=10
    )


def test_mac_is_cool_when_nothing_presses(monkeypatch):
    levels = iter(["heavy", "moderate", "nominal"])
    monkeypatch.setattr(disturbances, "thermal_pressure", lambda: next(levels))
    slept = []
    disturbances.cool_down(300, None, slept.append)
    assert slept == pytest.approx([5.0, 5.0])
    assert disturbances.cool_down(0, None, slept.append) < 1


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (disturbances.Clocks(110.0, 210.0, 1010.0), (10.0, 0.0, 0.0)),
        (disturbances.Clocks(110.0, 5910.0, 6710.0), (5710.0, 5700.0, 0.0)),  # slept for 95 minutes
        (disturbances.Clocks(110.0, 210.0, 4610.0), (10.0, 0.0, 3600.0)),  # the clock was set forward by an hour
        (disturbances.Clocks(110.0, 210.0, 410.0), (10.0, 0.0, -600.0)),  # and back
        (disturbances.Clocks(110.0, None, 6710.0), (10.0, None, 5700.0)),  # no clock that goes on in sleep
    ],
)
def test_sleep_and_jumps_of_the_clock_are_told_apart(after, expected):
    before = disturbances.Clocks(100.0, 200.0 if after.total else None, 1000.0)
    assert tuple(disturbances.interruption(before, after).values()) == pytest.approx(expected)


def test_no_time_is_missing_where_nothing_happened():
    before = disturbances.clocks()
    found = disturbances.interruption(before, disturbances.clocks())
    assert found["seconds"] < 5
    assert found["suspended_seconds"] in (None, 0.0)
    assert abs(found["clock_jump_seconds"]) < 1


@pytest.mark.parametrize(
    ("driver", "governor", "found"),
    [
        ("acpi-cpufreq", "powersave", "powersave"),
        ("acpi-cpufreq", "schedutil", "schedutil"),
        ("intel_pstate", "powersave", None),
        ("amd-pstate-epp", "powersave", None),
        (None, None, None),
    ],
)
def test_rule_of_the_clock(tmp_path, driver, governor, found):
    for name, text in (("scaling_driver", driver), ("scaling_governor", governor)):
        if text:
            (tmp_path / name).write_text(f"{text}\n")
    assert disturbances.governor(tmp_path) == found
