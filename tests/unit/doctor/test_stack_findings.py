"""Tests of trainmark.doctor.stack_findings: what it says of stacks that are invented."""

import pytest
from trainmark.doctor import condition_findings, stack_findings
from trainmark.errors import TrainmarkError
from trainmark.install import lockfile

from tests.conftest import ROOT
from tests.unit.doctor.conftest import PLAN, check, part


@pytest.mark.parametrize(
    ("conda", "installed", "command"),
    [
        ("/opt/conda/bin/conda", "tf-2.19", "snakemake --cores 1 --use-conda doctor"),
        (None, "tf-2.19", "snakemake --cores 1 doctor --config 'stacks=[tf-2.19]'"),
        (None, None, "make doctor"),
    ],
)
def test_missing_stack(monkeypatch, conda, installed, command):
    monkeypatch.setattr(stack_findings.shutil, "which", lambda name: conda)
    refused = {**PLAN["refused"], "stacks": {"tf-2.12": "Runs of tf-2.12 are to be made. Add --use-conda"}}
    finding = stack_findings.environment({**PLAN, "refused": refused, "installed_stack": installed}, "tf-2.12", [])
    check(finding, "wrong", "Add --use-conda")
    assert finding.command == command


def test_stack_with_other_versions_than_its_lock():
    lock = ROOT / "envs/tf-2.19.linux-64.yaml"
    with pytest.raises(TrainmarkError) as error:
        lockfile.refuse_differences(lock, {"numpy": "9.9"})
    finding = stack_findings.environment(PLAN, "tf-2.19", [part(reason=str(error.value), environment=None, devices={})])
    check(finding, "wrong", "numpy: pinned 2.1.3, found 9.9")
    sound = stack_findings.environment(PLAN, "tf-2.19", [part()])
    check(sound, "good", "Python 3.12.1", "envs/tf-2.19.linux-64-cuda.yaml")
    name = "tf-2.18.0-unpinned"
    other = stack_findings.environment(PLAN, name, [part(stack=name)])
    check(other, "good", "Installed beside Snakemake, Python 3.12.1; no lock pins it")


def test_other_benchmark_that_times_now():
    busy = "another benchmark is timing on this machine (process 7 in /elsewhere)."
    finding = stack_findings.environment(PLAN, "tf-2.19", [part(busy=busy, devices={})])
    check(finding, "warning", "Nothing was computed", "process 7", "when that has ended")


def test_device_that_proves_itself():
    seen, step = stack_findings.devices(part())
    check(seen, "good", "sees Tesla T4 at 0000:00:04.0", "square matrices of 2048", "4 TFLOPS")
    check(step, "good", "A step of mlp", "variables on GPU:0", "Adam's operations on CPU:0 (1) and GPU:0 (119)")
    check(step, "good", "Left to the CPU: IteratorGetNext")
    meter = condition_findings.energy("gpu", part()["devices"]["gpu"]["seen"])
    check(meter, "good", "NVML energy counter, which moves 10 times", "idle gpu-0 30.0 W; under load 70.0 W")


def test_device_that_tensorflow_does_not_see():
    why = "A GPU was asked for and TensorFlow 2.19.1 sees none. tensorflow-metal, which brings it, is not installed."
    lost = {"status": "wrong_device", "reason": why, "steps": {}, "load": None, "gpu": None}
    (seen,) = stack_findings.devices(part(gpu=lost))
    check(seen, "wrong", why, "cat results/logs/examine_stack/tf-2.19.log")


def test_step_that_ran_elsewhere():
    why = "Expected all of a training step on the GPU; found variables on ['CPU:0']."
    _, step = stack_findings.devices(part(gpu={"steps": {"mlp": {"reason": why, "execution": {}}}}))
    check(step, "wrong", "A step of mlp", why)
