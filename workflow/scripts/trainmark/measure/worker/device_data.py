"""Training from images that are on the device beforehand. Imports tensorflow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

# Of the layer that looks images up, by which its operations are known in the graph of a step.
LAYER = "images_on_device"


def move_in(tf: Any, device: str, sets: Sequence[tuple[Any, ...]]) -> tuple[Any, list[tuple[Any, Any]]]:
    """Bring the images of all sets to the device.

    Args:
        tf: tensorflow.
        device: cpu or gpu.
        sets: pairs of images and labels.

    Returns:
        The images as one tensor there; and the sets anew, with int64 numbers of images, of shape (n, 1), in the place
        of the images.
    """
    with tf.device(f"/{device.upper()}:0"):
        images = tf.concat([tf.constant(images) for images, _ in sets], axis=0)
    images[0, 0, 0].numpy()  # the copy is made when it is asked for
    found, start = [], 0
    for part, labels in sets:
        numbers = tf.range(start, start + len(part), dtype=tf.int64)
        found.append((tf.reshape(numbers, (-1, 1)).numpy(), labels))
        start += len(part)
    return images, found


def looking_up(tf: Any, images: Any, model: Any) -> Any:
    """A model that takes numbers of images, looks these up, and does as ``model`` does."""
    layers = tf.keras.layers
    numbers = tf.keras.Input((1,), dtype="int64")
    shape = tuple(images.shape[1:])
    look_up = layers.Lambda(lambda numbers: tf.gather(images, numbers[:, 0]), output_shape=shape, name=LAYER)
    return tf.keras.Model(numbers, model(look_up(numbers)))
