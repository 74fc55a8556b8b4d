"""The chain of a machine's records: each names, by its digest, the one that was committed before it.

A record that was left out, removed or changed afterwards leaves a link that leads nowhere. Whoever makes all records
anew makes a whole chain, too: it is no proof of honesty. Standard library alone, since runs are recorded by it.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from trainmark import files
from trainmark.records import layout

# As this project writes them. Within a text of a record, the quotes would stand behind backslashes.
_MACHINE = re.compile(rb'"machine"\s*:\s*"([^"\\]*)"')
_PREVIOUS = re.compile(rb'"previous": ?"([0-9a-f]{64})"')
# The time of start; in any other record it is found by parsing.
START = re.compile(rb'"started_at": ?"([^"\\]{29})"')


def digest(content: bytes) -> str:
    """SHA-256 of a record without its machine's name, which may be changed: the same for ``renamed`` records."""
    match = _MACHINE.search(content)
    if match is None:
        return hashlib.sha256(content).hexdigest()
    found = hashlib.sha256(content[: match.start(1)])
    found.update(content[match.end(1) :])
    return found.hexdigest()


def renamed(content: bytes, name: str) -> bytes:
    """A record or machine file of the machine under another name, every other byte as it was.

    What names no machine is left as it is.
    """
    match = _MACHINE.search(content)
    return content[: match.start(1)] + name.encode() + content[match.end(1) :] if match else content


def started_later(content: bytes, other: bytes) -> bool:
    """Whether a run, or a sweep, was started after another; False where one does not say when."""
    first, second = START.search(content), START.search(other)
    return bool(first and second and first[1] > second[1])  # in UTC, written alike


def last(folder: Path) -> str | None:
    """The digest that a new record of a machine has to name, asked by the holder of the lock of the tree.

    Of the records that no other one names it is the one that was started last: where the computer's clock was set
    back, a later run would else name the same one again.

    Args:
        folder: of the machine, below results/machines.

    Returns:
        The digest; None where there is no record yet.
    """
    named: set[str] = set()
    found: list[tuple[bytes, str]] = []
    for path, entry in layout.result_files(folder):
        if layout.RECORD.fullmatch(f"{folder.name}/{path}"):
            with contextlib.suppress(OSError):
                content = files.read_start(entry.path)
                if previous := _PREVIOUS.search(content):
                    named.add(previous[1].decode())
                if start := START.search(content):
                    found.append((start[1], digest(content)))
    return max((each for each in found if each[1] not in named), default=(b"", None))[1]


class Link(NamedTuple):
    """A record in its chain: its digest, the digest that it names, and its time of start."""

    digest: str
    previous: str | None
    started_at: str


@dataclass(frozen=True)
class Chain:
    """How a machine's records name each other.

    Attributes:
        records: their number.
        named_here: how many name one that is here.
        named_elsewhere: how many name one that is not.
        unlinked: how many name none: the first, and those of formats before 5.
        forks: how many are named by more than one.
        late: how many name one that was started after them.
    """

    records: int
    named_here: int
    named_elsewhere: int
    unlinked: int
    forks: int
    late: int


def follow(links: Sequence[Link]) -> Chain:
    """The chain of all records of a machine that are here, in any order."""
    starts = {link.digest: link.started_at for link in links}
    named = [link for link in links if link.previous is not None]
    here = [link for link in named if link.previous in starts]
    counts = Counter(link.previous for link in named)
    return Chain(
        len(links),
        len(here),
        len(named) - len(here),
        len(links) - len(named),
        sum(count > 1 for count in counts.values()),
        sum(starts[link.previous or ""] > link.started_at for link in here),
    )
