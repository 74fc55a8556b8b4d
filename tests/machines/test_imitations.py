"""Imitations are of one piece: what one part of a machine says, the others say too."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.machines import boxes, environments, macs
from tests.machines.imitation import gpus

# What nvidia-smi, NVML and /proc say of the GPUs, as UUID -> name, bus address and memory.
ASK_ALL = """
import json, re, subprocess
from pathlib import Path
import pynvml
query = "--query-gpu=uuid,name,pci.bus_id,memory.total"
lines = subprocess.run(["nvidia-smi", query, "--format=csv,noheader,nounits"], capture_output=True, text=True).stdout
rows = [line.split(", ") for line in lines.splitlines()]
by_tool = {uuid: [name, bus, int(memory)] for uuid, name, bus, memory in rows}
pynvml.nvmlInit()
by_nvml = {}
for index in range(pynvml.nvmlDeviceGetCount()):
    gpu = pynvml.nvmlDeviceGetHandleByIndex(index)
    bus, memory = pynvml.nvmlDeviceGetPciInfo(gpu).busId, pynvml.nvmlDeviceGetMemoryInfo(gpu).total // 2**20
    by_nvml[pynvml.nvmlDeviceGetUUID(gpu)] = [pynvml.nvmlDeviceGetName(gpu), bus, memory]
texts = [path.read_text() for path in Path("/proc/driver/nvidia/gpus").glob("*/information")]
in_proc = {re.search(r"UUID:\\s*(\\S+)", text)[1]: re.search(r"Location:\\s*(\\S+)", text)[1] for text in texts}
nodes = sorted(path.name for path in Path("/dev").glob("nvidia[0-9]*"))
print(json.dumps([by_tool, by_nvml, in_proc, nodes]))
"""
ASK_MAC = """
import glob, json, os, platform, subprocess, sys, time
from pathlib import Path
child = subprocess.Popen(["true"], start_new_session=True)
time.sleep(0.5)
errors = []
for _ in range(2):
    try:
        os.killpg(child.pid, 9)
    except OSError as error:
        errors.append(type(error).__name__)
    child.wait()
there = [os.path.exists("/proc"), "proc" in os.listdir("/"), Path("/sys").is_dir(), bool(glob.glob("/proc/*"))]
names = [sys.platform, platform.system(), platform.machine(), platform.processor(), platform.mac_ver()[0]]
print(json.dumps([errors, there, names, os.cpu_count(), hasattr(os, "sched_getaffinity")]))
"""


def ask(folder: Path, description: dict, code: str) -> list:
    """What a piece of Python prints on a machine, as JSON."""
    python = environments.build(folder, description)
    environment = {"PATH": f"{python.parent}:/usr/bin:/bin"}
    result = subprocess.run([python, "-c", code], env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


@pytest.mark.parametrize(
    "description",
    [boxes.t4(), boxes.t4_and_v100(swapped=True), boxes.a100_with_mig(), boxes.h100s_under_slurm()],
    ids=["T4", "T4 and V100", "A100 with MIG", "H100s under SLURM"],
)
def test_driver_says_the_same_everywhere(tmp_path, description):
    by_tool, by_nvml, in_proc, nodes = ask(tmp_path / "machine", description, ASK_ALL)
    assert by_tool == by_nvml
    assert by_tool.keys() == {gpu["uuid"] for gpu in gpus.allotted(description)}
    # /proc and /dev show the host's, allotted or not.
    assert in_proc == {gpu["uuid"]: gpus.short_bus_id(gpu["bus_id"]) for gpu in description["gpus"]}
    assert nodes == [f"nvidia{gpu['minor']}" for gpu in sorted(description["gpus"], key=lambda gpu: gpu["minor"])]


def test_mac_is_no_linux(tmp_path):
    errors, there, names, cores, affinity = ask(tmp_path / "machine", macs.m5_max(), ASK_MAC)
    assert errors == ["PermissionError", "ProcessLookupError"]
    assert there == [False] * 4
    assert names == ["darwin", "Darwin", "arm64", "arm", "16.0"]
    assert (cores, affinity) == (18, False)


T4, V100 = "GPU-00000000-1111-2222-3333-736c61205434", "GPU-00000001-1111-2222-3333-322d31364742"


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, [V100, T4]),
        ({"CUDA_DEVICE_ORDER": "PCI_BUS_ID"}, [T4, V100]),
        ({"CUDA_VISIBLE_DEVICES": "1"}, [T4]),
        ({"CUDA_VISIBLE_DEVICES": "1", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}, [V100]),
        ({"CUDA_VISIBLE_DEVICES": "0,7,1"}, [V100]),
        ({"CUDA_VISIBLE_DEVICES": "-1"}, []),
        ({"CUDA_VISIBLE_DEVICES": ""}, []),
        ({"CUDA_VISIBLE_DEVICES": "0,0"}, []),
        ({"CUDA_VISIBLE_DEVICES": V100}, [V100]),
        ({"CUDA_VISIBLE_DEVICES": "GPU-00000001"}, [V100]),
        ({"CUDA_VISIBLE_DEVICES": "GPU-0"}, []),
    ],
    ids=str,
)
def test_what_cuda_shows(variables, expected):
    assert [gpu["uuid"] for gpu in gpus.cuda_devices(boxes.t4_and_v100(), variables)] == expected


def test_cuda_shows_one_part_of_a_gpu_at_most():
    machine = boxes.a100_with_mig()
    first, second = (part["uuid"] for part in machine["gpus"][0]["mig"])
    for visible, expected in ((None, first), ("0", first), (second, second), (f"{second},{first}", second)):
        variables = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
        (found,) = gpus.cuda_devices(machine, variables)
        assert found["uuid"] == expected
