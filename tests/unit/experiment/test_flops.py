"""Tests of trainmark.experiment.flops against TensorFlow's own profiler."""

import pytest
from trainmark.experiment import flops, workloads


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


def build(tf, name):
    model = workloads.MODELS[name](tf.keras)
    if name == "lstm":  # a loop's body would be counted once
        layers = [tf.keras.Input((28, 28)), tf.keras.layers.LSTM(128, unroll=True), *model.layers[1:]]
        model = tf.keras.Sequential(layers)
    return model


BATCH = 64


def images(tf):
    return tf.zeros((BATCH, 28, 28))


@pytest.mark.parametrize("name", flops.FORWARD)
def test_forward_pass_is_within_a_hundredth_of_the_profilers(tf, name):
    model = build(tf, name)
    assert flops.forward(name) == pytest.approx(profiled(tf, model, images(tf)) / BATCH, rel=0.01)


# Not the CNN: of a convolution without padding the profiler counts the way back as if all windows were whole.
@pytest.mark.parametrize("name", ["mlp", "lstm"])
def test_training_step_is_within_a_hundredth_of_the_profilers(tf, name):
    model = build(tf, name)

    def step(images, labels):
        with tf.GradientTape() as tape:
            predictions = model(images, training=True)
            loss = tf.keras.losses.sparse_categorical_crossentropy(labels, predictions)
        return tape.gradient(loss, model.trainable_variables)

    assert flops.training(name) == pytest.approx(
        profiled(tf, step, images(tf), tf.zeros((BATCH,), tf.int32)) / BATCH, rel=0.01
    )


def test_of_a_cnn_each_way_back_is_a_forward_pass_but_for_the_images():
    assert flops.training("cnn") == 3 * flops.forward("cnn") - flops.FORWARD["cnn"][0]


def test_every_model_of_the_project_is_counted_and_others_are_unknown():
    assert set(flops.FORWARD) == set(workloads.MODELS)
    assert flops.training("another") is flops.forward("another") is flops.of_fit("another", 1, 2, 3) is None
    assert flops.of_fit("mlp", 2, 10, 5) == 2 * (10 * flops.training("mlp") + 5 * flops.forward("mlp"))
