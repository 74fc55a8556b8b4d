"""Tests of trainmark.analysis.break_even, on invented speed-ups."""

import math

import pandas as pd
import pytest
from trainmark.analysis import break_even, comparisons
from trainmark.analysis.comparison_statistics import moments
from trainmark.analysis.comparisons import Comparison

from tests import synthetic
from tests.unit.analysis.frames import frame


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
    assert break_even.last_crossing(sizes, ratios) == pytest.approx(expected)


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
    (row,) = break_even.batch_sizes(cells).to_dict("records")
    assert row["batch_size"] == pytest.approx(64)
    assert (row["smallest"], row["largest"]) == (32, 128)
    assert math.isnan(row["low"])
    assert math.isnan(row["high"])


def test_interval_of_a_break_even_holds_it_and_widens_with_the_noise():
    widths = []
    for noise in (0.01, 0.1):
        records = synthetic.records_of("synthetic-m2-max", noise=(1 - noise, 1.0, 1 + noise))
        cells = comparisons.compare(moments(frame(records)), Comparison("", {"device": "gpu"}, {"device": "cpu"}))
        row = break_even.batch_sizes(cells).query("model == 'lstm'").iloc[0]
        assert row["low"] < row["batch_size"] < row["high"]
        assert 32 < row["batch_size"] < 128
        widths.append(row["high"] - row["low"])
    assert widths[0] < widths[1]
