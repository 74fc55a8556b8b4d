"""Tests of trainmark.measure.supervision: fake children first, then real trainings on a few hundred real samples."""

import errno
import json
import os
import re
import signal
import subprocess
import sys
import time

import psutil
import pytest
from trainmark.errors import TrainmarkError
from trainmark.experiment import controls, grid, workloads
from trainmark.machine import gpus, hardware
from trainmark.measure import supervision, worker_process
from trainmark.measure.messages import nothing_measured
from trainmark.records import chain

from tests import worker_answers
from tests.conftest import CONFIG, synthetic_record
from tests.unit.measure.conftest import REAL_CHILD, SCRIPT, fake_child
from tests.worker_answers import LOCK, TINY

PATH = "results/machines/synthetic/runs/tf-2.19/cpu/mlp/64/1.json"


@pytest.mark.parametrize(
    ("code", "status", "reason"),
    [
        ("import os; os.kill(os.getpid(), 9)", "killed", "SIGKILL (signal 9)"),
        ("import os; os.abort()", "killed", "SIGABRT (signal 6)"),
        ("raise SystemExit(3)", "error", "exit code 3"),
        ("print('{\"status\": ')", "error", "no result"),
        ("import time; time.sleep(60)", "timed_out", "time limit of 0.5 s"),
    ],
)
def test_death_of_the_child_becomes_a_record(supervise, code, status, reason):
    data = supervise(fake_child(code), time_limit_seconds=0.5 if status == "timed_out" else 60)
    assert data["status"] == status
    assert reason in data["reason"]
    assert data["log_tail"] == ["a line of the log", "the last line"]


# Answers SIGTERM with two epochs of three, as a training does.
STOPPABLE = """
import json, signal, sys, time
answer = json.loads(sys.argv[1])
def stop(signum, frame):
    print(json.dumps(answer), flush=True)
    raise SystemExit
signal.signal(signal.SIGTERM, stop)
time.sleep(60)
"""


def test_training_that_is_stopped_keeps_the_epochs_that_it_finished(supervise):
    names = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy")
    curves = {name: [0.5, 0.4] for name in names}
    kept = {**curves, "test_loss": None, "test_accuracy": None}
    times = {"epoch_seconds": [2.0, 1.0], "validation_seconds": [0.2, 0.1], "first_epoch_seconds": 2.0}
    answer = {**nothing_measured("timed_out", "x"), "durations": times, "accuracy": kept}
    child = [sys.executable, "-c", STOPPABLE, json.dumps(answer)]
    data = supervise(child, time_limit_seconds=1, config={**TINY, "epochs": 3})
    assert (data["status"], data["durations"], data["accuracy"]) == ("timed_out", times, kept)
    assert data["reason"] == (
        "The training was stopped after its time limit of 1 s (time_limit_seconds in config). 2 of 3 epochs finished, "
        "in 1.5 s each: they are in its record."
    )


def test_child_that_will_not_end_is_killed(supervise, monkeypatch):
    monkeypatch.setattr(worker_process, "GRACE_SECONDS", 0.5)
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
    for words in (deaf, deaf.replace("time.sleep", "print('{', flush=True); time.sleep")):
        data = supervise(fake_child(words), time_limit_seconds=0.5)
        assert data["status"] == "timed_out"
        assert "None of 2 epochs was finished" in data["reason"]


# The real child, which is told to stop when its second epoch ends.
STOPPED = f"""
import os, signal, sys
sys.path.insert(0, {str(SCRIPT.parent)!r})
from trainmark.measure import worker_process
from trainmark.measure.worker import training
real = training._epoch_clock
def clock(framework):
    found = real(framework)
    def stop(epoch, logs=None, end=found.on_epoch_end):
        end(epoch, logs)
        if epoch == 2:
            os.kill(os.getpid(), signal.SIGTERM)
    found.on_epoch_end = stop
    return found
training._epoch_clock = clock
worker_process.serve()
"""


@pytest.mark.slow
def test_real_training_answers_with_its_epochs_when_it_is_stopped(supervise):
    data = supervise(fake_child(STOPPED), config={**TINY, "epochs": 50})
    assert data["status"] == "timed_out"
    count = len(data["durations"]["epoch_seconds"])
    assert 2 <= count <= 3  # the third may not be in the curves yet
    assert data["durations"]["first_epoch_seconds"] == data["durations"]["epoch_seconds"][0]
    assert "fit_seconds" not in data["durations"]
    for name, values in data["accuracy"].items():
        assert values is None if name.startswith("test_") else len(values) == count
    assert data["energy"]["joules"] is None
    assert f"{count} of 50 epochs finished" in data["reason"]


