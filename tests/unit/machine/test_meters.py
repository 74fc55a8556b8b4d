"""Tests of trainmark.machine.meters, on fakes of RAPL's files, NVML and Apple's counters that behave as real ones."""

import re
import time

import pytest
from trainmark import system
from trainmark.machine import gpus, hardware, meters

from tests.fakes import FakeApple, FakeNvml, write_zone

T4 = gpus.Gpu("Tesla T4", uuid="GPU-1")


def test_rapl_reads_packages_and_memory_and_nothing_twice(tmp_path):
    write_zone(tmp_path, "intel-rapl:0", "package-0", 1_500_000)
    write_zone(tmp_path, "intel-rapl:0:0", "core", 900_000)
    write_zone(tmp_path, "intel-rapl:0:2", "dram", 250_000)
    write_zone(tmp_path, "intel-rapl:1", "psys", 9_000_000)
    write_zone(tmp_path, "intel-rapl-mmio:0", "package-0", 1_500_000)
    meter = meters.Rapl(tmp_path)
    assert [(domain.name, domain.scope) for domain in meter.domains] == [
        ("package-0", "CPU package"),
        ("dram-0", "memory"),
    ]
    assert meter.read() == (1.5, 0.25)


def test_rapl_counter_that_goes_round_goes_on(tmp_path):
    energy = write_zone(tmp_path, "intel-rapl:0", "package-0", 9_000_000, largest=10_000_000)
    meter = meters.Rapl(tmp_path)
    found = [meter.read()[0]]
    for microjoules in (9_900_000, 400_000, 9_700_000, 100_000):
        energy.write_text(str(microjoules))
        found.append(meter.read()[0])
    assert found == pytest.approx([9.0, 9.9, 10.4, 19.7, 20.1])


def test_rapl_says_why_there_is_none(tmp_path, monkeypatch):
    with pytest.raises(meters.NoMeterError, match="holds no RAPL counter"):
        meters.Rapl(tmp_path / "nothing")
    write_zone(tmp_path / "laptop", "intel-rapl:1", "psys", 9_000_000)
    with pytest.raises(meters.NoMeterError, match="counts neither packages nor memory"):
        meters.Rapl(tmp_path / "laptop")
    energy = write_zone(tmp_path, "intel-rapl:0", "package-0", 1)
    monkeypatch.setattr(type(energy), "read_text", refuse_energy(type(energy).read_text))
    with pytest.raises(meters.NoMeterError, match=r"energy_uj can be read by root only; 'sudo chmod a\+r'"):
        meters.Rapl(tmp_path)


def refuse_energy(read_text):
    """Linux since 2020: the counter may be seen by everybody and read by root."""

    def read(path, *arguments, **options):
        if path.name == "energy_uj":
            raise PermissionError(13, "Permission denied", str(path))
        return read_text(path, *arguments, **options)

    return read


def test_rapl_sensor_that_vanishes_is_an_error_of_its_own(tmp_path):
    energy = write_zone(tmp_path, "intel-rapl:0", "package-0", 1)
    meter = meters.Rapl(tmp_path)
    energy.unlink()
    with pytest.raises(meters.SensorError, match="RAPL could not be read"):
        meter.read()


def test_nvml_counts_millijoules():
    nvml = FakeNvml()
    meter = meters.Nvml(T4, nvml)
    nvml.millijoules += 2500
    assert meter.read() == (5002.5,)
    assert meter.domains == (meters.Domain("gpu-0", "GPU board", "NVML energy counter", ("gpu",)),)


def test_p100_has_no_counter_so_its_power_is_added_up(monkeypatch):
    nvml, times = FakeNvml(counts=False), iter([10.0, 10.1, 10.3])
    monkeypatch.setattr(meters.time, "perf_counter", lambda: next(times))
    meter = meters.Nvml(T4, nvml)
    assert meter.domains[0].source == "NVML power, added up"
    found = []
    for nvml.watts in (100.0, 200.0, 150.0):
        found += meter.read()
    assert found == pytest.approx([0.0, 15.0, 15.0 + 35.0])


