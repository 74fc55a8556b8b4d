"""Tests of trainmark.doctor.stack_check and its worker: a real look at this machine's CPU, cut short, and fakes."""

import fcntl
import json
import re
import textwrap

import jsonschema
import pytest
from trainmark.doctor import stack_check
from trainmark.experiment import suites, workloads
from trainmark.ingest import yaml_file
from trainmark.machine import gpus
from trainmark.measure import kernel_cache

from tests import worker_answers
from tests.conftest import CONFIG, ROOT
from tests.unit.measure.conftest import NO_METER, fake_child
from tests.unit.measure.test_sampler import HUNDRED_WATTS, fake_watch
from tests.worker_answers import LOCK

# What a record of a run says of its step.
SCHEMA = yaml_file.read(ROOT / "workflow/schemas/record.schema.yaml")["properties"]["execution"]
# What a child answers that found nothing wrong.
ANSWER = """
import json, sys, time
begin = time.perf_counter(); time.sleep(1.3)
request = json.loads(sys.stdin.readline())
print("the request:", json.dumps(request), file=sys.stderr)
print(json.dumps({"status": "ok", "reason": None, "versions": {}, "gpu": GPU, "steps": {}, "load": None,
                  "window": [begin, time.perf_counter()]}))
"""
T4 = gpus.Gpu("Tesla T4", None, 15 * 2**30, "535.104.05", "7.5", None, "GPU-1", "00000000:00:04.0", 0)


@pytest.fixture
def examine(tmp_path, monkeypatch):
    """Examine a stack; the machine's lock is one of one's own."""
    monkeypatch.setattr(stack_check.worker_process, "MACHINE_LOCK", tmp_path / "lock")
    monkeypatch.setattr(stack_check, "IDLE_SECONDS", 1.2)
    monkeypatch.setattr(kernel_cache, "cache_folder", lambda: tmp_path)

    def run(code, watch=NO_METER, **changes):
        wanted = [workloads.describe(model, CONFIG) for model in suites.of(CONFIG).models]
        settings = {"stack": "tf-2.19", "devices": ["cpu"], "workloads": wanted, "batch_size": 64, "threads": 1}
        request = stack_check.Request(**{**settings, "gpu": None, "lock_file": LOCK, "workflow_pid": None, **changes})
        return stack_check.examine(request, fake_child(textwrap.dedent(code)), watch)

    return run


def answer(gpu=None):
    return ANSWER.replace("GPU,", f"{gpu!r},")


def answering(answer):
    """A child that says what a real one has answered."""
    return f"print({json.dumps(answer)!r})"


def test_real_look_at_this_machine(examine, answers, capsys):
    looked_at = examine(answering(answers[worker_answers.LOOK]))
    assert looked_at["reason"] is looked_at["busy"] is None
    assert looked_at["environment"]["lock_file"] == LOCK.name
    found = looked_at["devices"]["cpu"]
    assert found["status"] == "ok", found["reason"]
    assert found["versions"]["framework_version"].startswith("2.")
    steps = dict(found["steps"])
    assert "has no model 'unknown'" in steps.pop(worker_answers.UNKNOWN)["reason"]  # a model that fails costs no other
    assert set(steps) == {"mlp", "cnn", "lstm"}
    for step in steps.values():
        assert step["reason"] is None
        execution = step["execution"]
        assert execution["variable_devices"] == execution["arithmetic_devices"] == ["CPU:0"]
        assert execution["optimizer_devices"] == {"CPU:0": sum(execution["optimizer_operations"].values())}
        assert execution["intra_op_threads"] == 2
        assert (execution["floatx"], execution["image_data_format"]) == ("float32", "channels_last")
        jsonschema.validate({key: execution[key] for key in execution.keys() - {"optimizer_devices"}}, SCHEMA)
    load = found["load"]
    assert len(load["seconds"]) == len(load["flops_per_second"]) == 10
    assert min(load["seconds"]) > 0
    assert load["side"] == 256
    assert "fit_steal_seconds" in load["noise"]
    assert "nothing to read" in found["seen"]["energy"]["reason"]
    assert "checking tf-2.19 on the CPU" in capsys.readouterr().out
    json.dumps(looked_at)


def test_device_that_tensorflow_does_not_see_is_no_traceback(examine, answers):
    if worker_answers.LOOK_WITHOUT_GPU not in answers:
        pytest.skip("this machine has a GPU")
    found = examine(answering(answers[worker_answers.LOOK_WITHOUT_GPU]), devices=["gpu"])["devices"]["gpu"]
    assert found["status"] == "wrong_device"
    assert re.search(r"TensorFlow \S+ sees none\.", found["reason"])
    assert found["load"] is None


