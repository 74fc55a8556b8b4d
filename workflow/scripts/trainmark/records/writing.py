"""Writing below results/machines: one command at a time, every file whole, and none in the place of another.

Whoever writes there holds the lock of the tree while it does so, and whoever reads needs none: a file appears under its
name when it is complete. A measurement holds the lock only at its beginning and at its end; for the time between, its
machine is marked as being measured, so that nobody renames it or brings in what is about to be measured.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import platform
import secrets
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from trainmark import files, mutex
from trainmark.files import PendingFile
from trainmark.records import supersession
from trainmark.terminal import say

# Below results/machines: the lock, the marks of the machines that are being measured, and what is not complete yet.
# Hidden, and so no machine.
OWN = ".trainmark"
_LOCK, _MEASURED, _PENDING = "lock", "measured", "pending"
_POLL_SECONDS = 0.2


@contextlib.contextmanager
def locked(machines: Path, what: object) -> Iterator[None]:
    """Hold the lock of the tree; wait, with a message, while another command has it.

    What killed commands have left is removed first.

    Args:
        machines: results/machines.
        what: is to be written, or the command that writes, for who has to wait.
    """
    own = _own_folder(machines)
    with mutex.open_file(own / _LOCK) as file:
        held = mutex.wait(file.fileno(), lambda holder: say(_waiting(machines, holder, what)), _POLL_SECONDS)
        mutex.sign(file.fileno(), _signature(what))
        try:
            if held:
                _clear(own)
            yield
        finally:
            mutex.sign(file.fileno(), "")


def _own_folder(machines: Path) -> Path:
    own = machines / OWN
    for name in (_MEASURED, _PENDING):
        (own / name).mkdir(parents=True, exist_ok=True)
    return own


def _signature(what: object) -> str:
    return f"process {os.getpid()} on {platform.node()} ({what})"


def _waiting(machines: Path, holder: str, what: object) -> str:
    return (
        f"trainmark: {holder} is writing to {machines}, so {what} waits until that is done. Ctrl-C gives up; nothing "
        "is lost."
    )


def remove_leftovers(machines: Path) -> None:
    """Remove what killed commands have left; a command that is writing has done so itself."""
    own = machines / OWN
    with contextlib.suppress(OSError):  # there is none, or this user may only read
        if own.is_dir():
            with mutex.open_file(own / _LOCK) as file:
                if mutex.attempt(file.fileno()):
                    _clear(own)


def _clear(own: Path) -> None:
    """Remove what nobody uses: folders belong to the holder of the lock, files to who has them locked."""
    for path in (own / _PENDING).iterdir():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
    for name in (_MEASURED, _PENDING):
        files.remove_abandoned(own / name, "")


@contextlib.contextmanager
def measured(machines: Path, machine: str, what: object) -> Iterator[None]:
    """Mark a machine as being measured; arguments as for ``locked``."""
    with locked(machines, what):
        mark = files.create_locked(machines / OWN / _MEASURED, f"{machine}.")
        mutex.sign(mark.fileno(), f"{_signature(what)[:-1]}, in {Path.cwd()})")
    try:
        yield
    finally:
        with contextlib.suppress(FileNotFoundError):
            Path(mark.name).unlink()
        mark.close()


def keep_measured(machines: Path, machine: str, what: object) -> None:
    """Mark a machine as being measured until this process ends; arguments as for ``locked``."""
    marks = contextlib.ExitStack()
    marks.enter_context(measured(machines, machine, what))
    atexit.register(marks.close)


def who_measures(machines: Path, machine: str) -> str | None:
    """The process that measures a machine, or None; asked by the holder of the lock."""
    for path in (machines / OWN / _MEASURED).iterdir():
        if path.name.startswith(f"{machine}."):
            with contextlib.suppress(FileNotFoundError), path.open("r+b") as file:
                if mutex.attempt(file.fileno()) is False:
                    return mutex.holder(file.fileno())
    return None


def pending(machines: Path, path: Path, room_bytes: int = 0) -> PendingFile:
    """A file below results/machines that is to appear by ``commit``; arguments and errors as for ``PendingFile``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return PendingFile(path, room_bytes, _pending_folder(machines, path))


def _pending_folder(machines: Path, path: Path) -> Path:
    """Where a file lies until it is complete: not on another disk than its place, which may be behind a link."""
    own = _own_folder(machines) / _PENDING
    return own if own.stat().st_dev == path.parent.stat().st_dev else path.parent


def commit(machines: Path, file: PendingFile, content: bytes, what: object, superseded: Path | None = None) -> None:
    """Let a file appear with this content; one that has its name already is superseded, and kept.

    Args:
        machines: results/machines.
        file: as ``pending`` gives it.
        content: of the file.
        what: is written, for who has to wait.
        superseded: the folder in which a file of that name is kept; a new one if not given.

    Raises:
        OSError: if it cannot be written; nothing is left behind then.
    """
    try:
        with locked(machines, what):
            place(file, content, superseded)
    finally:
        file.discard()


def place(file: PendingFile, content: bytes, superseded: Path | None = None) -> None:
    """The same by the holder of the lock, whose content may depend on what is there."""
    file.complete(content)
    file.place(functools.partial(_supersede, superseded or supersession.folder()))


def write(machines: Path, path: Path, content: bytes, what: object, superseded: Path | None = None) -> None:
    """Write a file below results/machines; arguments and errors as for ``commit``."""
    commit(machines, pending(machines, path), content, what, superseded)


def _supersede(superseded: Path, source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        files.create(source, target)
    except FileExistsError:
        supersession.keep(target, superseded)
        source.replace(target)


def write_new(machines: Path, contents: Mapping[Path, bytes]) -> None:
    """Write new files, each of which appears whole; by the holder of the lock.

    All are written before the first appears: one wait for the disk instead of one a file, and where the disk is too
    small, none does.

    Raises:
        FileExistsError: if there is a file of that name; those before it have appeared.
        OSError: if they cannot be written.
    """
    with scratch(machines) as folder:
        staged = {path: folder / str(number) for number, path in enumerate(contents)}
        try:
            for path, source in staged.items():
                source.write_bytes(contents[path])
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(machines)) from error
        os.sync()
        for path, source in staged.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            files.create(source, path)


@contextlib.contextmanager
def scratch(machines: Path) -> Iterator[Path]:
    """A folder for what is not complete, which is removed with all that is in it; for the holder of the lock."""
    folder = _own_folder(machines) / _PENDING / secrets.token_hex(6)
    with contextlib.ExitStack() as stack:
        for _ in range(2):  # a signal may end the first
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
        folder.mkdir()
        yield folder
