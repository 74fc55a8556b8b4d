"""Computers of their own on this one, as far as a run can tell: mount and UTS namespaces around a daemon.

Each has its own host name, machine id, name of the processor, boot id and /tmp. Its CPUs are this computer's, all of
them. It needs root, but no systemd.
"""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterable
from pathlib import Path

# Where Debian has daemons, which is not on every user's path.
PATH = os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/sbin"])
_STOP_SECONDS = 20


def missing(what: str, programs: Iterable[str]) -> str | None:
    """Why programs that need root cannot be started here, in words; None where they can."""
    lacking = [name for name in programs if shutil.which(name, path=PATH) is None]
    if lacking:
        return f"{what} is not installed: no {', '.join(lacking)}"
    return f"{what} needs root here" if os.geteuid() else None


def free_port() -> int:
    """A port of the loopback that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def start(
    name: str, folder: Path, seen: list[Path], daemon: str, files: dict[str, str] | None = None, **options
) -> subprocess.Popen:
    """Start a daemon on a computer of its own.

    Args:
        name: of the host.
        folder: with what is the host's own; its /tmp is ``tmp`` in there.
        seen: folders below /tmp that the host sees, too; all else there is its own.
        daemon: the shell's command for it, after any others that it needs first.
        files: further files of this computer that have another content there.
        options: of the process.
    """
    cpuinfo = Path("/proc/cpuinfo").read_text()
    for line in {line for line in cpuinfo.splitlines() if line.startswith("model name")}:
        cpuinfo = cpuinfo.replace(line, f"model name\t: Synthetic {name} Processor")
    identity = name.encode().hex()
    contents = {
        "/etc/machine-id": f"{identity:0>32}\n",
        "/proc/cpuinfo": cpuinfo,
        "/proc/sys/kernel/random/boot_id": f"{identity:0>36}\n",
        **(files or {}),
    }
    (folder / "tmp").mkdir(parents=True, exist_ok=True)
    commands = [f"hostname {name}"]
    for path, content in contents.items():
        own = folder / Path(path).name
        own.write_text(content)
        commands.append(f"mount --bind {own} {path}")
    for path in seen:
        inner = folder / "tmp" / path.relative_to("/tmp")
        commands += [f"mkdir -p {inner}", f"mount --bind {path} {inner}"]
    commands += [f"mount --rbind {folder}/tmp /tmp", daemon]
    apart = ["unshare", "--mount", "--uts", "--propagation", "private", "sh", "-c", " && ".join(commands)]
    return subprocess.Popen(apart, stdin=subprocess.DEVNULL, start_new_session=True, **options)


def stop(daemons: Iterable[subprocess.Popen]) -> None:
    """End daemons, by force if they do not end when asked."""
    daemons = list(daemons)
    for daemon in daemons:
        daemon.terminate()
    for daemon in daemons:
        try:
            daemon.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()
