"""Tests of trainmark.doctor.checks: what it says of machines that are invented."""

import collections
import copy
import re

import pytest
from trainmark import system
from trainmark.doctor import checks, report_files
from trainmark.errors import TrainmarkError
from trainmark.install import lockfile
from trainmark.machine import disturbances, energy, gpus
from trainmark.machine.meters import Domain

from tests.conftest import ROOT, synthetic_machine

GIB = 2**30
T4 = gpus.Gpu("Tesla T4", None, 15 * GIB, "535.104.05", "7.5", None, "GPU-1", "00000000:00:04.0", 0)
H100 = gpus.Gpu("NVIDIA H100", None, 80 * GIB, "560.35.03", "9.0", None, "GPU-2", "00000000:00:05.0", 0)
PLAN = {
    "machine": "synthetic",
    "platform": "linux-64-cuda",
    "stacks": ["tf-2.19"],
    "devices": ["cpu", "gpu"],
    "use_conda": False,
    "installed_stack": "tf-2.19",
    "gpu": "auto",
    "virtual_mac": False,
    "data_folder": "",
    "data_download": True,
    "records_missing": 72,
    "environment_bytes": 0,
    "refused": {"platform": None, "machine": None, "stacks": {}},
    "command": "snakemake --cores 1",
}
EXECUTION = {
    "optimizer_class": "keras.src.optimizers.adam.Adam",
    "optimizer_devices": {"CPU:0": 1, "GPU:0": 119},
    "variable_devices": ["GPU:0"],
    "arithmetic_devices": ["GPU:0"],
    "step_fallback": ["IteratorGetNext"],
}
BOARD = Domain("gpu-0", "GPU board", "NVML energy counter", ("gpu",))
STATE = {"gpu_temperature_celsius": 48, "gpu_clock_hertz": 1590e6, "gpu_throttle_shares": {}}
CALM = {"power_source": "mains", "low_power_mode": False, "thermal_pressure": None, "governor": None}


def times(spread=0.01):
    return [2.0 * (1 + spread * (-1) ** n) for n in range(10)]


def metered(watts=70.0, idle_watts=30.0):
    """The energy of ten seconds of a GPU's board, after ten idle ones."""
    moments = [0.1 * n for n in range(201)]
    trace = energy.Trace((BOARD,), moments, [(idle_watts * min(t, 10) + watts * max(t - 10, 0),) for t in moments])
    return energy.of_window([trace], "gpu", (10.5, 19.5), (0.5, 9.5))


def found(**changes):
    """What examining.examine finds of a GPU where all is well."""
    load = {"side": 2048, "seconds": times(), "flops_per_second": [4e12] * 10, "noise": {"fit_throttle_events": None}}
    return {
        "status": "ok",
        "reason": None,
        "compiles": False,
        "gpu_processes": 0,
        "versions": {"tensorflow": "2.19.1"},
        "gpu": {"name": "Tesla T4", "pci_bus_id": "0000:00:04.0"},
        "steps": {"mlp": {"reason": None, "execution": EXECUTION}},
        "load": load,
        "seen": {"energy": metered(), "gpu": STATE, "moves_a_second": {BOARD.source: 9.8}},
        **changes,
    }


def part(**changes):
    lock = {"lock_file": "tf-2.19.linux-64-cuda.yaml"}
    devices = {"gpu": found(**changes.pop("gpu", {}))}
    whole = {"stack": "tf-2.19", "python": "3.12.1", "reason": None, "busy": None, "environment": lock}
    return {**whole, "devices": devices, **changes}


def check(finding, verdict, *words):
    """Demand a verdict and words, and of what is not good that it says what to do."""
    told = f"{finding.text}\n{finding.advice}\n{finding.command}"
    assert finding.verdict == verdict, told
    remedies = ("--", "give the same command again", "makes it anew")
    refused_with_a_remedy = any(remedy in finding.text for remedy in remedies)
    assert verdict == report_files.GOOD or finding.advice or refused_with_a_remedy, told
    for word in words:
        assert word in told, told


