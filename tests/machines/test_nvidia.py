"""Whole runs on imitated machines with NVIDIA GPUs."""

import pytest

from tests.conftest import validate_record
from tests.integration.conftest import trained
from tests.machines import catalogue
from tests.machines.conftest import LONG_ENOUGH


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
    assert found["mig_profile"] is None
    assert t4.description()["operating_system"] == "Ubuntu 22.04.3 LTS"


def test_cpu_run_beside_a_gpu_has_no_energy_but_a_reason(t4):
    energy = t4.record("cpu")["energy"]
    assert energy["joules"] is None
    assert "RAPL" in energy["reason"]


def test_gpu_run_has_its_boards_energy_above_idle_too(t4):
    """Each reading takes three thousandths of a second there, and the idle time must not begin before the first."""
    energy = t4.record("gpu")["energy"]
    assert energy["reason"] is None
    assert {part["scope"] for part in energy["domains"]} == {"GPU board"}
    assert energy["joules"] / energy["window_seconds"] == pytest.approx(30, rel=0.05)
    assert energy["joules_above_idle"] == pytest.approx(0, abs=0.05 * energy["joules"])


def test_of_two_gpus_the_visible_one_is_used_and_named(t4_and_v100):
    record = t4_and_v100.record("gpu")
    validate_record(record)
    assert record["gpu"]["name"] == "Tesla V100-SXM2-16GB"
    assert record["machine"] == "intel-xeon-tesla-v100-sxm2-16gb"


def test_numbers_of_gpus_are_those_of_the_bus_and_not_of_speed(imitate):
    machine = imitate(catalogue.t4_and_v100(swapped=True, CUDA_VISIBLE_DEVICES="1"))
    machine.run("measure", devices=["gpu"])
    assert machine.record("gpu")["gpu"]["name"] == "Tesla T4"
    assert machine.record("gpu")["machine"] == "intel-xeon-tesla-t4"


@pytest.mark.parametrize("gpu", ["1", "00000000:00:05.0", "GPU-00000001-1111-2222-3333-322d31364742"])
def test_gpu_may_be_chosen_in_the_configuration(imitate, gpu):
    machine = imitate(catalogue.t4_and_v100())
    name = "intel-xeon-tesla-v100-sxm2-16gb"
    machine.run(f"results/machines/{name}/machine.json", gpu=gpu)
    assert machine.description()["gpus"][0]["name"] == "Tesla V100-SXM2-16GB"


def test_power_of_a_p100_is_added_up_since_it_counts_no_energy(imitate):
    machine = imitate(catalogue.p100())
    machine.run("measure", devices=["gpu"], **LONG_ENOUGH)
    record = machine.record("gpu")
    assert record["machine"] == "intel-xeon-tesla-p100-pcie-16gb"
    assert record["gpu"]["compute_capability"] == "6.0"
    energy = record["energy"]
    assert energy["domains"][0]["source"] == "NVML power, added up"
    assert energy["joules"] / energy["window_seconds"] == pytest.approx(27, rel=0.05)
    assert energy["joules_above_idle"] == pytest.approx(0, abs=0.05 * energy["joules"])


def test_part_of_an_a100_is_no_a100(imitate):
    machine = imitate(catalogue.a100_with_mig())
    machine.run("measure", devices=["gpu"])
    record = machine.record("gpu")
    validate_record(record)
    assert record["status"] == "ok", record["reason"]
    assert record["gpu"]["mig_profile"] == "1g.5gb"
    assert record["gpu"]["memory_bytes"] == 4864 * 2**20
    assert "1g-5gb" in record["machine"]
    assert record["energy"]["joules"] is None
    assert "MIG" in record["energy"]["reason"]


def test_job_that_sees_one_of_eight_is_of_that_one(imitate):
    machine = imitate(catalogue.h100s_under_slurm())
    machine.run("measure")
    record = machine.record("gpu")
    assert record["status"] == "ok", record["reason"]
    assert record["machine"] == "intel-xeon-platinum-8480c-nvidia-h100-80gb-hbm3"
    assert record["gpu"]["name"] == "NVIDIA H100 80GB HBM3"
    assert {part["scope"] for part in record["energy"]["domains"]} == {"GPU board"}
    energy = machine.record("cpu")["energy"]
    assert energy["joules"] is None
    assert "root" in energy["reason"]


@pytest.mark.parametrize(
    ("description", "driver", "needed"),
    [
        # Without machine code for an H100, the stack's PTX needs a driver of CUDA 12.5.
        (catalogue.h100s_under_slurm(driver="535.104.05"), "535.104.05", "555"),
        # A driver for which CUDA 12 is too new, and whose nvidia-smi knows no compute capability.
        (catalogue.p100(driver="470.182.03"), "470.182.03", "525"),
    ],
    ids=["H100", "P100"],
)
def test_driver_that_is_too_old_is_refused_before_any_training(imitate, description, driver, needed):
    output = imitate(description).run(code=1, devices=["gpu"])
    assert trained(output) == 0
    assert driver in output
    assert needed in output


def test_windows_driver_is_found_in_wsl2(imitate):
    machine = imitate(catalogue.wsl2())
    machine.run("measure", devices=["gpu"])
    record = machine.record("gpu")
    assert record["status"] == "ok", record["reason"]
    assert record["machine"] == "13th-gen-intel-core-i7-13700h-nvidia-geforce-rtx-4060-laptop"
    assert machine.description()["virtualisation"] == "wsl"


def test_laptop_that_charges_a_phone_is_on_battery_and_its_energy_is_its_processors(imitate):
    machine = imitate(catalogue.laptop())
    machine.run("measure", **LONG_ENOUGH)
    record = machine.record("cpu")
    assert record["machine"] == "13th-gen-intel-core-i7-1360p"
    assert record["noise"]["power_source"] == "battery"
    assert {part["scope"] for part in record["energy"]["domains"]} == {"CPU package"}
    watts = record["energy"]["joules"] / record["energy"]["window_seconds"]
    assert watts == pytest.approx(catalogue.RAPL_WATTS, rel=0.02)
