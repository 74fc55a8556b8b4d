"""Records that are about to be measured again: kept, since no measurement is ever lost."""

from __future__ import annotations

import datetime
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from trainmark import grid
from trainmark.files import PendingFile


def keep(records: Iterable[str | Path], machines: Path = grid.MACHINES) -> list[str]:
    """Keep the records that are about to be measured again in results/superseded; by the holder of the tree's lock.

    Args:
        records: their paths; those that are not there are left out.
        machines: results/machines.

    Returns:
        What to tell the user: one line, or none where there was nothing to keep.

    Raises:
        OSError: if they cannot be kept; nothing has been replaced then.
    """
    existing = [Path(path) for path in records if Path(path).exists()]
    if not existing:
        return []
    now = datetime.datetime.now(datetime.timezone.utc)
    folder = _new_folder(machines.parent / "superseded", now.strftime("%Y%m%dT%H%M%SZ"))
    for path in existing:
        target = folder / path.relative_to(machines)
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(path, target)  # at once, and whole
        except OSError:  # another disk, or one without hard links
            PendingFile(target).commit(path.read_bytes())
            shutil.copystat(path, target)
    count = f"{len(existing)} record{'s' * (len(existing) > 1)}"
    return [f"trainmark: {count} will be measured again; what was there is kept in {folder}."]


def _new_folder(parent: Path, name: str) -> Path:
    """A folder that is not there yet: this second's, or the next that is free."""
    number = 1
    while (folder := parent / (f"{name}-{number}" if number > 1 else name)).exists():
        number += 1
    return folder
