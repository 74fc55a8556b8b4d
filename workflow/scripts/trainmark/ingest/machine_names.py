"""Names of machines: those that may be, and those of which there are results."""

from __future__ import annotations

import re
from pathlib import Path

from trainmark import escaping
from trainmark.errors import TrainmarkError
from trainmark.records import writing

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def refuse_bad(name: str) -> None:
    """Refuse what no machine may be called.

    Raises:
        TrainmarkError: saying what a name is made of.
    """
    if not _NAME.fullmatch(name):
        raise TrainmarkError(
            f"{name!r} cannot be the name of a machine; expected lower-case letters and digits, with single hyphens "
            "between them."
        )


def refuse_unknown(machine: str, machines: Path) -> None:
    """Refuse a name that is not that of a folder of the machines.

    Raises:
        TrainmarkError: with those that there are.
    """
    there = sorted(path.name for path in machines.iterdir() if path.is_dir() and path.name != writing.OWN)
    if machine not in there:
        names = ", ".join(map(escaping.line, there)) or "none"
        raise TrainmarkError(f"There are no results of {machine!r} below {machines}. There are: {names}.")
