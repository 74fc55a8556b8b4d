"""What is said on the terminal: it does no harm there, and it costs nothing that nobody reads it."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Any, TextIO

from trainmark import escaping


class TolerantStream:
    """A text stream that fails at nothing: when its reader or its terminal is gone, it writes to nowhere."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write a text, with what the stream's encoding lacks by its number."""
        try:
            encoding = self._stream.encoding or "utf-8"
            self._stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        except (OSError, ValueError):  # the latter of a stream that is closed
            self._go_nowhere()
        return len(text)

    def flush(self) -> None:
        """Write what is buffered."""
        try:
            self._stream.flush()
        except (OSError, ValueError):
            self._go_nowhere()

    def _go_nowhere(self) -> None:
        # Python tries what is left once more at its end, and a failure there would change the exit code.
        with contextlib.suppress(OSError, ValueError):
            nowhere, here = os.open(os.devnull, os.O_WRONLY), self._stream.fileno()
            if nowhere != here:  # they are one where it was closed
                os.dup2(nowhere, here)
                os.close(nowhere)


def say(*lines: str, to: TextIO | None = None) -> None:
    r"""Print lines; never raise, since no measurement may be lost for want of a reader.

    Args:
        lines: may hold texts from elsewhere, whose line breaks are shown as ``\n``.
        to: where; stdout if not given.
    """
    stream = to or sys.stdout
    if stream is None:  # this process was started without one
        return
    out = TolerantStream(stream)
    for line in lines:
        out.write(f"{escaping.line(line)}\n")
    out.flush()
