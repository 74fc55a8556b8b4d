"""A copy of this project in which a report is drawn: what cannot touch the user's results."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from trainmark.errors import TrainmarkError
from trainmark.planning import claim_files

# What the workflow consists of. It works in its own folder alone.
_PARTS = ("Snakefile", "config", "envs", "profiles", "workflow")
# What the user's configuration may say otherwise, for machines and files that are not in the copy.
NEUTRAL: Mapping[str, Any] = {
    "machine": "auto",
    "suite": "fashion-mnist",
    "models": ["mlp", "cnn", "lstm"],
    "epochs": 5,
    "baseline": "auto",
    "comparisons": [],
    "controls": [],
    "references": "config/references.yaml",
    "claims": list(claim_files.SHIPPED),
    "hardware": ["config/hardware.yaml"],
}


@contextlib.contextmanager
def made(project: Path) -> Iterator[Path]:
    """A copy of a project's code and configuration, without results, that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="trainmark-copy-") as name:
        copy = Path(name)
        for part in _PARTS:
            (shutil.copytree if (project / part).is_dir() else shutil.copy2)(project / part, copy / part)
        yield copy


def draw(copy: Path, python: str, config: Mapping[str, Any]) -> None:
    """Draw the report of the records in a copy.

    Args:
        copy: as ``made`` gives it.
        python: that has Snakemake.
        config: keys of the configuration that are to be otherwise.

    Raises:
        TrainmarkError: if it cannot be drawn, with what was said.
    """
    given = [f"{key}={json.dumps(value)}" for key, value in config.items()]
    run(copy, [python, "-m", "snakemake", "--cores", "1", "report", "--config", *given])


def run(folder: Path, command: Sequence[str]) -> None:
    """Run a program in a folder.

    Raises:
        TrainmarkError: if it fails, with what was said.
    """
    result = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if result.returncode:
        raise TrainmarkError(f"The page could not be drawn. What was said:\n{result.stdout}")


def keep_report(copy: Path, folder: Path) -> None:
    """Put the report that was drawn in a copy into a folder; what was there is replaced at once."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as beside:
        new, old = Path(beside, "new"), Path(beside, "old")
        shutil.copytree(copy / "results/report", new)
        if folder.exists():
            folder.rename(old)
        new.rename(folder)
