"""The article's suite: three small models on Fashion-MNIST.

To add a model, write one function here that is decorated with ``@MODELS.add()`` and takes ``keras``; then name it in
config/config.yaml.
"""

from __future__ import annotations

from typing import Any

from trainmark.dataset import fashion_mnist
from trainmark.experiment.suites.operations import convolution, dense, pooling
from trainmark.experiment.suites.operations import lstm as recurrence
from trainmark.experiment.suites.suite import Models, Suite

_SHAPE, _CLASSES = fashion_mnist.IMAGE_SHAPE, fashion_mnist.CLASSES
_ROWS, _VALUES = _SHAPE
MODELS = Models()


@MODELS.add(
    parameters=435_402,
    forward=(dense(_ROWS * _VALUES, 512), dense(512, 64), dense(64, _CLASSES)),
    unneeded=dense(_ROWS * _VALUES, 512),
)
def mlp(keras: Any) -> Any:
    """Multilayer perceptron on the flattened image; 435,402 parameters."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input(_SHAPE),
            layers.Flatten(),
            layers.Dense(512, activation="relu"),
            layers.Dropout(0.2),
            layers.Dense(64, activation="relu"),
            layers.Dropout(0.2),
            layers.Dense(_CLASSES, activation="softmax"),
        ]
    )


@MODELS.add(
    parameters=93_322,
    forward=(
        convolution(26, 3, 1, 32),
        pooling(13, 2, 32),
        convolution(11, 3, 32, 64),
        pooling(5, 2, 64),
        convolution(3, 3, 64, 64),
        dense(576, 64),
        dense(64, _CLASSES),
    ),
    unneeded=convolution(26, 3, 1, 32),
    convolutional=True,
)
def cnn(keras: Any) -> Any:
    """Convolutional network, the body of a well-known CIFAR-10 tutorial on one channel; 93,322 parameters."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input(_SHAPE),
            layers.Reshape((*_SHAPE, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(_CLASSES, activation="softmax"),
        ]
    )


@MODELS.add(
    parameters=81_674,
    forward=(recurrence(_ROWS, _VALUES, 128), dense(128, _CLASSES)),
    # Of the recurrence's gradients, those of its state are needed, those of the images' rows are not.
    unneeded=_ROWS * dense(_VALUES, 4 * 128),
)
def lstm(keras: Any) -> Any:
    """LSTM over the image's 28 rows of 28 values; 81,674 parameters."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input(_SHAPE),
            layers.LSTM(128),
            layers.Dense(_CLASSES, activation="softmax"),
        ]
    )


_EXPERIMENT = (
    "The experiment is that of Fabrice Daniel, Apple M2 Max GPU vs Nvidia V100, P100 and T4, Towards Data Science, "
    "2023, called the article below."
)
SUITE = Suite("fashion-mnist", "Fashion-MNIST", fashion_mnist.DATA, MODELS, _EXPERIMENT, "small Keras models")
