"""What the rest of the project asks of a data set, whatever its format is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# The folder below which decoded data sets lie, in the working directory.
DECODED = Path("results/data")


@dataclass(frozen=True)
class DataSet:
    """A data set of images in classes.

    Attributes:
        name: as records have it.
        title: as people write it.
        sha256: file -> checksum of its content, as records have them; those of what is published.
        image_shape: rows and columns, and channels where there are several.
        classes: their number.
        train_images: their number.
        test_images: their number.
        files: that it is decoded into.
        folder: in which these lie.
        obtain: gives its published files and where they came from, of the folder in the configuration, if any, and of
            whether the network may be asked; raises TrainmarkError.
        save: decodes published files into a folder.
        is_decoded: whether a folder holds it.
        load_split: gives train, validation and test sets of so many samples each, from a folder that holds it.
        invented: whether nobody has measured it: what is trained on it tells nothing and is in no comparison.
    """

    name: str
    title: str
    sha256: Mapping[str, str]
    image_shape: tuple[int, ...]
    classes: int
    train_images: int
    test_images: int
    files: tuple[str, ...]
    folder: Path
    obtain: Callable[[str | None, bool], tuple[dict[str, bytes], str]]
    save: Callable[[dict[str, bytes], Path], None]
    is_decoded: Callable[[Path], bool]
    load_split: Callable[[Path, int, int, int], Any]
    invented: bool = False

    @property
    def paths(self) -> list[str]:
        """Paths of the files that it is decoded into."""
        return [str(self.folder / file) for file in self.files]
