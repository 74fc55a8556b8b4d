"""Locks that the kernel frees when their holder dies, however that happens: those of flock(2).

They hold between the processes of one computer, and on network folders between computers where the server has locks
(NFS with Linux or a Mac, SMB with Linux). Some file systems have none.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO


def open_file(path: Path) -> BinaryIO:
    """Open the file of a lock, for all who share it; it is made where there is none.

    Raises:
        OSError: if it cannot be opened or made; a link of that name is not followed.
    """
    flags = os.O_CLOEXEC | os.O_NOFOLLOW  # anybody may put a link into a shared folder, and the file is written to
    try:
        descriptor = os.open(path, flags | os.O_RDWR)
    except FileNotFoundError:
        descriptor = os.open(path, flags | os.O_RDWR | os.O_CREAT, 0o666)
        os.fchmod(descriptor, 0o666)  # for other users, whatever this one's umask is
    except PermissionError:  # another user's file: reading is enough to lock it
        descriptor = os.open(path, flags | os.O_RDONLY)
    return os.fdopen(descriptor, "rb", buffering=0)


def attempt(descriptor: int) -> bool | None:
    """Try to lock an open file.

    Returns:
        True if it is locked now, False if another holds it, None where the file system has no locks.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return False if error.errno in (errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES) else None
    return True


def wait(
    descriptor: int, announce: Callable[[str], None], poll_seconds: float, check: Callable[[], None] = lambda: None
) -> bool:
    """Lock an open file, and wait while another holds it; where there are no locks, go on without one.

    Args:
        descriptor: of the file, which may hold the name of its holder, see ``sign``.
        announce: is called once with that name, before the first wait.
        poll_seconds: between two tries.
        check: is called before each wait; what it raises ends the waiting.

    Returns:
        Whether the file is locked now; if not, there are no locks.
    """
    announced = False
    while (locked := attempt(descriptor)) is False:
        if not announced:
            announce(holder(descriptor))
            announced = True
        check()
        time.sleep(poll_seconds)
    return bool(locked)


def holder(descriptor: int) -> str:
    """Who holds an open file's lock, by what is written in it."""
    return os.pread(descriptor, 4096, 0).decode(errors="replace").strip() or "another process"


def sign(descriptor: int, name: str) -> None:
    """Write into a locked file who holds it."""
    with contextlib.suppress(OSError):  # another user's file cannot be written; the lock holds all the same
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, name.encode(errors="replace"), 0)
