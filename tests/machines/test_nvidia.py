"""Whole runs on imitated machines with NVIDIA GPUs."""

import pytest

from tests.conftest import validate_record
from tests.integration.conftest import trained
from tests.machines import catalogue
from tests.machines.conftest import LONG_ENOUGH, Machine


@pytest.fixture(scope="module")
def t4(imitate) -> Machine:
    """A machine with one T4, on which everything has run once, to the report."""
    machine = imitate(catalogue.t4())
    machine.run(**LONG_ENOUGH)
    return machine


def test_t4_is_named_and_trains(t4):
    assert trained(t4.output) == 2
    assert "2 runs to do on intel-xeon-tesla-t4" in t4.output
    for device in ("cpu", "gpu"):
        record = t4.record(device)
        validate_record(record)
        assert record["status"] == "ok", record["reason"]
        assert record["execution"]["arithmetic_devices"] == [f"{device.upper()}:0"]
    assert t4.record("cpu")["gpu"] is None
    found = t4.record("gpu")["gpu"]
    assert (found["name"], found["memory_bytes"], found["compute_capability"]) == ("Tesla T4", 15360 * 2**20, "7.5")


def test_cpu_run_beside_a_gpu_has_no_energy_but_a_reason(t4):
    energy = t4.record("cpu")["energy"]
    assert energy["joules"] is None
    assert "RAPL" in energy["reason"]


def test_gpu_run_has_its_boards_energy(t4):
    energy = t4.record("gpu")["energy"]
    assert energy["reason"] is None
    assert {part["scope"] for part in energy["domains"]} == {"GPU board"}
    assert energy["joules"] / energy["window_seconds"] == pytest.approx(30, rel=0.05)
    assert energy["joules_above_idle"] == pytest.approx(0, abs=0.05 * energy["joules"])


@pytest.mark.parametrize("swapped", [False, True])
def test_of_two_gpus_the_visible_one_is_used_and_named(imitate, swapped):
    name = "Tesla T4" if swapped else "Tesla V100-SXM2-16GB"
    machine = imitate(catalogue.t4_and_v100(swapped, CUDA_VISIBLE_DEVICES="1"))
    machine.run("measure", devices=["gpu"])
    record = machine.record("gpu")
    assert record["gpu"]["name"] == name
    assert record["machine"] == f"intel-xeon-{name.lower().replace(' ', '-')}"
