"""Tests of trainmark.doctor.hardware_findings: what it says of machines that are invented."""

from pathlib import Path

import pytest
from trainmark import system
from trainmark.doctor import hardware_findings
from trainmark.doctor.hardware_findings import which_gpu
from trainmark.machine import gpus

from tests.conftest import ROOT, synthetic_machine
from tests.unit.doctor.conftest import H100, PLAN, T4, check


def test_machine_and_its_name():
    description = {**synthetic_machine(), "cpu_quota_cores": 2.0}
    description["cores"]["usable"] = 2
    finding = hardware_findings.machine(PLAN, description)
    check(finding, "good", "Synthetic chip, 8 logical cores (4 performance, 4 efficiency)", "this process may use 2, ")
    check(finding, "good", "Synthetic GPU with 10 cores, 16 GiB, Synthetic OS 1. Its name is synthetic")
    plan = {**PLAN, "refused": {**PLAN["refused"], "machine": "machine.json describes another computer. Give --config"}}
    check(hardware_findings.machine(plan, description), "wrong", "another computer")


def test_platform():
    check(hardware_findings.platform(PLAN), "good", "linux-64-cuda")
    plan = {**PLAN, "platform": None, "refused": {**PLAN["refused"], "platform": "translated (Rosetta 2) --"}}
    check(hardware_findings.platform(plan), "wrong", "Rosetta")


@pytest.mark.parametrize(("silent", "verdict"), [(True, "warning"), (False, "good")])
def test_gpu_that_is_not_seen(monkeypatch, silent, verdict):
    monkeypatch.setattr(gpus, "is_nvidia_on_bus", lambda: silent)
    check(which_gpu({**PLAN, "devices": ["cpu"]}, None), verdict, "CPU")


def test_gpu_that_is_timed(monkeypatch):
    monkeypatch.setattr(gpus, "usable", lambda: (T4,))
    check(
        which_gpu(PLAN, T4),
        "good",
        "Tesla T4",
        "compute capability 7.5",
        "driver 535.104.05",
        "15 GiB",
    )
    monkeypatch.setattr(gpus, "usable", lambda: (T4, H100))
    check(
        which_gpu(PLAN, T4),
        "good",
        "This machine has 1 more: NVIDIA H100. To time another one: --config gpu=INDEX",
    )
    virtual = {**PLAN, "devices": ["cpu"], "virtual_mac": True}
    check(
        which_gpu(virtual, gpus.Gpu("Apple M1 (Virtual) GPU")),
        "warning",
        "devices=[cpu,gpu]",
        "virtual",
    )
    check(which_gpu({**PLAN, "devices": ["cpu"]}, T4), "good", "as the configuration says")


@pytest.mark.parametrize(
    ("gpu", "compiled", "verdict", "words"),
    [
        (T4, False, "good", "machine code for compute capability 7.5"),
        (H100, False, "warning", "up to half an hour"),
        (H100, True, "good", "has already compiled"),
        (gpus.Gpu("NVIDIA H100", driver="535.104.05", compute_capability="9.0"), False, "wrong", "555.42.02 or newer"),
        (gpus.Gpu("Tesla K80", driver="535.104.05", compute_capability="3.7"), False, "wrong", "holds no code for"),
        (gpus.Gpu("Tesla P100", driver="470.182.03"), False, "wrong", "525.60.13 or newer"),
        (gpus.Gpu("Tesla P100", driver="535.104.05"), False, "good", "does not say"),
    ],
)
def test_code_for_the_gpu(monkeypatch, tmp_path, gpu, compiled, verdict, words):
    monkeypatch.setattr(hardware_findings.kernel_cache, "cache_folder", lambda: tmp_path)
    monkeypatch.chdir(ROOT)
    if compiled:
        mark = hardware_findings.kernel_cache.mark("tf-2.19", gpu, Path("envs/tf-2.19.linux-64-cuda.yaml"))
        mark.parent.mkdir(parents=True)
        mark.touch()
    (finding,) = hardware_findings.gpu_code(PLAN, "tf-2.19", gpu)
    check(finding, verdict, words)


def test_nothing_is_said_of_code_where_no_gpu_is_timed(monkeypatch):
    assert not list(hardware_findings.gpu_code(PLAN, "tf-2.19", None))
    assert not list(hardware_findings.gpu_code({**PLAN, "devices": ["cpu"]}, "tf-2.19", T4))
    monkeypatch.setattr(system, "MAC", True)
    assert not list(hardware_findings.gpu_code(PLAN, "tf-2.19", gpus.Gpu("Apple M2 Max GPU")))
