"""Tests of trainmark.experiment.flops against TensorFlow's own profiler, and against XLA's count of a whole step."""

import pytest
from trainmark.experiment import flops, suites
from trainmark.experiment.suites.suite import Model

from tests.frameworks import ask


@pytest.fixture(scope="module")
def tf():
    """Imported by the process that needs it alone: it takes seconds, and every process collects all tests."""
    import tensorflow

    return tensorflow


def profiled(tf, function, *arguments) -> int:
    """Operations of a traced function, as TensorFlow's profiler counts them."""
    concrete = tf.function(function).get_concrete_function(*arguments)
    options = tf.compat.v1.profiler.ProfileOptionBuilder.float_operation()
    options["output"] = "none"
    return tf.compat.v1.profiler.profile(concrete.graph, cmd="op", options=options).total_float_ops


def build(tf, suite, name):
    model = suites.named(suite).models[name].build(tf.keras)
    if name == "lstm":  # a loop's body would be counted once
        layers = [tf.keras.Input((28, 28)), tf.keras.layers.LSTM(128, unroll=True), *model.layers[1:]]
        model = tf.keras.Sequential(layers)
    return model


BATCH = 64
FASHION = suites.named(suites.DEFAULT).models
CASES = [
    (suite, name)
    for suite in suites.NAMES
    if not suites.named(suite).data.invented
    for name in suites.named(suite).models
]


def images(tf, suite):
    return tf.zeros((BATCH, *suites.named(suite).data.image_shape))


@pytest.mark.parametrize(("suite", "name"), CASES)
def test_forward_pass_is_within_a_hundredth_of_the_profilers(tf, suite, name):
    model = build(tf, suite, name)
    counted = flops.forward(suites.named(suite).models[name])
    ratio = profiled(tf, model, images(tf, suite)) / BATCH / counted
    print(f"{suite} {name}: the profiler has {ratio:.4f} of ours")
    assert ratio == pytest.approx(1, abs=0.01)


# Not the CNN: of a convolution without padding the profiler counts the way back as if all windows were whole.
@pytest.mark.parametrize("name", ["mlp", "lstm"])
def test_training_step_is_within_a_hundredth_of_the_profilers(tf, name):
    model = build(tf, suites.DEFAULT, name)

    def step(images, labels):
        with tf.GradientTape() as tape:
            predictions = model(images, training=True)
            loss = tf.keras.losses.sparse_categorical_crossentropy(labels, predictions)
        return tape.gradient(loss, model.trainable_variables)

    assert flops.training(FASHION[name]) == pytest.approx(
        profiled(tf, step, images(tf, suites.DEFAULT), tf.zeros((BATCH,), tf.int32)) / BATCH, rel=0.01
    )


# The operations of the training step that Keras makes, by XLA, before and after it rewrites the program.
STEPS = """
import jax, numpy as np
framework.configure("cpu", 2)
found = {}
for name in MODELS:
    model = MODELS[name].build(framework.keras)
    if name == "lstm":  # a loop's body would be counted once
        model.layers[0].unroll = True
    settings.compile_model(framework, model, workloads.describe(name, CONFIG))
    batch = np.zeros((512, 28, 28), np.float32), np.zeros(512, np.uint8)
    model._symbolic_build(data_batch=batch)
    model.optimizer.build(model.trainable_variables)
    kinds = ("trainable", "non_trainable", "optimizer", "metrics")
    state = model._get_jax_state(**{f"{kind}_variables": True for kind in kinds})
    step = jax.jit(model.train_step).lower(state, (*batch, None))
    found[name] = step.cost_analysis()["flops"] / 512, step.compile().cost_analysis()["flops"] / 512
print(json.dumps(found))
"""


def test_whole_training_step_is_within_some_hundredths_of_xlas_count():
    """What is more in it: the optimizer, the loss, and of the MLP the random numbers of its dropout."""
    for name, (counted, compiled) in ask("jax", "jax-0.11", STEPS).items():
        ours = flops.training(FASHION[name])
        ratio = counted / ours
        print(f"{name}: {ratio:.4f} of ours, {compiled / ours:.4f} once compiled")
        assert 1 <= ratio < (1.03 if name == "mlp" else 1.005), name


def test_of_a_cnn_each_way_back_is_a_forward_pass_but_for_the_images():
    cnn = FASHION["cnn"]
    assert flops.training(cnn) == 3 * flops.forward(cnn) - cnn.forward[0]


def test_every_model_of_the_project_is_counted_and_others_are_unknown():
    assert all(flops.forward(suites.named(suite).models[name]) for suite, name in CASES)
    other = Model(lambda keras: None)
    for unknown in (other, None):
        assert flops.training(unknown) is flops.forward(unknown) is flops.of_fit(unknown, 1, 2, 3) is None
    mlp = FASHION["mlp"]
    assert flops.of_fit(mlp, 2, 10, 5) == 2 * (10 * flops.training(mlp) + 5 * flops.forward(mlp))
