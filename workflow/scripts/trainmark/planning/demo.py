"""The page of the shipped records, drawn by a copy of this project that is gone afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from trainmark.errors import TrainmarkError
from trainmark.planning import project_copy


def draw(project: Path, records: Sequence[Path], folder: Path, python: str) -> None:
    """Draw the report of some archives.

    Args:
        project: this project's folder.
        records: archives of results.
        folder: for the report; what was there is replaced when the new one is complete.
        python: that has Snakemake.

    Raises:
        TrainmarkError: if there are no archives, or the report cannot be drawn, with what was said.
    """
    missing = [str(path) for path in records if not path.exists()]
    if missing:
        raise TrainmarkError(
            f"The shipped records are gone: {', '.join(missing)}. 'git checkout results/example' brings them back."
        )
    with project_copy.made(project) as copy:
        archives = [str(path.resolve()) for path in records]
        project_copy.run(copy, [python, "workflow/scripts/merge_results.py", *archives])
        project_copy.draw(copy, python, project_copy.NEUTRAL)
        project_copy.keep_report(copy, folder)
