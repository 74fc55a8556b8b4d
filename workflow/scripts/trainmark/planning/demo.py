"""The page of the shipped records, drawn by a copy of this project that is gone afterwards."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from trainmark.errors import TrainmarkError

# What the workflow consists of. It works in its own folder alone, so a copy is what cannot touch the user's results.
_PARTS = ("Snakefile", "config", "envs", "profiles", "workflow")
# What the user's configuration may say otherwise, for machines and files that are not in the copy.
_CONFIG = {
    "machine": "auto",
    "suite": "fashion-mnist",
    "models": ["mlp", "cnn", "lstm"],
    "epochs": 5,
    "baseline": "auto",
    "comparisons": [],
    "controls": [],
    "references": "config/references.yaml",
    "claims": ["config/claims.yaml"],
    "hardware": ["config/hardware.yaml"],
}


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
    with tempfile.TemporaryDirectory(prefix="trainmark-demo-") as name:
        copy = Path(name)
        for part in _PARTS:
            (shutil.copytree if (project / part).is_dir() else shutil.copy2)(project / part, copy / part)
        archives = [str(path.resolve()) for path in records]
        _run(copy, [python, "workflow/scripts/merge_results.py", *archives])
        config = [f"{key}={json.dumps(value)}" for key, value in _CONFIG.items()]
        _run(copy, [python, "-m", "snakemake", "--cores", "1", "report", "--config", *config])
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".demo-", dir=folder.parent) as beside:
            new, old = Path(beside, "new"), Path(beside, "old")
            shutil.copytree(copy / "results/report", new)
            if folder.exists():
                folder.rename(old)
            new.rename(folder)


def _run(folder: Path, command: list[str]) -> None:
    result = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if result.returncode:
        raise TrainmarkError(f"The page could not be drawn. What was said:\n{result.stdout}")
