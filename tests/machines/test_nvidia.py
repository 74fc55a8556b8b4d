"""Whole runs on imitated machines with NVIDIA GPUs, and on a laptop."""

import shutil

import pytest

from tests.conftest import validate_record
from tests.integration.conftest import trained
from tests.machines import boxes

t4 = pytest.mark.machine("t4")


@t4
def test_t4_is_named_and_trains(machine):
    for output in machine.outputs:
        assert "1 run to do on intel-xeon-tesla-t4" in output
        assert trained(output) == 1
    for device in ("cpu", "gpu"):
        record = machine.record(device)
        validate_record(record)
        assert record["status"] == "ok", record["reason"]
        assert record["execution"]["arithmetic_devices"] == [f"{device.upper()}:0"]
    assert machine.record("cpu")["gpu"] is None
    found = machine.record("gpu")["gpu"]
    assert (found["name"], found["memory_bytes"], found["compute_capability"]) == ("Tesla T4", 15360 * 2**20, "7.5")
    assert found["mig_profile"] is None
    assert machine.description()["operating_system"] == "Ubuntu 22.04.3 LTS"


@t4
def test_cpu_run_beside_a_gpu_has_no_energy_but_a_reason(machine):
    energy = machine.record("cpu")["energy"]
    assert energy["joules"] is None
    assert "RAPL" in energy["reason"]


@t4
def test_gpu_run_has_its_boards_energy_above_idle_too(machine):
    """Each reading takes three thousandths of a second there, and the idle time must not begin before the first."""
    energy = machine.record("gpu")["energy"]
    assert energy["reason"] is None
    assert {part["scope"] for part in energy["domains"]} == {"GPU board"}
    assert energy["joules"] / energy["window_seconds"] == pytest.approx(30, rel=0.05)
    assert energy["joules_above_idle"] == pytest.approx(0, abs=0.05 * energy["joules"])


@pytest.mark.machine("v100_beside_t4")
def test_of_two_gpus_the_visible_one_is_used_and_named(machine):
    record = machine.record("gpu")
    validate_record(record)
    assert record["status"] == "ok", record["reason"]
    assert record["gpu"]["name"] == "Tesla V100-SXM2-16GB"
    assert record["machine"] == "intel-xeon-tesla-v100-sxm2-16gb"
    assert [gpu["name"] for gpu in machine.description()["gpus"]] == ["Tesla V100-SXM2-16GB"]


@pytest.mark.machine("t4_beside_v100")
def test_numbers_of_gpus_are_those_of_the_bus_and_not_of_speed(machine):
    assert machine.record("gpu")["status"] == "ok", machine.record("gpu")["reason"]
    assert machine.record("gpu")["gpu"]["name"] == "Tesla T4"
    assert machine.record("gpu")["machine"] == "intel-xeon-tesla-t4"


def test_gpu_may_be_chosen_in_the_configuration(imitate):
    machine = imitate(boxes.t4_and_v100())
    for gpu in (1, "00000000:00:05.0", "GPU-00000001-1111-2222-3333-322d31364742"):
        machine.run("results/machines/intel-xeon-tesla-v100-sxm2-16gb/machine.json", gpu=gpu)
        assert machine.description()["gpus"][0]["name"] == "Tesla V100-SXM2-16GB"
        shutil.rmtree(machine.folder / "results/machines")


@pytest.mark.machine("p100")
def test_power_of_a_p100_is_added_up_since_it_counts_no_energy(machine):
    record = machine.record("gpu")
    assert record["status"] == "ok", record["reason"]
    assert record["machine"] == "intel-xeon-tesla-p100-pcie-16gb"
    assert record["gpu"]["compute_capability"] == "6.0"
    energy = record["energy"]
    assert energy["domains"][0]["source"] == "NVML power, added up"
    assert energy["joules"] / energy["window_seconds"] == pytest.approx(27, rel=0.05)
    assert energy["joules_above_idle"] == pytest.approx(0, abs=0.05 * energy["joules"])


@pytest.mark.machine("part_of_an_a100")
def test_part_of_an_a100_is_no_a100(machine):
    record = machine.record("gpu")
    validate_record(record)
    assert record["status"] == "ok", record["reason"]
    assert record["gpu"]["name"] == "NVIDIA A100-SXM4-40GB MIG 1g.5gb"
    assert record["gpu"]["mig_profile"] == "1g.5gb"
    assert record["gpu"]["memory_bytes"] in (None, 4864 * 2**20)  # that of the board it has not
    assert record["machine"] == "amd-epyc-7742-nvidia-a100-sxm4-40gb-mig-1g-5gb"
    assert record["energy"]["joules"] is None
    assert "MIG" in record["energy"]["reason"]


@pytest.mark.machine("h100_of_eight")
def test_job_that_sees_one_of_eight_is_of_that_one(machine):
    record = machine.record("gpu")
    assert record["status"] == "ok", record["reason"]
    assert record["machine"] == "intel-xeon-platinum-8480c-nvidia-h100-80gb-hbm3"
    assert record["gpu"]["name"] == "NVIDIA H100 80GB HBM3"
    assert {part["scope"] for part in record["energy"]["domains"]} == {"GPU board"}


@pytest.mark.machine("h100_of_eight")
def test_what_the_driver_compiles_is_compiled_before_the_first_timing(machine):
    """The stack has no machine code for an H100."""
    assert machine.output.count("NVIDIA's driver now compiles the code, once") == 1
    assert machine.output.index("NVIDIA's driver now compiles the code") < machine.output.index("tf-2.19 gpu mlp")


@pytest.mark.parametrize(
    ("driver", "needed"),
    [
        # The stack's PTX needs a driver of CUDA 12.5.
        pytest.param("535.104.05", "555", marks=pytest.mark.machine("h100_with_an_old_driver"), id="H100"),
        # CUDA 12 is too new for it, and its nvidia-smi knows no compute capability.
        pytest.param("470.182.03", "525", marks=pytest.mark.machine("p100_with_an_old_driver"), id="P100"),
    ],
)
def test_driver_that_is_too_old_is_refused_before_any_training(machine, driver, needed):
    assert trained(machine.output) == 0
    assert driver in machine.output
    assert needed in machine.output


@pytest.mark.machine("wsl2")
def test_windows_driver_is_found_in_wsl2(machine):
    record = machine.record("gpu")
    assert record["status"] == "ok", record["reason"]
    assert record["machine"] == "13th-gen-intel-core-i7-13700h-nvidia-geforce-rtx-4060-laptop"
    assert machine.description()["virtualisation"] == "wsl"


@pytest.mark.machine("laptop")
def test_laptop_that_charges_a_phone_is_on_battery_and_its_energy_is_its_processors(machine):
    record = machine.record("cpu")
    assert record["machine"] == "13th-gen-intel-core-i7-1360p"
    assert record["noise"]["power_source"] == "battery"
    assert {part["scope"] for part in record["energy"]["domains"]} == {"CPU package"}
    watts = record["energy"]["joules"] / record["energy"]["window_seconds"]
    assert watts == pytest.approx(boxes.RAPL_WATTS, rel=0.02)
