"""Runs that are supervised in a temporary folder, whose children are fakes or the real one."""

import json
import os
import sys

import pytest
from trainmark.experiment import grid, workloads
from trainmark.measure import supervision, worker_process

from tests.conftest import ROOT, validate_record
from tests.worker_answers import LOCK, TINY

SCRIPT = ROOT / "workflow/scripts/time_training.py"
# A watching process that finds nothing to read.
NO_METER = [
    sys.executable,
    "-c",
    """print('{"domains": [], "missing": ["nothing to read"], "gpu_processes": null, "watches": false}')""",
]
REAL_CHILD = [sys.executable, str(SCRIPT), "--child"]


@pytest.fixture
def supervise(tmp_path, monkeypatch, data_folder):
    """Supervise one run in a temporary folder; returns the record as read back."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(worker_process, "MACHINE_LOCK", tmp_path / "lock")
    monkeypatch.setattr(worker_process, "POLL_SECONDS", 0.1)
    log = tmp_path / "run.log"
    log.write_text("a line of the log\n\nthe last line\n")

    def run(command, device="cpu", model="mlp", config=TINY, time_limit_seconds=120.0, control=None, **changes):
        request = supervision.Request(
            run=grid.Run(grid.Cell("synthetic", "tf-2.19", device, model, 64), 1, control),
            workload=workloads.describe(model, config),
            seed=2024,
            threads=changes.get("threads"),
            time_limit_seconds=time_limit_seconds,
            data_folder=changes.get("data_folder", data_folder),
            lock_file=changes.get("lock_file", LOCK),
            workflow_pid=changes.get("workflow_pid"),
            idle_seconds=changes.get("idle_seconds", 0.0),
            gpu=changes.get("gpu"),
        )
        supervision.supervise(request, command, changes.get("watch", NO_METER), log)
        assert os.listdir(request.run.path.parent) == ["1.json"]
        data = json.loads(request.run.path.read_text())
        validate_record(data)
        return data

    return run


def fake_child(code: str) -> list[str]:
    return [sys.executable, "-c", code]
