"""Tests of trainmark.measure.sampler: real processes with fake meters."""

import os
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from trainmark.measure import sampler

from tests.conftest import ROOT, validate_record
from tests.unit.measure.conftest import NO_METER, fake_child

SCRIPTS = ROOT / "workflow/scripts"


def fake_watch(meter: str) -> list[str]:
    """A watching process whose one meter is of this class body."""
    code = f"""
    import os, sys, time
    sys.path.insert(0, {str(SCRIPTS)!r})
    from trainmark.machine import meters
    from trainmark.measure import sampler
    class Fake:
        domains = (meters.Domain("package-0", "CPU package", "RAPL", ("cpu",)),)
    """
    body = textwrap.indent(textwrap.dedent(meter), "    ")
    return [sys.executable, "-c", textwrap.dedent(code) + body + "\nsampler.serve(([Fake()], []))\n"]


HUNDRED_WATTS = """
def read(self):
    return (100 * time.perf_counter(),)
"""
VANISHES = """
began = time.perf_counter()
def read(self):
    if time.perf_counter() > self.began + 0.7:
        raise meters.SensorError("RAPL could not be read (gone)")
    return (100 * time.perf_counter(),)
"""
CRASHES = """
began = time.perf_counter()
def read(self):
    if time.perf_counter() > self.began + 0.7:
        os.abort()
    return (100 * time.perf_counter(),)
"""


def tell(command, seconds=1.5):
    with sampler.watched(command, dict(os.environ), "cpu") as watcher:
        begin = time.perf_counter()
        time.sleep(seconds)
        return watcher.tell((begin, time.perf_counter()), None)


def measure(command):
    return tell(command)["energy"]


def test_window_of_a_watching_process():
    told = tell(fake_watch(HUNDRED_WATTS))
    found = told["energy"]
    assert 5 < told["moves_a_second"]["RAPL"] < 11
    assert found["joules"] == pytest.approx(100 * found["window_seconds"], rel=1e-3)


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (fake_watch(VANISHES), "RAPL: RAPL could not be read (gone)"),
        (fake_watch(CRASHES), "the meters' process was killed by signal 6 while the model trained"),
        (fake_child("import os; os.abort()"), "the meters' process was killed by signal 6"),
        (fake_child("raise SystemExit(3)"), "the meters' process ended with exit code 3"),
        (NO_METER, "no meter counts the CPU: nothing to read"),
    ],
    ids=["vanishes", "crashes while it reads", "crashes at once", "ends at once", "nothing there"],
)
def test_meter_that_fails_costs_its_reading_alone(command, reason):
    found = measure(command)
    assert (found["joules"], found["reason"]) == (None, reason)


def test_watching_process_ends_with_the_supervisor():
    with sampler.watched(fake_watch(HUNDRED_WATTS), dict(os.environ), "cpu") as watcher:
        watcher._process.stdin.close()
        assert watcher._process.wait(timeout=5) == 0


def test_states_are_summed_up_over_the_window():
    states = [
        {"temperature_celsius": 50, "clock_hertz": 1e9, "throttle": []},
        {"temperature_celsius": 71, "clock_hertz": 2e9, "throttle": ["power cap"]},
        {"temperature_celsius": None, "clock_hertz": 1.5e9, "throttle": None},
    ]
    assert sampler.summarise(states) == {
        "gpu_temperature_celsius": 71,
        "gpu_clock_hertz": 1.5e9,
        "gpu_throttle_shares": {"power cap": 0.5},
    }
    assert set(sampler.summarise([]).values()) == {None}


def test_run_with_a_meter_has_energy_and_idle_power_in_its_record(supervise):
    answer = """
    import json, sys, time
    begin = time.perf_counter(); time.sleep(1.3)
    empty = {"durations": {}, "execution": {}, "versions": {}, "noise": {}, "accuracy": None, "peak_memory_bytes": 1}
    failed = {"status": "error", "reason": "synthetic", "peak_device_memory_bytes": None, "gpu": None}
    print(json.dumps({**empty, **failed, "fit_window": [begin, time.perf_counter()]}))
    """
    data = supervise(fake_child(textwrap.dedent(answer)), watch=fake_watch(HUNDRED_WATTS), idle_seconds=1.2)
    validate_record(data)
    assert data["energy"]["joules"] == pytest.approx(130, rel=0.1)
    assert data["energy"]["domains"][0]["idle_watts"] == pytest.approx(100, rel=1e-3)
    assert abs(data["energy"]["joules_above_idle"]) < 1
    assert 1.1 < data["energy"]["idle_seconds"] < 3


def test_run_that_does_not_end_has_no_energy(supervise):
    data = supervise(fake_child("raise SystemExit(3)"), watch=fake_watch(HUNDRED_WATTS))
    assert data["energy"]["reason"] == "the training did not come to its end"


def test_idle_window_that_begins_when_the_watch_says_hello_is_covered():
    """Readings of a real meter take up to some milliseconds; the idle time begins at once."""

    def watch(milliseconds: float) -> str | None:
        slow = f"""
        def read(self):
            time.sleep({milliseconds / 1000})
            return (100 * time.perf_counter(),)
        """
        with sampler.watched(fake_watch(slow), dict(os.environ), "cpu") as watcher:
            idle = (begin := time.perf_counter(), begin + 1.01)
            # Of the training's window, ten readings are demanded: longer, lest a busy machine spoil that.
            time.sleep(3.1)
            found = watcher.tell((idle[1], idle[1] + 2.01), idle)["energy"]
        lost = found["joules_above_idle"] is None
        return f"{milliseconds} ms: {found['reason']}, {found['idle_reason']}" if lost else None

    for _ in range(5):
        with ThreadPoolExecutor() as pool:
            assert list(filter(None, pool.map(watch, [0, 0.2, 1, 3]))) == []
