"""Whole runs on imitated Macs."""

import pytest

from tests.conftest import validate_record
from tests.integration.conftest import trained
from tests.machines import catalogue
from tests.machines.conftest import LONG_ENOUGH, Machine


@pytest.fixture(scope="module")
def m2_max(imitate) -> Machine:
    """A MacBook Pro with an M2 Max, on which everything has run once, to the report."""
    machine = imitate(catalogue.m2_max())
    machine.run(**LONG_ENOUGH)
    return machine


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
        watts = catalogue.M2_MAX_WATTS["cpu_total_mj"] + catalogue.M2_MAX_WATTS["gpu_mj"]
        watts += catalogue.M2_MAX_WATTS["dram_mj"]
        assert found["joules"] / found["window_seconds"] == pytest.approx(watts, rel=0.02)
        assert found["joules_above_idle"] == pytest.approx(0, abs=0.02 * found["joules"])
