"""Whole runs on imitated Macs."""

import pytest

from tests.conftest import validate_record
from tests.integration.conftest import trained
from tests.machines import catalogue


def test_no_run_of_a_mac_is_lost(m2_max):
    """XNU answers a killpg of zombies with EPERM, and a good training must not be lost for it."""
    assert trained(m2_max.output) == 2
    for device in ("cpu", "gpu"):
        validate_record(m2_max.record(device))
        assert m2_max.record(device)["status"] == "ok", m2_max.record(device)["reason"]


def test_mac_is_called_by_its_chip_and_gpu(m2_max):
    assert m2_max.record("gpu")["machine"] == "apple-m2-max-30-core-gpu"
    assert "2 runs to do on apple-m2-max-30-core-gpu" in m2_max.output
    found = m2_max.description()
    assert (found["chip"], found["architecture"], found["operating_system"]) == ("Apple M2 Max", "arm64", "macOS 14.1")
    assert "Apple M2 Max" in m2_max.page()


def test_mac_trains_where_it_was_asked_to(m2_max):
    for device in ("cpu", "gpu"):
        execution = m2_max.record(device)["execution"]
        assert execution["variable_devices"] == execution["arithmetic_devices"] == [f"{device.upper()}:0"]


def test_energy_of_a_mac_is_that_of_its_chip_on_both_devices(m2_max):
    for device in ("cpu", "gpu"):
        found = m2_max.record(device)["energy"]
        assert found["reason"] is None
        assert {part["scope"] for part in found["domains"]} == {"SoC", "memory"}
        watts = sum(catalogue.M2_MAX_WATTS[field] for field in ("cpu_total_mj", "gpu_mj", "dram_mj"))
        assert found["joules"] / found["window_seconds"] == pytest.approx(watts, rel=0.02)
        assert found["joules_above_idle"] == pytest.approx(0, abs=0.02 * found["joules"])


def test_mac_is_kept_awake_while_it_is_timed(m2_max):
    calls = m2_max.calls("caffeinate")
    assert calls
    assert all("-w" in call for call in calls)


def test_energy_of_an_ultra_is_not_that_of_one_die(m3_ultra):
    assert trained(m3_ultra.output) == 2
    assert m3_ultra.record("cpu")["machine"] == "apple-m3-ultra-60-core-gpu"
    for device in ("cpu", "gpu"):
        assert m3_ultra.record(device)["status"] == "ok", m3_ultra.record(device)["reason"]
        energy = m3_ultra.record(device)["energy"]
        assert energy["joules"] is None
        assert "die" in energy["reason"]


def test_new_names_of_cores_and_of_macos(imitate):
    machine = imitate(catalogue.m5_max())
    machine.run("measure", devices=["gpu"])
    record, found = machine.record("gpu"), machine.description()
    assert record["machine"] == "apple-m5-max-40-core-gpu"
    assert record["versions"]["operating_system"] == found["operating_system"] == "macOS 26.4"
    assert record["noise"]["power_source"] == "battery"
    assert found["cores"]["levels"] == {"super": 6, "performance": 12}


def test_three_kinds_of_cores(imitate):
    machine = imitate(catalogue.m6())
    machine.run("results/machines/apple-m6-12-core-gpu/machine.json")
    assert machine.description()["cores"]["levels"] == {"super": 2, "performance": 4, "efficiency": 6}


def test_translated_python_is_refused_by_its_cause(imitate):
    output = imitate(catalogue.rosetta()).run(code=1)
    assert "Rosetta" in output
    assert trained(output) == 0


def test_gpu_of_a_virtual_mac_is_timed_only_when_it_is_asked_for(imitate):
    machine = imitate(catalogue.mac_vm())
    machine.run("measure")
    assert trained(machine.output) == 1
    assert machine.record("cpu")["machine"] == "apple-m1-virtual"
    assert machine.record("cpu")["status"] == "ok", machine.record("cpu")["reason"]
    machine.run("measure", devices=["gpu"])
    assert machine.record("gpu")["status"] == "ok", machine.record("gpu")["reason"]
