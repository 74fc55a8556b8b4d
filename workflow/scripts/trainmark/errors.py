"""Messages for the person who meets a problem."""

import contextlib
import errno
import logging
import sys
from collections.abc import Iterator

# Begins the line of a log by which a script has said on the terminal why it failed.
EXPLAINED = "said on the terminal: "


class TrainmarkError(Exception):
    """A problem that its reader can mend: the text says what was expected, what was found and what to do."""


def disk_full_message(error: OSError) -> str:
    """Say which file did not fit on its disk, and that nothing is lost."""
    where = f" while writing {error.filename}" if error.filename else ""
    return (
        f"The disk is full{where}. Nothing half-written was left behind and finished records are kept. "
        "Free some space and give the same command again: it goes on where it stopped."
    )


@contextlib.contextmanager
def explained() -> Iterator[None]:
    """Turn an exception into a message on the terminal and exit code 1.

    A rule sends stderr to its log and leaves stdout to the terminal, so the message goes to both. The traceback of an
    unexpected error goes to the log alone.

    Raises:
        SystemExit: with code 1 after an exception, 130 after Ctrl-C.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        yield
    except TrainmarkError as error:
        message = str(error)
    except OSError as error:
        logging.exception("system error")
        message = disk_full_message(error) if error.errno in (errno.ENOSPC, errno.EDQUOT) else str(error)
    except KeyboardInterrupt:
        print("trainmark: stopped. What is finished is kept; the same command goes on.", flush=True)
        sys.exit(130)
    except Exception as error:
        logging.exception("unexpected error")
        message = (
            f"Unexpected {type(error).__name__}: {error}. This is a fault of trainmark; "
            "the traceback is in this rule's log below results/logs/."
        )
    else:
        return
    if not sys.stderr.isatty():  # by hand, once is enough
        logging.error("%s%s", EXPLAINED, message)
    print(f"trainmark: {message}", flush=True)
    sys.exit(1)
