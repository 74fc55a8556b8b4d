"""Decoded arrays: split, and where their content has no published checksum, saved with checksums of ours.

Beside such arrays lies ``decoded.json``: from which data set they were made, and the SHA-256 of each file. It tells
damage, and arrays of another data set; the archive that they were made from was verified by its published checksum.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainmark.errors import TrainmarkError
from trainmark.files import PendingFile

if TYPE_CHECKING:
    import numpy as np

NAMES = ("train_images", "train_labels", "test_images", "test_labels")
FILES = tuple(f"{name}.npy" for name in NAMES)
_MARK = "decoded.json"
REFETCH = "Delete the folder results/data: the next command fetches the data anew, and no good record is lost by it."
# Images and labels.
Set = tuple["np.ndarray[Any, Any]", "np.ndarray[Any, Any]"]


def whole(array: np.ndarray[Any, Any]) -> bytes:
    """The content of an array's file: numpy's own writing to a full disk raises an error without a number."""
    import numpy as np

    content = io.BytesIO()
    np.save(content, array)
    return content.getvalue()


def save(data: str, found: Mapping[str, np.ndarray[Any, Any]], folder: Path) -> None:
    """Write ``folder/NAME.npy`` (uint8, uncompressed) of each of ``NAMES``, each whole or not at all, and their mark.

    Args:
        data: name of the data set.
        found: the arrays by their names.
        folder: to write in.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _MARK).unlink(missing_ok=True)  # what it says is not true while they are replaced
    digests = {}
    for name in NAMES:
        content = whole(found[name])
        digests[f"{name}.npy"] = hashlib.sha256(content).hexdigest()
        PendingFile(folder / f"{name}.npy").commit(content)
    PendingFile(folder / _MARK).commit(json.dumps({"data": data, "sha256": digests}, indent=1).encode())


def _expected(data: str, folder: Path) -> Mapping[str, str]:
    """SHA-256 of each file; none where the folder does not say that it holds this data set."""
    try:
        mark = json.loads((folder / _MARK).read_bytes())
        return dict(mark["sha256"]) if mark["data"] == data else {}
    except (OSError, ValueError, TypeError, KeyError):
        return {}


def are_decoded(data: str, folder: Path) -> bool:
    """Whether ``folder`` holds this data set as ``save`` wrote it; needs no numpy."""
    expected = _expected(data, folder)
    try:
        return all(hashlib.sha256((folder / file).read_bytes()).hexdigest() == expected.get(file) for file in FILES)
    except OSError:
        return False


def load(data: str, folder: Path) -> list[np.ndarray[Any, Any]]:
    """The four arrays of ``NAMES``, mapped, each verified.

    Raises:
        TrainmarkError: if one is missing or is not what was decoded.
    """
    import numpy as np

    expected, found = _expected(data, folder), []
    for file in FILES:
        path = folder / file
        try:
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            array = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError) as error:
            raise TrainmarkError(f"Cannot read {path}: {error}. {REFETCH}") from error
        if digest != expected.get(file):
            raise TrainmarkError(f"{path} does not hold {data} as it was decoded; it was refused. {REFETCH}")
        found.append(array)
    return found


def split(
    found: Sequence[np.ndarray[Any, Any]], train_samples: int, validation_samples: int, test_samples: int
) -> tuple[Set, ...]:
    """Train, validation and test sets as (images, labels).

    Args:
        found: the four arrays in the order of ``NAMES``.
        train_samples: the first so many training images train.
        validation_samples: so many after them validate.
        test_samples: the first so many test images.

    Returns:
        Three pairs: images float32 of shape (n, *image) in [0, 1], labels uint8 of shape (n,).
    """
    import numpy as np

    train_images, train_labels, test_images, test_labels = found
    end = train_samples + validation_samples
    # Scaled as most scripts do it, the whole set at once and not in place: the memory of the temporary array, freed
    # again, is what fit's own copy then lands in, and where fresh memory is slow (virtual machines) that is 0.4 s.
    images = train_images[:end].astype(np.float32) / 255
    labels = np.array(train_labels[:end])
    tested = test_images[:test_samples].astype(np.float32) / 255
    return (
        (images[:train_samples], labels[:train_samples]),
        (images[train_samples:], labels[train_samples:]),
        (tested, np.array(test_labels[:test_samples])),
    )
