"""Packages of Debian and Ubuntu, fetched and unpacked without root."""

from __future__ import annotations

import functools
import shutil
import subprocess
from pathlib import Path

_LIMIT_SECONDS = 600


class PackageError(Exception):
    """A package cannot be had; the text says why."""


def unpack(package: str, folder: Path) -> None:
    """Fetch a package with ``apt-get download`` and unpack it into a folder that is there.

    Raises:
        PackageError: if there is no apt-get, or it has no such package.
    """
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise PackageError("this is not a Debian or Ubuntu system (no apt-get)")
    run = functools.partial(
        subprocess.run, cwd=str(folder), check=True, capture_output=True, text=True, timeout=_LIMIT_SECONDS
    )
    try:
        run(["apt-get", "download", "-q", package])
        for file in Path(folder).glob(f"{package}_*.deb"):
            run(["dpkg-deb", "-x", file.name, "."])
    except subprocess.CalledProcessError as error:
        last = (error.stderr.strip().splitlines() or ["no message"])[-1]
        raise PackageError(f"{last} (an 'apt-get update' may be due)") from error
    except subprocess.TimeoutExpired as error:
        raise PackageError(f"gave no answer within {_LIMIT_SECONDS // 60} minutes") from error
