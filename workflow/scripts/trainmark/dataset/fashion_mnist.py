"""Fashion-MNIST: found, verified, decoded once, mapped by every run.

The data are recognised by the SHA-256 of the decompressed IDX files, because mirrors recompress the .gz files. The IDX
format is described at the end of https://yann.lecun.com/exdb/mnist/: a big-endian header of a magic number and the
sizes of the dimensions, then one unsigned byte a value.
"""

from __future__ import annotations

import functools
import gzip
import hashlib
import io
import math
import struct
import sys
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from trainmark.dataset import arrays, sources
from trainmark.dataset.data_set import DECODED, DataSet
from trainmark.dataset.sources import Source, SourceError
from trainmark.errors import TrainmarkError
from trainmark.files import PendingFile
from trainmark.install import debian

NAME = "fashion-mnist"
IMAGE_SHAPE = (28, 28)
CLASSES = 10
TRAIN_IMAGES, TEST_IMAGES = 60_000, 10_000

# IDX file -> SHA-256 of its decompressed content.
PAYLOADS = {
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}
SHAPES = {
    "train-images-idx3-ubyte": (TRAIN_IMAGES, *IMAGE_SHAPE),
    "train-labels-idx1-ubyte": (TRAIN_IMAGES,),
    "t10k-images-idx3-ubyte": (TEST_IMAGES, *IMAGE_SHAPE),
    "t10k-labels-idx1-ubyte": (TEST_IMAGES,),
}
# Its authors' repository, the mirror that Keras uses, and the official download, which is not encrypted.
ADDRESSES = (
    "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
)
DEBIAN_PACKAGE = "dataset-fashion-mnist"


def cache_folder() -> Path:
    """The user's own copy of the downloaded files, shared by all checkouts."""
    return sources.caches() / NAME


def installed_folders() -> list[Path]:
    """Folders in which other tools keep the same files: Keras's cache and the Debian/Ubuntu package."""
    shared = [Path(prefix) / "share" / "datasets" / NAME for prefix in ("/usr", "/usr/local", sys.prefix)]
    return [sources.home() / ".keras" / "datasets" / NAME, *shared]


def payload_bytes(name: str) -> int:
    """Size of a decompressed IDX file, in bytes."""
    return len(idx_header(SHAPES[name])) + math.prod(SHAPES[name])


def file_limit_bytes(name: str) -> int:
    """More than an IDX file takes, compressed or not: gzip adds less than a hundredth to what it cannot compress."""
    return payload_bytes(name) * 101 // 100 + 2**16


def verified_payload(name: str, content: bytes) -> bytes:
    """The decompressed content of an IDX file, given raw or gzipped.

    Raises:
        SourceError: if it is not the published file.
    """
    size = payload_bytes(name)
    payload = content
    if content[:2] == b"\x1f\x8b":
        try:
            payload = gzip.GzipFile(fileobj=io.BytesIO(content)).read(size + 1)  # a small file may hold gigabytes
        except (OSError, EOFError, zlib.error) as error:
            raise SourceError(f"is damaged: {error}") from error
    if len(payload) > size:
        raise SourceError(f"is not the published file: it holds more than the {size:,} bytes of that")
    found = hashlib.sha256(payload).hexdigest()
    if found != PAYLOADS[name]:
        raise SourceError(f"is not the published file: SHA-256 of the content {found}, expected {PAYLOADS[name]}")
    return payload


def read_folder(folder: Path) -> dict[str, bytes]:
    """The four payloads from a folder that holds them as ``NAME.gz`` or ``NAME``.

    Raises:
        SourceError: if a file is missing or is not the published one; the text names it.
    """
    payloads = {}
    for name in PAYLOADS:
        path = next((p for p in (folder / f"{name}.gz", folder / name) if p.is_file()), None)
        if path is None:
            raise SourceError(f"no {name}.gz in it" if folder.is_dir() else "no such folder")
        try:
            with path.open("rb") as file:
                payloads[name] = verified_payload(name, file.read(file_limit_bytes(name)))
        except SourceError as error:
            raise SourceError(f"REFUSED, not used: {path} {error}") from error
        except OSError as error:
            raise SourceError(f"cannot read {path}: {error.strerror}") from error
    return payloads


def download(address: str) -> dict[str, bytes]:
    """The four payloads from a web address that ends in a slash.

    Raises:
        SourceError: if one is not the published file, or comes too slowly.
        Exception: as ``sources.fetched`` does.
    """
    payloads = {}
    for name in PAYLOADS:
        content = sources.fetched(f"{address}{name}.gz", file_limit_bytes(name))
        try:
            payloads[name] = verified_payload(name, content)
        except SourceError as error:
            raise SourceError(f"REFUSED, not used: {name}.gz {error}") from error
    return payloads


def fetch_debian_package() -> dict[str, bytes]:
    """The four payloads from the Debian/Ubuntu package, fetched and unpacked in a temporary folder without root.

    Raises:
        SourceError: if a file in it is missing or not the published one.
        debian.PackageError: if there is no such package.
    """
    with tempfile.TemporaryDirectory() as folder:
        debian.unpack(DEBIAN_PACKAGE, Path(folder))
        return read_folder(Path(folder, "usr", "share", "datasets", NAME))


