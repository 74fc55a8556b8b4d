"""Archives in the official format of CIFAR's Python version, of invented images; pickles as Python 2 wrote them.

Python 3 writes other pickles, so the opcodes are put together here by hand (see Python's pickletools).
"""

import io
import struct
import tarfile
from collections.abc import Mapping

import numpy as np


def text(value: bytes) -> bytes:
    """A text of Python 2."""
    return b"U" + bytes([len(value)]) + value if len(value) < 256 else b"T" + struct.pack("<i", len(value)) + value


def numbers(values) -> bytes:
    """A list of numbers from 0 to 255."""
    return b"](" + b"".join(b"K" + bytes([value]) for value in values) + b"e"


def array(values: np.ndarray, kind: bytes = b"u1") -> bytes:
    """A numpy array of bytes with two dimensions."""
    rows, columns = values.shape
    made = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
    of_kind = (
        b"cnumpy\ndtype\n" + text(kind) + b"K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    )
    shape = b"J" + struct.pack("<i", rows) + b"J" + struct.pack("<i", columns) + b"\x86"
    return made + b"(K\x01" + shape + of_kind + b"\x89" + text(values.tobytes()) + b"tb"


def pickled(**entries: bytes) -> bytes:
    """A dictionary of such values."""
    return b"\x80\x02}(" + b"".join(text(key.encode()) + value for key, value in entries.items()) + b"u."


def batch(images: np.ndarray, labels, key: str) -> bytes:
    """A file of the archive; images of shape (n, 32, 32, 3)."""
    rows = images.transpose(0, 3, 1, 2).reshape(len(images), -1)
    names = b"](" + b"".join(text(f"image_{n}.png".encode()) for n in range(len(images))) + b"e"
    return pickled(batch_label=text(b"testing batch"), data=array(rows), filenames=names, **{key: numbers(labels)})


def archive(members: Mapping[str, bytes]) -> bytes:
    """A .tar.gz of files."""
    found = io.BytesIO()
    with tarfile.open(fileobj=found, mode="w:gz", compresslevel=1) as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return found.getvalue()