def test_machine_and_its_name():
    description = {**synthetic_machine(), "cpu_quota_cores": 2.0}
    description["cores"]["usable"] = 2
    finding = checks.machine(PLAN, description)
    check(finding, "good", "Synthetic chip, 8 logical cores (4 performance, 4 efficiency)", "this process may use 2, ")
    check(finding, "good", "Synthetic GPU with 10 cores, 16 GiB, Synthetic OS 1. It is called synthetic")
    plan = {**PLAN, "refused": {**PLAN["refused"], "machine": "machine.json describes another computer. Give --config"}}
    check(checks.machine(plan, description), "wrong", "another computer")


def test_platform():
    check(checks.platform(PLAN), "good", "linux-64-cuda")
    plan = {**PLAN, "platform": None, "refused": {**PLAN["refused"], "platform": "translated (Rosetta 2) --"}}
    check(checks.platform(plan), "wrong", "Rosetta")


def test_without_a_platform_nothing_is_said_of_stacks_and_gpus(monkeypatch):
    monkeypatch.setattr(checks, "WATCH_SECONDS", 0.1)
    monkeypatch.setattr(checks, "data_set", lambda plan: report_files.Finding("data set", "good", "synthetic"))
    refused = {"platform": "translated (Rosetta 2)", "machine": None, "stacks": {}}
    plan = {**PLAN, "platform": None, "refused": refused, "clocks": [*vars(disturbances.clocks()).values()]}
    facts = {}
    topics = [finding.topic for finding in checks.diagnose(plan, [], facts)]
    assert topics == ["machine", "platform", "power", "heat", "sleep", "neighbours", "data set", "disk", "clock"]
    assert "machine_id_hash" not in facts["machine"]


@pytest.mark.parametrize(
    ("conda", "installed", "command"),
    [
        ("/opt/conda/bin/conda", "tf-2.19", "snakemake --cores 1 --use-conda doctor"),
        (None, "tf-2.19", "snakemake --cores 1 doctor --config 'stacks=[tf-2.19]'"),
        (None, None, "make doctor"),
    ],
)
def test_missing_stack(monkeypatch, conda, installed, command):
    monkeypatch.setattr(checks.shutil, "which", lambda name: conda)
    refused = {**PLAN["refused"], "stacks": {"tf-2.12": "Runs of tf-2.12 are to be made. Add --use-conda"}}
    finding = checks.environment({**PLAN, "refused": refused, "installed_stack": installed}, "tf-2.12", [])
    check(finding, "wrong", "Add --use-conda")
    assert finding.command == command


def test_stack_with_other_versions_than_its_lock():
    lock = ROOT / "envs/tf-2.19.linux-64.yaml"
    with pytest.raises(TrainmarkError) as error:
        lockfile.refuse_differences(lock, {"numpy": "9.9"})
    finding = checks.environment(PLAN, "tf-2.19", [part(reason=str(error.value), environment=None, devices={})])
    check(finding, "wrong", "numpy: pinned 2.1.3, found 9.9")
    check(checks.environment(PLAN, "tf-2.19", [part()]), "good", "Python 3.12.1", "envs/tf-2.19.linux-64-cuda.yaml")


def test_other_benchmark_that_times_now():
    busy = "another benchmark is timing on this machine (process 7 in /elsewhere)."
    finding = checks.environment(PLAN, "tf-2.19", [part(busy=busy, devices={})])
    check(finding, "warning", "Nothing was computed", "process 7", "when that has ended")


@pytest.mark.parametrize(("silent", "verdict"), [(True, "warning"), (False, "good")])
def test_gpu_that_is_not_seen(monkeypatch, silent, verdict):
    monkeypatch.setattr(gpus, "is_nvidia_on_bus", lambda: silent)
    check(checks.which_gpu({**PLAN, "devices": ["cpu"]}, None), verdict, "CPU")


