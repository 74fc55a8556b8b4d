"""Where a data set is looked for: folders, then downloads; the first source that has it, verified, is taken."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from trainmark.errors import TrainmarkError
from trainmark.files import PendingFile
from trainmark.install import debian
from trainmark.terminal import say

log = logging.getLogger(__name__)

# Name of a file -> its content.
Files = dict[str, bytes]
# How long a server may be silent, and how long one file may take.
DOWNLOAD_TIMEOUT_SECONDS = 30
DOWNLOAD_LIMIT_SECONDS = 600


class SourceError(Exception):
    """One source does not have the data; the next may."""


@dataclass(frozen=True)
class Source:
    """A place to look in.

    Attributes:
        description: what the user is told of it.
        from_network: whether what it gives is worth keeping in the user's cache.
        read: gives the verified files, or raises.
    """

    description: str
    from_network: bool
    read: Callable[[], Files]


def home() -> Path:
    """The user's home; the folder for temporary files for a user without one, as in some containers."""
    try:
        return Path.home()
    except RuntimeError:
        return Path(tempfile.gettempdir())


def caches() -> Path:
    """Where the user's caches of this project lie, shared by all checkouts (XDG on Linux, Library on a Mac)."""
    if sys.platform == "darwin":
        base = home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or home() / ".cache")
    return base / "trainmark"


def fetched(address: str, limit_bytes: int) -> bytes:
    """What is at an address, at most the first ``limit_bytes`` and a little of it.

    Raises:
        SourceError: if it comes too slowly.
        Exception: whatever else happens between here and the server: not only an OSError, since urllib lets through
            what http.client and its parsers of addresses and headers raise.
    """
    deadline = time.monotonic() + DOWNLOAD_LIMIT_SECONDS
    content = bytearray()
    with urllib.request.urlopen(address, timeout=DOWNLOAD_TIMEOUT_SECONDS) as response:
        while len(content) <= limit_bytes and (part := response.read1(2**20)):
            content += part
            if time.monotonic() > deadline:
                raise SourceError(f"{address} did not come within {DOWNLOAD_LIMIT_SECONDS} s")
    return bytes(content)


def first_good(
    sources: Iterable[Source], keep: Callable[[Files], None], failure: Callable[[str], str]
) -> tuple[Files, str]:
    """The verified files of the first source that has them, and what it is.

    A file that fails its check is never used: the next source is tried, and the refusal is told.

    Args:
        sources: in the order in which they are tried.
        keep: is given what came over the network.
        failure: makes the text of the error from the lines about the sources that were tried.

    Raises:
        TrainmarkError: if no source has all files.
    """
    tried = []
    for source in sources:
        try:
            found = source.read()
        except Exception as error:  # whatever a source does, another one may have the data
            tried.append(f"  - {source.description}: {_reason(error)}")
            log.info("not from %s", source.description, exc_info=error)
            continue
        for line in tried:
            if "REFUSED" in line:  # worth knowing, although another source had the data
                say(f"trainmark: data set: {line.removeprefix('  - ')}")
        if source.from_network:
            keep(found)
        return found, source.description
    raise TrainmarkError(failure("\n".join(tried)))


def _reason(error: Exception) -> str:
    """What to tell of a failed source."""
    if isinstance(error, (SourceError, debian.PackageError)):
        return str(error)
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"  # a server wrote some of these texts


def keep_in(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Save files for other checkouts; a cache that cannot be written costs nothing but the next download."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            PendingFile(folder / name).commit(content)
    except OSError as error:
        log.warning("the files were not kept in %s: %s", folder, error)


def advice(files: Iterable[str], address: str, cache: Path) -> str:
    """How the user supplies the files of a data set."""
    names = list(files)
    many = len(names) > 1
    count = {4: "four "}.get(len(names), "")
    return (
        f"Put the {count}file{'s' * many}\n  {', '.join(names)}\n(for example from {address}) into a folder and name "
        "the folder:\n  data_folder: /path/to/the/folder   in config/config.yaml, or --config "
        f"data_folder=/path/to/the/folder\nor copy {'them' if many else 'it'} to {cache}. "
        f"{'They are' if many else 'It is'} checked by {'their' if many else 'its'} SHA-256."
    )
