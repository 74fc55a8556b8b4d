"""Tests of trainmark.analysis.time_to_accuracy, on invented runs."""

import math

import pandas as pd
import pytest
from scipy import stats
from trainmark.analysis import comparison_statistics, ranking, time_to_accuracy
from trainmark.contents import tables
from trainmark.records.record import NOT_CONVERGED, OK

from tests.unit.analysis.frames import runs as frame

NEVER = math.nan
APART = dict.fromkeys(("inter_op_threads", "keras", "plugin", "cuda", "cudnn", "gpu", "optimizer_class"), "the same")
APART |= dict.fromkeys(("optimizer_operations", "jit_compile", "tensor_float_32", "floatx"), "the same")
APART |= {"image_data_format": "the same", "framework_version": "2.19.1"}


def runs_of(machine, seconds, epochs=2, status=OK, threads=2, **columns):
    """Runs of one cell, each of which reached its target after so many seconds, or NEVER."""
    there = [NEVER if math.isnan(each) else epochs for each in seconds]
    made = frame([50.0 + number for number in range(len(seconds))], machine=machine, device="cpu", batch_size=32)
    options = {"status": status, "target_accuracy": 0.86, "seconds_to_target": seconds, "epochs_to_target": there}
    return made.assign(**{"stack": "tf-2.19", "intra_op_threads": threads, **APART, **options, **columns})


def table_of(*cells, baseline="a"):
    shown = pd.concat(cells)
    against = ranking.against_baseline(comparison_statistics.moments(shown[shown["status"] == OK]), baseline)
    return time_to_accuracy.per_cell(shown, against).set_index("machine")


def test_ratio_is_that_of_the_geometric_means_with_welchs_interval():
    ours, theirs = [10.0, 11.0, 13.0], [20.0, 24.0, 23.0]
    found = table_of(runs_of("a", theirs), runs_of("b", ours))
    row = found.loc["b"]
    logs = [[math.log(value) for value in values] for values in (theirs, ours)]
    assert row["speed_up"] == pytest.approx(math.exp((sum(logs[0]) - sum(logs[1])) / 3))
    limits = stats.ttest_ind(*logs, equal_var=False).confidence_interval(0.95)
    assert (row["low"], row["high"]) == pytest.approx([math.exp(limit) for limit in limits])
    assert (row["seconds"], row["epochs"], row["runs"], row["reached"]) == (11.0, 2, 3, 3)
    assert found.loc["a", "speed_up"] == 1
    assert math.isnan(found.loc["a", "low"])


@pytest.mark.parametrize(
    ("seconds", "median"),
    [
        ([10.0, 12.0, NEVER], 12.0),  # the run that never did is the slowest, not left out: 11 would be too good
        ([10.0, NEVER, NEVER], NEVER),
        ([10.0, 12.0, 13.0, NEVER], 12.5),
        ([10.0, 12.0, NEVER, NEVER], NEVER),
        ([10.0, NEVER], NEVER),
        ([NEVER], NEVER),
    ],
)
def test_run_that_never_reached_the_target_is_neither_left_out_nor_averaged(seconds, median):
    row = table_of(runs_of("a", [20.0, 21.0]), runs_of("b", seconds)).loc["b"]
    assert row["seconds"] == pytest.approx(median, nan_ok=True)
    assert row["epochs"] == pytest.approx(NEVER if math.isnan(median) else 2, nan_ok=True)
    assert (row["runs"], row["reached"]) == (len(seconds), sum(not math.isnan(each) for each in seconds))
    assert row[["speed_up", "low", "high"]].isna().all()


def test_where_a_run_of_the_baseline_never_did_there_is_no_ratio():
    found = table_of(runs_of("a", [20.0, 21.0, NEVER]), runs_of("b", [10.0, 11.0, 12.0]))
    assert found["seconds"].tolist() == [21.0, 11.0]
    assert found["speed_up"].isna().all()


def test_run_that_the_gate_excluded_counts_as_one_that_never_did():
    excluded = runs_of("b", [5.0], status=NOT_CONVERGED).assign(repeat=3)
    row = table_of(runs_of("a", [20.0, 21.0]), runs_of("b", [10.0, 11.0]), excluded).loc["b"]
    assert (row["runs"], row["reached"], row["seconds"]) == (3, 2, 11.0)
    assert math.isnan(row["speed_up"])


def test_run_that_failed_counts_for_nothing():
    failed = runs_of("b", [NEVER], status="killed", target_accuracy=NEVER)
    row = table_of(runs_of("a", [20.0, 21.0]), runs_of("b", [10.0, 11.0]), failed).loc["b"]
    assert (row["runs"], row["reached"]) == (2, 2)
    assert row["speed_up"] > 1.8


def test_without_repeats_there_is_a_ratio_and_no_interval():
    row = table_of(runs_of("a", [20.0]), runs_of("b", [10.0])).loc["b"]
    assert row["speed_up"] == pytest.approx(2)
    assert row[["low", "high"]].isna().all()


def test_cells_that_were_not_measured_alike_or_computed_otherwise_have_no_ratio():
    mixed = pd.concat([runs_of("b", [10.0]), runs_of("b", [11.0], threads=8)])
    found = table_of(runs_of("a", [20.0, 21.0]), mixed, runs_of("c", [10.0, 11.0], floatx="float16"))
    assert "b" not in found.index
    assert found.loc["c", "seconds"] == 10.5
    assert math.isnan(found.loc["c", "speed_up"])


def test_without_targets_there_are_no_rows():
    found = table_of(runs_of("a", [NEVER], target_accuracy=NEVER))
    assert found.empty
    assert list(found.reset_index()) == tables.named("time_to_accuracy").keys


def test_one_machine_alone_has_times():
    assert table_of(runs_of("a", [20.0, 21.0]))["seconds"].tolist() == [20.5]