@pytest.mark.parametrize(
    ("gpu", "asked"),
    [
        (gpus.Gpu("V100", uuid="GPU-8f6d", pci_bus_id="00000000:00:05.0", index=1), "GPU-8f6d"),
        (gpus.Gpu("V100", pci_bus_id="00000000:00:05.0", index=1), "00000000:00:05.0"),
    ],
    ids=["by its UUID", "by its place"],
)
def test_nvml_looks_at_the_gpu_that_trains(gpu, asked):
    nvml = FakeNvml()
    meters.Nvml(gpu, nvml)
    assert nvml.asked == [asked]


def test_gpu_that_nothing_tells_apart_is_not_guessed_by_its_number():
    with pytest.raises(meters.NoMeterError, match="neither the UUID nor the PCI bus id"):
        meters.Nvml(gpus.Gpu("V100", index=1), FakeNvml())


def test_instance_of_a_divided_gpu_has_no_energy_and_says_why():
    nvml = FakeNvml()
    meter = meters.Nvml(gpus.Gpu("A100 MIG 3g.20gb", uuid="MIG-1", mig_profile="3g.20gb"), nvml)
    assert (meter.domains, meter.read()) == ((), ())
    assert "MIG" in meter.reason


def test_gpu_tells_its_state_and_none_where_it_cannot():
    nvml = FakeNvml()
    meter = meters.Nvml(T4, nvml)
    assert meter.state() == {
        "temperature_celsius": 61,
        "clock_hertz": 1_380_000_000,
        "throttle": ["power cap", "hardware thermal slowdown"],
    }
    assert meter.other_processes() == 1
    nvml.gone = True
    assert set(meter.state().values()) == {None}
    assert meter.other_processes() is None
    with pytest.raises(meters.SensorError, match="GPU is lost"):
        meter.read()
    with pytest.raises(meters.NoMeterError, match="driver shows no such GPU"):
        meters.Nvml(T4, nvml)


def test_gpu_without_counter_and_power_has_a_state_alone():
    nvml = FakeNvml(counts=False)
    nvml.nvmlDeviceGetPowerUsage = nvml.nvmlDeviceGetTotalEnergyConsumption
    meter = meters.Nvml(T4, nvml)
    assert meter.domains == ()
    assert "neither its energy nor its power" in meter.reason
    assert meter.state()["temperature_celsius"] == 61


def test_ultra_is_not_counted_by_one_of_its_dies():
    with pytest.raises(meters.NoMeterError, match="one of the two dies of an Apple M3 Ultra"):
        meters.Apple("Apple M3 Ultra", FakeApple(cpu_total_mj=1000, gpu_mj=500))


def test_apple_counts_what_the_chip_has():
    library = FakeApple(cpu_total_mj=1000, gpu_mj=500)
    meter = meters.Apple("Apple M2 Max", library)
    assert [(domain.name, domain.scope) for domain in meter.domains] == [("cpu", "SoC"), ("gpu", "SoC")]
    library.fields["gpu_mj"] = 750
    assert meter.read() == (1.0, 0.75)
    library.fields = None
    with pytest.raises(meters.SensorError, match="stopped answering"):
        meter.read()
    with pytest.raises(meters.NoMeterError, match="IOReport"):
        meters.Apple("Apple M2 Max", library)
    with pytest.raises(meters.NoMeterError, match="give no values here"):
        meters.Apple("Apple M2 Max", FakeApple())


def test_this_machine_has_a_meter_that_moves_or_a_reason():
    found, missing = meters.find(hardware.chip(), system.MAC, None)
    if missing:
        assert re.search("/sys/class/powercap|zeus-apple-silicon", missing[0])
        return
    before, end = found[0].read(), time.monotonic() + 0.5
    while time.monotonic() < end:
        pass
    assert found[0].read()[0] > before[0]


@pytest.mark.skipif(system.MAC, reason="the library is on every Mac")
def test_apples_meter_without_its_library_is_a_reason():
    assert meters.find("Apple M1", True, None) == ([], ["zeus-apple-silicon is not installed"])
