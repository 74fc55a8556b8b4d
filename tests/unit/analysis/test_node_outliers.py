"""Tests of trainmark.analysis.node_outliers, on invented values: how often it is wrong, and what it finds."""

import time

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from trainmark.analysis import node_outliers


def called(values) -> np.ndarray:
    return node_outliers.p_values(values) <= node_outliers.LEVEL


@pytest.mark.slow
@pytest.mark.parametrize("nodes", [5, 7, 10, 25])
def test_equal_nodes_are_called_outliers_as_rarely_as_is_said(nodes):
    """Of 600 synthetic partitions of equal nodes, 5 % may have a false alarm; 7.5 % would be beyond chance."""
    rng = np.random.default_rng(nodes)
    alarms = sum(called(rng.normal(3, 0.02, nodes)).any() for _ in range(600))
    assert alarms / 600 < 0.075


@pytest.mark.slow
@pytest.mark.parametrize(("nodes", "found"), [(5, 0.5), (8, 0.95), (20, 0.99)])
def test_node_that_is_ten_percent_slow_is_found_and_no_other(nodes, found):
    """Among synthetic nodes that are spread by 1 %; of five, often."""
    rng = np.random.default_rng(nodes)
    hits = others = 0
    for _ in range(200):
        values = rng.normal(0, 0.01, nodes)
        values[2] += np.log(1.1)
        marked = called(values)
        hits += marked[2]
        others += marked.sum() - marked[2]
    assert hits / 200 >= found
    assert others / 200 < 0.06


def test_slow_nodes_do_not_hide_each_other():
    """Three of twelve synthetic nodes; a t test of each against all others finds none of them."""
    values = np.random.default_rng(1).normal(0, 0.01, 12)
    values[:3] += np.log(1.1)
    assert called(values).tolist() == [True] * 3 + [False] * 9
    one_by_one = [_against_the_rest(values, number) for number in range(3)]
    assert min(one_by_one) * 12 > node_outliers.LEVEL


def _against_the_rest(values, number: int) -> float:
    """The p-value of one value against all others, by the textbook's prediction interval."""
    rest = np.delete(values, number)
    t = (values[number] - rest.mean()) / (rest.std(ddof=1) * np.sqrt(1 + 1 / len(rest)))
    return float(2 * stats.t.sf(abs(t), len(rest) - 1))


def test_p_value_of_a_single_step_is_that_of_a_t_test_against_the_others_by_bonferroni():
    values = [0.0, 0.01, -0.012, 0.004, 0.09]
    assert node_outliers.most_outliers(5) == 1
    found = node_outliers.p_values(values)
    assert found[4] == pytest.approx(5 * _against_the_rest(np.array(values), 4))
    assert found[:4].tolist() == [1.0] * 4


@pytest.mark.parametrize(("values", "expected"), [([1.0] * 6, [1.0] * 6), ([1.0] * 6 + [2.0], [1.0] * 6 + [0.0])])
def test_nodes_that_are_equal_to_the_last_digit_can_be_judged(values, expected):
    assert node_outliers.p_values(values) == pytest.approx(expected)


def test_of_few_nodes_nothing_is_said():
    assert np.isnan(node_outliers.p_values([1.0, 1.0, 1.0, 9.0])).all()


def test_a_thousand_nodes_are_judged_at_once():
    values = np.random.default_rng(2).normal(0, 0.01, 1000)
    values[7] += 0.1
    began = time.process_time()
    assert np.flatnonzero(called(values)).tolist() == [7]
    assert time.process_time() - began < 0.5


def test_groups_are_adjusted_by_holm():
    groups = [np.array([0.01, 1.0]), np.array([np.nan, np.nan]), np.array([0.004, 0.02]), np.array([0.03, 1.0])]
    first, unknown, second, third = node_outliers.together(groups)
    assert second.tolist() == pytest.approx([0.012, 0.06])
    assert first.tolist() == pytest.approx([0.02, 1.0])
    assert third.tolist() == pytest.approx([0.03, 1.0])
    assert np.isnan(unknown).all()
    # What comes after a larger one is no smaller than it.
    late, early = node_outliers.together([np.array([0.05, 1.0]), np.array([0.04, 1.0])])
    assert (early[0], late[0]) == pytest.approx((0.08, 0.08))
    assert node_outliers.together([]) == []


@pytest.mark.parametrize("count", [2, 3, 5, 9, 10, 40])
def test_spread_is_the_standard_deviation_of_normal_values(count):
    rng = np.random.default_rng(count)
    found = np.mean([node_outliers.spread(rng.normal(5, 0.03, count)) for _ in range(2000)])
    assert found == pytest.approx(0.03, rel=0.05)


def test_spread_is_that_of_the_middle():
    values = np.random.default_rng(3).normal(0, 0.01, 40)
    with_outliers = np.concatenate([values, [3.0] * 10])
    assert node_outliers.spread(with_outliers) < 0.02 < with_outliers.std()
    assert np.isnan(node_outliers.spread([1.0]))


def test_spread_of_repeats_is_that_of_most_cells():
    rng = np.random.default_rng(4)
    cells = [rng.normal(0, 0.02, size) for size in (3, 5, 2) * 200]
    cells[::10] = [each * 50 for each in cells[::10]]
    cells.append(np.array([1.0]))
    variances = pd.Series([each.var(ddof=1) if len(each) > 1 else np.nan for each in cells])
    counts = pd.Series([len(each) for each in cells])
    assert node_outliers.spread_of_repeats(variances, counts) == pytest.approx(0.02, rel=0.15)
    assert np.isnan(node_outliers.spread_of_repeats(variances[-1:], counts[-1:]))
