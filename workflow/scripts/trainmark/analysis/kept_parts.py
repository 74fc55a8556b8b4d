"""What was read of each machine's files, kept until one of them, or what it was read by, changes.

A thousand machines' records are read and checked once, and not again because one more machine was measured.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec

from trainmark import files

T = TypeVar("T")
# Path below the folder of the machines, size, times of the last change of content and of the file.
Stamp = tuple[str, int, int, int]


@dataclass(frozen=True)
class KeptParts(Generic[T]):
    """A file that holds what was read of each machine.

    Attributes:
        path: of the file.
        made_by: says what was read by: the code, the schemas, the references.
        kind: what is read.
    """

    path: Path
    made_by: str
    kind: type[T]

    def load(self, machines: Mapping[str, Iterable[Stamp]]) -> dict[str, T]:
        """What is there of machines none of whose files has changed since, by their names."""
        kind: Any = dict[str, tuple[str, self.kind]]  # type: ignore[name-defined]
        found: dict[str, tuple[str, T]] = {}
        # What cannot be read, by whatever mishap, is read from the records.
        with contextlib.suppress(OSError, msgspec.MsgspecError):
            found = msgspec.msgpack.decode(self.path.read_bytes(), type=kind)
        known = {machine: self._key(stamps) for machine, stamps in machines.items() if machine in found}
        return {machine: found[machine][1] for machine, key in known.items() if found[machine][0] == key}

    def save(self, machines: Mapping[str, Iterable[Stamp]], parts: Mapping[str, T]) -> None:
        """Keep what was read of machines, and nothing else."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        found = {machine: (self._key(machines[machine]), part) for machine, part in parts.items()}
        files.PendingFile(self.path).commit(msgspec.msgpack.encode(found))

    def _key(self, stamps: Iterable[Stamp]) -> str:
        found = hashlib.sha256(self.made_by.encode())
        for path, *numbers in stamps:
            found.update(os.fsencode(f"\0{path}\0{numbers}"))
        return found.hexdigest()
