"""One machine's results as an archive to be sent, with checksums and a signature of these."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections.abc import Callable
from pathlib import Path

from trainmark.errors import TrainmarkError
from trainmark.files import PendingFile
from trainmark.ingest import archives, machine_names, source_files
from trainmark.ingest.bad_files import Problem
from trainmark.ingest.file_reader import Reader
from trainmark.records import writing


def _unsigned(checksums: bytes) -> None:
    """No signature."""


def pack(
    machine: str,
    machines: Path,
    schemas: Path,
    output: Path,
    sign: Callable[[bytes], bytes | None] = _unsigned,
) -> int:
    """Write one machine's results as an archive with checksums; equal results give equal archives.

    Args:
        machine: its name.
        machines: results/machines.
        schemas: the folder of the schemas.
        output: the archive.
        sign: gives the signature of the list of checksums, None for none.

    Returns:
        The number of files packed.

    Raises:
        TrainmarkError: naming what cannot be used, or if there is nothing to pack.
    """
    problems: list[Problem] = []
    with writing.locked(machines, f"the packing of {machine}"):
        machine_names.refuse_unknown(machine, machines)
        files = dict(source_files.checked_files(machines, machines, machine, Reader(schemas), problems))
        if problems:
            raise TrainmarkError("Nothing was packed; mend these first.\n" + "\n".join(f"  - {p}" for p in problems))
        if not files:
            raise TrainmarkError(f"There are no results in {machines / machine}.")
        PendingFile(output).commit(_archive_of(machine, files, sign))
    return len(files)


def _archive_of(machine: str, files: dict[str, bytes], sign: Callable[[bytes], bytes | None]) -> bytes:
    """A .tar.gz of files, by path, with their checksums, and a signature of these."""
    lines = [f"{hashlib.sha256(c).hexdigest()}  {p.partition('/')[2]}\n" for p, c in sorted(files.items())]
    added = {f"{machine}/{archives.CHECKSUMS}": "".join(lines).encode()}
    signature = sign(added[f"{machine}/{archives.CHECKSUMS}"])
    if signature is not None:
        added[f"{machine}/{archives.SIGNATURE}"] = signature
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w|") as archive,
    ):
        for path, content in sorted({**files, **added}.items()):
            member = tarfile.TarInfo(path)
            member.size, member.mode = len(content), 0o644
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()
