"""How many floating-point operations a model's arithmetic takes: counted from its layers, a multiply-add as two.

Matrix products, convolutions, recurrences, biases and pooling are counted; activations, the loss and the optimizer's
update are less than a hundredth.
"""

from __future__ import annotations

import functools

from trainmark.dataset import fashion_mnist

_ROWS, _VALUES = fashion_mnist.IMAGE_SHAPE


def _dense(inputs: int, outputs: int) -> int:
    return 2 * inputs * outputs + outputs


def _convolution(side: int, window: int, inputs: int, outputs: int) -> int:
    """A square convolution that gives ``side`` x ``side`` values in each of ``outputs`` channels."""
    return side * side * _dense(window * window * inputs, outputs)


def _pooling(side: int, window: int, channels: int) -> int:
    return side * side * channels * window * window


def _lstm(steps: int, inputs: int, units: int) -> int:
    """Four gates, each from the inputs and the state."""
    return steps * _dense(inputs + units, 4 * units)


# Operations of one sample's forward pass, layer by layer; a model that is not here has no utilisation.
FORWARD = {
    "mlp": (_dense(_ROWS * _VALUES, 512), _dense(512, 64), _dense(64, fashion_mnist.CLASSES)),
    "cnn": (
        _convolution(26, 3, 1, 32),
        _pooling(13, 2, 32),
        _convolution(11, 3, 32, 64),
        _pooling(5, 2, 64),
        _convolution(3, 3, 64, 64),
        _dense(576, 64),
        _dense(64, fashion_mnist.CLASSES),
    ),
    "lstm": (_lstm(_ROWS, _VALUES, 128), _dense(128, fashion_mnist.CLASSES)),
}


# Those of which a part is convolutions, for which there are algorithms with fewer multiplications than are counted.
CONVOLUTIONAL = ("cnn",)


def forward(model: str) -> int | None:
    """Operations of one sample's forward pass; None for a model that is not listed."""
    return sum(FORWARD[model]) if model in FORWARD else None


def training(model: str) -> int | None:
    """Operations of training on one sample once.

    The forward pass, and backwards as many again for the gradients of the weights and of each layer's inputs; those of
    the images are not needed. The first layer of a recurrent model needs the gradients of its state, which is counted.
    """
    if model not in FORWARD:
        return None
    first = FORWARD[model][0]
    unneeded = _ROWS * _dense(_VALUES, 4 * 128) if model == "lstm" else first
    return 3 * sum(FORWARD[model]) - unneeded


@functools.cache  # asked for every record of a report
def of_fit(model: str, epochs: int, train_samples: int, validation_samples: int) -> int | None:
    """Operations of a whole fit: its training and the validation after each epoch."""
    once, again = training(model), forward(model)
    if once is None or again is None:
        return None
    return epochs * (train_samples * once + validation_samples * again)
