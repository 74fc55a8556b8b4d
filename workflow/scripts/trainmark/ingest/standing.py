"""What there is below results/machines, as merges ask for it: read once, however many archives come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainmark.ingest import origins
from trainmark.ingest.admission import Checks
from trainmark.ingest.copies import Starts
from trainmark.ingest.file_reader import Reader
from trainmark.ingest.origins import Memory
from trainmark.records import layout


@dataclass(frozen=True)
class Standing:
    """What is there; by the holder of the tree's lock, or of a tree that nobody else writes to.

    Attributes:
        checks: what new files are held against.
        memory: how what was merged before came here.
        starts: when the records that are there started.
    """

    checks: Checks
    memory: Memory
    starts: Starts

    @classmethod
    def of(cls, machines: Path, schemas: Path, published: Mapping[str, Any]) -> Standing:
        """What is there now; the records are read when they are first asked for.

        Args:
            machines: results/machines.
            schemas: the folder of the schemas.
            published: figures of hardware, as ``catalogue.load`` gives them.
        """
        return cls(Checks(Reader(schemas), published), origins.load(machines.parent / layout.ORIGINS), Starts(machines))

    def remember(self, notes: Mapping[str, bytes]) -> None:
        """Know how that came which a merge has written, by what it has noted; its records are known since it read them.

        Args:
            notes: file name -> content, below results/origins.
        """
        for content in notes.values():
            self.memory.add(origins.read_note(content))
