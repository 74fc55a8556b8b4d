"""Archives from elsewhere, unpacked without trust: one may have been made to do harm.

Nothing is unpacked but files that are named like records and machine files.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import re
import stat
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from trainmark import files, tree
from trainmark.errors import TrainmarkError
from trainmark.reading import BadFileError

ARCHIVES = (".zip", ".tar.gz", ".tgz", ".tar")
# Lists the files that were packed.
CHECKSUMS = "SHA256SUMS"
# An archive of records shrinks to a twentieth at best; more is a bomb.
MOST_UNPACKED_RATIO = 200
MOST_UNPACKED_BYTES = 2 * 2**30
MOST_MEMBERS = 2_000_000
_UNWANTED = "Ask for an archive made by 'make pack'; nothing of this one was used"


class LimitedReader(io.RawIOBase):
    """Reads a stream up to a limit, beyond which it raises BadFileError."""

    def __init__(self, stream: Any, limit: int) -> None:
        self._stream, self._left = stream, limit

    def readable(self) -> bool:
        """As every stream says it."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer, as ``io.RawIOBase`` has it."""
        data = self._stream.read(len(buffer))
        self._left -= len(data)
        if self._left < 0:
            raise BadFileError("unpacks to far more than records do, as an archive made to fill a disk", _UNWANTED)
        buffer[: len(data)] = data
        return len(data)


def unpacked(source: Path, scratch: Path) -> Path:
    """The folder of a source; an archive's files are unpacked into ``scratch`` first.

    Raises:
        TrainmarkError: if there is no such source.
        BadFileError: if it is an archive that cannot be trusted.
    """
    if source.is_dir():
        return source
    if not source.exists():
        raise TrainmarkError(f"{source} does not exist. FROM takes a folder of results, or a .zip or .tar.gz of one.")
    if not source.name.endswith(ARCHIVES):
        raise BadFileError("is neither a folder nor an archive", f"Give one of {', '.join(ARCHIVES)}, or a folder")
    scratch.mkdir()
    members = _zip_members(source) if source.suffix == ".zip" else _tar_members(source)
    try:
        for count, (name, content) in enumerate(members):
            if count > MOST_MEMBERS:
                raise BadFileError(f"holds more than {MOST_MEMBERS:,} files", _UNWANTED)
            target = scratch / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, OSError, RuntimeError, ValueError) as error:
        raise BadFileError(f"is not a whole archive ({error})") from None
    return scratch


def _limit(source: Path) -> int:
    """To how many bytes an archive may unpack."""
    return min(MOST_UNPACKED_BYTES, max(2**26, MOST_UNPACKED_RATIO * source.stat().st_size))


def _zip_members(source: Path) -> Iterator[tuple[str, bytes]]:
    left = _limit(source)
    with zipfile.ZipFile(source) as archive:
        for info in archive.infolist():
            mode = info.external_attr >> 16
            if not _wanted(info.filename, info.is_dir(), stat.S_ISLNK(mode)):
                continue
            with archive.open(info) as file:
                content = LimitedReader(file, min(left, files.LARGEST_BYTES)).read()
            left -= len(content)
            yield info.filename, content


def _tar_members(source: Path) -> Iterator[tuple[str, bytes]]:
    with contextlib.ExitStack() as stack:
        raw = stack.enter_context(source.open("rb"))
        stream = gzip.GzipFile(fileobj=raw) if source.suffix in (".gz", ".tgz") else raw
        limited = io.BufferedReader(LimitedReader(stream, _limit(source)))
        archive = stack.enter_context(tarfile.open(fileobj=limited, mode="r|"))
        for member in archive:
            strange = not (member.isreg() or member.isdir())
            if not _wanted(member.name, member.isdir(), strange):
                continue
            if member.size > files.LARGEST_BYTES:
                raise BadFileError(f"holds {member.name!r} of {member.size:,} bytes, which no record has", _UNWANTED)
            yield member.name, archive.extractfile(member).read()


def _wanted(name: str, is_folder: bool, is_link: bool) -> bool:
    """Whether a member is to be unpacked.

    Raises:
        BadFileError: if it leads elsewhere: an absolute path, one with .., a link or a device.
    """
    shown = tree.printable(name)
    parts = name.replace("\\", "/").split("/")
    if name.startswith(("/", "\\")) or ".." in parts or re.match(r"[A-Za-z]:", name) or "\0" in name:
        raise BadFileError(f"holds a path that leads out of it: {shown!r}", _UNWANTED)
    if is_link:
        raise BadFileError(f"holds a link or a device: {shown!r}", _UNWANTED)
    hidden = any(part.startswith(".") for part in parts if part not in (".", ""))
    return not is_folder and not hidden and (name.lower().endswith(".json") or parts[-1] == CHECKSUMS)
