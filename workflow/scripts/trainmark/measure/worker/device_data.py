"""Training from images that are on the device beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trainmark.measure.worker.frameworks import Framework


def move_in(framework: Framework, device: str, sets: Sequence[tuple[Any, Any]]) -> tuple[Any, list[tuple[Any, Any]]]:
    """Bring the images of all sets to the device.

    Args:
        framework: that trains.
        device: cpu or gpu.
        sets: pairs of images and labels.

    Returns:
        A layer that looks the images up there; and the sets anew, with numbers of images, of shape (n, 1), in the
        place of the images.
    """
    import numpy as np

    layer = framework.look_up_layer(device, np.concatenate([images for images, _ in sets]))
    found, start = [], 0
    for part, labels in sets:
        numbers = np.arange(start, start + len(part), dtype=framework.number_type)
        found.append((numbers.reshape(-1, 1), labels))
        start += len(part)
    return layer, found


def looking_up(framework: Framework, layer: Any, model: Any) -> Any:
    """A model that takes numbers of images, looks these up with a layer of ``move_in``, and does as ``model`` does."""
    numbers = framework.keras.Input((1,), dtype=framework.number_type)
    return framework.keras.Model(numbers, model(layer(numbers)))
