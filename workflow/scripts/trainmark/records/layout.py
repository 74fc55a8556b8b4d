"""What lies in a folder of results: one quick walk for the fingerprint, the report and a merge."""

from __future__ import annotations

import contextlib
import hashlib
import operator
import os
import re
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

# Folders below a machine's.
MEASURED = ("runs", "controls", "suites", "roofline")
# Where the earlier sessions of a machine lie: each as a whole, as it lay before, in a folder with the time of its end.
SESSIONS = "sessions"
KINDS = (*MEASURED, SESSIONS)
_TIME = r"[0-9]{8}T[0-9]{6}Z(?:-[1-9][0-9]*)?"
_SESSION = rf"(?:sessions/{_TIME}/)?"
_IN_SESSION = re.compile(rf"(?P<machine>[^/]+)/sessions/(?P<session>{_TIME})/(?P<inside>.+)", re.DOTALL)
_SUITE, _KIND = r"(?:suites/[^/]+/)?", r"(?:runs|controls/[^/]+)"
RECORD = re.compile(rf"[^/]+/{_SESSION}{_SUITE}{_KIND}/[^/]+/[^/]+/[^/]+/[1-9][0-9]*/[1-9][0-9]*\.json")
MACHINE_FILE = re.compile(rf"[^/]+/{_SESSION}machine\.json")
ROOFLINE = re.compile(rf"[^/]+/{_SESSION}roofline/[^/]+/(?:cpu|gpu)\.json")
# Beside the folder of the machines: how those records came that a merge has brought.
ORIGINS = "origins"
# Deeper than any record lies, and an end to links that lead back.
_DEEPEST = 12


def of_session(path: str) -> tuple[str, str]:
    """The earlier session in which a result lies, empty for one that lies in none; and where it lay before.

    Args:
        path: below the folder of the machines.
    """
    match = _IN_SESSION.fullmatch(path)
    return (match["session"], f"{match['machine']}/{match['inside']}") if match else ("", path)


def find(top: str | Path, item: Callable[[os.DirEntry[str]], T]) -> list[T]:
    """What ``item`` makes of every file that is named like a result below ``top``, wherever it lies, in no order.

    Hidden files and folders are left out; nothing is found where ``top`` is not there. The loop is plain because a
    thousand machines have 34,000 folders, and every command waits for it.
    """
    top = str(top).rstrip("/")
    found: list[T] = []
    folders, deepest = [top], top.count("/") + _DEEPEST
    while folders:
        folder = folders.pop()
        with contextlib.suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as entries:
            for entry in entries:
                name = entry.name
                if name[0] == ".":
                    continue
                if name.endswith((".json", ".JSON")):
                    found.append(item(entry))
                elif entry.is_dir() and folder.count("/") < deepest:
                    folders.append(entry.path)
    return found


def result_files(top: str | Path) -> list[tuple[str, os.DirEntry[str]]]:
    """Path relative to ``top``, with slashes, and entry of everything that is named like a result, sorted."""
    start = len(str(top).rstrip("/")) + 1
    return sorted(find(top, lambda entry: (entry.path[start:], entry)), key=operator.itemgetter(0))


def stamps(top: str | Path, known: Collection[str]) -> list[str]:
    """Path, size and time of change of everything that is named like a result below ``top`` and not ``known``."""

    def stamp(entry: os.DirEntry[str]) -> str:
        try:
            status = entry.stat()
        except FileNotFoundError:  # a link that leads nowhere
            return str(entry.path)
        return f"{entry.path}\0{status.st_size}\0{status.st_mtime_ns}"

    found = find(top, stamp)
    return sorted(line for line in found if line.partition("\0")[0] not in known) if known else sorted(found)


def machine_digest(top: str | Path, name: str, known: Collection[str] = ()) -> str:
    """A digest of the stamps of one machine's files that are not ``known``; empty where there is none.

    ``name`` may also be that of a file that lies where only machines' folders belong.
    """
    lines = stamps(f"{top}/{name}", known) or ([name] if name.endswith(".json") else [])
    return hashlib.sha256("\n".join(lines).encode(errors="surrogateescape")).hexdigest() if lines else ""


def printable(path: str) -> str:
    """A path that can be printed, whatever bytes its name is made of."""
    return os.fsencode(path).decode(errors="backslashreplace")
