"""Tests of trainmark.analysis.single_values: medians and their intervals, of invented runs."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from trainmark.analysis import single_values

TIMES, ACCURACIES = [40.0, 50.0, 65.0], [0.89, 0.90, 0.93]
RUNS = pd.DataFrame(
    {
        "machine": "synthetic",
        "stack": "tf-2.19",
        "device": "gpu",
        "model": "cnn",
        "batch_size": 64,
        "epochs": 5,
        "fit_seconds": TIMES,
        "test_accuracy": ACCURACIES,
    }
)


def claim(measure, sizes=(64,)):
    return {
        "measure": measure,
        "candidate": {"device": "gpu"},
        "cells": {"models": ["cnn"], "batch_sizes": list(sizes)},
    }


def test_a_time_has_students_interval_of_its_logarithms():
    (found,), missing = single_values.estimates(claim("seconds_per_epoch"), RUNS, "synthetic", "tf-2.19")
    logs = np.log(np.array(TIMES) / 5)
    assert found.value == 10.0
    assert found.interval == pytest.approx(np.exp(stats.ttest_1samp(logs, 0).confidence_interval(0.95)))
    assert found.strict == pytest.approx(found.interval)
    assert missing == []


def test_an_accuracy_has_one_of_its_values():
    (found,), _ = single_values.estimates(claim("accuracy"), RUNS, "synthetic", "tf-2.19")
    assert found.value == 0.90
    assert found.interval == pytest.approx(stats.ttest_1samp(ACCURACIES, 0).confidence_interval(0.95))


def test_of_several_cells_each_has_a_wider_interval_that_holds_with_the_others():
    runs = pd.concat([RUNS, RUNS.assign(batch_size=32)])
    found, missing = single_values.estimates(claim("seconds_per_epoch", (32, 64, 16)), runs, "synthetic", "tf-2.19")
    logs = np.log(np.array(TIMES) / 5)
    wider = np.exp(stats.ttest_1samp(logs, 0).confidence_interval(0.975))
    assert [each.strict for each in found] == [pytest.approx(wider)] * 2
    assert missing == ["cnn 16 on synthetic (a run)"]


def test_what_is_not_of_this_machine_stack_and_device_does_not_count():
    for other in ({"machine": "synthetic-b"}, {"stack": "tf-2.12"}, {"device": "cpu"}, {"model": "mlp"}):
        found, missing = single_values.estimates(claim("accuracy"), RUNS.assign(**other), "synthetic", "tf-2.19")
        assert (found, len(missing)) == ([], 1)
