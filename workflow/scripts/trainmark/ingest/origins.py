"""How records came here that a merge has brought: with which signature, of which key.

Every merge notes it in a file of results/origins, which is named by its content and never changed: folders of them can
be copied together. A record is known by its digest, whatever its machine is called by now. The first key that signs a
machine's results is remembered (trust on first use).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal, Union

import msgspec

from trainmark import files
from trainmark.ingest.bad_files import BadFileError, Problem
from trainmark.ingest.consistency import Identity
from trainmark.ingest.file_reader import read_bytes

Signature = Literal["signed", "not checked", "unsigned"]
SIGNED: Signature = "signed"
UNCHECKED: Signature = "not checked"
UNSIGNED: Signature = "unsigned"
# Of one record that came twice, the best counts.
BEST_FIRST = (SIGNED, UNCHECKED, UNSIGNED)
_LARGEST_BYTES = 16 * files.LARGEST_BYTES  # over two hundred thousand records
_REMEDY = "Restore it or remove it; until then its signatures are not known"

_Digest = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
_Key = Annotated[str, msgspec.Meta(pattern=r"^SHA256:[A-Za-z0-9+/]{43}\Z")]
_Hash = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{16,32}\Z")]


class Note(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """What a file of results/origins holds.

    Attributes:
        format_version: of its layout.
        signature: SIGNED, UNCHECKED or UNSIGNED.
        key: fingerprint of the key that signed; None unless SIGNED.
        machine_id_hash: of the machine, as its records have it.
        hardware: the same.
        records: digests of the records, as ``chain`` makes them.
    """

    format_version: Literal[1] = 1
    signature: Signature
    key: Union[_Key, None]  # noqa: UP007, read at run time
    machine_id_hash: Union[_Hash, None]  # noqa: UP007
    hardware: Union[_Hash, None]  # noqa: UP007
    records: list[_Digest]


_DECODER = msgspec.json.Decoder(Note)


@dataclass(frozen=True)
class Origin:
    """With which signature something came.

    Attributes:
        signature: SIGNED, UNCHECKED or UNSIGNED.
        key: fingerprint of the key that it names; None of what is UNSIGNED.
    """

    signature: Signature
    key: str | None = None

    def __str__(self) -> str:
        return {
            SIGNED: f"signed by {self.key}",
            UNCHECKED: f"signature of {self.key} not checked: that needs the ssh-keygen of OpenSSH 8.1 or later",
            UNSIGNED: UNSIGNED,
        }[self.signature]


@dataclass
class Memory:
    """What results/origins holds.

    Attributes:
        records: digest -> its best origin.
        keys: identity of a machine -> keys that have signed its results.
        problems: the files that cannot be used.
    """

    records: dict[str, Origin] = field(default_factory=dict)
    keys: dict[Identity, set[str]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def add(self, note: Note) -> None:
        """Remember what a file says."""
        origin = Origin(note.signature, note.key)
        for digest in note.records:
            known = self.records.get(digest)
            if known is None or BEST_FIRST.index(origin.signature) < BEST_FIRST.index(known.signature):
                self.records[digest] = origin
        if note.key is not None:
            self.keys.setdefault((note.machine_id_hash, note.hardware), set()).add(note.key)

    def keys_of(self, identity: Identity, digests: Iterable[str]) -> set[str]:
        """Keys that are known of a machine: of its identity, where that is of one machine alone, and of its records."""
        found = {self.records[digest].key for digest in digests if digest in self.records}
        found |= self.keys.get(identity, set()) if identity[0] is not None else set()
        return {key for key in found if key is not None}


def load(folder: Path) -> Memory:
    """What was noted; files that cannot be used become problems and cost nothing else."""
    memory = Memory()
    for path in sorted(folder.glob("*.json")):
        try:
            note = read_note(read_bytes(str(path), _LARGEST_BYTES))
            if (note.signature == SIGNED) != (note.key is not None):
                raise BadFileError("has a key without a signature, or a signature without a key")
            memory.add(note)
        except BadFileError as error:
            memory.problems.append(Problem(str(path), error.what, _REMEDY))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            memory.problems.append(Problem(str(path), f"is not what a merge wrote ({str(error)[:200]})", _REMEDY))
    return memory


def read_note(content: bytes) -> Note:
    """What a file of results/origins says.

    Raises:
        MsgspecError, UnicodeDecodeError, RecursionError: if it is not what a merge wrote.
    """
    return _DECODER.decode(content)


def note(origin: Origin, identity: Identity, digests: Iterable[str]) -> tuple[str, bytes]:
    """Name and content of the file that notes how records came."""
    key = origin.key if origin.signature == SIGNED else None
    made = Note(
        signature=origin.signature, key=key, machine_id_hash=identity[0], hardware=identity[1], records=sorted(digests)
    )
    content = msgspec.json.format(msgspec.json.encode(made), indent=1) + b"\n"
    return f"{hashlib.sha256(content).hexdigest()[:32]}.json", content
