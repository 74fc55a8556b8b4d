"""Records that are about to be measured again: kept, since no measurement is ever lost."""

from __future__ import annotations

import datetime
import shutil
from collections.abc import Iterable
from pathlib import Path

from trainmark import grid

SUPERSEDED = Path("results/superseded")


def keep(records: Iterable[str]) -> list[str]:
    """Copy the records that are about to be measured again, so that no measurement is ever lost.

    Returns:
        What to tell the user: one line, or none where there was nothing to keep.

    Raises:
        OSError: if they cannot be copied; nothing has been replaced then.
    """
    existing = [Path(path) for path in records if Path(path).exists()]
    if not existing:
        return []
    folder = SUPERSEDED / datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    for path in existing:
        target = folder / path.relative_to(grid.MACHINES)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target)
    count = f"{len(existing)} record{'s' * (len(existing) > 1)}"
    return [f"trainmark: {count} will be measured again; what was there is kept in {folder}."]
