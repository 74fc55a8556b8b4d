"""What a source of results brings of one machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from trainmark.ingest import origins
from trainmark.ingest.consistency import Identity
from trainmark.ingest.origins import Origin
from trainmark.records import layout


@dataclass(frozen=True)
class Arrival:
    """What one source brings of one machine.

    Attributes:
        machine: the name that it gets here.
        origin: with which signature it came.
        identity: of the machine.
        known: keys that have signed its results before.
        records: path -> digest, of the records that are new or there already.
    """

    machine: str
    origin: Origin
    identity: Identity
    known: set[str]
    records: dict[str, str]

    def __str__(self) -> str:
        first = self.origin.signature == origins.SIGNED and self.origin.key not in self.known
        return f"{self.origin}{', a key that is new for this machine' if first else ''}"


def in_sessions(contents: Mapping[str, bytes]) -> set[tuple[str, bytes]]:
    """Where the files of a machine's earlier sessions lay before, each with its content."""
    found = ((layout.of_session(path), content) for path, content in contents.items())
    return {(before, content) for (session, before), content in found if session}


def make_room(contents: Mapping[str, bytes], machines: Path, new: dict[str, bytes]) -> set[str]:
    """Find what a source has in an earlier session, and what counts as the last session of its machine still.

    Args:
        contents: the source's files of a machine.
        machines: results/machines.
        new: path -> content of what is to come from sources before; what is found there is taken out.

    Returns:
        Paths of the files that are found in ``machines``.
    """
    found = set()
    for before, content in in_sessions(contents):
        if new.get(before) == content:
            del new[before]
        elif before not in new and (machines / before).is_file() and (machines / before).read_bytes() == content:
            found.add(before)
    return found


def stands_in_session(machines: Path, path: str) -> bool:
    """Whether what lies at a path lies in an earlier session of its machine, too; also where nothing lies there."""
    machine, _, inside = path.partition("/")
    try:
        content = (machines / path).read_bytes()
    except FileNotFoundError:
        return True
    copies = (machines / machine / layout.SESSIONS).glob(f"*/{inside}")
    return any(copy.read_bytes() == content for copy in copies)
