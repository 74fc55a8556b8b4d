"""Messages for the person who meets a problem."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import signal
import stat
import sys
from collections.abc import Iterator
from typing import Any, TextIO

from trainmark import escaping
from trainmark.terminal import say

# Begins the line of a log by which a script has said on the terminal why it failed.
EXPLAINED = "said on the terminal: "


STOPPED = "trainmark: stopped. What is finished is kept. Give the same command again to go on."


class TrainmarkError(Exception):
    """A problem that its reader can mend: the text says what was expected, what was found and what to do."""


# What the system says of a disk or a quota that is used up.
DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


def disk_full_message(error: OSError) -> str:
    """Say which file did not fit on its disk, and that nothing is lost."""
    where = f" while writing {error.filename}" if error.filename else ""
    return (
        f"The disk is full{where}. Nothing half-written was left behind and finished records are kept. "
        "Free some space and give the same command again: it goes on where it stopped."
    )


@contextlib.contextmanager
def terminable() -> Iterator[None]:
    """Let SIGTERM and SIGHUP (a closed terminal) unwind like Ctrl-C, so that nothing is left behind or goes on.

    A signal that is ignored stays so, as SIGHUP is by nohup.
    """

    def stop(signum: int, frame: Any) -> None:
        raise KeyboardInterrupt

    minded = [s for s in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(s) is not signal.SIG_IGN]
    previous = {signum: signal.signal(signum, stop) for signum in minded}
    try:
        yield
    finally:
        for signum, handler in previous.items():
            signal.signal(signum, handler)


class _Harmless(logging.Formatter):
    """Writes a log that may be shown on a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        return escaping.terminal(super().format(record))


def _is_file(stream: TextIO) -> bool:
    """Whether a stream is a file, as a rule's log is; no terminal, and no pipe that others read with stdout."""
    try:
        return stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
    except (AttributeError, OSError, ValueError):  # there is none, or it is closed
        return False


@contextlib.contextmanager
def explained() -> Iterator[None]:
    """Turn an exception into a message on the terminal and exit code 1.

    A rule sends stderr to its log and leaves stdout to the terminal, so the message goes to both. By hand it goes to
    stdout alone. The traceback of an unexpected error goes to stderr alone.

    Raises:
        SystemExit: with code 1 after an exception, 130 after Ctrl-C.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(_Harmless("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    try:
        yield
    except TrainmarkError as error:
        message = str(error)
    except OSError as error:
        logging.exception("system error")
        message = disk_full_message(error) if error.errno in DISK_FULL else str(error)
    except KeyboardInterrupt:
        say(STOPPED)
        sys.exit(130)
    except Exception as error:
        logging.exception("unexpected error")
        message = (
            f"Unexpected {type(error).__name__}: {error}. This is a fault of trainmark; "
            "the traceback is in this rule's log below results/logs/."
        )
    else:
        return
    if _is_file(sys.stderr):  # elsewhere, once is enough
        logging.error("%s%s", EXPLAINED, message)
    say(*f"trainmark: {message}".split("\n"))
    sys.exit(1)
