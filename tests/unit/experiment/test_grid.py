"""Tests of trainmark.experiment.grid."""

from pathlib import Path

import pytest
from trainmark.experiment import grid

AXES = {
    "machine": "synthetic",
    "stacks": ["tf-2.19"],
    "devices": ["cpu", "gpu"],
    "models": ["mlp", "cnn"],
    "batch_sizes": [32, 128],
    "repeats": 3,
}


def test_every_combination_once():
    runs = grid.enumerate_runs(**AXES)
    assert len(runs) == len(set(runs)) == 2 * 2 * 2 * 3


def test_path_and_back():
    for run in grid.enumerate_runs(**AXES):
        assert grid.run_from_path(run.path) == run
        assert grid.run_from_path(Path("/somewhere") / run.path) == run


@pytest.mark.parametrize(
    "path", ["results/machines/m/runs/tf-2.19/cpu/mlp/32/01.json", "a/b.json", "m/x/s/d/m/32/1.json"]
)
def test_other_paths_are_refused(path):
    with pytest.raises(ValueError, match=r"is not the path of a record|not enough values|invalid literal"):
        grid.run_from_path(Path(path))


def test_repeats_come_one_after_the_other_and_cells_in_a_stable_mixture():
    runs = grid.enumerate_runs(**AXES)
    order = sorted(runs, key=lambda run: -grid.priority(7, run))
    assert [run.repeat for run in order] == [1] * 8 + [2] * 8 + [3] * 8
    assert [run.cell for run in order[:8]] == [run.cell for run in order[8:16]]
    assert [run.cell for run in order[:8]] != [run.cell for run in runs if run.repeat == 1]


def test_priority_is_exact_in_a_float():
    cell = grid.enumerate_runs(**AXES)[0].cell
    assert all(float(grid.priority(1, grid.Run(cell, n))) == grid.priority(1, grid.Run(cell, n)) for n in (1, 500, 999))


def test_seeds_differ_by_repeat_alone():
    assert [grid.run_seed(2023, repeat) for repeat in (1, 2, 3)] == [2024, 2025, 2026]


def test_records_of_another_suite_lie_apart_from_those_of_the_default_one():
    run = grid.Run(grid.Cell("synthetic", "tf-2.19", "cpu", "resnet50", 32), 2, "xla", "cifar-10")
    assert str(run.path) == "results/machines/synthetic/suites/cifar-10/controls/xla/tf-2.19/cpu/resnet50/32/2.json"
    assert grid.run_from_path(Path("/somewhere") / run.path) == run
    plain = grid.enumerate_runs(**{**AXES, "machine": "suites"}, suite="cifar-10")[0]  # which no machine may be called
    assert grid.run_from_path(plain.path) == plain
    with pytest.raises(ValueError, match="is not the path of a record"):
        grid.run_from_path(Path("results/machines/m/suites/fashion-mnist/runs/tf-2.19/cpu/mlp/32/1.json"))
