"""Which computer each name of a fleet means: one name never two of them, and one of them never two names."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trainmark import files
from trainmark.experiment import grid
from trainmark.machine import hardware


class Computers:
    """The computers that one command has met; asked from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._names: dict[str, str] = {}

    def why_not(self, machine: str, description: Mapping[str, Any], boot: str | None) -> str | None:
        """Why a computer is not the one that a name means; None where it is, and is from now on.

        Args:
            machine: the name.
            description: of the computer, as in machine.json.
            boot: what tells it from all others that run now, even from those that were made from one image; None where
                it does not say, and its machine id has to do.
        """
        path = Path(grid.MACHINES, machine, "machine.json")
        try:
            what = hardware.unlike(description, files.read_object(path)) if path.exists() else None
            known = boot or str(description["machine_id_hash"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            return f"what it says of itself cannot be held against {path}: {error!r}"
        if what:
            return (
                f"{path} describes another computer (its {what} is another). One name is one computer: give this one a "
                f"name of its own in fleet, or say where {machine} is (fleet.{machine}.ssh)"
            )
        with self._lock:
            other = self._names.setdefault(known, machine)
        if other != machine:
            return f"it is the computer that {other} is. One computer has one name: remove one of the two from fleet"
        return None
