"""Tests of trainmark.analysis.claim_workloads: which experiment a claim is about, and what would measure it."""

import pytest
from trainmark.analysis import claim_workloads
from trainmark.analysis.claim_workloads import Measured

from tests.unit.analysis.frames import TWO

SETTINGS = {
    "data": {"name": "fashion-mnist"},
    "epochs": 5,
    "train_samples": 50000,
    "optimizer": {"name": "adam", "learning_rate": 0.001},
    "precision": "float32",
}


def claim(cells=None, suite="fashion-mnist", **workload):
    found = {"suite": suite, "workload": workload, "candidate": {"device": "gpu"}}
    return {**found, "cells": cells or {"models": ["cnn"], "batch_sizes": [64]}}


@pytest.mark.parametrize(
    ("workload", "fits"),
    [
        ({"models": ["cnn"]}, True),
        ({"epochs": 5, "optimizer": "adam", "precision": "float32", "data_set": "fashion-mnist"}, True),
        ({"epochs": 10}, False),
        ({"train_samples": 40000}, False),
        ({"optimizer": "rmsprop"}, False),
        ({"precision": "mixed_float16"}, False),
        ({"data_set": "mnist"}, False),
    ],
)
def test_an_experiment_fits_if_it_differs_in_nothing_that_a_claim_names(workload, fits):
    assert bool(claim_workloads.fitting(claim(**workload), [Measured(TWO, SETTINGS)])) == fits


def test_an_experiment_that_names_no_suite_is_of_the_default_one():
    old = Measured(TWO, SETTINGS)
    cifar = Measured(TWO, {**SETTINGS, "suite": "cifar-10"})
    assert [each.suite for each in (old, cifar)] == ["fashion-mnist", "cifar-10"]
    assert claim_workloads.fitting(claim(suite="cifar-10", epochs=5), [old, cifar]) == [cifar]
    assert cifar.words == "cifar-10, 5 epochs"


def test_a_claim_without_a_workload_is_about_one_experiment():
    both = [Measured(TWO, SETTINGS), Measured(TWO, SETTINGS)]
    plain = {key: value for key, value in claim().items() if key != "workload"}
    assert claim_workloads.fitting(plain, both) == both[:1]
    assert claim_workloads.fitting(claim(epochs=5), both) == both


@pytest.mark.parametrize(
    ("of", "words"),
    [
        (claim(models=["cnn"]), "'models=[cnn]' 'batch_sizes=[64]'"),
        (claim({"models": ["mlp", "cnn", "lstm"], "batch_sizes": [32, 64]}, x=1), "'batch_sizes=[32,64]'"),
        (
            claim(epochs=10, train_samples=60000),
            "'models=[cnn]' 'batch_sizes=[64]' epochs=10 train_samples=60000",
        ),
        (claim(framework="torch"), "'models=[cnn]' 'batch_sizes=[64]' 'stacks=[torch-2.11]'"),
        (claim(framework="tf"), "'models=[cnn]' 'batch_sizes=[64]'"),
        (
            {**claim(epochs=5), "candidate": {"device": "gpu", "stack": "tf-2.12"}},
            "'models=[cnn]' 'batch_sizes=[64]' epochs=5 'stacks=[tf-2.12]'",
        ),
        (
            claim({"models": ["resnet50"], "batch_sizes": [16]}, "cifar-100-resnet50", epochs=5),
            "suite=cifar-100-resnet50 'batch_sizes=[16]' epochs=5",
        ),
        ({**claim(epochs=5), "with_batch_sizes": [32, 64]}, "'models=[cnn]' 'batch_sizes=[32,64]' epochs=5"),
    ],
)
def test_the_command_names_what_is_not_the_default(of, words):
    assert claim_workloads.command(of) == f"snakemake --cores 1 --config {words}"


def test_there_is_no_command_where_none_would_help():
    assert claim_workloads.command({**claim(epochs=5), "cannot_run": "why"}) == ""
    assert claim_workloads.command({**claim(), "workload": {}}) == ""
    assert claim_workloads.has_framework(claim(), "torch-2.11")
    assert claim_workloads.has_framework(claim(framework="torch"), "torch-2.11")
    assert not claim_workloads.has_framework(claim(framework="torch"), "tf-2.19")
