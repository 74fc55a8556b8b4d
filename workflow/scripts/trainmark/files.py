"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import csv
import errno
import hashlib
import io
import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from trainmark import escaping, mutex


def csv_text(rows: Iterable[Iterable[Any]]) -> str:
    """Rows as CSV; a carriage return, which readers take for the end of a row, becomes a space."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(escaping.csv_rows(rows))
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


# What link(2) says on disks without hard links.
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)


class PendingFile:
    """A file that appears under its name only when it is complete.

    Its room on the disk is taken when it is opened: a full disk is noticed before hours of measuring, not after. Until
    it is complete it has a name that no other process uses, and is locked: what a killed process has left, and nobody
    holds any more, is removed when the same file is written again.

    Args:
        path: where the file will appear.
        room_bytes: room to take.
        folder: in which it lies until then, on the disk of ``path``; that of ``path`` if not given.

    Raises:
        OSError: if the disk has not that much room (ENOSPC) or the folder cannot be written.
    """

    def __init__(self, path: Path, room_bytes: int = 0, folder: Path | None = None) -> None:
        self.path = Path(path)
        self._opened: BinaryIO | None = None
        folder = folder or self.path.parent
        try:
            remove_abandoned(folder, f".{self.path.name}.")
            self._opened = create_locked(folder, f".{self.path.name}.")
            self._temporary = Path(self._file.name)
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
        self.complete(content)
        self.place(os.replace)

    def complete(self, content: bytes) -> None:
        """Write ``content``, which does not appear yet; errors as for ``commit``."""
        try:
            self._file.seek(0)
            self._file.write(content)
            self._file.truncate()
            self._flush()
        except OSError as error:
            self.discard()
            raise self._named(error) from error

    def place(self, move: Callable[[Path, Path], None]) -> None:
        """Let the complete file appear, by a function that is given where it lies and where it shall lie."""
        try:
            move(self._temporary, self.path)
        except OSError as error:
            raise self._named(error) from error
        finally:
            self.discard()

    def discard(self) -> None:
        """Give the room back; nothing appears."""
        if self._opened:
            with contextlib.suppress(FileNotFoundError):
                self._temporary.unlink()
            with contextlib.suppress(OSError):  # closing writes what is buffered, and the disk may be full
                self._file.close()

    @property
    def _file(self) -> BinaryIO:
        if self._opened is None:
            raise ValueError(f"{self.path} is not open")
        return self._opened

    def _flush(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())

    def _named(self, error: OSError) -> OSError:
        return OSError(error.errno, error.strerror, str(self.path))


def create_locked(folder: Path, prefix: str) -> BinaryIO:
    """A new file in a folder, locked for as long as it is open; its name, which is its own, ends in ``.tmp``."""
    while True:
        path = folder / f"{prefix}{secrets.token_hex(6)}.tmp"
        file = path.open("xb")
        if mutex.attempt(file.fileno()) is not False and path.exists():
            return file
        file.close()  # before it was locked, somebody took it for an abandoned one


def remove_abandoned(folder: Path, prefix: str) -> None:
    """Remove the files of ``create_locked`` whose process is gone; none on a disk that has no locks to tell by."""
    for path in folder.iterdir():
        if path.name.startswith(prefix) and path.name.endswith(".tmp"):
            with contextlib.suppress(OSError), path.open("r+b") as file:  # NFS locks only what may be written
                if mutex.attempt(file.fileno()):
                    path.unlink()


@contextlib.contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """A folder to fill, which appears as ``path``, in the place of one of that name, when the block is left in peace.

    So ``path`` is whole at any time, or not there. For one process at a time: what a killed one left is removed first.
    """
    unfinished, replaced = (path.with_name(f".{path.name}.{state}") for state in ("unfinished", "replaced"))
    for each in (unfinished, replaced):
        shutil.rmtree(each, ignore_errors=True)
    unfinished.mkdir(parents=True)
    try:
        yield unfinished
        with contextlib.suppress(FileNotFoundError):
            path.rename(replaced)
        unfinished.rename(path)
    finally:
        for each in (unfinished, replaced):
            shutil.rmtree(each, ignore_errors=True)


def create(source: Path, target: Path) -> None:
    """Give a complete file a second name, unless there is a file of that name.

    Where a disk has no hard links, it is moved, and only a lock can keep others from that name. A place that is on
    another disk, behind a link, gets a copy.

    Raises:
        FileExistsError: if there is one.
        OSError: if it cannot be done.
    """
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno == errno.EXDEV:
            copy = PendingFile(target)
            copy.complete(source.read_bytes())
            copy.place(create)
        elif error.errno not in _NO_LINKS:
            raise
        elif os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target)) from None
        else:
            source.rename(target)


def write_whole(path: Path, text: str) -> None:
    """Write a small text file whole or not at all."""
    PendingFile(path).commit(text.encode())