def test_gpu_that_is_timed(monkeypatch):
    monkeypatch.setattr(gpus, "usable", lambda: (T4,))
    check(checks.which_gpu(PLAN, T4), "good", "Tesla T4", "compute capability 7.5", "driver 535.104.05", "15 GiB")
    monkeypatch.setattr(gpus, "usable", lambda: (T4, H100))
    check(checks.which_gpu(PLAN, T4), "good", "This machine has 1 more: NVIDIA H100. Another one: --config gpu=INDEX")
    virtual = {**PLAN, "devices": ["cpu"], "virtual_mac": True}
    check(checks.which_gpu(virtual, gpus.Gpu("Apple M1 (Virtual) GPU")), "warning", "devices=[cpu,gpu]", "virtual")
    check(checks.which_gpu({**PLAN, "devices": ["cpu"]}, T4), "good", "as the configuration says")


@pytest.mark.parametrize(
    ("gpu", "compiled", "verdict", "words"),
    [
        (T4, False, "good", "machine code for compute capability 7.5"),
        (H100, False, "warning", "up to half an hour"),
        (H100, True, "good", "has been compiled"),
        (gpus.Gpu("NVIDIA H100", driver="535.104.05", compute_capability="9.0"), False, "wrong", "555.42.02 or newer"),
        (gpus.Gpu("Tesla K80", driver="535.104.05", compute_capability="3.7"), False, "wrong", "holds no code for"),
        (gpus.Gpu("Tesla P100", driver="470.182.03"), False, "wrong", "525.60.13 or newer"),
        (gpus.Gpu("Tesla P100", driver="535.104.05"), False, "good", "does not tell"),
    ],
)
def test_code_for_the_gpu(monkeypatch, tmp_path, gpu, compiled, verdict, words):
    monkeypatch.setattr(checks.kernel_cache, "cache_folder", lambda: tmp_path)
    monkeypatch.chdir(ROOT)
    if compiled:
        mark = checks.kernel_cache.mark("tf-2.19", gpu, checks.Path("envs/tf-2.19.linux-64-cuda.yaml"))
        mark.parent.mkdir(parents=True)
        mark.touch()
    (finding,) = checks.gpu_code(PLAN, "tf-2.19", gpu)
    check(finding, verdict, words)


def test_nothing_is_said_of_code_where_no_gpu_is_timed(monkeypatch):
    assert not list(checks.gpu_code(PLAN, "tf-2.19", None))
    assert not list(checks.gpu_code({**PLAN, "devices": ["cpu"]}, "tf-2.19", T4))
    monkeypatch.setattr(system, "MAC", True)
    assert not list(checks.gpu_code(PLAN, "tf-2.19", gpus.Gpu("Apple M2 Max GPU")))


def test_device_that_proves_itself():
    seen, step = checks.devices(part())
    check(seen, "good", "sees Tesla T4 at 0000:00:04.0", "square matrices of 2048", "4 TFLOPS")
    check(step, "good", "A step of mlp", "variables on GPU:0", "Adam's operations on CPU:0 (1) and GPU:0 (119)")
    check(step, "good", "Left to the CPU: IteratorGetNext")
    meter = checks.energy("gpu", part()["devices"]["gpu"]["seen"])
    check(meter, "good", "NVML energy counter, which moves 10 times", "idle gpu-0 30.0 W; under load 70.0 W")


def test_device_that_tensorflow_does_not_see():
    why = "A GPU was asked for and TensorFlow 2.19.1 sees none. tensorflow-metal, which brings it, is not installed."
    lost = {"status": "wrong_device", "reason": why, "steps": {}, "load": None, "gpu": None}
    (seen,) = checks.devices(part(gpu=lost))
    check(seen, "wrong", why, "cat results/logs/examine_stack/tf-2.19.log")


def test_step_that_ran_elsewhere():
    why = "Expected all of a training step on the GPU; found variables on ['CPU:0']."
    _, step = checks.devices(part(gpu={"steps": {"mlp": {"reason": why, "execution": {}}}}))
    check(step, "wrong", "A step of mlp", why)


