"""Sessions of a machine: what was measured before is kept as a whole, and the same is measured again beside it."""

from __future__ import annotations

import contextlib
import datetime
import itertools
from dataclasses import dataclass
from pathlib import Path

from trainmark import files
from trainmark.errors import TrainmarkError
from trainmark.records import chain, layout, writing

# As long as a command that was interrupted may be given again, and goes on instead of beginning another session.
GOES_ON_HOURS = 24


@dataclass(frozen=True)
class Begun:
    """What became of a machine whose new session was asked for.

    Attributes:
        machine: its name.
        kept: where the earlier session lies now; None where there was nothing to keep, or the session goes on.
        records: how many records there are of it.
        goes_on: whether the last session is so young that it goes on.
    """

    machine: str
    kept: Path | None = None
    records: int = 0
    goes_on: bool = False

    def __str__(self) -> str:
        if self.kept:
            return f"{self.machine}: {self.records} records are kept as an earlier session, in {self.kept}"
        if self.goes_on:
            return (
                f"{self.machine}: its last run was less than {GOES_ON_HOURS} hours ago, so it goes on; nothing was "
                "moved. For another one: NEW=1"
            )
        return f"{self.machine}: there is nothing to keep"


def begin(machine: str, machines: Path, now: datetime.datetime, new: bool = False) -> Begun:
    """Keep all that was measured on a machine as an earlier session, so that the same can be measured again.

    Nothing is copied, changed or removed: folders get another place, from which merge, pack and report read them.

    Args:
        machine: its name.
        machines: results/machines.
        now: the time, with its zone.
        new: whether a session is to begin although the last one is young.

    Raises:
        TrainmarkError: if the machine is being measured now.
    """
    with writing.locked(machines, f"a new session of {machine}"):
        folder = machines / machine
        who = writing.who_measures(machines, machine)
        if who:
            raise TrainmarkError(
                f"{machine} is being measured now by {who}. Nothing was moved. Give the same command again when that "
                "has ended."
            )
        starts = _starts(folder)
        if not starts:
            return Begun(machine)
        if not new and now - max(starts) < datetime.timedelta(hours=GOES_ON_HOURS):
            return Begun(machine, goes_on=True)
        kept = _new_folder(folder / layout.SESSIONS, now)
        # The description last: what is stopped half-way has moved no record from a machine that nothing describes.
        for name in (*layout.MEASURED, "machine.json"):
            with contextlib.suppress(FileNotFoundError):
                (folder / name).rename(kept / name)
        return Begun(machine, kept, len(starts))


def _starts(folder: Path) -> list[datetime.datetime]:
    """When each run was started whose record is not in an earlier session."""
    return [
        _start_of(files.read_start(entry.path))
        for path, entry in layout.result_files(folder)
        if layout.RECORD.fullmatch(f"{folder.name}/{path}") and not layout.of_session(f"{folder.name}/{path}")[0]
    ]


def _start_of(content: bytes) -> datetime.datetime:
    """When the run of a record was started; the day of the epoch where it does not say."""
    match = chain.START.search(content)
    with contextlib.suppress(ValueError):  # a damaged record is for the report to name
        start = datetime.datetime.fromisoformat(match[1].decode() if match else "")
        if start.tzinfo:
            return start
    return datetime.datetime.fromtimestamp(0, datetime.timezone.utc)


def _new_folder(sessions: Path, now: datetime.datetime) -> Path:
    """A folder of its own for what is kept now."""
    sessions.mkdir(exist_ok=True)
    name = f"{now.astimezone(datetime.timezone.utc):%Y%m%dT%H%M%SZ}"
    for each in itertools.chain([name], (f"{name}-{number}" for number in itertools.count(2))):
        with contextlib.suppress(FileExistsError):
            (sessions / each).mkdir()
            return sessions / each
    raise AssertionError("there is always a further number")
