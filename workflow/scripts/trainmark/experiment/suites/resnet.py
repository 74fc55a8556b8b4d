"""ResNet50 on small images, as Keras has it (keras.applications), with fresh weights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from trainmark.dataset import cifar
from trainmark.experiment.suites.operations import dense, normalised, pooling

# Without the layer that names the classes.
_BODY_PARAMETERS = 23_587_712
_FEATURES = 2048
# Filters and blocks of its four stages (K. He et al., Deep residual learning for image recognition, CVPR 2016, table
# 1), and the side of what each gives, of images of 32 x 32.
_STAGES = ((64, 3, 8), (128, 4, 4), (256, 6, 2), (512, 3, 1))
_FIRST = normalised(16, 7, 3, 64)


def build(keras: Any, classes: int) -> Any:
    """The model for CIFAR's images."""
    return keras.applications.ResNet50(weights=None, input_shape=cifar.IMAGE_SHAPE, classes=classes)


def about(classes: int) -> dict[str, Any]:
    """Parameters and operations, as ``suite.Model`` has them."""
    return {
        "parameters": _BODY_PARAMETERS + (_FEATURES + 1) * classes,
        "forward": (*_forward(), dense(_FEATURES, classes)),
        "unneeded": _FIRST,
        "convolutional": True,
    }


def _forward() -> Iterator[int]:
    """Operations of one sample's forward pass, layer by layer, up to the features."""
    yield _FIRST
    yield pooling(8, 3, 64)
    inputs = 64
    for filters, blocks, side in _STAGES:
        yield normalised(side, 1, inputs, 4 * filters)  # the shortcut of the first block
        for _ in range(blocks):
            yield normalised(side, 1, inputs, filters)
            yield normalised(side, 3, filters, filters)
            yield normalised(side, 1, filters, 4 * filters) + side * side * 4 * filters  # and the sum with the shortcut
            inputs = 4 * filters
    yield pooling(1, _STAGES[-1][2], _FEATURES)
