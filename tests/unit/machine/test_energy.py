"""Tests of trainmark.machine.energy."""

import pytest
from trainmark.machine import energy
from trainmark.machine.meters import Domain

PACKAGE, MEMORY = (
    Domain(name, scope, "RAPL", ("cpu",)) for name, scope in (("package-0", "CPU package"), ("dram-0", "memory"))
)
BOARD = Domain("gpu-0", "GPU board", "NVML energy counter", ("gpu",))


def trace(domains=(PACKAGE,), watts=(20.0,), idle_watts=(5.0,), end=20.0, **changes):
    """Ten readings a second from 0 to ``end``, idle until 10."""
    times = [0.1 * step for step in range(int(end * 10) + 1)]
    rows = [tuple(idle * min(t, 10) + watt * max(t - 10, 0) for watt, idle in zip(watts, idle_watts)) for t in times]
    return energy.Trace(tuple(domains), times, rows, **changes)


def test_energy_of_a_window_lies_between_readings():
    found = energy.of_window([trace()], "cpu", (12.05, 17.55), (1.0, 6.0))
    assert found["joules"] == pytest.approx(20 * 5.5)
    assert found["joules_above_idle"] == pytest.approx(15 * 5.5)
    assert found["window_seconds"] == pytest.approx(5.5)
    assert found["idle_seconds"] == 5.0
    assert found["reason"] is None


@pytest.mark.parametrize(("device", "watts", "above_idle"), [("cpu", 23, 17), ("gpu", 100, 70)])
def test_every_domain_is_reported_and_those_of_the_device_that_trained_add_up(device, watts, above_idle):
    traces = [trace((PACKAGE, MEMORY), (20.0, 3.0), (5.0, 1.0)), trace((BOARD,), (100.0,), (30.0,))]
    found = energy.of_window(traces, device, (12.0, 16.0), (1.0, 6.0))
    assert found["joules"] == pytest.approx(watts * 4)
    assert found["joules_above_idle"] == pytest.approx(above_idle * 4)
    assert [part["counted"] for part in found["domains"]] == [device == "cpu", device == "cpu", device == "gpu"]
    assert [part["joules"] for part in found["domains"]] == pytest.approx([80, 12, 400])
    assert [part["idle_watts"] for part in found["domains"]] == pytest.approx([5, 1, 30])


def test_counter_that_stands_still_is_null_and_no_part_of_the_total():
    found = energy.of_window([trace((PACKAGE, MEMORY), (20.0, 0.0), (5.0, 0.0))], "cpu", (12.0, 16.0), None)
    assert found["joules"] == pytest.approx(80)
    assert found["domains"][1]["joules"] is None
    assert found["domains"][1]["reason"] == "its counter did not move"
    assert found["joules_above_idle"] is None
    assert found["idle_reason"] == "the idle machine was not measured (idle_seconds: 0)"


def test_idle_gpu_is_no_energy_of_a_training_on_the_cpu():
    """A box with a GPU and a processor that may not be read: the board's idle energy is not the training's."""
    missing = ["/sys/class/powercap holds no RAPL counter"]
    found = energy.of_window([trace((BOARD,), (30.0,), (30.0,))], "cpu", (12.0, 16.0), (1.0, 6.0), missing)
    assert found["joules"] is found["joules_above_idle"] is None
    assert found["reason"] == "no meter counts the CPU: /sys/class/powercap holds no RAPL counter"
    assert found["idle_reason"] == found["reason"]
    assert found["domains"][0]["joules"] == pytest.approx(120)
    assert found["domains"][0]["counted"] is False


@pytest.mark.parametrize(
    ("traces", "window", "reason"),
    [
        ([], (12.0, 16.0), "no meter counts the CPU: no kind of meter is known for it"),
        ([trace()], (12.0, 12.9), "RAPL: 0.90 s are too short, under 1 s"),
        ([trace(watts=(0.0,))], (12.0, 16.0), "RAPL: its counter did not move"),
        ([trace(end=14.0)], (12.0, 16.0), "RAPL: its readings do not cover the window"),
        (
            [trace(end=14.0, failure="NVML stopped answering (GPU is lost)")],
            (12.0, 16.0),
            "RAPL: NVML stopped answering (GPU is lost)",
        ),
        ([energy.Trace((PACKAGE,), failure="gone")], (12.0, 16.0), "RAPL: gone"),
    ],
)
def test_what_cannot_be_told_is_null_with_the_reason(traces, window, reason):
    found = energy.of_window(traces, "cpu", window, None)
    assert found["reason"] == reason
    assert found["joules"] is None
    assert all(part["joules"] is None for part in found["domains"] if part["reason"])


def test_counter_that_moves_rarely_or_goes_back_is_not_quoted():
    times = [0.1 * step for step in range(100)]
    steps = energy.Trace((PACKAGE,), times, [(float(int(t / 0.9)),) for t in times])
    assert "moved 4 times in 4.0 s, under 10" in energy.of_window([steps], "cpu", (2.0, 6.0), None)["reason"]
    back = energy.Trace((BOARD,), times, [(100 + t if t < 5 else t,) for t in times])
    assert "went back" in energy.of_window([back], "gpu", (2.0, 8.0), None)["reason"]


def test_energy_that_can_be_told_without_the_idle_one():
    found = energy.of_window([trace()], "cpu", (12.0, 16.0), (1.0, 1.5))
    assert found["joules"] == pytest.approx(80)
    assert found["joules_above_idle"] is None
    assert found["domains"][0]["idle_watts"] is None
    assert found["idle_reason"] == "idle: 0.50 s are too short, under 1 s"


def test_moves_of_a_counter_are_counted_within_the_window():
    times, joules = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0], [0.0, 0.0, 5.0, 5.0, 7.0, 9.0]
    assert energy.moves(times, joules, 0.0, 5.0) == 3
    assert energy.moves(times, joules, 1.0, 3.0) == 1
    assert energy.moves([], [], 0.0, 5.0) == 0
