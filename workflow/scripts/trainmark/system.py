"""Small questions to the operating system. What finds nothing says None: an unknown is never a guess."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO

MAC = sys.platform == "darwin"
# Where the systems keep their own tools; a notebook's or a cron job's PATH may lack them.
_FOLDERS = ("/usr/sbin", "/sbin", "/usr/bin", "/bin")


def command_output(*command: str) -> str | None:
    """What a command prints, stripped; None if it is not there, fails, prints nothing or takes over 20 seconds."""
    program = find_program(command[0])
    if program is None:
        return None
    try:
        result = subprocess.run([program, *command[1:]], capture_output=True, text=True, timeout=20, check=True)
    except (OSError, ValueError, subprocess.SubprocessError):  # ValueError: what it printed is no text
        return None
    return result.stdout.strip() or None


def find_program(name: str) -> str | None:
    """Path of a program, on PATH or where the system keeps its own; None if there is none."""
    return shutil.which(name) or shutil.which(name, path=os.pathsep.join(_FOLDERS))


def read_text(path: str | Path) -> str | None:
    """A small file's text, stripped; None if it cannot be read or is empty."""
    try:
        return Path(path).read_text(errors="replace").strip() or None
    except OSError:
        return None


def end_with_parent() -> None:
    """End this process as soon as its stdin closes, as it does when the parent that holds it dies in whatever way."""

    def wait() -> None:
        os.read(0, 1)  # blocks until then: the parent writes nothing more
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def sysctl(name: str) -> str | None:
    """A value of macOS's ``sysctl``."""
    return command_output("sysctl", "-n", name) if MAC else None


def sysctl_number(name: str) -> int | None:
    """A whole number of macOS's ``sysctl``."""
    value = sysctl(name)
    return int(value) if value and value.isdigit() else None


def pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    """Standard input and output of a process that was started with a pipe for each.

    Raises:
        ValueError: if it was not.
    """
    if process.stdin is None or process.stdout is None:
        raise ValueError("the process was started without pipes")
    return process.stdin, process.stdout
