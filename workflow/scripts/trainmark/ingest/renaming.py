"""A machine's results under another name."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from trainmark.errors import TrainmarkError
from trainmark.ingest import archives, file_reader, machine_names
from trainmark.ingest.bad_files import BadFileError, Problem
from trainmark.ingest.file_reader import Reader
from trainmark.records import chain, layout, writing


def rename(machine: str, name: str, machines: Path, schemas: Path) -> int:
    """Rename a machine: its folder, and its name in every record and in its machine file.

    The renamed copy is complete before anything of the old folder is removed; what is no result of ours keeps that.

    Returns:
        The number of files renamed.

    Raises:
        TrainmarkError: if the new name cannot be used or is taken, a file cannot be used, or the machine is being
            measured.
    """
    machine_names.refuse_bad(name)
    with writing.locked(machines, f"the renaming of {machine}"):
        machine_names.refuse_unknown(machine, machines)
        for each in (machine, name):
            who = writing.who_measures(machines, each)
            if who:
                raise TrainmarkError(
                    f"{each} is being measured now by {who}. Nothing was renamed. Wait until that ends, or stop it, "
                    "and give the same command again."
                )
        contents = _renamed_files(machine, name, machines, Reader(schemas))
        _put_renamed(name, contents, machines)
        for path in contents:
            (machines / machine / path).unlink()
        for each in (archives.CHECKSUMS, archives.SIGNATURE):  # of files that are now others
            (machines / machine / each).unlink(missing_ok=True)
        for folder, _, _ in os.walk(machines / machine, topdown=False):
            with contextlib.suppress(OSError):  # something else is in it
                Path(folder).rmdir()
    return len(contents)


def _renamed_files(machine: str, name: str, machines: Path, reader: Reader) -> dict[str, bytes]:
    """Path, below the machine's folder, and content of every file of a machine as it is under another name.

    Raises:
        TrainmarkError: naming every file that cannot be used.
    """
    contents, problems = {}, []
    for path, entry in layout.result_files(machines / machine):
        try:
            content = chain.renamed(file_reader.read_bytes(entry.path), name)
            reader.result(f"{name}/{path}", content)
        except BadFileError as error:
            problems.append(Problem(f"{machine}/{layout.printable(path)}", error.what, error.remedy))
        else:
            contents[path] = content
    if problems:
        raise TrainmarkError("Nothing was renamed; mend these first.\n" + "\n".join(f"  - {p}" for p in problems))
    return contents


def _put_renamed(name: str, contents: dict[str, bytes], machines: Path) -> None:
    """Put a machine's files, by path below its folder, into the folder of its new name.

    Raises:
        TrainmarkError: if there are other results in it.
    """
    new = machines / name
    if new.exists():  # an earlier renaming was stopped before the old folder was gone, or the name is taken
        if any(not (new / path).is_file() or (new / path).read_bytes() != contents[path] for path in contents):
            raise TrainmarkError(f"{new} is there already, with other results. Nothing was changed.")
        return
    with writing.scratch(machines) as scratch:
        for path, content in contents.items():
            (scratch / name / path).parent.mkdir(parents=True, exist_ok=True)
            (scratch / name / path).write_bytes(content)
        os.sync()
        (scratch / name).rename(new)
