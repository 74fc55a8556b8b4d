"""Invented data of a published data set's form, to try a suite where its data cannot be had; never for a comparison.

Each class has a pattern of its own, and each image is its class's pattern with noise: a model learns it in an epoch.
"""

from __future__ import annotations

import functools
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainmark.dataset import arrays
from trainmark.dataset.data_set import DECODED, DataSet

if TYPE_CHECKING:
    import numpy as np

PREFIX = "invented-"
_SEED = 2023
# Images made at once: random numbers of all at once would take half a gigabyte.
_PART = 5_000


def like(data: DataSet) -> DataSet:
    """An invented data set with the shapes, classes and numbers of images of a published one."""
    name = f"{PREFIX}{data.name}"
    return DataSet(
        name=name,
        title=f"invented data in the form of {data.title}",
        sha256={},
        image_shape=data.image_shape,
        classes=data.classes,
        train_images=data.train_images,
        test_images=data.test_images,
        files=arrays.FILES,
        folder=DECODED / name,
        obtain=_obtain,
        save=functools.partial(_save, name, data),
        is_decoded=functools.partial(arrays.are_decoded, name),
        load_split=functools.partial(_load_split, name),
        invented=True,
    )


def _obtain(data_folder: str | None, allow_download: bool) -> tuple[dict[str, bytes], str]:
    """Nothing is needed."""
    return {}, "a generator of random numbers"


def _save(name: str, data: DataSet, files: dict[str, bytes], folder: Path) -> None:
    import numpy as np

    dice = np.random.default_rng(_SEED)
    patterns = dice.integers(0, 128, (data.classes, *data.image_shape), np.uint8)
    found = {}
    for kind, count in (("train", data.train_images), ("test", data.test_images)):
        labels = dice.integers(0, data.classes, count, np.uint8)
        found[f"{kind}_labels"] = labels
        found[f"{kind}_images"] = _images(dice, patterns, labels)
    arrays.save(name, found, folder)


def _images(
    dice: np.random.Generator, patterns: np.ndarray[Any, Any], labels: np.ndarray[Any, Any]
) -> np.ndarray[Any, Any]:
    """An image of each label: the pattern of its class, below 128, and as much noise."""
    import numpy as np

    shape = patterns.shape[1:]
    found = np.empty((len(labels), *shape), np.uint8)
    for start in range(0, len(labels), _PART):
        part = labels[start : start + _PART]
        noise = np.frombuffer(dice.bytes(len(part) * math.prod(shape)), np.uint8).reshape(len(part), *shape)
        found[start : start + _PART] = patterns[part] + noise // 2
    return found


def _load_split(name: str, folder: Path, train_samples: int, validation_samples: int, test_samples: int) -> Any:
    return arrays.split(arrays.load(name, folder), train_samples, validation_samples, test_samples)
