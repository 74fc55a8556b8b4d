"""What is said on the terminal: it does no harm there, and it costs nothing that nobody reads it."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from typing import Any, TextIO

from trainmark import escaping

# Clears the line in which the cursor is.
CLEAR = "\r\x1b[K"
BOLD, YELLOW = "\x1b[1m", "\x1b[33m"
_END_OF_STYLE = "\x1b[0m"


class TolerantStream:
    """A text stream that fails at nothing: when its reader or its terminal is gone, it writes to nowhere."""

    def __init__(self, stream: TextIO, clears: bool = False) -> None:
        self._stream = stream
        self._clears = clears and can_redraw(stream)  # whether what it writes takes the place of a line in progress

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write a text, with what the stream's encoding lacks by its number."""
        try:
            encoding = self._stream.encoding or "utf-8"
            if self._clears and text.strip():
                self._stream.write(CLEAR)
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


def say(*lines: str, to: TextIO | None = None, style: str = "") -> None:
    r"""Print lines; never raise, since no measurement may be lost for want of a reader.

    Args:
        lines: may hold texts from elsewhere, whose line breaks are shown as ``\n``.
        to: where; stdout if not given.
        style: BOLD or YELLOW, on a terminal whose user wants such things.
    """
    stream = to or sys.stdout
    if stream is None:  # this process was started without one
        return
    out = TolerantStream(stream, clears=True)
    before, after = (style, _END_OF_STYLE) if style and has_styles(stream) else ("", "")
    for line in lines:
        out.write(f"{before}{escaping.line(line)}{after}\n")
    out.flush()


def hold(line: str) -> None:
    """Show a line on the terminal whose place the next line takes; nothing where there is no terminal for that."""
    stream = sys.stdout
    if stream is None or not can_redraw(stream):
        return
    out = TolerantStream(stream)
    # A line that the terminal wraps could not be cleared.
    out.write(CLEAR + escaping.line(line)[: shutil.get_terminal_size().columns - 1])
    out.flush()


def can_redraw(stream: TextIO) -> bool:
    """Whether a stream is a terminal that can clear a line."""
    try:
        return stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"
    except (OSError, ValueError):  # it is closed
        return False


def has_styles(stream: TextIO) -> bool:
    """Whether a stream is a terminal whose user wants bold and colours; see no-color.org."""
    return can_redraw(stream) and not os.environ.get("NO_COLOR")
