"""The environment that jobs inherit, and the Python that they find in it."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

from trainmark import process_environment

# By which conda knows what is active in a shell.
_OF_ACTIVE_ENVIRONMENT = re.compile(
    r"CONDA_(PREFIX(_\d+)?|SHLVL|DEFAULT_ENV|PROMPT_MODIFIER|STACKED_\d+)$|__CONDA_SHLVL_"
)


def clean_environment() -> None:
    """Take out of this process's environment, which all jobs inherit, what is not to be passed on."""
    cleaned = process_environment.clean()
    os.environ.clear()
    os.environ.update(cleaned)


def prepare_jobs(python: str, use_conda: bool) -> None:
    """Make ``python`` in a job's shell mean the right one.

    Conda puts the environment that it activates where the active one stands on PATH, and before all else only where
    none is active. So this process passes none on; its shell's virtual environment or pyenv would come first.

    Args:
        python: the one that runs Snakemake, for jobs without a conda environment.
        use_conda: then every job has a conda environment; ``conda`` itself may lie beside ``python``.
    """
    folder, path = str(Path(python).parent), os.environ["PATH"]
    os.environ["PATH"] = os.pathsep.join([path, folder] if use_conda else [folder, path])
    for name in [name for name in os.environ if _OF_ACTIVE_ENVIRONMENT.match(name)]:
        del os.environ[name]


def job_prefix(prefix: str, use_conda: bool) -> str:
    """The environment whose Python a job has to run on, as its shell writes it.

    Args:
        prefix: that of the Python that runs Snakemake.
        use_conda: then it is the one that conda has activated in the job's shell; empty if none was.
    """
    return '"${CONDA_PREFIX-}"' if use_conda else shlex.quote(prefix)
