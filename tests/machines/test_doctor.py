"""What the doctor says of imitated machines."""

import re

import pytest


def of(name: str) -> pytest.MarkDecorator:
    return pytest.mark.machine(f"looked_at{name}")


def check(machine, topic: str, verdict: str, *words: str) -> None:
    """Demand a verdict and words of a finding, and that it was said on the terminal, too."""
    found = machine.finding(topic)
    told = " ".join(str(found[key]) for key in ("text", "advice", "command"))
    assert found["verdict"] == verdict, told
    for word in words:
        assert word in told
    sign = {"good": "✓", "warning": "!", "wrong": "✗"}[verdict]
    assert re.search(rf"^{re.escape(sign)} {re.escape(topic)} ", machine.output, re.MULTILINE)


@of("")
def test_make_doctor_looks_and_trains_nothing(machine):
    assert not list(machine.folder.glob("results/machines/[!.]*"))
    for topic in ("machine", "platform", "tf-2.19", "tf-2.19 cpu", "data set", "disk", "clock"):
        check(machine, topic, "good")
    assert "results/doctor/" in machine.output


@of("_m5_max")
def test_mac_on_battery(machine):
    check(machine, "machine", "good", "6 super, 12 performance", "macOS 26.4", "apple-m5-max-40-core-gpu")
    check(machine, "platform", "good", "osx-arm64")
    check(machine, "GPU", "good", "Apple M5 Max GPU")
    check(machine, "tf-2.19 gpu", "good", "sees METAL")
    check(machine, "gpu energy", "good", "IOReport, which moves", "cpu 12.0 W, gpu 9.0 W, dram 1.5 W")
    check(machine, "power", "warning", "On battery", "Plug it in")
    check(machine, "sleep", "good", "caffeinate")


@of("_m5_max")
def test_steps_of_all_models_are_on_the_gpu(machine):
    told = re.findall(
        r"A step of (\w+): variables on GPU:0, arithmetic on GPU:0, Adam's\s+operations on GPU:0", machine.output
    )
    assert told == ["mlp", "cnn", "lstm"]


@of("_m3_ultra")
def test_energy_of_an_ultra_is_not_promised(machine):
    check(machine, "cpu energy", "warning", "one of the two dies")
    check(machine, "tf-2.19 cpu", "good")


@of("_rosetta")
def test_translated_python_is_wrong(machine):
    check(machine, "platform", "wrong", "Rosetta")
    assert "tf-2.19" not in re.findall(r"^. (\S+)", machine.output, re.MULTILINE)


@of("_mac_vm")
def test_gpu_of_a_virtual_mac_is_warned_of(machine):
    check(machine, "GPU", "warning", "virtual machine", "--config 'devices=[cpu,gpu]'")
    check(machine, "cpu energy", "warning", "counters cannot be read")


@of("_part_of_an_a100")
def test_part_of_an_a100_has_no_energy(machine):
    check(machine, "GPU", "good", "MIG 1g.5gb")
    check(machine, "tf-2.19 gpu", "good", "sees NVIDIA A100-SXM4-40GB MIG 1g.5gb at 0000:00:04.0")
    check(machine, "gpu energy", "warning", "MIG")


@of("_h100_of_eight")
def test_job_on_a_cluster(machine):
    check(machine, "GPU", "good", "NVIDIA H100 80GB HBM3", "GPU-<uuid>")
    check(machine, "tf-2.19 code", "warning", "up to half an hour")
    check(machine, "gpu energy", "good", "NVML energy counter, which moves")
    check(machine, "cpu energy", "warning", "sudo chmod a+r /sys/class/powercap/intel-rapl:*/energy_uj")
    check(machine, "heat", "good", "1980 MHz, at 48 degrees")
    assert machine.output.index("compiles the code, once") < machine.output.index("checking tf-2.19 on the GPU")


@of("_p100_with_an_old_driver")
def test_driver_that_is_too_old_is_wrong(machine):
    check(machine, "tf-2.19 code", "wrong", "470.182.03", "525.60.13 or newer", "nvidia-smi")
    assert "trainmark: checking" not in machine.output


@of("_laptop")
def test_laptop_that_charges_a_phone(machine):
    check(machine, "power", "warning", "On battery")
    check(machine, "sleep", "warning", "Turn sleep off")
    check(machine, "cpu energy", "good", "RAPL, which moves", "idle package-0 20.0 W")
