"""Tests of trainmark.planning.long_runs. All records and sweeps are synthetic."""

import json

import pytest
from trainmark.experiment import flops, suites, workloads
from trainmark.planning import long_runs
from trainmark.planning.long_runs import Cell

from tests.conftest import synthetic_record, synthetic_sweep
from tests.unit.planning.conftest import DEFAULT, make, write

CIFAR = {
    **DEFAULT,
    "suite": "cifar-10",
    "models": ["cnn_123k", "resnet50"],
    "batch_sizes": [32, 128],
    "epochs": 10,
    "train_samples": 40_000,
}
OPERATIONS = flops.of_fit(suites.named("cifar-10").models["resnet50"], 10, 40_000, 10_000)


def left_out(threads=1, **changes):
    return long_runs.left_out({**CIFAR, **changes}, "synthetic", ["tf-2.19"], threads)


def test_large_model_is_left_out_on_a_slow_cpu_and_made_on_a_fast_one(here):
    found = left_out()
    assert set(found) == {Cell("tf-2.19", "resnet50", size) for size in (32, 128)}
    assert found[Cell("tf-2.19", "resnet50", 32)].seconds == pytest.approx(OPERATIONS / 2e10)
    assert left_out(threads=64) == {}
    assert left_out(longest_run_minutes="unlimited") == {}
    assert left_out(longest_run_minutes=600) == {}


def test_no_model_of_the_article_is_left_out(here):
    for threads in (1, 2):
        assert long_runs.left_out(DEFAULT, "synthetic", ["tf-2.19"], threads) == {}


def test_peak_of_this_cpu_is_better_than_the_number_of_its_cores(here):
    path = here / "results/machines/synthetic/roofline/tf-2.19/cpu.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(synthetic_sweep(best=5e12)))
    assert left_out() == {}
    path.write_text(json.dumps(synthetic_sweep(best=2e11)))
    assert left_out()[Cell("tf-2.19", "resnet50", 32)].seconds == pytest.approx(OPERATIONS / (0.4 * 2e11))
    path.write_text("no sweep")
    assert "number of cores" in left_out()[Cell("tf-2.19", "resnet50", 32)].known_by


def cifar_record(**changes):
    workload = workloads.describe("resnet50", CIFAR)
    return synthetic_record(model="resnet50", workload=workload, **changes)


def test_cell_that_has_a_record_stays(here):
    write(cifar_record(batch_size=32))
    assert set(left_out()) == {Cell("tf-2.19", "resnet50", 128)}


def test_plan_has_no_run_of_what_is_left_out_and_says_so(here, monkeypatch):
    monkeypatch.setattr("trainmark.planning.plan.hardware.usable_cores", lambda: 1)
    changes = {key: CIFAR[key] for key in ("suite", "models", "batch_sizes", "epochs", "train_samples")}
    planned = make(**changes)
    assert {run.cell.model for run in planned.runs} == {"cnn_123k"}
    assert planned.records[0].startswith("results/machines/synthetic/suites/cifar-10/runs/tf-2.19/cpu/cnn_123k/32/")
    assert planned.described_grid["left_out"] == [["tf-2.19", "cpu", "resnet50", size] for size in (32, 128)]
    (said,) = planned.described_grid["left_out_why"]
    assert said.startswith("resnet50 on the CPU at batch size 32, 128: one run may take 2 h 50 min (")
    assert said.endswith("To time it all the same: --config longest_run_minutes=unlimited")
    assert {run.cell.model for run in make(**changes, longest_run_minutes="unlimited").runs} == {"cnn_123k", "resnet50"}
    assert "left_out" not in make().described_grid
    assert make().guesses == {}


def test_guess_of_a_measured_cell_is_what_it_took(here):
    write(cifar_record(batch_size=32, durations__fit_seconds=100.0))
    found = long_runs.estimates(CIFAR, "synthetic", ["tf-2.19"], 1)
    assert found[Cell("tf-2.19", "resnet50", 32)] == (110.0, "by an earlier run")
    assert found[Cell("tf-2.19", "resnet50", 128)].seconds == pytest.approx(OPERATIONS / 2e10)
    guesses = long_runs.guesses(found, "synthetic", "cifar-10")
    assert guesses["results/machines/synthetic/suites/cifar-10/runs/tf-2.19/cpu/resnet50/32"] == 110.0
