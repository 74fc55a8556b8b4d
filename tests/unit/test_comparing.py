"""Tests of trainmark.comparing, against scipy's own Welch interval on invented times."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from trainmark import comparing


def runs(times, **columns):
    return pd.DataFrame({"fit_seconds": times, "test_accuracy": 0.8, "model": "mlp", **columns})


def test_speed_up_and_interval_are_those_of_scipy():
    rng = np.random.default_rng(1)
    for n_baseline, n_candidate in ((2, 2), (3, 3), (3, 7), (10, 2)):
        baseline = np.exp(rng.normal(3, 0.1, n_baseline))
        candidate = np.exp(rng.normal(2, 0.3, n_candidate))
        (row,) = comparing.speed_ups(runs(baseline), runs(candidate), ["model"]).to_dict("records")
        expected = stats.ttest_ind(np.log(baseline), np.log(candidate), equal_var=False).confidence_interval(0.95)
        assert row["speed_up"] == pytest.approx(stats.gmean(baseline) / stats.gmean(candidate))
        assert (row["low"], row["high"]) == pytest.approx((np.exp(expected.low), np.exp(expected.high)))
        assert (row["n_baseline"], row["n_candidate"]) == (n_baseline, n_candidate)
        assert row["fit_seconds_baseline"] == np.median(baseline)


def test_interval_covers_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(2)
    n, truth = 2000, 2.0
    noise = rng.normal(0, [[[0.02]], [[0.2]]], (2, n, 3))
    cells = np.repeat(np.arange(n), 3)
    baseline = runs(np.exp(np.log(truth) + noise[0]).ravel()).assign(cell=cells)
    candidate = runs(np.exp(noise[1]).ravel()).assign(cell=cells)
    found = comparing.speed_ups(baseline, candidate, ["cell"])
    # Three standard deviations of a share of 0.95 in 2,000 are 0.015.
    assert ((found["low"] <= truth) & (truth <= found["high"])).mean() == pytest.approx(0.95, abs=0.015)


def test_single_runs_have_a_speed_up_and_no_interval():
    (row,) = comparing.speed_ups(runs([20.0]), runs([10.0, 10.0]), ["model"]).to_dict("records")
    assert row["speed_up"] == pytest.approx(2)
    assert np.isnan(row["low"])
    assert np.isnan(row["high"])


def test_equal_times_have_an_interval_of_no_width():
    (row,) = comparing.speed_ups(runs([20.0, 20.0]), runs([10.0, 10.0]), ["model"]).to_dict("records")
    assert (row["low"], row["speed_up"], row["high"]) == pytest.approx((2, 2, 2))


def test_only_cells_that_both_have_are_compared():
    both = comparing.speed_ups(runs([1.0, 2.0], batch_size=[32, 64]), runs([1.0], batch_size=[64]), ["batch_size"])
    assert list(both["batch_size"]) == [64]


def test_gpu_is_compared_with_the_cpu_of_its_own_machine():
    table = pd.concat(
        [runs([cpu * factor], device=device, machine=machine, stack="tf-2.19", batch_size=32)
         for machine, cpu in (("synthetic-a", 10.0), ("synthetic-b", 40.0))
         for device, factor in (("cpu", 1), ("gpu", 0.5))]
    )  # fmt: skip
    found = comparing.gpu_against_cpu(table)
    assert list(found["speed_up"]) == pytest.approx([2, 2])


def test_each_stack_is_compared_with_the_one_before_it():
    table = pd.concat(
        runs([seconds], stack=stack, machine="synthetic", device="cpu", batch_size=32)
        for stack, seconds in (("tf-2.19", 4.0), ("tf-2.9", 16.0), ("tf-2.12", 8.0))
    )
    found = comparing.newer_against_older_stack(table)
    assert list(zip(found["older"], found["newer"])) == [("tf-2.9", "tf-2.12"), ("tf-2.12", "tf-2.19")]
    assert list(found["speed_up"]) == pytest.approx([2, 2])
    assert comparing.newer_against_older_stack(table[:1]).empty