def test_record_that_is_replaced_is_kept(supervise, tmp_path):
    supervise(fake_child("raise SystemExit(3)"))
    (path,) = tmp_path.glob("results/machines/**/1.json")
    first = path.read_bytes()
    supervise(fake_child("raise SystemExit(4)"))
    (kept,) = tmp_path.glob("results/superseded/*/synthetic/runs/tf-2.19/cpu/mlp/64/1.json")
    assert kept.read_bytes() == first
    assert "exit code 4" in path.read_text()


def test_failed_run_replaces_no_good_one_of_another_workload_before_one_of_its_own_succeeded(supervise, tmp_path):
    top = tmp_path / "results/machines/synthetic/runs/tf-2.19/cpu/mlp"
    path, other = top / "64/1.json", top / "128/1.json"
    for each in (path, other):
        each.parent.mkdir(parents=True)
    good = synthetic_record(batch_size=64)
    path.write_text(json.dumps(good))
    (other.parent / "3.json").write_text("[" * 100_000)  # whatever lies there is asked
    with pytest.raises(
        TrainmarkError, match=r"failed \(error\): .*exit code 3.* a good run of another workload. It is kept"
    ):
        supervise(fake_child("raise SystemExit(3)"))
    assert json.loads(path.read_text()) == good
    assert not list(tmp_path.glob("results/superseded/**/*.json"))
    other.write_text(json.dumps(synthetic_record(batch_size=128, workload=workloads.describe("mlp", TINY))))
    assert supervise(fake_child("raise SystemExit(3)"))["status"] == "error"
    assert len(list(tmp_path.glob("results/superseded/**/1.json"))) == 1


def test_record_is_not_replaced_where_it_cannot_be_kept(supervise, tmp_path, monkeypatch):
    def refuse(path, folder):
        raise OSError(errno.ENOSPC, "No space left on device")

    supervise(fake_child("raise SystemExit(3)"))
    monkeypatch.setattr(supervision.supersession, "keep", refuse)
    with pytest.raises(OSError, match="No space left"):
        supervise(fake_child("raise SystemExit(4)"))
    (path,) = tmp_path.glob("results/machines/**/*.json*")
    assert "exit code 3" in path.read_text()


def test_kill_by_the_system_for_want_of_memory_is_told(supervise, monkeypatch):
    counts = iter([4, 5])
    monkeypatch.setattr(supervision, "_oom_kills", lambda: next(counts))
    assert supervise(fake_child("import os; os.kill(os.getpid(), 9)"))["status"] == "out_of_memory"


def test_record_names_the_one_before_it_even_in_its_own_place(supervise, tmp_path):
    first = supervise(fake_child("raise SystemExit(3)"))
    before = chain.digest((tmp_path / PATH).read_bytes())
    control = supervise(fake_child("raise SystemExit(3)"), control="threads-2")
    middle = chain.digest((tmp_path / PATH.replace("runs", "controls/threads-2")).read_bytes())
    again = supervise(fake_child("raise SystemExit(4)"))
    assert (first["previous"], control["previous"], again["previous"]) == (None, before, middle)
    (superseded,) = (tmp_path / "results/superseded").rglob("*.json")
    assert chain.digest(superseded.read_bytes()) == before


def test_real_training(supervise):
    data = supervise(REAL_CHILD)
    assert data["status"] == "ok", data["reason"]
    assert data["execution"]["floatx"] == "float32"
    assert data["execution"]["variable_devices"] == data["execution"]["arithmetic_devices"] == ["CPU:0"]
    assert data["execution"]["parameters"] == 435_402
    assert data["execution"]["intra_op_threads"] == hardware.usable_cores()
    assert data["execution"]["jit_compile"] is False
    durations = data["durations"]
    assert len(durations["epoch_seconds"]) == len(data["accuracy"]["validation_loss"]) == 2
    parts = durations["fit_setup_seconds"] + sum(durations["epoch_seconds"]) + durations["fit_teardown_seconds"]
    assert parts <= durations["fit_seconds"] < parts + 0.1
    assert durations["steady_state_epoch_seconds"] == durations["epoch_seconds"][1]
    assert sum(durations["validation_seconds"]) < sum(durations["epoch_seconds"])
    assert data["peak_memory_bytes"] > 100 * 2**20
    assert data["versions"]["framework_version"].startswith("2.")


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system holds no process to CPUs")
def test_threads_come_from_the_request_and_their_control_is_held_to_its_cpus(supervise, monkeypatch):
    before = os.sched_getaffinity(0)
    last = max(before)
    monkeypatch.setattr(controls, "cpus", lambda control: [last])
    data = supervise(REAL_CHILD, threads=1, control="threads-2", config={**TINY, "epochs": 1})
    assert data["execution"]["cpus"] == [last]
    assert data["execution"]["intra_op_threads"] == data["execution"]["inter_op_threads"] == 1
    assert data["durations"]["steady_state_epoch_seconds"] is None
    assert os.sched_getaffinity(0) == before


