"""Tests of trainmark.analysis.over_time, on invented sessions."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from trainmark.analysis import cell_statistics, over_time
from trainmark.analysis.over_time import FASTER, SLOWER, SMALL, UNKNOWN, WITHIN_NOISE

from tests.unit.analysis.test_equal_nodes import machine, runs_of

VERSIONS = dict.fromkeys(["operating_system", "gpu_driver", "python", "numpy", "lock_sha256", "code_version"])


def session(name: str, day: str, factor: float = 1.0, noise: float = 0.002, seed: int = 1, **columns) -> pd.DataFrame:
    """Invented runs of one session, whose times are multiplied by a factor."""
    found = runs_of({"m": factor}, noise=0, **{**VERSIONS, "test_accuracy": 0.8, "always_compiled": False, **columns})
    chance = np.exp(np.random.default_rng(seed).normal(0, noise, len(found)))
    seconds = found["fit_seconds"] * chance
    return found.assign(
        session=name,
        started_at=f"{day}T10:00:00.000+00:00",
        fit_seconds=seconds,
        steady_state_epoch_seconds=seconds / 5,
    )


def compare(*sessions: pd.DataFrame, kernels=("Linux 6.1", "Linux 6.1")) -> pd.DataFrame:
    *before, last = sessions
    described = pd.DataFrame([{**machine("m", kernel=kernels[0]), "session": "one"}])
    return over_time.compare(
        last.drop(columns="session"), pd.concat(before), [machine("m", kernel=kernels[1])], described
    )


@pytest.mark.parametrize(
    ("factor", "noise", "verdict"),
    [(1.08, 0.002, SLOWER), (0.9, 0.002, FASTER), (1.0, 0.02, WITHIN_NOISE), (1.006, 0.0005, SMALL)],
)
def test_machine_that_was_measured_again_is_slower_or_faster_or_neither(factor, noise, verdict):
    first, second = session("one", "2026-01-02", noise=noise), session("", "2026-02-03", factor, noise=noise, seed=2)
    (row,) = compare(first, second).to_dict("records")
    assert row["verdict"] == verdict
    assert row["ratio"] == pytest.approx(factor, rel=3 * noise)
    assert row["low"] < row["ratio"] < row["high"]
    assert (row["earlier"], row["later"], row["cells"]) == ("2026-01-02 10:00", "2026-02-03 10:00", 6)


def test_ratio_and_interval_of_a_single_cell_are_welchs():
    first, second = session("one", "2026-01-02", noise=0.02), session("", "2026-02-03", 1.1, noise=0.02, seed=2)
    one = [part[(part["model"] == "mlp") & (part["batch_size"] == 32)] for part in (first, second)]
    (row,) = compare(*one).to_dict("records")
    logs = [np.log(part["fit_seconds"]) for part in one]
    expected = stats.ttest_ind(logs[1], logs[0], equal_var=False).confidence_interval(0.95)
    assert (row["low"], row["high"]) == pytest.approx(np.exp(expected))


def test_what_changed_is_said():
    old = {"operating_system": "Synthetic OS 1", "gpu_driver": "535", "framework_version": "2.19.0"}
    new = {"operating_system": "Synthetic OS 2", "gpu_driver": "550", "framework_version": "2.19.1"}
    sides = session("one", "2026-01-02", **old), session("", "2026-02-03", seed=2, **new)
    (row,) = compare(*sides, kernels=("Linux 5.4", "Linux 6.1")).to_dict("records")
    assert row["changed"] == (
        "operating system Synthetic OS 1 to Synthetic OS 2; gpu driver 535 to 550; kernel Linux 5.4 to Linux 6.1; "
        "framework version 2.19.0 to 2.19.1"
    )
    (same,) = compare(session("one", "2026-01-02"), session("", "2026-02-03", seed=2)).to_dict("records")
    assert same["changed"] == ""


def test_each_session_is_held_against_the_one_before_it_and_all_verdicts_together_are_as_sure_as_one():
    parts = [session(f"s{n}", f"2026-01-0{n}", 1 + 0.05 * (n == 3), seed=n) for n in range(1, 5)]
    found = compare(*parts)
    assert found["earlier"].str[:10].tolist() == [f"2026-01-0{n}" for n in range(1, 4)]
    assert found["verdict"].tolist()[1:3] == [SLOWER, FASTER]


def test_change_that_is_sure_alone_need_not_be_sure_among_many():
    """A change of 2.4 standard errors: beyond 95 %, but not beyond what four comparisons need."""
    first, others = (
        session("s1", "2026-01-01", noise=0.02),
        [session(f"s{n}", f"2026-01-0{n}", noise=0.02, seed=n) for n in (3, 4, 5)],
    )
    (row,) = compare(first, session("s2", "2026-01-02", noise=0.02, seed=2)).to_dict("records")
    error = np.log(row["high"] / row["low"]) / 2 / stats.t.ppf(0.975, 24)
    second = session("s2", "2026-01-02", float(np.exp(2.4 * error) / row["ratio"]), noise=0.02, seed=2)
    assert compare(first, second)["verdict"].tolist() == [SLOWER]
    assert compare(first, second, *others)["verdict"].tolist()[0] == WITHIN_NOISE


def test_what_was_computed_otherwise_is_left_out():
    first = session("one", "2026-01-02", intra_op_threads=16.0, floatx="float32")
    for changed in ({"intra_op_threads": 8.0, "floatx": "float32"}, {"intra_op_threads": 16.0, "floatx": "float16"}):
        assert compare(first, session("", "2026-02-03", **changed)).empty


def test_sessions_without_repeats_have_no_verdict():
    parts = [session(name, day).query("repeat == 1") for name, day in (("one", "2026-01-02"), ("", "2026-02-03"))]
    (row,) = compare(*parts).to_dict("records")
    assert row["verdict"] == UNKNOWN
    assert np.isnan(row["low"])


def test_runs_that_failed_and_cells_measured_in_two_ways_are_not_compared():
    runs = session("one", "2026-01-02", status="ok")
    runs.loc[runs["model"] == "mlp", "status"] = "error"
    mixed = (runs["model"] == "cnn") & (runs["batch_size"] == 32)
    runs.loc[mixed, "intra_op_threads"] = range(mixed.sum())
    found = over_time.comparable(runs)
    assert set(found[cell_statistics.CELL[3:]].itertuples(index=False, name=None)) == {("cnn", 128), ("cnn", 512)}


def test_where_no_machine_was_measured_again_there_is_nothing():
    only = session("", "2026-02-03")
    assert over_time.compare(only.drop(columns="session"), only[:0], [machine("m")], pd.DataFrame()).empty
