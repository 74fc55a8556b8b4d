"""What a folder of results holds, file by file: nothing of it is believed before it was checked."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from trainmark.ingest import archives, file_reader, origins, signing
from trainmark.ingest.bad_files import AGAIN, BadFileError, Problem
from trainmark.ingest.file_reader import Reader
from trainmark.ingest.origins import Origin
from trainmark.records import chain, layout


def machines_folder(folder: Path, scratch: Path) -> Path:
    """The folder in which the machines' folders lie, for one that a user names or an archive holds.

    For a single machine's folder that is one in ``scratch``, with nothing but a link to it.
    """
    for _ in range(3):  # an archive may wrap all in a folder or two
        for inner in ("results/machines", "machines"):
            if (folder / inner).is_dir():
                return folder / inner
        if _is_machine(folder):
            scratch.mkdir()
            (scratch / folder.resolve().name).symlink_to(folder.resolve(), target_is_directory=True)
            return scratch
        inside = [Path(entry.path) for entry in os.scandir(folder) if entry.is_dir() and not entry.name.startswith(".")]
        if any(map(_is_machine, inside)) or len(inside) != 1:
            return folder
        folder = inside[0]
    return folder


def _is_machine(folder: Path) -> bool:
    """Whether a folder looks like that of one machine."""
    return (folder / "machine.json").is_file() or any((folder / kind).is_dir() for kind in layout.KINDS)


def read_checksums(folder: Path) -> tuple[dict[str, str] | None, Origin]:
    """Path -> SHA-256 of the files that were packed, None where there is no such list; and who has signed it.

    Raises:
        BadFileError: if it cannot be read, or was not signed as it is.
    """
    path, signature = folder / archives.CHECKSUMS, folder / archives.SIGNATURE
    signed = os.path.lexists(signature)
    if not os.path.lexists(path):
        if signed:
            raise BadFileError("is missing, though it was signed", signing.AGAIN)
        return None, Origin(origins.UNSIGNED)
    content = file_reader.read_bytes(str(path), archives.LARGEST_CHECKSUMS)
    origin = Origin(origins.UNSIGNED)
    if signed:
        try:
            key, checked = signing.check(content, file_reader.read_bytes(str(signature), signing.LARGEST_BYTES))
        except BadFileError as error:
            raise BadFileError(f"has a signature, {archives.SIGNATURE}, which {error.what}", error.remedy) from None
        origin = Origin(origins.SIGNED if checked else origins.UNCHECKED, key)
    lines = content.decode(errors="replace").splitlines()
    pairs = (line.split("  ", 1) for line in lines if "  " in line)
    return {path: digest for digest, path in pairs}, origin


def _verify(path: str, content: bytes, sums: dict[str, str]) -> None:
    expected = sums.pop(path.partition("/")[2], None)
    if expected is None:
        raise BadFileError("was added after the results were packed", "Pack them again: make pack")
    if hashlib.sha256(content).hexdigest() != expected:
        raise BadFileError("was changed after it was packed: its checksum is another")


def checked_files(
    source: Path,
    folder: Path,
    machine: str,
    reader: Reader,
    problems: list[Problem],
    sums: dict[str, str] | None = None,
    name: str | None = None,
) -> Iterator[tuple[str, bytes]]:
    """Path and content of every file of a machine that can be used; the others become problems.

    With ``sums``, those that are not as they were packed become problems, too. With ``name``, they are as under that.
    """
    name = name or machine
    for inside, entry in layout.result_files(folder / machine):
        path = f"{machine}/{inside}"
        try:
            content = file_reader.read_bytes(entry.path)
            if sums is not None:
                _verify(path, content, sums)
            reader.result(path, content)
            if name != machine:
                content = chain.renamed(content, name)
                reader.result(f"{name}/{inside}", content)
        except BadFileError as error:
            problems.append(Problem(f"{source}: {layout.printable(path)}", error.what, error.remedy))
            continue
        yield f"{name}/{inside}", content
    for path in sorted(sums or ()):
        problems.append(Problem(f"{source}: {machine}/{path}", "is missing, though it was packed", AGAIN))
