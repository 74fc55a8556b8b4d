"""What make passes on: a variable's value is one text, and make itself keeps only the last of several."""

from __future__ import annotations

import glob
import os
import re
import shlex
import subprocess
from pathlib import Path


def sources(text: str, make: int) -> list[Path]:
    """The paths that FROM= gives to make.

    Args:
        text: the value of FROM, as make has it.
        make: its process, on whose command line there may be more of them.
    """
    given = [word.partition("=")[2] for word in _command_line(make) if word.startswith("FROM=")]
    return [path for each in (given if len(given) > 1 else [text]) for path in paths(each)]


def paths(text: str) -> list[Path]:
    """The paths in a text, one or several with spaces between.

    A name may itself hold spaces, or be quoted as a shell has it, or be a pattern; what there is decides. A text in
    which nothing is there is one path, which is then told to be missing.
    """
    for words in ([text], _shell_words(text)):
        if words and all(map(_exists, words)):
            return [Path(word).expanduser() for word in words]
    found, parts = [], re.split(r"(\s)", text)
    while parts:
        length = next((n for n in range(len(parts), 0, -2) if _exists("".join(parts[:n]))), 1)
        name, parts = "".join(parts[:length]), parts[length + 1 :]
        if name:
            found += [name] if _exists(name) else sorted(glob.glob(name)) or [name]  # noqa: PTH207, of absolute ones, too
    return [Path(name).expanduser() for name in found] if any(map(_exists, found)) else [Path(text)]


def _exists(name: str) -> bool:
    return bool(name) and os.path.lexists(Path(name).expanduser())


def _shell_words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:  # a quote that is not closed is part of a name
        return []


def _command_line(process: int) -> list[str]:
    """The words of a process's command line; none where that cannot be asked."""
    try:
        return Path(f"/proc/{process}/cmdline").read_text(errors="surrogateescape").split("\0")
    except OSError:
        return _split(_ps(process))


def _ps(process: int) -> str:
    try:
        asked = subprocess.run(["ps", "-ww", "-o", "args=", "-p", str(process)], capture_output=True)
        return os.fsdecode(asked.stdout).strip("\n")
    except OSError:
        return ""


def _split(line: str) -> list[str]:
    """The words of make's command line, of which ps has lost where one ends: spaces stay within a variable's value."""
    return re.split(r" (?=[A-Za-z_]+=|-|merge(?: |$))", line)
