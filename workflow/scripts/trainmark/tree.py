"""What lies in a folder of results: one quick walk for the fingerprint, the report and a merge."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

RECORD = re.compile(r"([^/]+)/runs/([^/]+)/([^/]+)/([^/]+)/([1-9][0-9]*)/([1-9][0-9]*)\.json")
MACHINE_FILE = re.compile(r"([^/]+)/machine\.json")
# Deeper than any record lies, and an end to links that lead back.
_DEEPEST = 10


def walk(top: str | Path) -> Iterator[tuple[str, os.DirEntry]]:
    """Every file and folder below ``top``, in no particular order; hidden ones and what is in them are left out.

    Yields:
        The path relative to ``top``, with slashes, and the entry. Nothing where ``top`` is not there.
    """
    waiting = [""]
    while waiting:
        prefix = waiting.pop()
        with contextlib.suppress(FileNotFoundError), os.scandir(f"{top}/{prefix}") as entries:
            for entry in entries:
                name = entry.name
                if name[0] == ".":
                    continue
                path = prefix + name
                if entry.is_dir() and prefix.count("/") < _DEEPEST:
                    waiting.append(f"{path}/")
                yield path, entry


def result_files(top: str | Path) -> list[tuple[str, os.DirEntry]]:
    """What is named like a record or machine file below ``top``, wherever it lies and whatever it is, sorted."""
    found = [(path, entry) for path, entry in walk(top) if path[-5:].lower() == ".json"]
    found.sort(key=lambda pair: pair[0])
    return found


def printable(path: str) -> str:
    """A path that can be printed, whatever bytes its name is made of."""
    return os.fsencode(path).decode(errors="backslashreplace")
