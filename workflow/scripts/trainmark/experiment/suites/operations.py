"""Floating-point operations of layers on one sample, a multiply-add as two.

Matrix products, convolutions, recurrences, normalisations, biases and pooling are counted; activations, the loss and
the optimizer's update are less than a hundredth.
"""

from __future__ import annotations


def dense(inputs: int, outputs: int) -> int:
    """A matrix product with a bias."""
    return 2 * inputs * outputs + outputs


def convolution(side: int, window: int, inputs: int, outputs: int) -> int:
    """A square convolution that gives ``side`` x ``side`` values in each of ``outputs`` channels.

    Products with the zeros around an image count, as profilers do: most implementations compute them.
    """
    return side * side * dense(window * window * inputs, outputs)


def normalised(side: int, window: int, inputs: int, outputs: int) -> int:
    """A convolution, and of each of its values the batch normalisation: a product and a sum."""
    return convolution(side, window, inputs, outputs) + 2 * side * side * outputs


def pooling(side: int, window: int, channels: int) -> int:
    """A pooling that gives ``side`` x ``side`` values in each channel."""
    return side * side * channels * window * window


def lstm(steps: int, inputs: int, units: int) -> int:
    """Four gates, each from the inputs and the state."""
    return steps * dense(inputs + units, 4 * units)
