"""What the doctor might find of a machine, all invented, and how its findings are checked."""

from trainmark.doctor import report_files
from trainmark.machine import energy, gpus
from trainmark.machine.meters import Domain

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
    """What device_check.examine finds of a GPU where all is well."""
    load = {"side": 2048, "seconds": times(), "flops_per_second": [4e12] * 10, "noise": {"fit_throttle_events": None}}
    return {
        "status": "ok",
        "reason": None,
        "compiles": False,
        "gpu_processes": 0,
        "versions": {"framework": "tensorflow", "framework_version": "2.19.1"},
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
