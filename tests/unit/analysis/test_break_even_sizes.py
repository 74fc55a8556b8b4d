"""Tests of trainmark.analysis.break_even_sizes, on invented speed-ups and times."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from trainmark.analysis import break_even_sizes, comparison_statistics
from trainmark.analysis.comparison_statistics import Comparison
from trainmark.experiment import flops

from tests import synthetic


@pytest.mark.parametrize(
    ("sizes", "ratios", "expected"),
    [
        ([32, 128, 512], [0.5, 2.0, 3.0], 64.0),  # half-way between 32 and 128 in the logarithm
        ([32, 128], [0.25, 2.0], 32 * 4 ** (2 / 3)),
        ([32, 128], [1.1, 1.2], 0.0),
        ([32, 128], [2.0, 0.9], math.inf),
        ([32, 128, 512, 1024], [1.5, 0.5, 0.5, 2.0], 512 * 2**0.5),  # what counts is where it stays above
        ([32, 128], [1.0, 4.0], 32.0),
        ([32], [0.5], math.inf),
    ],
)
def test_last_crossing(sizes, ratios, expected):
    assert break_even_sizes.last_crossing(sizes, ratios) == pytest.approx(expected)


def test_without_repeats_a_break_even_has_no_interval():
    cells = pd.DataFrame(
        {
            "machine": "m",
            "stack": "s",
            "model": "cnn",
            "batch_size": [128, 32],
            "speed_up": [2.0, 0.5],
            "low": math.nan,
            "high": math.nan,
        }
    )
    (row,) = break_even_sizes.break_even(cells).to_dict("records")
    assert row["batch_size"] == pytest.approx(64)
    assert (row["smallest"], row["largest"]) == (32, 128)
    assert math.isnan(row["low"])
    assert math.isnan(row["high"])


def test_interval_of_a_break_even_holds_it_and_widens_with_the_noise():
    widths = []
    for noise in (0.01, 0.1):
        records = synthetic.records_of("synthetic-m2-max", noise=(1 - noise, 1.0, 1 + noise))
        cells = comparison_statistics.compare(frame(records), Comparison("", {"device": "gpu"}, {"device": "cpu"}))
        row = break_even_sizes.break_even(cells).query("model == 'lstm'").iloc[0]
        assert row["low"] < row["batch_size"] < row["high"]
        assert 32 < row["batch_size"] < 128
        widths.append(row["high"] - row["low"])
    assert widths[0] < widths[1]


def frame(records) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {key: r[key] for key in ("machine", "device", "stack", "model", "batch_size")}
            | {key: r["durations"][key] for key in comparison_statistics.MEASURES}
            | {"test_accuracy": 0.8}
            for r in records
        ]
    )


GPUS = pd.DataFrame(
    {
        "machine": list(synthetic.KINDS),
        "fp32_tflops": [2.6, 10.7, 9.3, math.nan, 15.7],
    }
)


def test_the_gpu_with_more_tflops_is_always_the_candidate():
    ratios = break_even_sizes.tflops_ratios(frame(synthetic.article()), GPUS)
    pairs = ratios[["machine", "machine_baseline"]].drop_duplicates()
    names = {tuple(name.removeprefix("synthetic-") for name in pair) for pair in pairs.itertuples(index=False)}
    assert names == {("m2-max", "m1"), ("p100", "m1"), ("v100", "m1"), ("m2-max", "p100"), ("v100", "p100")} | {
        ("v100", "m2-max")
    }
    assert (ratios["tflops_ratio"] > 1).all()
    assert (ratios["device"] == "gpu").all()
    row = ratios.query("machine == 'synthetic-m2-max' and machine_baseline == 'synthetic-p100' and model == 'mlp'")
    assert row.query("batch_size == 1024")["speed_up"].iloc[0] == pytest.approx(1.77)
    assert row["tflops_ratio"].iloc[0] == pytest.approx(10.7 / 9.3)
    expected = stats.spearmanr(ratios["tflops_ratio"], ratios["speed_up"]).statistic
    assert break_even_sizes.rank_correlation(ratios) == pytest.approx(expected)


def test_gpus_of_equal_or_unknown_tflops_say_nothing():
    runs = frame(synthetic.records_of("synthetic-m1") + synthetic.records_of("synthetic-t4"))
    assert break_even_sizes.tflops_ratios(runs, GPUS).empty
    assert break_even_sizes.tflops_ratios(runs, GPUS.assign(fp32_tflops=5.0)).empty
    assert math.isnan(break_even_sizes.rank_correlation(break_even_sizes.tflops_ratios(runs, GPUS)))


# Two rounds of an invented sweep.
PEAKS = pd.DataFrame({"flops_per_second": [7.5e12, 8.0e12], "side": 4096, "round": [1, 2], "threads": 8}).assign(
    machine="synthetic-m2-max", stack="tf-2.19", device="gpu", theoretical_flops_per_second=math.nan
)


def test_utilisation_is_that_of_the_best_batch_size_over_the_published_peak():
    runs = frame(synthetic.records_of("synthetic-m2-max"))
    counts = [flops.of_fit(model, 2, 50000, 10000) for model in runs["model"]]
    table = break_even_sizes.utilisation(runs.assign(flops_per_second=counts / runs["fit_seconds"]), GPUS, PEAKS)
    row = table.query("device == 'gpu' and model == 'cnn'").iloc[0]
    time = synthetic.seconds("synthetic-m2-max", "gpu", "cnn", 1024)
    assert row["batch_size"] == 1024
    assert row["tflops"] == pytest.approx(flops.of_fit("cnn", 2, 50000, 10000) / time / 1e12)
    assert row["share"] == pytest.approx(row["tflops"] / 10.7)
    assert table.query("device == 'cpu'")["share"].isna().all()
    assert row["swept_share"] == pytest.approx(row["tflops"] / 8.0)
    assert table.query("device == 'cpu'")["swept_share"].isna().all()
    assert break_even_sizes.utilisation(runs.assign(flops_per_second=math.nan), GPUS, PEAKS).empty
    assert break_even_sizes.utilisation(runs.assign(flops_per_second=1e12), GPUS, PEAKS[:0])["swept_share"].isna().all()


def test_best_product_of_a_sweep_stands_beside_the_peaks():
    table = break_even_sizes.best_products(PEAKS, GPUS)
    (row,) = table.to_dict("records")
    assert (row["tflops"], row["published_share"]) == (8.0, pytest.approx(8 / 10.7))
    cpu = PEAKS.assign(device="cpu", theoretical_flops_per_second=1.6e13, theoretical_cores=4)
    cpu = cpu.assign(theoretical_clock_hertz=2.5e9, theoretical_flops_per_cycle=32)
    (row,) = break_even_sizes.best_products(cpu, GPUS).to_dict("records")
    assert (row["theoretical_share"], row["theory"]) == (0.5, "4 cores x 2.50 GHz x 32 a cycle")
    assert math.isnan(row["published_tflops"])
    assert break_even_sizes.best_products(PEAKS[:0], GPUS).empty


@pytest.mark.parametrize("spread", [0.01, 0.05, 0.1, 0.3])
def test_repeats_needed_are_the_fewest_that_reach_the_precision(spread):
    def half(n):
        return stats.t.ppf(0.975, n - 1) * spread / math.sqrt(n)

    needed = break_even_sizes.repeats_needed(spread)
    assert half(needed) <= break_even_sizes.PRECISION
    assert needed == 2 or half(needed - 1) > break_even_sizes.PRECISION


def test_drift_is_the_last_repeat_over_the_first_whatever_their_numbers():
    rng = np.random.default_rng(4)
    rows = []
    for machine, growth in (("steady", 1.0), ("warming", 1.1)):
        for size, repeat in itertools.product(range(8), (1, 2, 3)):
            started = f"2026-01-01T0{4 - repeat}"  # the third repeat was made first
            rows.append((machine, size, repeat, started, growth ** (3 - repeat) * np.exp(rng.normal(0, 0.01))))
    runs = pd.DataFrame(rows, columns=["machine", "batch_size", "repeat", "started_at", "fit_seconds"])
    table = break_even_sizes.drift(runs.assign(stack="s", device="cpu", model="mlp")).set_index("machine")
    assert table.loc["warming", "ratio"] == pytest.approx(1.21, rel=0.02)
    assert table.loc["warming", "low"] > 1
    assert table.loc["steady", "low"] < 1 < table.loc["steady", "high"]
    pairs = runs[runs["machine"] == "warming"].pivot(index="batch_size", columns="started_at", values="fit_seconds")
    logs = np.log(pairs.iloc[:, -1] / pairs.iloc[:, 0])
    expected = stats.ttest_1samp(logs, 0).confidence_interval(0.95)
    assert (table.loc["warming", "low"], table.loc["warming", "high"]) == pytest.approx(np.exp(expected))


def test_drift_takes_repeats_of_two_cells():
    runs = pd.DataFrame({"fit_seconds": [1.0, 2.0], "started_at": ["a", "b"], "repeat": [1, 2], "batch_size": 32})
    runs = runs.assign(machine="m", stack="s", device="cpu", model="mlp")
    assert break_even_sizes.drift(runs).empty
    assert break_even_sizes.drift(runs[:1]).empty


def test_runs_that_started_at_once_are_in_the_order_of_their_repeats():
    frames = [
        pd.DataFrame({"fit_seconds": [1.0, 1.1, 1.2], "repeat": [1, 2, 3], "batch_size": size}) for size in (1, 2)
    ]
    runs = pd.concat(frames).assign(machine="m", stack="s", device="cpu", model="mlp", started_at="same")
    for shuffled in (runs, runs[::-1], runs.sample(frac=1, random_state=1)):
        assert break_even_sizes.drift(shuffled)["ratio"].tolist() == pytest.approx([1.2])


def test_gpu_states_are_those_of_all_runs_of_a_gpu():
    noted = pd.DataFrame(
        {
            "gpu_clock_hertz": [1.5e9, 1.3e9, 1.1e9, math.nan],
            "gpu_temperature_celsius": [60.0, 71.0, 80.0, math.nan],
            "gpu_throttle_shares": ['{"sw_power_cap": 0.5}', '{"sw_power_cap": 1.0, "hw_thermal": 0.5}', None, None],
            "peak_device_memory_bytes": [2e9, 3e9, 1e9, math.nan],
            "machine": ["a", "a", "a", "b"],
        }
    ).assign(stack="s", device="gpu")
    (row,) = break_even_sizes.gpu_states(noted).to_dict("records")
    assert (row["machine"], row["runs"], row["clock_hertz"], row["hottest_celsius"]) == ("a", 3, 1.3e9, 80.0)
    assert row["peak_memory_bytes"] == 3e9
    assert row["held_back_by"] == "hw_thermal 25%, sw_power_cap 75%"
    assert break_even_sizes.gpu_states(noted[3:]).empty
