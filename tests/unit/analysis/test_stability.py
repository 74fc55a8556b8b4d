"""Tests of trainmark.analysis.stability, on invented times."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from trainmark.analysis import stability


@pytest.mark.parametrize("spread", [0.01, 0.05, 0.1, 0.3])
def test_repeats_needed_are_the_fewest_that_reach_the_precision(spread):
    def half(n):
        return stats.t.ppf(0.975, n - 1) * spread / math.sqrt(n)

    needed = stability.repeats_needed(spread)
    assert half(needed) <= stability.PRECISION
    assert needed == 2 or half(needed - 1) > stability.PRECISION


def test_drift_is_the_last_repeat_over_the_first_whatever_their_numbers():
    rng = np.random.default_rng(4)
    rows = []
    for machine, growth in (("steady", 1.0), ("warming", 1.1)):
        for size, repeat in itertools.product(range(8), (1, 2, 3)):
            started = f"2026-01-01T0{4 - repeat}"  # the third repeat was made first
            rows.append((machine, size, repeat, started, growth ** (3 - repeat) * np.exp(rng.normal(0, 0.01))))
    runs = pd.DataFrame(rows, columns=["machine", "batch_size", "repeat", "started_at", "fit_seconds"])
    table = stability.drift(runs.assign(stack="s", device="cpu", model="mlp")).set_index("machine")
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
    assert stability.drift(runs).empty
    assert stability.drift(runs[:1]).empty


def test_runs_that_started_at_once_are_in_the_order_of_their_repeats():
    frames = [
        pd.DataFrame({"fit_seconds": [1.0, 1.1, 1.2], "repeat": [1, 2, 3], "batch_size": size}) for size in (1, 2)
    ]
    runs = pd.concat(frames).assign(machine="m", stack="s", device="cpu", model="mlp", started_at="same")
    for shuffled in (runs, runs[::-1], runs.sample(frac=1, random_state=1)):
        assert stability.drift(shuffled)["ratio"].tolist() == pytest.approx([1.2])


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
    (row,) = stability.gpu_states(noted).to_dict("records")
    assert (row["machine"], row["runs"], row["clock_hertz"], row["hottest_celsius"]) == ("a", 3, 1.3e9, 80.0)
    assert row["peak_memory_bytes"] == 3e9
    assert row["held_back_by"] == "hw_thermal 25 %, sw_power_cap 75 %"
    assert stability.gpu_states(noted[3:]).empty
