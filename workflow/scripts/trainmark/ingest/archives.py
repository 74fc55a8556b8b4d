"""Archives from elsewhere, unpacked without trust: one may have been made to do harm.

They are read in a process of their own, with limits on its time, its memory and what it writes, since no library for
archives was made for hostile ones. Nothing is unpacked but plain files that are named like records and machine files;
what an archive says of its sizes is not believed, only what was read.
"""

from __future__ import annotations

import contextlib
import errno
import gzip
import io
import json
import math
import re
import resource
import stat
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from trainmark import files, system
from trainmark.errors import DISK_FULL, TrainmarkError
from trainmark.ingest.bad_files import BadFileError
from trainmark.records import layout

# Lists the files that were packed.
CHECKSUMS = "SHA256SUMS"
# Signs that list.
SIGNATURE = f"{CHECKSUMS}.sig"
LARGEST_CHECKSUMS = 16 * files.LARGEST_BYTES  # over a hundred thousand lines
# An archive of records shrinks to a twentieth at best; more is a bomb.
MOST_UNPACKED_RATIO = 200
MOST_UNPACKED_BYTES = 2 * 2**30
MOST_MEMBERS = 200_000
# Between two files of a tar archive stand some blocks of 512 bytes, and readers read ahead by some thousands.
_LARGEST_HEADER_BYTES = 2**16
_BLOCK_BYTES = 512
# Deeper and longer than any path of a result within any folders around it.
_DEEPEST, _LONGEST_NAME = 16, 200
# Of the process that unpacks: a hundred thousand members of a zip archive take half of that memory, and a megabyte of
# records a tenth of a second.
_MEMORY_BYTES = 256 * 2**20
_SECONDS, _SECONDS_PER_MEGABYTE = 2, 1
_PATIENCE = 10  # times as long by the clock, where others compute or the disk is slow
_POLL_SECONDS = 0.05
_SCRIPT = Path(__file__).resolve().parents[2] / "unpack_archive.py"
_AGAIN = "Get it again from where it came"
_UNWANTED = "Ask for an archive made by 'make pack'; nothing of this one was used"
# First bytes of what is no archive that is read here -> what it is.
_OTHERS = {b"\xfd7zXZ\0": "xz", b"BZh": "bzip2", b"7z\xbc\xaf": "7-Zip", b"Rar!": "RAR", b"(\xb5/\xfd": "Zstandard"}


class LimitedReader(io.RawIOBase):
    """Reads a stream up to a limit, beyond which it raises BadFileError.

    Args:
        stream: to read from.
        limit: bytes of all of it.
    """

    def __init__(self, stream: Any, limit: int) -> None:
        self._stream, self._left, self._step_left = stream, limit, limit
        self._read, self._last = 0, b""

    def expect(self, size: int) -> None:
        """Let so many bytes be read until this is called again."""
        self._step_left = size

    def since(self, position: int) -> bytes:
        """What was read from a position near the present one on."""
        return self._last[position - self._read :] if position < self._read else b""

    def readable(self) -> bool:
        """As every stream says it."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer, as ``io.RawIOBase`` has it."""
        data = self._stream.read(len(buffer))
        self._left -= len(data)
        self._step_left -= len(data)
        self._read += len(data)
        self._last = (self._last + data)[-_LARGEST_HEADER_BYTES:]
        if self._left < 0:
            raise BadFileError("unpacks to far more bytes than records have, as if made to fill a disk", _UNWANTED)
        if self._step_left < 0:
            raise BadFileError("holds a header that is larger than any file's", _UNWANTED)
        buffer[: len(data)] = data
        return len(data)


def unpacked(source: Path, scratch: Path) -> Path:
    """The folder of a source; an archive's files are unpacked into ``scratch`` first.

    Raises:
        TrainmarkError: if there is no such source.
        BadFileError: if it is an archive that cannot be trusted.
        OSError: if the disk is full.
    """
    if source.is_dir():
        return source
    if not source.exists():
        raise TrainmarkError(f"{source} does not exist. FROM takes a folder of results, or a .zip or .tar.gz of one.")
    if not source.is_file():
        raise BadFileError("is neither a folder nor a file", "Give a folder of results, or a .zip or .tar.gz of one")
    scratch.mkdir()
    answer = _converse(source, scratch)
    if answer.get("full"):
        raise OSError(errno.ENOSPC, "No space left on device", answer["full"])
    if answer:
        raise BadFileError(answer["what"], answer["remedy"])
    return scratch


