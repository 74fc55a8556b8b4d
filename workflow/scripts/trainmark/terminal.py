"""What is said on the terminal: it does no harm there, and it does none that nobody reads it."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TextIO

from trainmark import escaping


def say(*lines: str, to: TextIO | None = None) -> None:
    r"""Print lines; never raise, since no measurement may be lost for want of a reader.

    Args:
        lines: may hold texts from elsewhere, whose line breaks are shown as ``\n``.
        to: where; stdout if not given.
    """
    out = to or sys.stdout
    if out is None:  # this process was started without one
        return
    try:
        for line in lines:
            text = escaping.line(line)
            encoding = out.encoding or "utf-8"
            out.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")
        out.flush()
    except (OSError, ValueError):  # the reader or the terminal is gone; or the file was closed
        with contextlib.suppress(OSError, ValueError):  # or Python would try what is left again at its end, and fail
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, out.fileno())
            os.close(nowhere)
