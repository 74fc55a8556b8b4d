"""Measurements that are made again: the file that was there is kept, since no measurement is ever lost."""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Iterable
from pathlib import Path

from trainmark import files, grid

SUPERSEDED = Path("results/superseded")


def folder() -> Path:
    """Where a call that begins now keeps what it replaces."""
    return SUPERSEDED / datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")


def keep(path: Path, folder: Path) -> None:
    """Keep a file below results/machines, if there is one, that is about to be replaced.

    What has been kept already is never overwritten: the folder's name gets a number then.

    Raises:
        OSError: if it cannot be kept.
    """
    if not path.exists():
        return
    inner = path.relative_to(grid.MACHINES)
    folders = itertools.chain([folder], (folder.with_name(f"{folder.name}-{n}") for n in itertools.count(2)))
    target = next(each / inner for each in folders if not (each / inner).exists())
    target.parent.mkdir(parents=True, exist_ok=True)
    files.create(path, target)


def announce(paths: Iterable[str], folder: Path) -> list[str]:
    """What to tell the user of those of the files to make that are there: one line, or none."""
    count = sum(Path(path).exists() for path in paths)
    if not count:
        return []
    return [f"trainmark: {count} record{'s' * (count > 1)} will be measured again; what was there is kept in {folder}."]
