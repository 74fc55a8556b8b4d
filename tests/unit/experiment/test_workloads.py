"""Tests of trainmark.experiment.workloads, with the installed TensorFlow."""

import pytest
from trainmark.experiment import workloads

from tests.conftest import CONFIG


@pytest.fixture(scope="module")
def keras():
    return pytest.importorskip("tensorflow").keras


@pytest.mark.parametrize(("name", "parameters"), [("mlp", 435_402), ("cnn", 93_322), ("lstm", 81_674)])
def test_models_are_the_articles(keras, name, parameters):
    model = workloads.MODELS[name](keras)
    assert model.count_params() == parameters
    assert model.input_shape == (None, 28, 28)
    assert model.output_shape == (None, 10)
    assert f"{parameters:,} parameters" in workloads.MODELS[name].__doc__


def test_a_model_is_added_by_one_function():
    @workloads.model
    def perceptron(keras):
        """One layer."""

    assert workloads.MODELS.pop("perceptron") is perceptron


def test_digest_follows_what_is_computed():
    one = workloads.describe("mlp", CONFIG)
    assert workloads.digest(one) == workloads.digest(workloads.describe("mlp", dict(reversed(CONFIG.items()))))
    for key, value in {"epochs": 3, "train_samples": 400, "learning_rate": 0.01, "jit_compile": True}.items():
        assert workloads.digest(workloads.describe("mlp", {**CONFIG, key: value})) != workloads.digest(one)
    other = workloads.describe("cnn", CONFIG)
    assert workloads.digest(other) != workloads.digest(one)
    assert workloads.settings_digest(other) == workloads.settings_digest(one)
