"""Tests of trainmark.measure.kernel_cache, with a child that tells what it was asked."""

import dataclasses
import json

from trainmark.machine import gpus

from tests.unit.measure.conftest import fake_child

# Answers every message: well to those with few samples, which only compile, and with an error to the run itself.
COMPILING = """
import json, sys
message = json.loads(sys.stdin.readline())
with open({log!r}, "a") as file:
    file.write(json.dumps([message["workload"]["model"], message["workload"]["train_samples"]]) + chr(10))
small = message["workload"]["train_samples"] == 128
failed = {{name: {{}} for name in ("durations", "execution", "versions", "noise")}}
failed |= dict.fromkeys(("accuracy", "peak_memory_bytes", "peak_device_memory_bytes", "fit_window", "gpu"))
print(json.dumps({{**failed, "status": "ok" if small else "error", "reason": None if small else "synthetic"}}))
"""
H100 = gpus.Gpu("NVIDIA H100 80GB HBM3", driver="560.35.03", compute_capability="9.0", uuid="GPU-1")


def test_what_the_driver_compiles_is_compiled_before_the_first_timing_and_once(
    supervise, tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path))
    log = tmp_path / "messages"
    command = fake_child(COMPILING.format(log=str(log)))
    compiled = [["mlp", 128], ["cnn", 128], ["lstm", 128]]
    for expected in ([*compiled, ["mlp", 400]], [["mlp", 400]]):
        data = supervise(command, device="gpu", gpu=H100)
        assert data["gpu"]["name"] == H100.name
        assert [json.loads(line) for line in log.read_text().splitlines()] == expected
        log.unlink()
    said = capsys.readouterr().out
    assert said.count("NVIDIA's driver now compiles the code, once") == 1
    # Another driver compiles again; a GPU with machine code never.
    supervise(command, device="gpu", gpu=dataclasses.replace(H100, driver="570.00"))
    assert len(log.read_text().splitlines()) == 4
    supervise(
        command, device="gpu", gpu=gpus.Gpu("Tesla T4", driver="560.35.03", compute_capability="7.5", uuid="GPU-2")
    )
    assert len(log.read_text().splitlines()) == 5


def test_compiling_that_fails_is_tried_again_and_fails_no_run(supervise, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path))
    log = tmp_path / "messages"
    crash = fake_child(f"import sys; open({str(log)!r}, 'a').write(sys.stdin.readline()); raise SystemExit(3)")
    for times in (2, 4):  # the first model, then the run itself
        assert supervise(crash, device="gpu", gpu=H100)["status"] == "error"
        assert len(log.read_text().splitlines()) == times
