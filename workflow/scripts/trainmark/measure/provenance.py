"""Where a measurement comes from: environment, code and machine."""

from __future__ import annotations

import contextlib
import datetime
import time
from pathlib import Path
from typing import Any

import trainmark
from trainmark import files, process_environment, stacks, system
from trainmark.install import lockfile, served_copy
from trainmark.machine import hardware
from trainmark.machine.gpus import Gpu


def describe(lock_file: Path, gpu: Gpu | None) -> dict[str, Any]:
    """``environment``, ``code`` and ``identity`` of what is about to be measured.

    Args:
        lock_file: the file that pins the environment.
        gpu: that is timed on this machine.

    Raises:
        TrainmarkError: if the environment is another.
    """
    content = lockfile.read(lock_file)
    pinned = lockfile.pins(content.decode())
    lockfile.refuse_differences(lock_file, lockfile.installed_versions(pinned))
    # A lock can be looked up by its name and digest; what stands for one cannot.
    listed = {"packages": {name: pin.version for name, pin in pinned.items()}}
    return {
        "environment": {
            "lock_file": lock_file.name,
            "lock_sha256": lockfile.digest(content),
            "dropped_variables": process_environment.dropped(),
            **(listed if stacks.is_unpinned(lock_file.stem) else {}),
        },
        "code": code(),
        "identity": hardware.identity(hardware.describe(gpu)),
    }


def code() -> dict[str, str | None]:
    """``version`` and ``commit`` of this code."""
    return {"version": trainmark.__version__, "commit": _commit()}


def _commit() -> str | None:
    """The commit of this code, with ``-dirty`` where it was changed; None outside a git checkout and a copy of one."""
    checkout = Path(__file__).resolve().parents[4]
    if not (checkout / ".git").exists():  # or git would answer for whatever repository lies around this folder
        with contextlib.suppress(OSError, ValueError):  # ssh may have brought it from a checkout
            commit = files.read_object(checkout / served_copy.COPY).get("commit")
            return commit if isinstance(commit, str) else None
        return None
    return system.command_output("git", "-C", str(checkout), "describe", "--always", "--dirty", "--abbrev=12")


def now() -> str:
    """The time in UTC, ISO 8601, to the millisecond."""
    return utc(time.time())


def utc(seconds: float) -> str:
    """A time in seconds since 1970 as ISO 8601 in UTC, to the millisecond."""
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).isoformat(timespec="milliseconds")
