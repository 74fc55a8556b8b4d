"""Tests of trainmark.analysis.verdicts, in simulations of invented cells."""

import math

import numpy as np
import pandas as pd
import pytest
from trainmark.analysis import verdicts


def test_averages_are_those_of_the_article_and_their_intervals_cover_the_truth():
    """The arithmetic mean of ratios, with the interval of the delta method: a simulation of invented runs."""
    rng = np.random.default_rng(5)
    truths = np.array([0.85, 1.0, 1.3, 1.8])
    covered = []
    for _ in range(500):
        a, b = rng.normal(0, 0.03, (4, 3)), rng.normal(0, 0.06, (4, 3))
        variance = a.var(axis=1, ddof=1) / 3 + b.var(axis=1, ddof=1) / 3
        freedom = variance**2 / ((a.var(axis=1, ddof=1) / 3) ** 2 / 2 + (b.var(axis=1, ddof=1) / 3) ** 2 / 2)
        cells = pd.DataFrame(
            {
                "speed_up": truths * np.exp(a.mean(axis=1) - b.mean(axis=1)),
                "log_standard_error": np.sqrt(variance),
                "degrees_of_freedom": freedom,
                "model": "mlp",
                "batch_size": [32, 128, 512, 1024],
                "machine_baseline": "synthetic",
            }
        )
        (found,) = verdicts.estimates(cells, "arithmetic_mean")
        assert found.value == pytest.approx(cells["speed_up"].mean())
        covered.append(found.interval[0] <= truths.mean() <= found.interval[1])
    assert np.mean(covered) == pytest.approx(0.95, abs=0.025)


def test_a_true_claim_of_many_cells_is_seldom_contradicted():
    """Every one of twelve cells is faster by a hair: without a correction one of four such claims would fall."""
    rng = np.random.default_rng(6)
    region, against = verdicts.Region(1.0, math.inf), 0
    for _ in range(400):
        error = np.abs(rng.normal(0.05, 0.01, 12))
        cells = pd.DataFrame(
            {
                "speed_up": np.exp(rng.normal(1e-6, error)),
                "log_standard_error": error,
                "degrees_of_freedom": 1000.0,
                "model": "mlp",
                "batch_size": range(12),
                "machine_baseline": "synthetic",
            }
        )
        against += (
            verdicts.decide(list(verdicts.estimates(cells, "every")), region, [], "every")[0] == verdicts.CONTRADICTED
        )
    assert against / 400 < 0.06
