"""The pins of an environment, and whether what is installed is what they say.

A lock is an environment file or a requirements file that ``make lock`` wrote: every package with its version and the
hashes of the files that may be installed. This module reads both forms without their libraries, because the training
environments have neither.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import re
import shlex
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from trainmark import stacks
from trainmark.errors import TrainmarkError

# "      - numpy==1.23.5 --hash=..." in an environment file, "numpy==1.23.5 \" in a requirements file.
_PIN = re.compile(r"^(?:\s*- )?([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)(?:\s*;\s*(.*?))?((?:\s+--hash=\S+)*)\s*$")
_HASH = re.compile(r"--hash=sha256:(\w+)")


@dataclass(frozen=True)
class Pin:
    """The version of a package, the SHA-256 of each file from which it may be installed, and where that is done.

    ``marker`` is an environment marker (PEP 508); empty for everywhere.
    """

    version: str
    hashes: frozenset[str]
    marker: str = ""


def normalised(name: str) -> str:
    """A package's name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(text: str) -> dict[str, Pin]:
    """The pins in a lock's text: normalised name -> pin."""
    found = {}
    for line in text.replace("\\\n", " ").splitlines():
        match = _PIN.match(line)
        if match:
            found[normalised(match[1])] = Pin(match[2], frozenset(_HASH.findall(match[4])), match[3] or "")
    return found


def read(path: Path) -> bytes:
    """A lock's content.

    Raises:
        TrainmarkError: if it is missing.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise TrainmarkError(f"{path}, which pins the environment, is missing; restore it from git.") from None


def digest(content: bytes) -> str:
    """SHA-256 of a lock, as records hold it."""
    return hashlib.sha256(content).hexdigest()


def installed_versions(names: Iterable[str]) -> dict[str, str | None]:
    """The version of each package in this Python's environment; None for one that is not there."""

    def version(name: str) -> str | None:
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            return None

    return {name: version(name) for name in names}


def refuse_differences(path: Path, found: Mapping[str, str | None]) -> None:
    """Refuse to measure with other versions than the lock's.

    Args:
        path: the lock.
        found: package -> version in use, None for one that is not there; packages without a pin are ignored. A module
            may not tell the build of its version: found 2.11.0 is what is pinned as 2.11.0+cu130.

    Raises:
        TrainmarkError: naming every package that differs, with the version pinned and the one found.
    """
    pinned = pins(read(path).decode())
    found = {normalised(name): version for name, version in found.items()}
    differing = [
        f"  - {name}: pinned {pinned[name].version}, found {version or 'none'}"
        for name, version in sorted(found.items())
        if name in pinned and version not in (pinned[name].version, pinned[name].version.partition("+")[0])
    ]
    if differing:
        raise TrainmarkError(
            f"This environment is not the one that {path} pins, so its times would be filed under the wrong stack. "
            "Nothing was measured.\n" + "\n".join(differing) + f"\n{_remedy(Path(sys.prefix))}"
        )


def python_version(path: Path) -> str:
    """The Python that an environment file pins, as 3.12.

    Raises:
        TrainmarkError: if the file is missing.
    """
    found = re.search(r"^\s*- python=(\d+\.\d+)$", read(path).decode(), re.MULTILINE)
    if found is None:
        raise TrainmarkError(f"{path} pins no Python: expected a line like '- python=3.12'. Restore it from git.")
    return found[1]


def refuse_other_interpreter(prefix: str, version: str) -> None:
    """Refuse to measure with another Python than that of the environment.

    Args:
        prefix: of the environment; empty if none was activated.
        version: of its Python, as 3.12.

    Raises:
        TrainmarkError: saying which was expected and which was found.
    """
    found = f"{sys.version_info[0]}.{sys.version_info[1]}"
    if found == version and prefix and os.path.realpath(prefix) == os.path.realpath(sys.prefix):
        return
    raise TrainmarkError(
        f"Expected the Python {version} of the environment {prefix or 'that conda should have activated'}, found the "
        f"Python {found} of {sys.prefix}. Nothing was measured. {_way_back(prefix)}"
    )


def _way_back(prefix: str) -> str:
    """What to do about another interpreter than the environment's."""
    if not prefix:
        return "Conda's message is above. To test conda, give 'conda activate base' in a new shell."
    if not Path(prefix, "bin", "python").exists():
        return f"The environment has lost its Python. {_remedy(Path(prefix))}"
    return (
        "Another Python comes first on the PATH of the jobs: start Snakemake from a new shell, in which no start-up "
        "file (.bashrc, BASH_ENV) activates an environment."
    )


def _remedy(prefix: Path) -> str:
    """How to get the pinned environment in the place of that one. What nobody makes again is not to be deleted."""
    delete = f"Delete it (rm -r {shlex.quote(str(prefix))}) and"
    if prefix.with_name(f"{prefix.name}.env_setup_done").exists():  # Snakemake's mark, wherever --conda-prefix points
        return f"{delete} give the same command again, which makes it anew."
    if prefix.parent == Path.cwd() and re.match(r"\.venv(-|$)", prefix.name):
        stack = prefix.name.partition("-")[2]
        return f"{delete} say 'make run{stack and f' STACK={stack}'}', which makes it anew."
    return (
        "Use 'make run' or --use-conda, which make the pinned environment; or time what is installed, marked as not "
        f"pinned and compared with nothing that is: --config 'stacks=[{stacks.INSTALLED}]'"
    )
