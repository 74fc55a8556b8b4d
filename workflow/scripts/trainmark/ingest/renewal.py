"""Results of a machine that this checkout's own fleet has measured: newer measurements take the place of older ones."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trainmark.ingest import merging
from trainmark.ingest.merging import Merge
from trainmark.ingest.standing import Standing
from trainmark.records import writing


def bring_in(sources: list[Path], machine: str, target: Path, schemas: Path, published: Mapping[str, Any]) -> Merge:
    """Merge what a machine of the fleet has packed, if all of it is good.

    It is checked as anybody's is. Otherwise than there, a run that was measured again is no conflict: what is here is
    kept in results/superseded, as on the machine itself.

    Args:
        sources: archives.
        machine: the one that may be in them.
        target: results/machines.
        schemas: the folder of the schemas.
        published: figures of hardware, as ``catalogue.load`` gives them.

    Raises:
        TrainmarkError: as ``merging.plan_merge`` and ``merging.write``.
    """
    with writing.locked(target, f"the merge of {machine}"):
        here = Standing.of(target, schemas, published)
        merge = Merge(memory=here.memory, measured=machine)
        merging.fill(merge, sources, target, here)
        if not merge.problems:
            merging.write(merge, target)
            merge.written = True
    return merge
