"""Whole runs on imitated Macs."""

import json
from datetime import datetime

import pytest

from tests.conftest import validate_record
from tests.integration.conftest import trained
from tests.machines import macs

m2_max = pytest.mark.machine("m2_max")


@m2_max
def test_no_run_of_a_mac_is_lost(machine):
    """XNU answers a killpg of zombies with EPERM, and a good training must not be lost for it."""
    assert trained(machine.output) == machine.planned
    for device in ("cpu", "gpu"):
        validate_record(machine.record(device))
        assert machine.record(device)["status"] == "ok", machine.record(device)["reason"]


@m2_max
def test_mac_is_called_by_its_chip_and_gpu(machine):
    assert machine.record("gpu")["machine"] == "apple-m2-max-30-core-gpu"
    assert machine.record("gpu")["gpu"]["name"] == "Apple M2 Max GPU"
    assert machine.record("cpu")["gpu"] is None
    assert "runs to do on apple-m2-max-30-core-gpu" in machine.output
    found = machine.description()
    assert (found["chip"], found["architecture"], found["operating_system"]) == ("Apple M2 Max", "arm64", "macOS 14.1")
    assert found["cores"]["levels"] == {"performance": 8, "efficiency": 4}


@m2_max
def test_mac_trains_where_it_was_asked_to(machine):
    for device in ("cpu", "gpu"):
        execution = machine.record(device)["execution"]
        assert execution["variable_devices"] == execution["arithmetic_devices"] == [f"{device.upper()}:0"]


@m2_max
def test_energy_of_a_mac_is_that_of_its_chip_on_both_devices(machine):
    for device in ("cpu", "gpu"):
        found = machine.record(device)["energy"]
        assert found["reason"] is None
        assert {part["scope"] for part in found["domains"]} == {"SoC", "memory"}
        watts = sum(macs.M2_MAX_WATTS[field] for field in ("cpu_total_mj", "gpu_mj", "dram_mj"))
        assert found["joules"] / found["window_seconds"] == pytest.approx(watts, rel=0.02)
        assert found["joules_above_idle"] == pytest.approx(0, abs=0.02 * found["joules"])


@m2_max
def test_mac_is_kept_awake_while_it_is_timed(machine):
    calls = machine.calls("caffeinate")
    assert calls
    assert all("-w" in call for call in calls)


@pytest.mark.machine("m3_ultra")
def test_energy_of_an_ultra_is_not_that_of_one_die(machine):
    record = machine.record("gpu")
    assert record["status"] == "ok", record["reason"]
    assert record["machine"] == "apple-m3-ultra-60-core-gpu"
    assert record["energy"]["joules"] is None
    assert "die" in record["energy"]["reason"]


@pytest.mark.machine("m5_max")
def test_new_names_of_cores_and_of_macos(machine):
    record, found = machine.record("gpu"), machine.description()
    assert record["status"] == "ok", record["reason"]
    assert record["machine"] == "apple-m5-max-40-core-gpu"
    assert record["versions"]["operating_system"] == found["operating_system"] == "macOS 26.4"
    assert record["noise"]["power_source"] == "battery"
    assert found["cores"]["levels"] == {"super": 6, "performance": 12}


@pytest.mark.machine("m5_max")
def test_run_during_which_the_lid_was_closed_says_so(machine):
    (record,) = (each for each in machine.records("gpu") if each["noise"]["suspended_seconds"] > 1)
    noise = record["noise"]
    assert noise["suspended_seconds"] == pytest.approx(macs.LID_CLOSED_SECONDS, abs=1)
    assert noise["clock_jump_seconds"] == pytest.approx(0, abs=1)
    began, ended = (datetime.fromisoformat(record[key]) for key in ("started_at", "ended_at"))
    assert (ended - began).total_seconds() > macs.LID_CLOSED_SECONDS > record["durations"]["fit_seconds"]


@pytest.mark.machine("m5_max")
def test_sweep_of_a_mac_is_not_lost_either(machine):
    (path,) = machine.folder.glob("results/machines/apple-m5-max-40-core-gpu/roofline/tf-2.19/gpu.json")
    assert json.loads(path.read_text())["products"]


@pytest.mark.machine("m6")
def test_three_kinds_of_cores(machine):
    assert machine.description()["cores"]["levels"] == {"super": 2, "performance": 4, "efficiency": 6}


@pytest.mark.machine("rosetta")
def test_translated_python_is_refused_by_its_cause(machine):
    assert "Rosetta" in machine.output
    assert "arm64" in machine.output
    assert trained(machine.output) == 0


@pytest.mark.machine("mac_vm")
def test_gpu_of_a_virtual_mac_is_timed_only_when_it_is_asked_for(machine):
    without_a_word, asked_for = machine.outputs
    assert "virtual machine" in without_a_word
    assert "tf-2.19 cpu" in without_a_word
    assert "tf-2.19 gpu" not in without_a_word
    assert "tf-2.19 gpu" in asked_for
    for device in ("cpu", "gpu"):
        record = machine.record(device)
        assert record["status"] == "ok", record["reason"]
        assert record["machine"] == "apple-m1-virtual"
        assert record["energy"]["joules"] is None
        assert "IOReport" in record["energy"]["reason"]