def _converse(source: Path, scratch: Path) -> dict[str, str]:
    """Let a child unpack, end it where it takes too much, and give what ``unpack`` says."""
    seconds = _SECONDS + _SECONDS_PER_MEGABYTE * source.stat().st_size // 2**20
    command = [sys.executable, "-E", str(_SCRIPT), str(source), str(scratch), str(seconds), str(_MEMORY_BYTES)]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        # Of the clock; of the processor's time, the child has a limit of its own.
        deadline = time.monotonic() + _PATIENCE * max(1, seconds)
        while child.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(_POLL_SECONDS)
            if time.monotonic() > deadline or _resident_bytes(child.pid) > _MEMORY_BYTES:
                break
    finally:
        child.kill()
        answer, _ = child.communicate()
    if child.returncode == 0:
        found: dict[str, str] = json.loads(answer)
        return found
    return {"what": "takes more time or memory to unpack than records do", "remedy": _UNWANTED}


def _resident_bytes(pid: int) -> int:
    """Memory of a process where the kernel does not limit it, which is on a Mac; else 0."""
    text = system.command_output("ps", "-o", "rss=", "-p", str(pid)) if system.MAC else None
    return int(text) * 1024 if text and text.isdigit() else 0


def limit_this_process(seconds: int, memory_bytes: int) -> None:
    """Let the system end this process when it takes more of its processor's time, or refuse it more memory.

    Args:
        seconds: of processor time from now on.
        memory_bytes: of address space, which macOS does not limit: there the parent looks.
    """
    used = resource.getrusage(resource.RUSAGE_SELF)
    whole = math.ceil(used.ru_utime + used.ru_stime) + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (whole, whole))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_CHECKSUMS, LARGEST_CHECKSUMS))
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))


def unpack(source: Path, scratch: Path) -> dict[str, str]:
    """Unpack an archive; in a process of its own, since libraries may hang or take all memory on a hostile one.

    Args:
        source: the archive.
        scratch: an empty folder for its files.

    Returns:
        ``what`` is wrong and the ``remedy``, or ``full`` with a file that the disk had no room for; empty if all went
        well.
    """
    try:
        written: set[str] = set()
        for name, content in _members(source):
            name = name.replace("\\", "/")  # as some programs on Windows write them
            if len(written) == MOST_MEMBERS:
                raise BadFileError(f"holds more than {MOST_MEMBERS:,} files", _UNWANTED)
            if name.casefold() in written:
                raise BadFileError(f"holds {layout.printable(name)!r} twice", _UNWANTED)
            written.add(name.casefold())
            target = scratch / name
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as file:
                file.write(content)
    except BadFileError as error:
        return {"what": error.what, "remedy": error.remedy}
    except MemoryError:
        return {"what": "takes more memory to unpack than records do", "remedy": _UNWANTED}
    except Exception as error:  # whatever kind a library raises on what is no archive
        if isinstance(error, OSError) and error.errno in DISK_FULL:
            return {"full": str(error.filename or scratch)}
        words = layout.printable(" ".join(str(error).split())[:200]) or type(error).__name__
        return {"what": f"is not a whole archive ({words})", "remedy": _AGAIN}
    return {}


def _members(source: Path) -> Iterator[tuple[str, bytes]]:
    """Name and content of every file that is wanted, by what an archive is and not by what it is called."""
    with source.open("rb") as raw:
        start = raw.read(512)
        raw.seek(0)
        if start[:2] == b"PK":
            yield from _zip_members(raw, _limit(source))
        elif start[:2] == b"\x1f\x8b":
            yield from _tar_members(gzip.GzipFile(fileobj=raw), _limit(source))
        elif start[257:262] == b"ustar":
            yield from _tar_members(raw, _limit(source))
        else:
            other = next((what for magic, what in _OTHERS.items() if start.startswith(magic)), None)
            what = (
                f"is compressed by {other}, which is not read here" if other else "is neither a folder nor an archive"
            )
            raise BadFileError("is empty" if not start else what, "Give a folder, or a .zip, .tar or .tar.gz of one")


