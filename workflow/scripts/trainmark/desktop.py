"""A page shown in the browser of the person who sits at this computer."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from trainmark.terminal import BOLD, say

# Programs that open a page end at once, or stay because they have become the browser.
_SECONDS = 5.0


def show(page: Path) -> None:
    """Say where a page is, and open it where there is a desktop that can."""
    command = opener(page, sys.platform, os.environ)
    say(f"Page: {page.resolve().as_uri()}", style=BOLD)
    if not command:
        say("There is no desktop here to open it on: copy that file to your own computer, or open its address there.")
    elif not _starts(command):
        say(f"{command[0]} could not open it; give that address to a browser.")


def opener(page: Path, platform: str, environment: Mapping[str, str]) -> list[str]:
    """The command that opens a page; empty where there is none, or no desktop.

    Args:
        page: an existing file.
        platform: as ``sys.platform``.
        environment: variables that say whether there is a desktop.
    """
    address = page.resolve().as_uri()
    if platform == "darwin":
        found = ["open", address]
    elif environment.get("WSL_DISTRO_NAME"):
        found = ["wslview", str(page.resolve())]  # Windows has other addresses, which it makes of the path
    elif environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"):
        found = ["xdg-open", address]
    else:
        return []
    return found if shutil.which(found[0], path=environment.get("PATH")) else []


def _starts(command: list[str]) -> bool:
    try:
        # In a session of its own: the browser is to stay when this terminal is closed.
        started = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        return started.wait(_SECONDS) == 0
    except subprocess.TimeoutExpired:
        return True
    except OSError:
        return False
