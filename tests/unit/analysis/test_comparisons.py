"""Tests of trainmark.analysis.comparisons, on invented times."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from trainmark.analysis import comparisons
from trainmark.analysis.comparison_statistics import moments
from trainmark.analysis.comparisons import Comparison
from trainmark.errors import TrainmarkError

from tests.unit.analysis.frames import TWO, runs, table


def found(runs, *comparison):
    cells = comparisons.compare(moments(runs), Comparison("", *comparison))
    return {(row["machine"], row["device"], row["stack"]): row["speed_up"] for row in cells.to_dict("records")}


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
    cells = comparisons.compare(moments(TWO), Comparison("", {"machine": "b", "device": "gpu"}, {"device": "gpu"}))
    speed_ups = {(r["machine_baseline"], r["stack"]): r["speed_up"] for r in cells.to_dict("records")}
    assert speed_ups == pytest.approx({("a", "tf-2.19"): 0.5, ("c", "tf-2.12"): 0.1})


def test_steady_state_is_compared_beside_the_total():
    fast_start = runs([10.0, 11.0], machine="a", device="gpu", stack="s", batch_size=32)
    slow_start = runs([12.0, 13.0], machine="b", device="gpu", stack="s", batch_size=32)
    slow_start["steady_state_epoch_seconds"] = [2.0, 2.1]
    sides = {"machine": "b", "device": "gpu"}, {"machine": "a", "device": "gpu"}
    both = moments(pd.concat([fast_start, slow_start]))
    (row,) = comparisons.compare(both, Comparison("", *sides)).to_dict("records")
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
    return {c.exhibit: (c.candidate, c.baseline) for c in comparisons.article(there, GPUS, baseline)}


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
    assert [c.exhibit for c in comparisons.article(both, GPUS, "auto")] == ["8"]


def test_sensible_comparisons():
    names = [c.name for c in comparisons.sensible(TWO, "auto")]
    assert names == [
        "Version matrix: tf-2.19 against tf-2.12",
        "GPU: every machine against b",
        "CPU: every machine against a",
    ]
    assert [c.name for c in comparisons.sensible(TWO[:1], "auto")] == []
    assert comparisons.sensible(TWO, "c")[-1].baseline["machine"] == "c"
    with pytest.raises(TrainmarkError, match=r"baseline is 'x'.*Expected one of: a, b, c\."):
        comparisons.sensible(TWO, "x")


def test_stacks_are_compared_within_their_framework_and_frameworks_by_their_newest():
    """The framework with the most cells is the baseline, and the article's where they have as many."""
    rows = [(stack, 1) for stack in ("tf-2.9", "tf-2.19", "torch-2.11", "torch-2.7", "jax-0.11", "jax-0.12-unpinned")]

    def names(*more):
        both = pd.concat([table(("a", "cpu", stack, 1.0)).assign(batch_size=32 * n) for stack, n in [*rows, *more]])
        return [c.name for c in comparisons.sensible(comparisons.pinned(both), "auto")]

    versions = ["Version matrix: tf-2.19 against tf-2.9", "Version matrix: torch-2.11 against torch-2.7"]
    with_tf = ["Frameworks: jax-0.11 against tf-2.19", "Frameworks: torch-2.11 against tf-2.19"]
    assert names() == [*versions, *with_tf]
    with_torch = ["Frameworks: jax-0.11 against torch-2.11", "Frameworks: tf-2.19 against torch-2.11"]
    assert names(("torch-2.11", 2), ("torch-2.11", 3)) == [*versions, *with_torch]


def test_a_stack_that_no_lock_pins_is_compared_only_by_its_name():
    own = "torch-2.9.1-unpinned"
    cells = moments(table(*((m, d, s, 1.0) for m in "ab" for d in ("cpu", "gpu") for s in ("torch-2.11", own))))
    for candidate, baseline in (({"machine": "a"}, {"machine": "b"}), ({"device": "gpu"}, {"device": "cpu"})):
        found = comparisons.compare(cells, Comparison("", candidate, baseline))
        assert set(found["stack"]) == set(found["stack_baseline"]) == {"torch-2.11"}
    found = comparisons.compare(cells, Comparison("", {"stack": own}, {"stack": "torch-2.11"}))
    assert set(found["stack"]) == {own}
    assert len(found) == 4


def test_what_a_framework_always_does_is_no_difference_of_settings():
    def compare(always):
        sides = [
            (f"{name}-1.0", {"jit_compile": compiled, "always_compiled": always and compiled})
            for name, compiled in (("jax", True), ("tf", False))
        ]
        both = pd.concat([table(("a", "cpu", stack, 1.0)).assign(**more) for stack, more in sides])
        return comparisons.compare(moments(both), Comparison("", {"stack": "jax-1.0"}, {"stack": "tf-1.0"}))

    assert len(compare(always=True)) == 1
    assert compare(always=False).empty


SAME = {"stack": "tf-2.12", "device": "gpu", "batch_size": 32, "optimizer_class": "legacy.Adam", "jit_compile": False}

SAME |= {
    "tensor_float_32": False,
    "floatx": "float32",
    "image_data_format": "channels_last",
    "framework_version": "2.12.0",
}

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
    assert len(comparisons.compare(moments(both), comparison)) == (not named)
    assert list(comparisons.unlike(moments(both), [comparison])["why"]) == ([named] if named else [])