def _limit(source: Path) -> int:
    """To how many bytes an archive may unpack."""
    return min(MOST_UNPACKED_BYTES, max(2**26, MOST_UNPACKED_RATIO * source.stat().st_size))


def _largest(name: str) -> int:
    return LARGEST_CHECKSUMS if name.endswith(CHECKSUMS) else files.LARGEST_BYTES


def _zip_members(raw: Any, limit: int) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(raw) as archive:
        for info in archive.infolist():
            kind = stat.S_IFMT(info.external_attr >> 16)
            plain = kind in (0, stat.S_IFREG, stat.S_IFDIR)  # 0 where the packing system has no such kinds
            if not _wanted(info.filename, info.filename.endswith("/"), plain):
                continue
            with archive.open(info) as file:
                content = LimitedReader(file, limit).read(_largest(info.filename) + 1)
            limit -= len(content)
            yield info.filename, _not_too_large(info.filename, content)


def _tar_members(stream: Any, limit: int) -> Iterator[tuple[str, bytes]]:
    reader = LimitedReader(stream, limit)
    reader.expect(_LARGEST_HEADER_BYTES)
    buffered = io.BufferedReader(reader)
    with tarfile.open(fileobj=buffered, mode="r|") as archive:
        while (member := archive.next()) is not None:
            archive.members.clear()  # type: ignore[attr-defined]  # which it would keep all
            plain = member.isdir() or (member.type in (tarfile.REGTYPE, tarfile.AREGTYPE) and not member.sparse)
            wanted = _wanted(member.name, member.isdir(), plain)
            if member.isreg():
                # Read to its end here, so that what is read until the next file is that one's header alone.
                reader.expect(limit)
                file = archive.extractfile(member)
                if file is None:
                    continue
                content = file.read(_largest(member.name) + 1)
                while not wanted and file.read(2**16):
                    pass
                if wanted:
                    yield member.name, _not_too_large(member.name, content)
            reader.expect(_LARGEST_HEADER_BYTES)
        end = archive.offset
    # The library takes a damaged header for the end, and does not ask for the end's mark, two blocks of zeros.
    reader.expect(limit)
    rest = reader.since(end)
    marked = len(rest) >= _BLOCK_BYTES
    while rest and not rest.strip(b"\0"):
        rest = buffered.read(2**16)  # on to the end, where gzip's own checksum stands
    if rest or not marked:
        raise BadFileError("is not a whole archive (it does not end where its last file does)", _AGAIN)


def _not_too_large(name: str, content: bytes) -> bytes:
    if len(content) > _largest(name):
        raise BadFileError(
            f"holds {layout.printable(name)!r} of over {_largest(name):,} bytes, which no record has", _UNWANTED
        )
    return content


def _wanted(name: str, is_folder: bool, is_plain: bool) -> bool:
    """Whether a member is to be unpacked.

    Raises:
        BadFileError: if it leads elsewhere: an absolute path, one with .., a link or a device; or is too deep.
    """
    shown = layout.printable(name[:_LONGEST_NAME])
    parts = name.replace("\\", "/").split("/")
    if name.startswith(("/", "\\")) or ".." in parts or re.match(r"[A-Za-z]:", name) or "\0" in name:
        raise BadFileError(f"holds a path that leads out of it: {shown!r}", _UNWANTED)
    if not is_plain:
        raise BadFileError(f"holds a link or a device or a sparse file: {shown!r}", _UNWANTED)
    hidden = any(part.startswith(".") for part in parts if part not in (".", ""))
    if is_folder or hidden or not (name.lower().endswith(".json") or parts[-1] in (CHECKSUMS, SIGNATURE)):
        return False
    if len(parts) > _DEEPEST or max(map(len, parts)) > _LONGEST_NAME:
        raise BadFileError(f"holds a path that is longer than any result's: {shown!r}", _UNWANTED)
    return True
