"""Keep the machine awake while a benchmark runs: laptops and Macs sleep when nobody touches them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from trainmark import system

# How long a system takes at most to refuse.
_REFUSAL_SECONDS = 1.0


def hold(pid: int) -> subprocess.Popen[bytes] | None:
    """Ask the system not to sleep until a process ends, which may be killed in any way.

    Asked are caffeinate(8) on a Mac, against idle sleep, that of the disk, and, on mains, that of the whole system; and
    systemd-inhibit(1) on Linux. Neither needs a password, and where there is none of them nothing is lost: a run during
    which the machine slept says so.

    Args:
        pid: of the workflow.

    Returns:
        The process that holds the system awake; None where nothing can.
    """
    if system.MAC:
        command = ["caffeinate", "-i", "-m", "-s", "-w", str(pid)]
    else:
        waits = ["sh", "-c", f"while kill -0 {pid} 2>/dev/null; do sleep 2; done"]
        command = ["systemd-inhibit", "--what=sleep:idle", "--who=trainmark", "--why=A benchmark runs", *waits]
    program = system.find_program(command[0])
    if program is None:
        return None
    nothing = subprocess.DEVNULL
    try:
        # In a session of its own, without a terminal: Ctrl-C does not end it early, and nobody is asked for a password.
        return subprocess.Popen(
            [program, *command[1:]], stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True
        )
    except OSError:
        return None


def holder() -> str | None:
    """Name of the program by which this system can be kept awake, found by trying it; None where there is none.

    systemd-inhibit may be there and refuse, as in containers without its daemon.
    """
    process = hold(os.getpid())
    if process is None:
        return None
    try:
        process.wait(_REFUSAL_SECONDS)
        return None
    except subprocess.TimeoutExpired:
        return Path(str(process.args[0])).name  # type: ignore[index]
    finally:
        process.kill()
        process.wait()