def places(data_folder: str | None, allow_download: bool) -> Iterator[Source]:
    """Where to look, in turn."""
    if data_folder:
        yield Source(f"the folder {data_folder} (data_folder in config)", False, lambda: read_folder(Path(data_folder)))
        return
    for folder in (cache_folder(), *installed_folders()):
        yield Source(f"the folder {folder}", False, functools.partial(read_folder, folder))
    if allow_download:
        for address in ADDRESSES:
            yield Source(f"the download {address}", True, functools.partial(download, address))
        yield Source(f"the Debian package {DEBIAN_PACKAGE}", True, fetch_debian_package)


def obtain(data_folder: str | None, allow_download: bool) -> tuple[dict[str, bytes], str]:
    """The four verified payloads and where they came from.

    A file that fails its check is never used: the next source is tried, and the refusal is told. What came over the
    network is kept in the user's cache.

    Args:
        data_folder: a folder with the four files, or None to look in the usual places.
        allow_download: whether the network may be asked.

    Raises:
        TrainmarkError: if no source has all four files; the text names each and how to supply the files.
    """

    def failure(tried: str) -> str:
        if not (allow_download or data_folder):
            tried += "\n  - the network: not asked (data_download: false in config)"
        how = sources.advice([f"{name}.gz" for name in PAYLOADS], ADDRESSES[0], cache_folder())
        return f"Fashion-MNIST was not found. Tried, in turn:\n{tried}\n{how}"

    return sources.first_good(places(data_folder, allow_download), keep_in_cache, failure)


def keep_in_cache(payloads: dict[str, bytes]) -> None:
    """Save the files for other checkouts."""
    packed = {f"{name}.gz": gzip.compress(payload, compresslevel=1) for name, payload in payloads.items()}
    sources.keep_in(cache_folder(), packed)


def idx_header(shape: tuple[int, ...]) -> bytes:
    """The header of an IDX file of unsigned bytes with the given shape."""
    return struct.pack(f">HBB{len(shape)}I", 0, 8, len(shape), *shape)


def save_arrays(payloads: dict[str, bytes], folder: Path) -> None:
    """Decode the payloads into ``folder/NAME.npy`` (uint8, uncompressed), each written whole or not at all."""
    import numpy as np

    folder.mkdir(parents=True, exist_ok=True)
    for name, payload in payloads.items():
        array = np.frombuffer(payload, np.uint8, offset=len(idx_header(SHAPES[name]))).reshape(SHAPES[name])
        PendingFile(folder / f"{name}.npy").commit(arrays.whole(array))


def is_decoded(folder: Path) -> bool:
    """Whether ``folder`` holds the published data as ``save_arrays`` wrote them; needs no numpy."""
    for name, shape in SHAPES.items():
        try:
            values = Path(folder, f"{name}.npy").read_bytes()[-math.prod(shape) :]  # behind numpy's header
        except OSError:
            return False
        if hashlib.sha256(idx_header(shape) + values).hexdigest() != PAYLOADS[name]:
            return False
    return True


def load_split(folder: Path, train_samples: int, validation_samples: int, test_samples: int) -> tuple[arrays.Set, ...]:
    """Train, validation and test sets as (images, labels), from the arrays that ``save_arrays`` wrote.

    The training set is the first ``train_samples`` of the 60,000 training images, the validation set the
    ``validation_samples`` after them, the test set the first ``test_samples`` of the 10,000 test images.

    Returns:
        Three pairs: images float32 of shape (n, 28, 28) in [0, 1], labels uint8 of shape (n,).

    Raises:
        TrainmarkError: if an array is missing or does not hold the published data.
    """
    import numpy as np

    found = []
    for name, expected in PAYLOADS.items():
        path = Path(folder, f"{name}.npy")
        try:
            array = np.load(path, mmap_mode="r")
        except (OSError, ValueError) as error:
            raise TrainmarkError(f"Cannot read {path}: {error}. {arrays.REFETCH}") from error
        digest = hashlib.sha256(idx_header(array.shape))
        digest.update(memoryview(np.ascontiguousarray(array)))  # type: ignore[arg-type]
        if digest.hexdigest() != expected:
            raise TrainmarkError(f"{path} does not hold the published data; it was refused. {arrays.REFETCH}")
        found.append(array)
    return arrays.split(found, train_samples, validation_samples, test_samples)


DATA = DataSet(
    name=NAME,
    title="Fashion-MNIST",
    sha256=PAYLOADS,
    image_shape=IMAGE_SHAPE,
    classes=CLASSES,
    train_images=TRAIN_IMAGES,
    test_images=TEST_IMAGES,
    files=tuple(f"{name}.npy" for name in PAYLOADS),
    folder=DECODED,  # not below it: checkouts of before have it there
    obtain=obtain,
    save=save_arrays,
    is_decoded=is_decoded,
    load_split=load_split,
)
