"""Tests of trainmark.records.repeats_needed."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from trainmark.experiment import workloads
from trainmark.records import repeats_needed

from tests.conftest import CONFIG, failed_record, path_of, synthetic_record

GOAL = repeats_needed.Goal(0.05, 9)


@pytest.mark.parametrize("n", [6, 8, 9, 12, 15, 30])
def test_interval_of_the_median_is_that_of_the_sign_test(n):
    values = list(np.random.default_rng(n).permutation(n) + 1.0)
    low, high = repeats_needed.median_interval(values)
    assert low + high == n + 1  # as many values below as above
    below = stats.binom.cdf(low - 1, n, 0.5)
    assert below <= 0.025 < stats.binom.cdf(low, n, 0.5)


@pytest.mark.parametrize("n", [1, 3, 5])
def test_few_values_have_no_interval(n):
    assert repeats_needed.median_interval([1.0] * n) is None
    assert repeats_needed.half_width([1.0] * n) is None


def test_interval_covers_the_median_of_skewed_times_in_at_least_95_percent():
    draws = np.random.default_rng(1).lognormal(0, 0.5, (4000, 7))
    ends = [repeats_needed.median_interval(list(row)) for row in draws]
    assert np.mean([low <= 1 <= high for low, high in ends]) > 0.95 - 0.01


@pytest.mark.parametrize(
    ("times", "tried", "enough", "words"),
    [
        ([10.0, 10.1, 10.2, 9.9, 10.0, 10.1], 6, True, "enough after 6 repeats: its median is known to ±1.5 %, ±5 %"),
        ([10.0, 10.1, 10.2, 9.9, 10.0, 14.0], 6, False, "6 repeats are not enough: its median is known to ±20.4 %"),
        ([10.0, 10.1, 10.2, 9.9, 10.0], 6, False, "6 repeats are not enough: its median has no interval yet"),
        ([10.0, 20.0, 10.0, 20.0, 10.0, 20.0, 10.0, 20.0, 9.0], 9, True, "stopped at the limit of 9 repeats"),
        ([10.0], 9, True, "only 1 runs are ok"),
        ([], 6, True, "stopped: none of 6 runs is ok"),
    ],
)
def test_a_cell_has_enough_when_its_median_is_known_or_never_will_be(times, tried, enough, words):
    found = repeats_needed.judge(times, tried, GOAL)
    assert found[0] is enough
    assert words in found[1]


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(data):
        path = path_of(data)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(data))
        return path

    return write


def test_cells_that_are_not_precise_get_one_repeat_more(write):
    steady = [write(synthetic_record(repeat=n, durations__fit_seconds=10.0 + n / 100)) for n in range(1, 7)]
    noisy = [write(synthetic_record(repeat=n, batch_size=64, durations__fit_seconds=9.0 + n)) for n in range(1, 7)]
    broken = [write(failed_record(repeat=n, batch_size=128)) for n in range(1, 7)]
    chosen = repeats_needed.choose([*steady, *noisy, *broken], GOAL)
    assert chosen["next"] == ["results/machines/synthetic/runs/tf-2.19/cpu/mlp/64/7.json"]
    assert "enough after 6" in chosen["why"]["tf-2.19 cpu mlp batch 32"]
    assert "none of 6 runs is ok" in chosen["why"]["tf-2.19 cpu mlp batch 128"]
    assert "1 of 3 cells need another repeat (6 repeats are not enough" in repeats_needed.lines(chosen)[0]
    done = repeats_needed.choose([*steady, *broken], GOAL)
    assert len(repeats_needed.lines(done)) == 2


def test_record_of_another_experiment_in_the_way_is_told(write):
    first = write(synthetic_record())
    alike = write(synthetic_record(repeat=7, seed=2030))
    other_workload = write(synthetic_record(repeat=8, seed=2031, workload_digest="0" * 64))
    other_seed = write(synthetic_record(repeat=10, seed=7))
    there = [alike, other_workload, other_seed]
    missing = "results/machines/synthetic/runs/tf-2.19/cpu/mlp/32/9.json"
    assert repeats_needed.foreign([*map(str, there), missing], [Path(first)]) == [str(path) for path in there[1:]]


def test_further_repeats_of_another_suite_lie_beside_its_others(write):
    workload = workloads.describe("resnet50", {**CONFIG, "suite": "cifar-10", "train_samples": 40_000})
    records = [write(synthetic_record(model="resnet50", workload=workload, repeat=n)) for n in range(1, 3)]
    (path,) = repeats_needed.choose(records, GOAL)["next"]
    assert path == "results/machines/synthetic/suites/cifar-10/runs/tf-2.19/cpu/resnet50/32/3.json"
