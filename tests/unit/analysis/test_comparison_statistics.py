"""Tests of trainmark.analysis.comparison_statistics, against scipy's own Welch interval on invented times."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from trainmark.analysis import comparison_statistics
from trainmark.analysis.comparison_statistics import Comparison
from trainmark.errors import TrainmarkError


def runs(times, **columns):
    steady = [time / 3 for time in times]
    return pd.DataFrame(
        {"fit_seconds": times, "steady_state_epoch_seconds": steady, "test_accuracy": 0.8, "model": "mlp", **columns}
    )


def test_speed_up_and_interval_are_those_of_scipy():
    rng = np.random.default_rng(1)
    for n_baseline, n_candidate in ((2, 2), (3, 3), (3, 7), (10, 2)):
        baseline = np.exp(rng.normal(3, 0.1, n_baseline))
        candidate = np.exp(rng.normal(2, 0.3, n_candidate))
        (row,) = comparison_statistics.speed_ups(runs(baseline), runs(candidate), ["model"]).to_dict("records")
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
    found = comparison_statistics.speed_ups(baseline, candidate, ["cell"])
    # Three standard deviations of a share of 0.95 in 2,000 are 0.015.
    assert ((found["low"] <= truth) & (truth <= found["high"])).mean() == pytest.approx(0.95, abs=0.015)


def test_single_runs_have_a_speed_up_and_no_interval():
    (row,) = comparison_statistics.speed_ups(runs([20.0]), runs([10.0, 10.0]), ["model"]).to_dict("records")
    assert row["speed_up"] == pytest.approx(2)
    assert np.isnan(row["low"])
    assert np.isnan(row["high"])


def test_equal_times_have_an_interval_of_no_width():
    (row,) = comparison_statistics.speed_ups(runs([20.0, 20.0]), runs([10.0, 10.0]), ["model"]).to_dict("records")
    assert (row["low"], row["speed_up"], row["high"]) == pytest.approx((2, 2, 2))


def test_only_cells_that_both_have_are_compared():
    both = comparison_statistics.speed_ups(
        runs([1.0, 2.0], batch_size=[32, 64]), runs([1.0], batch_size=[64]), ["batch_size"]
    )
    assert list(both["batch_size"]) == [64]


def table(*cells):
    """Runs of (machine, device, stack, seconds)."""
    return pd.concat(
        runs([seconds], machine=machine, device=device, stack=stack, batch_size=32)
        for machine, device, stack, seconds in cells
    )


def found(runs, *comparison):
    cells = comparison_statistics.compare(runs, Comparison("", *comparison))
    return {(row["machine"], row["device"], row["stack"]): row["speed_up"] for row in cells.to_dict("records")}


TWO = table(
    ("a", "cpu", "tf-2.19", 10.0),
    ("a", "gpu", "tf-2.19", 5.0),
    ("b", "cpu", "tf-2.19", 40.0),
    ("b", "gpu", "tf-2.19", 10.0),
    ("b", "gpu", "tf-2.12", 20.0),
    ("c", "gpu", "tf-2.12", 2.0),
)


def test_what_neither_side_names_is_the_same_on_both():
    gpu, cpu = {"device": "gpu"}, {"device": "cpu"}
    assert found(TWO, gpu, cpu) == pytest.approx({("a", "gpu", "tf-2.19"): 2, ("b", "gpu", "tf-2.19"): 4})


def test_different_stacks_are_compared_only_where_it_is_said():
    a, b = {"machine": "a", "device": "gpu"}, {"machine": "b", "device": "gpu"}
    assert found(TWO, a, b) == pytest.approx({("a", "gpu", "tf-2.19"): 2})
    # What only the baseline names is any other for the candidate.
    assert found(TWO, a, {**b, "stack": "tf-2.12"}) == pytest.approx({("a", "gpu", "tf-2.19"): 4})
    assert found(TWO, {**a, "stack": "tf-2.19"}, {**b, "stack": "tf-2.12"}) == pytest.approx(
        {("a", "gpu", "tf-2.19"): 4}
    )


def test_what_only_the_baseline_names_is_every_other_one():
    assert found(TWO, {"device": "gpu"}, {"machine": "b", "device": "gpu"}) == pytest.approx(
        {("a", "gpu", "tf-2.19"): 2, ("c", "gpu", "tf-2.12"): 10}
    )


def test_what_only_the_candidate_names_is_every_other_one_for_the_baseline():
    cells = comparison_statistics.compare(TWO, Comparison("", {"machine": "b", "device": "gpu"}, {"device": "gpu"}))
    speed_ups = {(r["machine_baseline"], r["stack"]): r["speed_up"] for r in cells.to_dict("records")}
    assert speed_ups == pytest.approx({("a", "tf-2.19"): 0.5, ("c", "tf-2.12"): 0.1})


def test_steady_state_is_compared_beside_the_total():
    fast_start = runs([10.0, 11.0], machine="a", device="gpu", stack="s", batch_size=32)
    slow_start = runs([12.0, 13.0], machine="b", device="gpu", stack="s", batch_size=32)
    slow_start["steady_state_epoch_seconds"] = [2.0, 2.1]
    sides = {"machine": "b", "device": "gpu"}, {"machine": "a", "device": "gpu"}
    (row,) = comparison_statistics.compare(pd.concat([fast_start, slow_start]), Comparison("", *sides)).to_dict(
        "records"
    )
    times = [np.log(frame["steady_state_epoch_seconds"]) for frame in (fast_start, slow_start)]
    expected = stats.ttest_ind(*times, equal_var=False).confidence_interval(0.95)
    assert (
        row["speed_up"] < 1 < row["steady_state_speed_up"] == pytest.approx(np.exp(times[0].mean() - times[1].mean()))
    )
    assert (row["steady_state_low"], row["steady_state_high"]) == pytest.approx(np.exp(expected))
    assert row["winner_changes"]


GPUS = pd.DataFrame(
    {
        "machine": ["slow", "mac", "fast", "t4", "absent"],
        "vendor": ["apple", "apple", "apple", "nvidia", "apple"],
    }
)
SECONDS = {"slow": 4.0, "mac": 2.0, "fast": 1.0, "t4": 3.0}


def of_article(*machines, baseline="auto"):
    there = pd.concat(table((machine, "gpu", "s", SECONDS[machine])) for machine in machines)
    return {c.exhibit: (c.candidate, c.baseline) for c in comparison_statistics.article(there, GPUS, baseline)}


def test_the_articles_comparisons_are_of_the_machines_that_are_there():
    found = of_article("slow", "mac", "fast", "t4")
    assert found["5"][1] == {"device": "gpu", "machine": "slow"}
    assert set(found["5"][0]["machine"]) == {"mac", "fast"}
    assert found["7"] == ({"device": "gpu", "machine": "fast"}, {"device": "gpu", "machine": ("t4",)})
    assert set(found) == {"5", "7"}
    assert of_article("slow", "mac", baseline="mac")["5"][1]["machine"] == "mac"
    assert of_article("mac", "fast")["5"][1]["machine"] == "mac"
    assert of_article("t4") == {}
    both = table(("t4", "gpu", "s", 1.0), ("t4", "cpu", "s", 2.0))
    assert [c.exhibit for c in comparison_statistics.article(both, GPUS, "auto")] == ["8"]


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
    cells = comparison_statistics.compare(both, Comparison("", {"device": "gpu"}, {"device": "cpu"}))
    summary = comparison_statistics.summarise(cells).query("model == 'all'")
    truth = stats.gmean(truths)
    covered = ((summary["low"] <= truth) & (truth <= summary["high"])).mean()
    assert covered == pytest.approx(0.95, abs=0.02)


def test_sensible_comparisons():
    names = [c.name for c in comparison_statistics.sensible(TWO, "auto")]
    assert names == [
        "Version matrix: tf-2.19 against tf-2.12",
        "GPU: every machine against b",
        "CPU: every machine against a",
    ]
    assert [c.name for c in comparison_statistics.sensible(TWO[:1], "auto")] == []
    assert comparison_statistics.sensible(TWO, "c")[-1].baseline["machine"] == "c"
    with pytest.raises(TrainmarkError, match=r"baseline is 'x'.*There are a, b, c\."):
        comparison_statistics.sensible(TWO, "x")


def test_taken_together_by_model_and_over_all():
    cells = comparison_statistics.compare(TWO, Comparison("x", {"device": "gpu"}, {"device": "cpu"}))
    extra = cells.assign(batch_size=64, speed_up=cells["speed_up"] * 4)
    summary = comparison_statistics.summarise(pd.concat([cells, extra, extra.assign(model="cnn")]))
    row = summary.query("machine == 'a' and model == 'all'").iloc[0]
    values = [2, 8, 8]
    assert row["cells"] == 3
    assert row["geometric_mean"] == pytest.approx(stats.gmean(values))
    assert row["arithmetic_mean"] == pytest.approx(np.mean(values))
    assert (row["minimum"], row["maximum"]) == pytest.approx((2, 8))
    assert summary.query("machine == 'a' and model == 'mlp'").iloc[0]["geometric_mean"] == pytest.approx(4)


SAME = {"stack": "tf-2.12", "device": "gpu", "batch_size": 32, "optimizer_class": "legacy.Adam", "jit_compile": False}
SAME |= {"tensor_float_32": False, "floatx": "float32", "image_data_format": "channels_last", "tensorflow": "2.12.0"}
SAME |= {"keras": "2.12.0", "optimizer_operations": "ResourceApplyAdam"}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({}, ""),
        ({"optimizer_class": "adam.Adam"}, "optimizer class adam.Adam against legacy.Adam"),
        ({"optimizer_operations": "Mul Sqrt"}, "optimizer operations Mul Sqrt against ResourceApplyAdam"),
        ({"jit_compile": True}, "jit compile True against False"),
        ({"tensor_float_32": True}, "tensor float 32 True against False"),
        ({"floatx": "float16"}, "floatx float16 against float32"),
        ({"image_data_format": "channels_first"}, "image data format channels_first against channels_last"),
        ({"keras": "2.12.1"}, "keras 2.12.1 against 2.12.0"),
        ({"keras": None}, ""),  # of an old record, that does not say
        # Another stack is another version, another device another graph.
        ({"stack": "tf-2.19", "keras": "3.15.1", "optimizer_class": "adam.Adam", "optimizer_operations": "Mul"}, ""),
        ({"device": "cpu", "optimizer_operations": "Mul"}, ""),
    ],
    ids=str,
)
def test_cells_that_did_not_compute_alike_are_in_no_ratio_and_named(change, named):
    mac = runs([10.0, 11.0], machine="synthetic-mac", **{**SAME, **change})
    box = runs([20.0, 21.0], machine="synthetic-box", **SAME)
    sides = {"machine": "synthetic-mac", "stack": mac["stack"][0], "device": mac["device"][0]}
    comparison = Comparison("c", sides, {"machine": "synthetic-box", "stack": "tf-2.12", "device": "gpu"})
    both = pd.concat([mac, box], ignore_index=True)
    assert len(comparison_statistics.compare(both, comparison)) == (not named)
    assert list(comparison_statistics.unlike(both, [comparison])["why"]) == ([named] if named else [])
