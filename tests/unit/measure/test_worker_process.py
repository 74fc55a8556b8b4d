"""Tests of trainmark.measure.worker_process: the lock of a machine, and the processes below a run."""

import fcntl
import json
import os
import subprocess
import sys
import threading
import time

import psutil
import pytest
from trainmark.machine import gpus
from trainmark.measure import worker_process

from tests.unit.measure.conftest import REAL_CHILD, fake_child


def test_child_gets_the_configured_threads_and_no_gpu(supervise, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("TF_XLA_FLAGS", "--tf_xla_auto_jit=2")
    environment = worker_process.child_environment("cpu", 3, None, "tf-2.19")
    assert environment["OMP_NUM_THREADS"] == environment["MKL_NUM_THREADS"] == "3"
    assert environment["CUDA_VISIBLE_DEVICES"] == "-1"
    assert "TF_XLA_FLAGS" not in environment
    gpu = gpus.Gpu("Tesla T4", uuid="GPU-1")
    assert worker_process.child_environment("gpu", 3, gpu, "tf-2.19")["CUDA_VISIBLE_DEVICES"] == "GPU-1"


@pytest.mark.parametrize("reaped", [True, False])
def test_gone_workflow_ends_the_run_without_a_record(supervise, tmp_path, reaped):
    ended = subprocess.Popen(["true"])
    if reaped:
        ended.wait()
    elif sys.platform != "linux":
        pytest.skip("only Linux tells a process that its parent has not noticed to be dead")
    started = time.monotonic()
    with pytest.raises(worker_process.AbandonedError):
        supervise(
            fake_child(f"import time; open({str(tmp_path / 'pid')!r}, 'w'); time.sleep(60)"), workflow_pid=ended.pid
        )
    assert time.monotonic() - started < 30
    assert not [path for path in tmp_path.rglob("*") if path.name.endswith((".json", ".tmp"))]


def test_second_timing_waits_with_a_message(supervise, tmp_path, capsys):
    (tmp_path / "lock").write_text("process 1 in /elsewhere")
    holder = (tmp_path / "lock").open()
    fcntl.flock(holder, fcntl.LOCK_EX)
    threading.Timer(1.0, holder.close).start()
    data = supervise(fake_child("raise SystemExit(3)"))
    assert data["status"] == "error"
    out = capsys.readouterr().out
    assert out.count("another benchmark is timing on this machine (process 1 in /elsewhere)") == 1


def test_what_does_not_wait_for_another_timing_is_told_whose_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr(worker_process, "MACHINE_LOCK", tmp_path / "lock")
    (tmp_path / "lock").write_text("process 1 in /elsewhere")
    with (tmp_path / "lock").open() as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        with (
            pytest.raises(worker_process.BusyError, match="process 1 in /elsewhere"),
            worker_process.machine_lock("x", None, waits=False),
        ):
            pass
    with worker_process.machine_lock("x", None, waits=False) as descriptor:
        assert descriptor > 2


def test_lock_never_writes_through_a_link(supervise, tmp_path):
    precious = tmp_path / "precious"
    precious.write_text("a file of mine")
    (tmp_path / "lock").symlink_to(precious)
    with pytest.raises(OSError, match="lock"):
        supervise(fake_child("raise SystemExit(3)"))
    assert precious.read_text() == "a file of mine"


def test_lock_is_open_to_other_users(supervise, tmp_path):
    before = os.umask(0o077)
    try:
        supervise(fake_child("raise SystemExit(3)"))
    finally:
        os.umask(before)
    assert (tmp_path / "lock").stat().st_mode & 0o777 == 0o666


def test_orphaned_child_ends_itself(tmp_path):
    child = subprocess.Popen(REAL_CHILD, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    request = {
        "stack": "tf-2.19",
        "device": "cpu",
        "batch_size": 1,
        "seed": 1,
        "threads": 1,
        "data_folder": str(tmp_path),
        "workload": {},
    }
    child.stdin.write(json.dumps(request).encode() + b"\n")
    child.stdin.flush()
    time.sleep(0.5)
    child.stdin.close()
    assert child.wait(timeout=30) == 1
    child.stdout.close()


def xnu_killpg(group, signum):
    """MacOS says EPERM where nothing but processes that have ended are left in a group (XNU, killpg1)."""
    members = [process for process in psutil.process_iter() if os.getpgid(process.pid) == group]
    if members and all(process.status() == psutil.STATUS_ZOMBIE for process in members):
        raise PermissionError(1, "Operation not permitted")
    os.kill(-group, signum)


@pytest.mark.parametrize("code", ["raise SystemExit(3)", "import os; os.abort()"], ids=["ended", "crashed"])
def test_run_whose_process_has_ended_is_recorded_on_a_mac_too(supervise, monkeypatch, code):
    """A child that closes its stdout and is gone before its group is ended is all that the group holds."""

    def killpg(group, signum):
        deadline = time.monotonic() + 10
        while psutil.Process(group).status() != psutil.STATUS_ZOMBIE and time.monotonic() < deadline:
            time.sleep(0.01)
        xnu_killpg(group, signum)

    monkeypatch.setattr(worker_process.os, "killpg", killpg)
    assert supervise(fake_child(code))["status"] in ("error", "killed")