@pytest.mark.parametrize(
    ("device", "missing", "words"),
    [
        ("cpu", "zeus-apple-silicon counts one of the two dies of an Apple M3 Ultra alone", "two dies"),
        ("gpu", "an instance of a divided GPU (MIG) has no counter of its own", "MIG"),
        ("cpu", "/sys/class/powercap holds no RAPL counter (virtual machines rarely have one)", "no RAPL counter"),
        (
            "cpu",
            "/sys/class/powercap/intel-rapl:0/energy_uj may be read by root alone; 'sudo chmod a+r' on it allows it",
            "sudo chmod a+r /sys/class/powercap/intel-rapl:*/energy_uj",
        ),
    ],
    ids=["Ultra", "MIG", "no meter", "for root alone"],
)
def test_why_no_energy_will_be_measured(device, missing, words):
    seen = {"energy": energy.unmeasured(energy.uncounted(device, [missing])), "gpu": {}, "moves_a_second": {}}
    check(checks.energy(device, seen), "warning", "None will be measured", words)


def test_counter_that_hardly_moves_is_told_with_its_reason():
    moments = [0.1 * n for n in range(201)]
    trace = energy.Trace((BOARD,), moments, [(30.0 * (t // 5),) for t in moments])
    seen = {"energy": energy.of_window([trace], "gpu", (10.5, 19.5), (0.5, 9.5)), "moves_a_second": {}}
    check(checks.energy("gpu", seen), "warning", "its counter moved 1 times in 9.0 s")


@pytest.mark.parametrize(
    ("mac", "changes", "verdict", "words"),
    [
        (False, {}, "good", "On mains"),
        (False, {"power_source": None}, "good", "no battery"),
        (True, {"power_source": "battery"}, "warning", "Plug it in"),
        (True, {"low_power_mode": True}, "warning", "sudo pmset -a lowpowermode 0"),
        (False, {"low_power_mode": True}, "warning", "tee /sys/firmware/acpi/platform_profile"),
        (False, {"governor": "powersave"}, "warning", "cpupower frequency-set"),
        (False, {"governor": "performance"}, "good", "On mains"),
    ],
)
def test_power(monkeypatch, mac, changes, verdict, words):
    monkeypatch.setattr(system, "MAC", mac)
    (finding,) = checks.power({**CALM, **changes})
    check(finding, verdict, words)


def test_mac_on_battery_and_in_low_power_mode_is_told_both():
    told = checks.power({**CALM, "low_power_mode": True, "power_source": "battery"})
    assert [finding.verdict for finding in told] == ["warning", "warning"]


@pytest.mark.parametrize(
    ("pressure", "shares", "events", "verdict", "words"),
    [
        (None, {}, None, "good", "1590 MHz, at 48 degrees"),
        ("nominal", {}, 0, "good", "Nothing held"),
        ("heavy", {}, None, "warning", "thermal pressure (heavy)"),
        (None, {"power cap": 0.9}, None, "good", "as is usual"),
        (None, {"hardware thermal slowdown": 0.2, "power cap": 0.9}, None, "warning", "hardware thermal slowdown"),
        (None, {}, 3, "warning", "the processor's heat (3 times)"),
    ],
)
def test_heat(pressure, shares, events, verdict, words):
    load = {**found()["load"], "noise": {"fit_throttle_events": events}}
    looked_at = part(gpu={"load": load, "seen": {"gpu": {**STATE, "gpu_throttle_shares": shares}}})
    check(checks.heat({**CALM, "thermal_pressure": pressure}, [looked_at]), verdict, words)


def test_heat_where_nothing_is_told():
    looked_at = part(gpu={"load": None, "seen": {"gpu": dict.fromkeys(STATE)}})
    check(checks.heat(CALM, [looked_at]), "good", "Nothing held")
    check(checks.heat(CALM, []), "good", "Nothing held")


@pytest.mark.parametrize(
    ("mac", "holder", "source", "verdict", "words"),
    [
        (True, "caffeinate", "mains", "good", "caffeinate keeps"),
        (True, None, "mains", "warning", "Forbid it to sleep"),
        (False, None, "battery", "warning", "Forbid it to sleep"),
        (False, None, None, "good", "Servers"),
    ],
)
def test_sleep(monkeypatch, mac, holder, source, verdict, words):
    monkeypatch.setattr(system, "MAC", mac)
    monkeypatch.setattr(checks.awake, "holder", lambda: holder)
    check(checks.wakefulness({**CALM, "power_source": source}), verdict, words)


@pytest.mark.parametrize(
    ("cpu", "steal", "processes", "verdict", "words"),
    [
        (0.02, 0.0, 0, "good", "Other programs took 2%"),
        (None, None, None, "good", "does not tell"),
        (0.34, 0.0, 0, "warning", "ps -A -o pcpu,comm"),
        (0.02, 0.2, 0, "warning", "The host gave 20%"),
        (0.02, 0.0, 2, "warning", "2 other processes on the GPU"),
    ],
)
def test_neighbours(cpu, steal, processes, verdict, words):
    looked_at = part(gpu={"gpu_processes": processes})
    (finding,) = checks.neighbours({"cpu_share": cpu, "steal_share": steal}, [looked_at])
    check(finding, verdict, words)


def test_every_kind_of_neighbour_is_told():
    told = checks.neighbours({"cpu_share": 0.3, "steal_share": 0.3}, [part(gpu={"gpu_processes": 1})])
    assert [finding.verdict for finding in told] == ["warning"] * 3


def test_what_others_take_is_a_share_of_the_cores(monkeypatch):
    snapshots = iter([disturbances.Snapshot(100.0, 10.0, {}, None), disturbances.Snapshot(100.4, 10.2, {}, None)])
    monkeypatch.setattr(disturbances, "snapshot", lambda: next(snapshots))
    monkeypatch.setattr(disturbances, "_PRESSURES", ())
    monkeypatch.setattr(checks.hardware, "usable_cores", lambda: 4)
    monkeypatch.setattr(checks.time, "perf_counter", iter([5.0, 6.0]).__next__)
    monkeypatch.setattr(checks.time, "process_time", lambda: 1.0)
    shares = checks.watch_others(0.0)
    assert shares == {"cpu_share": pytest.approx(0.1), "steal_share": pytest.approx(0.05)}


@pytest.mark.parametrize(
    ("seconds", "verdict", "words"),
    [
        (times(0.01), "good", "spread 1.1%"),
        (times(0.2), "warning", "snakemake --cores 1 --config repeats=auto"),
        ([2.0] * 9 + [3.5], "warning", "the farthest 63% off"),
    ],
)
def test_evenness(seconds, verdict, words):
    check(checks.evenness(PLAN, "tf-2.19 gpu", {"seconds": seconds}), verdict, words)


def test_what_two_cells_must_differ_by_is_welchs_interval():
    """Held against scipy: two cells of three repeats, whose logarithms spread alike."""
    stats = pytest.importorskip("scipy.stats")
    half = stats.t.ppf(0.975, 4) * (2 / 3) ** 0.5
    text = checks.evenness(PLAN, "x", {"seconds": times(0.1)}).text
    spread, told = (float(number) for number in re.findall(r"([\d.]+)%", text)[:3:2])
    assert told == pytest.approx(half * spread, rel=0.01)


def test_data_set(monkeypatch, tmp_path, data_folder):
    check(checks.data_set(PLAN, data_folder), "good", "decoded and verified")
    for name in checks.fashion_mnist.PAYLOADS:
        (tmp_path / f"{name}.npy").write_bytes(b"x")
    check(checks.data_set(PLAN, tmp_path), "wrong", f"rm -r {tmp_path}")
    nothing = tmp_path / "nothing"
    monkeypatch.setattr(checks.fashion_mnist, "obtain", lambda folder, download: ({}, "the folder of a test"))
    check(checks.data_set(PLAN, nothing), "good", "from the folder of a test")

    def refuse_one(folder, download):
        print("trainmark: data set: the folder x: REFUSED, not used: y.gz is damaged")
        return {}, "the folder of a test"

    monkeypatch.setattr(checks.fashion_mnist, "obtain", refuse_one)
    check(checks.data_set(PLAN, nothing), "warning", "REFUSED, not used: y.gz")

    def fail(folder, download):
        raise TrainmarkError("Fashion-MNIST was not found. --config data_folder=")

    monkeypatch.setattr(checks.fashion_mnist, "obtain", fail)
    check(checks.data_set(PLAN, nothing), "wrong", "was not found")


@pytest.mark.parametrize(("free", "verdict"), [(1e8, "wrong"), (1.2e9, "warning"), (1e11, "good")])
def test_disk(monkeypatch, tmp_path, free, verdict):
    Usage = collections.namedtuple("Usage", "total used free")
    monkeypatch.setattr(checks.shutil, "disk_usage", lambda folder: Usage(1e12, 0, free))
    here, there = checks.disk({checks.Path(): 4e8, tmp_path / "not yet/there": 5e8})
    check(here, verdict, f"{free / 1e9:.1f} GB free for this folder", "about 0.4 GB")
    check(there, verdict, "not yet/there")


def test_what_is_still_to_be_written(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(checks.kernel_cache, "cache_folder", lambda: tmp_path / "cache")
    all_there = {**PLAN, "records_missing": 0}
    least = checks.needed_bytes(all_there, T4)[checks.Path()]
    assert checks.needed_bytes(PLAN, T4)[checks.Path()] > least
    missing = {**all_there, "environment_bytes": 5e9}
    assert checks.needed_bytes(missing, T4)[checks.Path()] == least + 5e9
    (tmp_path / "results/data").mkdir(parents=True)
    (tmp_path / "results/data/x.npy").touch()
    assert checks.needed_bytes(all_there, T4)[checks.Path()] < least
    assert set(checks.needed_bytes(PLAN, T4)) == {checks.Path()}
    assert set(checks.needed_bytes(PLAN, H100)) == {checks.Path(), tmp_path / "cache"}


DAY = 86_400.0
STEADY = {"seconds": 60.0, "suspended_seconds": 0.0, "clock_jump_seconds": 0.001}


@pytest.mark.parametrize(
    ("now", "changes", "verdict", "words"),
    [
        (1000 * DAY, {}, "good", "1972-09-27"),
        (999.5 * DAY, {}, "good", "ran evenly"),
        (0.0, {}, "wrong", "1970-01-01 00:00 UTC, and this checkout was changed on 1972-09-27: the clock is behind"),
        (1000 * DAY, {"clock_jump_seconds": -600.0}, "warning", "set by -600.0 s"),
        (1000 * DAY, {"suspended_seconds": 900.0}, "warning", "slept for 900 s"),
        (1000 * DAY, {"suspended_seconds": None}, "good", "ran evenly"),
    ],
)
def test_clock(now, changes, verdict, words):
    check(checks.clock(now, 1000 * DAY, {**STEADY, **changes}), verdict, words)


def test_newest_change_of_a_checkout_is_not_in_the_future(monkeypatch):
    assert 1.7e9 < checks.newest_change() < checks.time.time() + DAY
    monkeypatch.setattr(system, "command_output", lambda *command: "1800000000" if "git" in command else None)
    monkeypatch.setattr(checks.Path, "exists", lambda path: True)
    assert checks.newest_change() == 1.8e9
    monkeypatch.setattr(system, "command_output", lambda *command: None)
    assert 1.7e9 < checks.newest_change() < checks.time.time() + DAY


def test_facts_of_a_part_are_left_as_they_are():
    before = part()
    after = copy.deepcopy(before)
    list(checks.devices(after))
    checks.heat(CALM, [after])
    assert after == before
