"""What the report depends on besides its inputs: the files of other machines, whose digests processes take together."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import subprocess
import sys
from pathlib import Path

from trainmark import system
from trainmark.experiment import grid
from trainmark.machine import hardware
from trainmark.records import layout

_FEW_MACHINES = 100  # whose files are asked for faster than processes are started


@functools.cache  # Snakemake asks several times in a call, and a thousand machines have many files
def fingerprint(left_out: tuple[str, ...], top: Path = grid.MACHINES) -> str:
    """A digest of path, size and modification time of the records and machine files below ``top``.

    Those ``left_out`` are not in it. Modification times alone would miss a file that is replaced by an older one.
    """
    known = set(left_out)
    names = sorted(name for name in os.listdir(top) if name[0] != ".") if Path(top).is_dir() else []
    local = {path.removeprefix(f"{top}/").partition("/")[0] for path in known}
    found = {name: layout.machine_digest(top, name, known) for name in names if name in local}
    others = [name for name in names if name not in local]
    found |= _digests_by_processes(top, others) if len(others) > _FEW_MACHINES else _digests(top, others)
    lines = [f"{name} {found[name]}" for name in names if found[name]]  # a folder alone is nothing: ours comes late
    lines += filter(None, [layout.machine_digest(Path(top).parent, layout.ORIGINS)])  # which the page tells, too
    return hashlib.sha256("\n".join(lines).encode(errors="surrogateescape")).hexdigest()


def _digests(top: Path, names: list[str]) -> dict[str, str]:
    return {name: layout.machine_digest(top, name) for name in names}


def _digests_by_processes(top: Path, names: list[str]) -> dict[str, str]:
    """The same by as many processes as there are cores: what takes long is asking the system for every file."""
    script = Path(__file__).resolve().parents[2] / "stamp_results.py"
    command = [sys.executable, "-S", "-E", str(script), str(top)]
    cores = hardware.usable_cores()
    parts = [names[start::cores] for start in range(cores)]
    processes = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in parts]
    for process, part in zip(processes, parts):
        with contextlib.suppress(BrokenPipeError):
            system.pipes(process)[0].write("\0".join(part).encode(errors="surrogateescape"))
            system.pipes(process)[0].close()
    found: dict[str, str] = {}
    for process, part in zip(processes, parts):
        answer = system.pipes(process)[1]
        digests = answer.read().decode().splitlines()
        answer.close()
        # Should one have failed, this process does its part.
        found |= dict(zip(part, digests)) if process.wait() == 0 else _digests(top, part)
    return found
