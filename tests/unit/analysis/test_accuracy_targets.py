"""Tests of trainmark.analysis.accuracy_targets, on invented curves."""

import numpy as np
import pytest
from trainmark.analysis import accuracy_targets, convergence
from trainmark.experiment import workloads

from tests import synthetic
from tests.conftest import CONFIG, ROOT

SETTINGS = {key: value for key, value in workloads.describe("mlp", CONFIG).items() if key != "model"}


@pytest.mark.parametrize(
    ("curves", "expected"),
    [
        ({32: [[0.80, 0.90], [0.85, 0.88]], 1024: [[0.70, 0.8349]]}, 0.83),  # the worst of the worst batch size
        ({32: [[0.86, 0.85]]}, 0.86),  # reached, though not at the end
        ({32: [[0.57, 0.58]]}, 0.58),  # 100 * 0.58 is 57.99999999999999
        ({32: []}, None),
        ({}, None),
    ],
)
def test_target_is_the_highest_whole_percent_that_every_reference_run_reached(curves, expected):
    assert accuracy_targets.target(curves) == expected


def test_targets_of_the_projects_references_are_those_of_the_documentation():
    gate = convergence.Gate(convergence.load(ROOT / "config/references.yaml"), 0.001)
    canonical = workloads.canonical_json(SETTINGS)
    found = {model: gate.target(model, canonical) for model in synthetic.MODELS}
    assert found == {"mlp": 0.86, "cnn": 0.84, "lstm": 0.82}
    said = " ".join((ROOT / "docs/method.md").read_text().split("## Time to accuracy")[1].split())
    assert all(f"{100 * target:.0f} % for the {model.upper()}" in said for model, target in found.items())


def test_only_runs_of_the_references_experiment_have_a_target():
    gate = convergence.Gate(synthetic.references(), 0.001)
    assert gate.target("cnn", workloads.canonical_json({**SETTINGS, "epochs": 9})) == 0.84
    assert gate.target("cnn", workloads.canonical_json({**SETTINGS, "train_samples": 400})) is None
    assert gate.target("another", workloads.canonical_json(SETTINGS)) is None
    assert convergence.Gate(None, 0.001).target("cnn", workloads.canonical_json(SETTINGS)) is None


def test_time_ends_with_the_epoch_that_reaches_the_target_first():
    epochs = [5.0, 3.0, 3.5, 3.0]
    assert accuracy_targets.reached([0.80, 0.85, 0.83, 0.86], 0.85, 1.5, epochs) == (0.85, 2, 9.5)
    assert accuracy_targets.reached([0.86, 0.85, 0.83, 0.86], 0.85, 1.5, epochs) == (0.85, 1, 6.5)


def test_accuracy_of_float32_that_is_just_the_target_reaches_it():
    """8,200 of 10,000 images as the frameworks compute it, which is below 0.82."""
    found = float(np.float32(8200) / np.float32(10000))
    assert found < 0.82
    assert accuracy_targets.reached([found], 0.82, 0.0, [1.0]) == (0.82, 1, 1.0)
    assert accuracy_targets.reached([0.8199], 0.82, 0.0, [1.0]) == (0.82, None, None)


def test_run_that_never_reaches_it_or_has_no_target_has_no_time():
    assert accuracy_targets.reached([0.5, None, 0.7], 0.85, 1.0, [1.0] * 3) == (0.85, None, None)
    assert accuracy_targets.reached([0.5, 0.9], None, 1.0, [1.0] * 2) == (None, None, None)