@pytest.mark.parametrize(
    ("code", "status", "words"),
    [
        ("import os; os.abort()", "killed", "SIGABRT"),
        ("raise SystemExit(3)", "error", "exit code 3"),
        ("import time; time.sleep(60)", "timed_out", "within 0.5 s"),
    ],
)
def test_child_that_dies_is_found_wrong(examine, monkeypatch, code, status, words):
    if status == "timed_out":
        monkeypatch.setattr(stack_check, "_TIME_LIMIT_SECONDS", 0.5)
        monkeypatch.setattr(stack_check.worker_process, "POLL_SECONDS", 0.1)
    found = examine(code)["devices"]["cpu"]
    assert found["status"] == status
    assert words in found["reason"]
    assert found["steps"] == {}


def test_environment_that_is_not_its_locks_is_not_looked_at(examine, tmp_path):
    lock = tmp_path / "lock.yaml"
    lock.write_text(re.sub("keras==\\S+", "keras==3.0.0", LOCK.read_text()))
    looked_at = examine("raise SystemExit('never started')", lock_file=lock)
    assert "keras: pinned 3.0.0, found 3" in looked_at["reason"]
    assert looked_at["devices"] == {}


def test_python_of_another_environment_is_not_looked_at(examine):
    looked_at = examine("raise SystemExit('never started')", interpreter=("/opt/another", "3.12"))
    assert "Expected the Python 3.12 of the environment /opt/another" in looked_at["reason"]
    assert looked_at["devices"] == {}


def test_other_benchmark_is_not_disturbed(examine, tmp_path):
    (tmp_path / "lock").write_text("process 1 in /elsewhere")
    with (tmp_path / "lock").open() as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        looked_at = examine("raise SystemExit('never started')")
    assert "another benchmark is timing on this machine (process 1 in /elsewhere)" in looked_at["busy"]
    assert looked_at["devices"] == {}


def test_lock_that_cannot_be_opened_is_told(examine, tmp_path):
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")
    looked_at = examine("raise SystemExit('never started')")
    assert str(tmp_path / "lock") in looked_at["reason"]


def test_meters_are_asked_beside_the_load_and_before_it(examine):
    seen = examine(answer(), fake_watch(HUNDRED_WATTS))["devices"]["cpu"]["seen"]
    assert seen["energy"]["domains"][0]["idle_watts"] == pytest.approx(100, rel=0.01)
    assert seen["energy"]["joules"] / seen["energy"]["window_seconds"] == pytest.approx(100, rel=0.01)
    assert 5 < seen["moves_a_second"]["RAPL"] < 11


def test_meters_tell_the_idle_power_where_tensorflow_fails(examine):
    seen = examine("raise SystemExit(3)", fake_watch(HUNDRED_WATTS))["devices"]["cpu"]["seen"]
    assert seen["energy"]["domains"][0]["idle_watts"] == pytest.approx(100, rel=0.01)


def test_gpu_without_code_is_not_started(examine, capsys):
    old = gpus.Gpu("Tesla K80", driver="470.182.03", compute_capability="3.7", uuid="GPU-1")
    looked_at = examine("raise SystemExit('never started')", devices=["gpu"], gpu=old)
    assert (looked_at["reason"], looked_at["devices"]) == (None, {})
    assert "looking" not in capsys.readouterr().out


def test_kernels_that_have_to_be_compiled_are_announced_and_given_time(examine, monkeypatch, capsys):
    monkeypatch.setattr(stack_check, "_TIME_LIMIT_SECONDS", 0.5)
    h100 = gpus.Gpu("NVIDIA H100", driver="560.35.03", compute_capability="9.0", uuid="GPU-2")
    found = examine(answer(), devices=["gpu"], gpu=h100)["devices"]["gpu"]
    assert found["status"] == "ok", found["reason"]
    assert found["compiles"] is True
    told = capsys.readouterr().out
    assert told.index("up to half an hour") < told.index("checking tf-2.19 on the GPU")


def test_other_gpu_than_the_one_that_is_described(examine):
    used = {"name": "Tesla V100", "compute_capability": "7.0", "pci_bus_id": "0000:00:05.0"}
    found = examine(answer(used), devices=["gpu"], gpu=T4)["devices"]["gpu"]
    assert found["status"] == "wrong_device"
    assert "it used Tesla V100 at 0000:00:05.0" in found["reason"]


def test_step_of_another_optimizer_is_refused(answers):
    """The doctor demands of a step what a run does."""
    assert "its operations in a training step are none" in answers[worker_answers.NO_OPTIMIZER]["reason"]
