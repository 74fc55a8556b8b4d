"""CIFAR-10: the suite of the article's second part, with larger models on larger images.

That part trains four convolutional networks of 122,570 to 1,649,482 parameters and ResNet50. The smallest is that of
TensorFlow's tutorial. The listings of the others are not public, so the ladder here is ours: the tutorial's network,
two, three and nearly four times as wide; the widest has 1,649,414 parameters.
"""

from __future__ import annotations

from typing import Any

from trainmark.dataset import cifar
from trainmark.experiment.suites import resnet
from trainmark.experiment.suites.operations import convolution, dense, pooling
from trainmark.experiment.suites.suite import STEP, Models, Suite

_CLASSES = cifar.CIFAR_10.classes
MODELS = Models()


def _network(keras: Any, narrow: int, wide: int) -> Any:
    """The tutorial's network with so many filters in its first layer, and in the others."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input(cifar.IMAGE_SHAPE),
            layers.Conv2D(narrow, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(wide, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(wide, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(wide, activation="relu"),
            layers.Dense(_CLASSES, activation="softmax"),
        ]
    )


def _about(parameters: int, narrow: int, wide: int) -> dict[str, Any]:
    """What ``Models.add`` is told of such a network."""
    forward = (
        convolution(30, 3, 3, narrow),
        pooling(15, 2, narrow),
        convolution(13, 3, narrow, wide),
        pooling(6, 2, wide),
        convolution(4, 3, wide, wide),
        dense(4 * 4 * wide, wide),
        dense(wide, _CLASSES),
    )
    return {"parameters": parameters, "forward": forward, "unneeded": forward[0], "convolutional": True}


@MODELS.add(**_about(122_570, 32, 64))
def cnn_123k(keras: Any) -> Any:
    """The network of TensorFlow's CIFAR-10 tutorial; 122,570 parameters."""
    return _network(keras, 32, 64)


@MODELS.add(**_about(486_794, 64, 128))
def cnn_487k(keras: Any) -> Any:
    """Ours, twice as wide; 486,794 parameters."""
    return _network(keras, 64, 128)


@MODELS.add(**_about(1_092_682, 96, 192))
def cnn_1093k(keras: Any) -> Any:
    """Ours, three times as wide; 1,092,682 parameters."""
    return _network(keras, 96, 192)


@MODELS.add(**_about(1_649_414, 118, 236))
def cnn_1649k(keras: Any) -> Any:
    """Ours, near the article's largest, which has 1,649,482; 1,649,414 parameters."""
    return _network(keras, 118, 236)


@MODELS.add(**resnet.about(_CLASSES))
def resnet50(keras: Any) -> Any:
    """ResNet50 with fresh weights; 23,608,202 parameters."""
    return resnet.build(keras, _CLASSES)


_EXPERIMENT = (
    "The experiment is that of the second part of Fabrice Daniel's article on Apple and Nvidia GPUs, 2024. The "
    "smallest network is that of TensorFlow's tutorial; the wider ones are ours, since its listings are not public."
)
SUITE = Suite("cifar-10", "CIFAR-10", cifar.data_set(cifar.CIFAR_10), MODELS, _EXPERIMENT, time=STEP)
