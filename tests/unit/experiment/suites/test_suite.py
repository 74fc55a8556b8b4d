"""Tests of the suites' models, with the installed TensorFlow: shapes, and the numbers of parameters that they state."""

import pytest
from trainmark.experiment import suites
from trainmark.experiment.suites.suite import Model, Models

CASES = [
    (suite, name)
    for suite in suites.NAMES
    if not suites.named(suite).data.invented
    for name in suites.named(suite).models
]
# As published: of the article's models and of TensorFlow's tutorial; of ResNet50, 23,587,712 and its last layer.
PUBLISHED = {
    ("fashion-mnist", "mlp"): 435_402,
    ("fashion-mnist", "cnn"): 93_322,
    ("fashion-mnist", "lstm"): 81_674,
    ("cifar-10", "cnn_123k"): 122_570,
    ("cifar-10", "resnet50"): 23_587_712 + 2048 * 10 + 10,
    ("cifar-100-resnet50", "resnet50"): 23_587_712 + 2048 * 100 + 100,
}


@pytest.fixture(scope="module")
def keras():
    return pytest.importorskip("tensorflow").keras


@pytest.mark.parametrize(("suite", "name"), CASES)
def test_models_have_the_parameters_that_they_state(keras, suite, name):
    model, data = suites.named(suite).models[name], suites.named(suite).data
    built = model.build(keras)
    assert built.count_params() == model.parameters == PUBLISHED.get((suite, name), model.parameters)
    assert built.input_shape == (None, *data.image_shape)
    assert built.output_shape == (None, data.classes)
    assert f"{model.parameters:,} parameters" in model.build.__doc__


def test_ladder_ends_near_the_articles_largest_network():
    models = suites.named("cifar-10").models
    counts = [model.parameters for name, model in models.items() if name.startswith("cnn")]
    assert counts == sorted(counts)
    assert counts[-1] == pytest.approx(1_649_482, rel=1e-4)
    assert "1,649,482" in models["cnn_1649k"].build.__doc__


def test_a_model_is_added_by_one_function():
    models = Models()

    @models.add()
    def perceptron(keras):
        """One layer."""

    assert models == {"perceptron": Model(perceptron)}


def test_every_suite_has_a_twin_that_differs_in_its_data_alone():
    for name in suites.NAMES:
        suite = suites.named(name)
        if suite.data.invented:
            published = suites.named(suites.published(name))
            assert name == f"invented-{published.name}"
            assert suite.models is published.models
            assert suite.data.name == f"invented-{published.data.name}"
            same = ("image_shape", "classes", "train_images", "test_images")
            assert [getattr(suite.data, key) for key in same] == [getattr(published.data, key) for key in same]
    assert sum(suites.named(name).data.invented for name in suites.NAMES) * 2 == len(suites.NAMES)
