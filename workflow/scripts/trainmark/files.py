"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def csv_text(rows: Iterable[Iterable[Any]]) -> str:
    """Rows as CSV; a carriage return, which readers take for the end of a row, becomes a space."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue().replace("\r", " ")


def digests(paths: Iterable[str]) -> dict[str, str]:
    """SHA-256 (hex) of each file's content, by path: equal only for the same files with the same content."""
    return {str(path): hashlib.sha256(Path(path).read_bytes()).hexdigest() for path in paths}


# Far more than a record with a thousand epochs, the largest file of ours that is read.
LARGEST_BYTES = 2**20
_USUAL_BYTES = 2**16  # to make room for a megabyte takes longer than to read most records


def read_start(path: str | Path, most: int = LARGEST_BYTES) -> bytes:
    """A file's content, or its first ``most`` + 1 bytes; a pipe of that name is not waited for.

    Raises:
        OSError: if it cannot be read.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        content = os.read(descriptor, _USUAL_BYTES)
        if len(content) == _USUAL_BYTES:
            content += os.read(descriptor, most + 1 - _USUAL_BYTES)
        return content
    finally:
        os.close(descriptor)


def read_object(path: str | Path) -> dict[str, Any]:
    """The JSON object that a file of ours holds.

    Raises:
        OSError: if it cannot be read.
        ValueError: if it holds none, whatever it is.
    """
    try:
        found = json.loads(read_start(path).decode())
    except RecursionError:
        raise ValueError(f"{path} is nested too deeply") from None
    if not isinstance(found, dict):
        raise ValueError(f"{path} holds no object")
    return found


class PendingFile:
    """A file that appears under its name only when it is complete.

    Its room on the disk is taken when it is opened: a full disk is noticed before hours of measuring, not after.

    Args:
        path: where the file will appear.
        room_bytes: room to take.

    Raises:
        OSError: if the disk has not that much room (ENOSPC) or the folder cannot be written.
    """

    def __init__(self, path: Path, room_bytes: int = 0) -> None:
        self.path = Path(path)
        self._file = None
        self._temporary = self.path.with_name(f".{self.path.name}.tmp")
        try:
            self._file = self._temporary.open("wb")
            self._file.write(bytes(room_bytes))
            self._flush()
        except OSError as error:
            self.discard()
            raise self._named(error) from error

    def commit(self, content: bytes) -> None:
        """Write ``content`` and let the file appear, replacing one of the same name.

        Raises:
            OSError: if it cannot be written; nothing is left behind then.
        """
        try:
            self._file.seek(0)
            self._file.write(content)
            self._file.truncate()
            self._flush()
            self._file.close()
            self._temporary.replace(self.path)
        except OSError as error:
            self.discard()
            raise self._named(error) from error

    def discard(self) -> None:
        """Give the room back; nothing appears."""
        if self._file:
            with contextlib.suppress(OSError):  # closing writes what is buffered, and the disk may be full
                self._file.close()
        self._temporary.unlink(missing_ok=True)

    def _flush(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())

    def _named(self, error: OSError) -> OSError:
        return OSError(error.errno, error.strerror, str(self.path))


def write_whole(path: Path, text: str) -> None:
    """Write a small text file whole or not at all."""
    PendingFile(path).commit(text.encode())
