"""What takes long to make is made once, by one of the processes that run the tests, for all of them."""

import contextlib
import fcntl
import os
import pickle
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

# Longer than anything that is made here takes on a machine that others use, too.
LIMIT_SECONDS = 600


def folder_of_all(factory: pytest.TempPathFactory) -> Path:
    """The folder in which all temporary folders of this call of pytest lie."""
    own = factory.getbasetemp()  # below that folder, where there are several processes
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


def make_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], Any]) -> Any:
    """What ``make`` gives, which one process makes in a new folder while the others wait for it.

    Where it fails, it fails in all of them, with the same words.

    Args:
        factory: of this process.
        name: of what is made, and of its folder.
        make: fills the folder and gives something that can be pickled; nobody may change either.
    """
    top = folder_of_all(factory) / "shared"
    folder, done, failed = (top / f"{name}{end}" for end in ("", ".pickle", ".failed"))
    top.mkdir(exist_ok=True)
    with _alone(top / f"{name}.lock"):
        if failed.exists():
            pytest.fail(f"{name} could not be made by another process of the tests:\n{failed.read_text()}")
        if not done.exists():
            folder.mkdir()
            try:
                done.write_bytes(pickle.dumps(make(folder)))
            except BaseException:
                done.unlink(missing_ok=True)
                failed.write_text(traceback.format_exc())
                raise
        return pickle.loads(done.read_bytes())


@contextlib.contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Be the only process that has the lock; the kernel releases it when its holder dies."""
    deadline = time.monotonic() + LIMIT_SECONDS
    with lock.open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    pytest.fail(f"another process of the tests holds {lock} for over {LIMIT_SECONDS} s")
                time.sleep(0.2)
        yield
