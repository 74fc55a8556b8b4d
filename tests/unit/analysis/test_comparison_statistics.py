"""Tests of trainmark.analysis.comparison_statistics, against scipy's own Welch interval on invented times."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from trainmark.analysis import comparison_statistics, comparisons
from trainmark.analysis.comparison_statistics import moments
from trainmark.analysis.comparisons import Comparison

from tests.unit.analysis.frames import TWO, runs


def speed_ups(baseline: pd.DataFrame, candidate: pd.DataFrame, key: str) -> pd.DataFrame:
    """Those of cells that this column tells apart."""
    return comparison_statistics.speed_ups(moments(baseline, [key]), moments(candidate, [key]), [key])


def test_speed_up_and_interval_are_those_of_scipy():
    rng = np.random.default_rng(1)
    for n_baseline, n_candidate in ((2, 2), (3, 3), (3, 7), (10, 2)):
        baseline = np.exp(rng.normal(3, 0.1, n_baseline))
        candidate = np.exp(rng.normal(2, 0.3, n_candidate))
        (row,) = speed_ups(runs(baseline), runs(candidate), "model").to_dict("records")
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
    found = speed_ups(baseline, candidate, "cell")
    # Three standard deviations of a share of 0.95 in 2,000 are 0.015.
    assert ((found["low"] <= truth) & (truth <= found["high"])).mean() == pytest.approx(0.95, abs=0.015)


def test_single_runs_have_a_speed_up_and_no_interval():
    (row,) = speed_ups(runs([20.0]), runs([10.0, 10.0]), "model").to_dict("records")
    assert row["speed_up"] == pytest.approx(2)
    assert np.isnan(row["low"])
    assert np.isnan(row["high"])


def test_equal_times_have_an_interval_of_no_width():
    (row,) = speed_ups(runs([20.0, 20.0]), runs([10.0, 10.0]), "model").to_dict("records")
    assert (row["low"], row["speed_up"], row["high"]) == pytest.approx((2, 2, 2))


def test_only_cells_that_both_have_are_compared():
    both = speed_ups(runs([1.0, 2.0], batch_size=[32, 64]), runs([1.0], batch_size=[64]), "batch_size")
    assert list(both["batch_size"]) == [64]


def test_interval_of_a_geometric_mean_covers_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(3)
    n, sizes, truths = 1500, (32, 128, 512), np.array([0.8, 1.0, 3.0])
    # Two devices of each of n machines; the noise of each is of another size, as it is in life.
    rows = []
    for device, level in (("cpu", 0.02), ("gpu", 0.15)):
        times = np.exp(rng.normal(0, level, (n, 3, 3)))
        times *= (truths if device == "cpu" else np.ones(3))[None, :, None]
        index = pd.MultiIndex.from_product([range(n), sizes, range(3)], names=["machine", "batch_size", "repeat"])
        rows.append(pd.DataFrame({"fit_seconds": times.ravel()}, index).reset_index().assign(device=device))
    both = pd.concat(rows).assign(stack="s", model="mlp", test_accuracy=0.8)
    both["machine"] = both["machine"].astype(str)
    both["steady_state_epoch_seconds"] = both["fit_seconds"]
    cells = comparisons.compare(moments(both), Comparison("", {"device": "gpu"}, {"device": "cpu"}))
    summary = comparison_statistics.summarise(cells).query("model == 'all'")
    truth = stats.gmean(truths)
    covered = ((summary["low"] <= truth) & (truth <= summary["high"])).mean()
    assert covered == pytest.approx(0.95, abs=0.02)


def test_taken_together_by_model_and_over_all():
    cells = comparisons.compare(moments(TWO), Comparison("x", {"device": "gpu"}, {"device": "cpu"}))
    extra = cells.assign(batch_size=64, speed_up=cells["speed_up"] * 4)
    summary = comparison_statistics.summarise(pd.concat([cells, extra, extra.assign(model="cnn")]))
    row = summary.query("machine == 'a' and model == 'all'").iloc[0]
    values = [2, 8, 8]
    assert row["cells"] == 3
    assert row["geometric_mean"] == pytest.approx(stats.gmean(values))
    assert row["arithmetic_mean"] == pytest.approx(np.mean(values))
    assert (row["minimum"], row["maximum"]) == pytest.approx((2, 8))
    assert summary.query("machine == 'a' and model == 'mlp'").iloc[0]["geometric_mean"] == pytest.approx(4)
