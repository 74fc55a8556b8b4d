"""Tests of trainmark.experiment.runnable."""

from trainmark.experiment import runnable, workloads


def test_the_default_suite_has_all_models_and_every_suite_has_some():
    assert set(runnable.SUITES[runnable.DEFAULT]) == set(workloads.MODELS)
    assert all(runnable.SUITES.values())
