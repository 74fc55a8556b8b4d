"""The workflow while it is stopped, killed, timed out, or beside another one."""

import itertools
import os
import re
import signal
import subprocess
import time

import psutil

from tests.integration.conftest import TINY, find_child, trained


def gone(process: psutil.Process, seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def test_killed_child_is_recorded_and_the_named_command_repeats_just_it(checkout):
    for size in TINY["batch_sizes"]:
        checkout.record(size).unlink()
    workflow = checkout.start(epochs=100)
    find_child(workflow).kill()
    output, _ = workflow.communicate(timeout=120)
    assert workflow.returncode == 1
    statuses = {size: r["status"] for size, r in checkout.records().items()}
    assert sorted(statuses.values()) == ["killed", "ok"]
    (failed,) = (size for size, status in statuses.items() if status == "killed")
    assert f"tf-2.19 cpu mlp batch {failed} repeat 1: killed: The training process was killed by SIGKILL" in output
    page = (checkout.folder / "results/report/index.html").read_text()
    assert "Runs that failed or did not converge" in page
    assert "SIGKILL" in page

    again = checkout.run(code=1, epochs=100)
    assert trained(again) == 0
    command = re.search(r"Repeat just these with:\n +(.*)", again)[1]
    result = subprocess.run(command, shell=True, cwd=checkout.folder, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    assert trained(result.stdout) == 1
    assert {r["status"] for r in checkout.records().values()} == {"ok"}
    assert "Runs that failed" not in (checkout.folder / "results/report/index.html").read_text()


def test_time_limit_ends_a_run(real_checkout):
    """And TensorFlow, which is being imported then."""
    checkout = real_checkout
    checkout.record(64).unlink()
    output = checkout.run("measure", code=1, time_limit_seconds=1)
    assert output.count("FAILED (timed_out)") == 1
    assert checkout.records()[64]["status"] == "timed_out"


def test_killed_snakemake_takes_its_training_along_and_one_command_goes_on(checkout):
    for size in TINY["batch_sizes"]:
        checkout.record(size).unlink()
    workflow = checkout.start(epochs=500, batch_sizes=[64])
    child = find_child(workflow)
    workflow.kill()
    workflow.communicate()
    assert gone(child)
    time.sleep(1.5)
    assert checkout.records() == {}
    assert "--unlock" in checkout.run(code=1)
    checkout.run("--unlock")
    assert trained(checkout.run("measure", batch_sizes=[64])) == 1


def test_interrupted_workflow_goes_on_with_the_plain_command(checkout):
    for size in TINY["batch_sizes"]:
        checkout.record(size).unlink()
    workflow = checkout.start(epochs=500, batch_sizes=[64])
    child = find_child(workflow)
    os.killpg(workflow.pid, signal.SIGINT)  # what a terminal does on Ctrl-C
    output, _ = workflow.communicate(timeout=60)
    assert workflow.returncode != 0
    assert "Give the same command again to go on" in output
    assert "python workflow/scripts" not in output
    assert gone(child)
    assert checkout.records() == {}
    assert trained(checkout.run("measure", batch_sizes=[64])) == 1


def test_second_benchmark_on_the_machine_waits(checkout, tmp_path):
    second = checkout.copy(tmp_path / "second")
    checkout.record(64).unlink()
    second.record(64).unlink()
    workflow = checkout.start("measure", train_samples=50_000)
    find_child(workflow)
    output = second.run("measure")
    workflow.communicate(timeout=300)
    assert "another benchmark is timing on this machine" in output
    spans = sorted((r["started_at"], r["ended_at"]) for c in (checkout, second) for r in c.records().values())
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(spans))
