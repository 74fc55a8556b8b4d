"""Tests of trainmark.planning.plan."""

import os

import pytest
from trainmark.experiment import grid, workloads
from trainmark.machine.gpus import Gpu
from trainmark.planning import config as configuration
from trainmark.planning import plan

from tests.conftest import failed_record, path_of, synthetic_record
from tests.unit.planning.conftest import DEFAULT, make, write


def test_articles_grid():
    assert len(make().records) == 3 * 4 * 3
    assert make().records[0] == "results/machines/synthetic/runs/tf-2.19/cpu/mlp/32/1.json"


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, "done"),
        ({"epochs": 3}, "other"),
        ({"seed": 7}, "other"),
        ({"train_samples": 400}, "other"),
        ({"threads": 2}, "done"),
        ({"threads": 1}, "other"),
        ({"time_limit_seconds": 5}, "done"),
        ({"repeats": 9, "models": ["mlp"]}, "done"),
    ],
)
def test_record_tells_whether_it_was_measured_as_configured(here, changes, state):
    write(synthetic_record())
    planned = make(**changes)
    assert planned.state(planned.run("runs", "tf-2.19", "cpu", "mlp", "32", "1")) == state


def test_controls_are_a_record_each_beside_every_plain_run(monkeypatch):
    monkeypatch.setattr(plan.hardware, "usable_cores", lambda: 4)
    planned = make(controls=["device-data", "threads-2", "threads-4"])
    assert len(planned.controls) == 2 * len(planned.records)  # four threads are what the plain runs have
    assert planned.controls[0] == "results/machines/synthetic/controls/device-data/tf-2.19/cpu/mlp/32/1.json"
    assert set(planned.impossible_controls) == {("threads-4", "tf-2.19", "cpu")}
    run = planned.run("controls/threads-2", "tf-2.19", "cpu", "mlp", "32", "1")
    assert str(run.path) in planned.controls
    assert (planned.threads(run), planned.seed(run)) == (2, planned.seed(planned.runs[0]))
    run = planned.run("controls/device-data", "tf-2.19", "cpu", "mlp", "32", "1")
    assert planned.threads(run) == "auto"
    assert make().controls == []


def test_controls_are_left_out_of_the_stacks_and_devices_that_cannot_make_them():
    config = {
        **DEFAULT,
        "controls": ["xla", "tf-data", "tf32", "mixed-bfloat16"],
        "models": ["mlp"],
        "batch_sizes": [32],
    }
    stacks = ["tf-2.19", "jax-0.11", "torch-2.11"]
    planned = plan.Plan("synthetic", stacks, ["cpu", "gpu"], config, Gpu("V100", compute_capability="7.0"))
    made = {run.split("/")[4] + " " + "/".join(run.split("/")[5:7]) for run in planned.controls}
    everywhere = {f"mixed-bfloat16 {stack}/{device}" for stack in stacks for device in ("cpu", "gpu")}
    on_one = {f"{control} tf-2.19/{device}" for control in ("xla", "tf-data") for device in ("cpu", "gpu")}
    assert made == everywhere | on_one
    ampere = plan.Plan("synthetic", stacks, ["cpu", "gpu"], config, Gpu("A100", compute_capability="8.0"))
    more = {"/".join(run.split("/")[4:7]) for run in set(ampere.controls) - set(planned.controls)}
    assert more == {f"tf32/{stack}/gpu" for stack in stacks}


def test_record_of_a_control_tells_whether_it_was_measured_as_configured(here):
    planned = make(controls=["threads-2"])
    run = planned.run("controls/threads-2", "tf-2.19", "cpu", "mlp", "32", "1")
    write(synthetic_record())
    assert planned.state(run) == "missing"
    write(synthetic_record(control="threads-2", execution__intra_op_threads=2))
    assert planned.state(run) == "done"
    assert make(controls=["threads-2"], epochs=3).state(run) == "other"


def test_state_of_other_files(here):
    planned = make()
    run = planned.run("runs", "tf-2.19", "cpu", "mlp", "32", "1")
    assert planned.state(run) == "missing"
    write(failed_record())
    assert planned.state(run) == "failed"
    for content in ("{", "[]", "[" * 100_000, "1" * 5000, b"\xff".decode("latin-1"), '{"workload_digest": 1}'):
        run.path.write_text(content)
        assert planned.state(run) == "unreadable"
    run.path.unlink()
    os.mkfifo(run.path)
    assert planned.state(run) == "unreadable"


def test_machine_measured_with_conda_stays_with_its_stack_without_it(here):
    without = configuration.Surroundings(False, ("tf-2.19",), (), "linux-64")
    config = {**DEFAULT, "machine": "synthetic"}
    assert plan.make_plan(config, without).stacks == ["tf-2.19"]
    bare = configuration.Surroundings(False, (), (), "linux-64")
    assert plan.make_plan(config, bare).stacks == ["tf-2.12"]
    write(synthetic_record(stack="tf-2.12"))
    assert plan.make_plan(config, without).stacks == ["tf-2.12"]
    write(synthetic_record(stack="tf-2.19"))
    assert plan.make_plan(config, without).stacks == ["tf-2.19"]
    assert plan.make_plan(config, bare).stacks == ["tf-2.12", "tf-2.19"]


def test_machine_measured_with_what_no_lock_pins_stays_with_it(here):
    write(synthetic_record(stack="torch-2.9.1-unpinned"))
    bare = configuration.Surroundings(False, (), (), "linux-64", unpinned=("torch-2.9.1-unpinned",))
    config = {**DEFAULT, "machine": "synthetic"}
    assert plan.make_plan(config, bare).stacks == ["torch-2.9.1-unpinned"]
    write(synthetic_record(stack="tf-2.12"))
    assert plan.make_plan(config, bare).stacks == ["tf-2.12", "torch-2.9.1-unpinned"]


def test_what_is_installed_here_is_found():
    found = plan.surroundings(use_conda=False)
    assert (found.installed_stacks, found.unpinned) == (("tf-2.19",), ("tf-2.19.1-unpinned",))


def test_preferred_experiment_is_the_configured_one():
    digest = workloads.settings_digest(synthetic_record()["workload"])
    assert make().settings_digest == digest
    assert make(epochs=3).settings_digest != digest


@pytest.mark.parametrize(
    ("stack", "optimizer", "state"),
    [
        ("tf-2.19", "keras.src.optimizers.adam.Adam", "done"),
        ("tf-2.12", "keras.optimizers.legacy.adam.Adam", "done"),
        ("tf-2.12", "keras.optimizers.adam.Adam", "other"),
    ],
)
def test_run_with_another_optimizer_than_the_stacks_is_made_again(here, stack, optimizer, state):
    data = synthetic_record(stack=stack, execution__optimizer_class=optimizer)
    write(data)
    assert make().state(grid.run_from_path(path_of(data))) == state
