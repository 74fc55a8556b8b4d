"""Measurements that are made again: the file that was there is kept, since no measurement is ever lost."""

from __future__ import annotations

import contextlib
import datetime
import itertools
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from trainmark import files, words
from trainmark.errors import TrainmarkError
from trainmark.experiment import grid, workloads
from trainmark.records.record import OK, Record

SUPERSEDED = Path("results/superseded")


def folder() -> Path:
    """Where a call that begins now keeps what it replaces."""
    return SUPERSEDED / datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")


def keep(path: Path, folder: Path) -> None:
    """Keep a file below results/machines, if there is one, that is about to be replaced.

    What has been kept already is never overwritten: the folder's name gets a number then.

    Raises:
        OSError: if it cannot be kept.
    """
    if not path.exists():
        return
    inner = path.relative_to(grid.MACHINES)
    folders = itertools.chain([folder], (folder.with_name(f"{folder.name}-{n}") for n in itertools.count(2)))
    target = next(each / inner for each in folders if not (each / inner).exists())
    target.parent.mkdir(parents=True, exist_ok=True)
    files.create(path, target)


def refuse_loss(record: Record, path: Path) -> None:
    """Refuse that a failed run replaces a good one of another workload before any run of its own has succeeded.

    A configuration with which nothing can run would else replace every record of the machine, one after the other.

    Args:
        record: of the run.
        path: where it is to lie.

    Raises:
        TrainmarkError: with why the run failed.
    """
    there = _own(path)
    if record.status == OK or there is None or there.get("workload_digest") == record.workload_digest:
        return
    settings = workloads.settings_digest(record.workload)
    others = (_own(each) for each in (grid.MACHINES / record.machine).glob("*/**/*.json"))
    if not any(other is not None and _settings(other) == settings for other in others):
        raise TrainmarkError(
            f"{record.run} failed ({record.status}): {record.reason} {path} holds a good run of another workload. It "
            "is kept, since no run of this workload has succeeded yet. Remove the cause of the failure and give the "
            "same command again."
        )


def _own(path: Path) -> Mapping[str, Any] | None:
    """A record that is there and whose run is ok; None where there is none."""
    with contextlib.suppress(OSError, ValueError):
        data = files.read_object(path)
        return data if data.get("status") == OK else None
    return None


def _settings(data: Mapping[str, Any]) -> str | None:
    """Digest of what a record's run computed, but for the model."""
    with contextlib.suppress(KeyError, TypeError, ValueError, AttributeError):
        return workloads.settings_digest(data["workload"])
    return None


def announce(paths: Iterable[str], folder: Path) -> list[str]:
    """What to tell the user of those of the files to make that are there: one line, or none."""
    count = sum(Path(path).exists() for path in paths)
    if not count:
        return []
    records = words.plural(count, "record")
    return [f"trainmark: {records} will be measured again; what was there is kept in {folder}."]