# How a real training failed -> what its record says.
FAILED = {
    worker_answers.NO_GPU: (
        "wrong_device",
        r"TensorFlow \S+ sees none\. (What is installed was built without CUDA|.*could not be)",
    ),
    worker_answers.NO_DATA: ("error", r"train-images-idx3-ubyte\.npy"),
    worker_answers.FLOAT16: (
        "error",
        "with tensorflow in float16, channels_last; expected: with tensorflow in float32",
    ),
    worker_answers.OTHER_NUMPY: ("error", r"numpy: pinned 2\.1\.3, found 9\.9"),
    worker_answers.DIVERGING: ("nan", "loss is nan"),
}


@pytest.mark.parametrize("case", FAILED)
def test_real_training_that_fails_becomes_a_record_with_its_reason(supervise, answers, case):
    if case not in answers:
        pytest.skip("this machine has a GPU")
    status, reason = FAILED[case]
    data = supervise([sys.executable, "-c", "import sys; print(sys.argv[1])", json.dumps(answers[case])])
    assert data["status"] == status
    assert re.search(reason, data["reason"])
    assert data["versions"]["framework_version"].startswith("2.")


def test_package_that_was_changed_by_hand_is_refused_before_anything_starts(supervise, tmp_path):
    lock = tmp_path / "lock.yaml"
    lock.write_text(re.sub("keras==\\S+", "keras==3.0.0", LOCK.read_text()))
    with pytest.raises(TrainmarkError, match=r"(?s)lock\.yaml pins.*keras: pinned 3\.0\.0, found 3"):
        supervise(fake_child("print(1)"), lock_file=lock)
    assert not list(tmp_path.glob("results/**/*.json"))


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_signal_to_the_supervisor_ends_the_child_without_a_record(tmp_path, data_folder, signum):
    record = tmp_path / grid.Run(grid.Cell("synthetic", "tf-2.19", "cpu", "mlp", 64), 1).path
    workload = workloads.canonical_json(workloads.describe("mlp", CONFIG | {"epochs": 500}))
    command = [
        sys.executable,
        str(SCRIPT),
        "--workload",
        workload,
        "--seed",
        "1",
        "--threads",
        "1",
        "--time-limit",
        "99",
    ]
    command += [
        "--data",
        str(data_folder),
        "--lock-file",
        str(LOCK),
        "--log",
        str(tmp_path / "log"),
        str(record.relative_to(tmp_path)),
    ]
    with (tmp_path / "log").open("w") as log:
        supervisor = subprocess.Popen(
            command,
            cwd=tmp_path,
            stderr=log,
            stdout=subprocess.PIPE,
            text=True,
            # Whatever starts the tests in the background may have signals ignored, as nohup has SIGHUP.
            preexec_fn=lambda: signal.signal(signum, signal.SIG_DFL),
        )
        deadline = time.monotonic() + 60
        while not (children := psutil.Process(supervisor.pid).children()) and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(1)
        supervisor.send_signal(signum)
        out, _ = supervisor.communicate(timeout=30)
    assert supervisor.returncode == 130
    assert "Give the same command again to go on" in out
    assert children
    assert not any(child.is_running() for child in children)
    assert not list(record.parent.iterdir())


def test_training_on_another_gpu_than_the_one_that_is_described_is_refused():
    expected = gpus.Gpu("Tesla V100", uuid="GPU-2", pci_bus_id="00000000:00:05.0", index=1)
    used = {"name": "Tesla T4", "pci_bus_id": "0000:00:04.0"}
    found = supervision.refuse_other_gpu(expected, used)
    assert found["status"] == "wrong_device"
    assert "it used Tesla T4 at 0000:00:04.0" in found["reason"]
    assert supervision.refuse_other_gpu(expected, {**used, "pci_bus_id": "0000:00:05.0"}) is None


@pytest.mark.parametrize(("suspended", "jump"), [(5700.0, 0.0), (0.0, -600.0)])
def test_sleep_and_a_clock_that_is_set_are_in_the_record(supervise, monkeypatch, suspended, jump):
    real, calls = supervision.disturbances.clocks, []

    def clocks():
        now = real()
        calls.append(now)
        later = len(calls) > 1
        total = now.awake + (suspended if later else 0.0)
        return supervision.disturbances.Clocks(now.awake, total, now.wall + (suspended + jump if later else 0.0))

    monkeypatch.setattr(supervision.disturbances, "clocks", clocks)
    data = supervise(fake_child("raise SystemExit(3)"))
    assert data["noise"]["suspended_seconds"] == suspended
    assert data["noise"]["clock_jump_seconds"] == pytest.approx(jump, abs=0.5)
    assert data["ended_at"] >= data["started_at"]
