"""The conda environments that a call makes before its first job: how many, how large, how long about."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from trainmark.words import duration_text

# Seen on two cores: what it takes to make an environment, whatever its size, and bytes of downloaded wheels that are
# unpacked and compiled a second.
_SECONDS_EACH = 20
_UNPACKED_PER_SECOND = 8e6
# 50 Mbit/s, in bytes.
_NETWORK_PER_SECOND = 6.25e6
# What an environment takes on the disk, at most, over what is downloaded for it.
_UNPACKED = 5


def disk_bytes(files: Iterable[str], sizes: Path) -> int:
    """What environments take on the disk, at most; arguments as for ``announce``."""
    known: dict[str, int] = json.loads(sizes.read_text())
    return _UNPACKED * sum(known[Path(file).name] for file in files)


def announce(missing: Iterable[str], folder: str, sizes: Path) -> str:
    """What to tell the user, who sees nothing for minutes.

    Args:
        missing: environment files, as envs/report.yaml, from which an environment is to be made.
        folder: in which.
        sizes: envs/sizes.json: bytes to download by name of the file.
    """
    known: dict[str, int] = json.loads(sizes.read_text())
    downloads = {file.stem: known[file.name] for file in sorted(map(Path, missing), key=lambda file: file.stem)}
    each = ", ".join(f"{name} ({size / 1e6:,.0f} MB to download)" for name, size in downloads.items())
    total, count = sum(downloads.values()), len(downloads)
    seconds = count * _SECONDS_EACH + total / _UNPACKED_PER_SECOND + total / _NETWORK_PER_SECOND
    return (
        f"trainmark: {count} environment{'s' * (count > 1)} to make first, once, in {folder}: {each}; on the disk up "
        f"to {_UNPACKED} times as much. That takes about {duration_text(seconds)} at 50 Mbit/s, mostly without any "
        "output."
    )
