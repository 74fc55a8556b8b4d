"""A copy of this project on a machine that ssh reaches: put in its place, installed, run, and its results handed over.

The other side is ``ssh/`` in the checkout where the command for the fleet is given. Nothing stays here but files: this
ends with the command that wanted it, and with its connection. Written for any Python 3.7, which may be all that the
machine has; nothing but the standard library is used.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import hashlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

# Below the folder of the copy: all that is about being a copy. Hidden from all else.
OWN = Path(".trainmark-fleet")
# What was copied, and for which machine.
COPY = OWN / "copy.json"
# What the shell there does before anything of ours.
BEFORE = OWN / "before.sh"
_LOCK, _RUNNING, _DESCRIBED = OWN / "lock", OWN / "running", OWN / "described"
CONFIGURATION = "config/of-the-fleet.yaml"
# Before what is meant for the program at the other end, and for nobody's eyes.
TO_PROGRAM = "@trainmark "
# What the other end sends: a sign of life, and that all is well so far.
ALIVE, GO = b".", b"g"
# Two minutes after ssh itself gives a connection up, at the other end.
SILENCE_SECONDS = 240.0
BUSY, STOPPED = 75, 130
_END_SECONDS = 60.0
_CHUNK_BYTES = 48_000


class RefusedError(Exception):
    """What cannot be done here, and what to do."""


class BusyError(RefusedError):
    """Another command uses the copy."""


def place(incoming: Path) -> None:
    """Put what has arrived in the place of an earlier copy, whose files that are no longer part of it are removed.

    Nothing else in the folder is touched: results and environments are below names that no copy has.

    Args:
        incoming: folder with ``copy.json``, ``before.sh`` and ``project``; gone afterwards.

    Raises:
        RefusedError: if the folder is another machine's.
        BusyError: if it is in use.
    """
    new = _read(incoming / COPY.name)
    with locked(new):
        old: Mapping[str, Any] = _read(COPY) if COPY.exists() else {"machine": new["machine"], "files": []}
        if old["machine"] != new["machine"]:
            raise RefusedError(
                f"{Path.cwd()} holds the copy for {old['machine']}, and this one is for {new['machine']}. Each machine "
                f"has a folder of its own: say which in fleet.{new['machine']}.folder."
            )
        for path in sorted(set(old["files"]) - set(new["files"])):
            _remove(Path(path))
        for path in new["files"]:
            _replace(incoming / "project" / path, Path(path))
        _replace(incoming / BEFORE.name, BEFORE)
        _replace(incoming / COPY.name, COPY)
        for left in OWN.glob("incoming*"):
            shutil.rmtree(str(left), ignore_errors=True)


def _read(path: Path) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _remove(path: Path) -> None:
    """Remove a file of an earlier copy, and folders that are empty then."""
    with contextlib.suppress(OSError):
        path.unlink()
        for folder in path.parents:
            if folder != Path():
                shutil.rmtree(str(folder / "__pycache__"), ignore_errors=True)
                folder.rmdir()


def _replace(source: Path, target: Path) -> None:
    """Put a file in its place; one that is the same already stays, so that nothing is compiled anew."""
    same = target.is_file() and not target.is_symlink() and target.read_bytes() == source.read_bytes()
    if not same or os.access(str(source), os.X_OK) != os.access(str(target), os.X_OK):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            source.replace(target)
        except OSError as error:
            raise RefusedError(f"{Path.cwd() / target} cannot be written: {error.strerror}.") from None


@contextlib.contextmanager
def locked(copy: Mapping[str, Any]) -> Iterator[int]:
    """Be the only command that uses the copy; gives the lock's descriptor, which the programs hold that are started.

    Raises:
        BusyError: if another one uses it.
    """
    descriptor = os.open(str(_LOCK), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            who = os.pread(descriptor, 200, 0).decode(errors="replace")
            raise BusyError(
                f"{copy['machine']} is still being measured in {Path.cwd()} ({who or 'by an earlier command'}). Wait "
                f"for the command that does so, or end it. If it is gone, or lost its connection, this ends by itself "
                f"within {SILENCE_SECONDS / 60:.0f} minutes."
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()}".encode(), 0)
        yield descriptor
    finally:
        os.close(descriptor)


class LifeLine:
    """Ends what runs here when the other end is gone, or has nothing more to say.

    Args:
        stream: descriptor from which the other end is heard.
    """

    def __init__(self, stream: int) -> None:
        self._stream, self._child, self._lock = stream, None, threading.Lock()  # type: int, Any, Any
        self.stopped, self.may_go = threading.Event(), threading.Event()
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # which a shell's background job ignores, and all that it starts
        for name in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(name, lambda *_: self.stop())
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while select.select([self._stream], [], [], SILENCE_SECONDS)[0]:
            heard = os.read(self._stream, 1024)
            if not heard:
                break
            if GO in heard:
                self.may_go.set()
        self.stop()

    def stop(self) -> None:
        """End what runs, as Ctrl-C would, and start nothing more."""
        self.stopped.set()
        self.may_go.set()
        child = self._child
        if child is not None:
            threading.Thread(target=_end, args=(child,), daemon=True).start()

    def run(self, command: Sequence[str], lock: int, **options: Any) -> int:
        """Run a program to its end; gives its exit code, ``STOPPED`` where there is nobody who wants it any more."""
        if self.stopped.is_set():
            return STOPPED
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True, pass_fds=[lock], **options)
        self._child = child
        if self.stopped.is_set():  # meanwhile
            self.stop()
        code = child.wait()
        self._child = None
        return STOPPED if self.stopped.is_set() else code


def _end(child: subprocess.Popen[bytes]) -> None:
    """Ask a program and all that it has started to end, and insist after a while."""
    for name in (signal.SIGINT, signal.SIGKILL):
        with contextlib.suppress(OSError):
            os.killpg(child.pid, name)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(_END_SECONDS)
            return


def serve(identifier: str, life: LifeLine) -> int:
    """Measure what is missing, and hand all results of the machine over.

    Args:
        identifier: of the copy that is meant.
        life: of the connection.

    Returns:
        The exit code: 0 if all went well, else that of what failed first.

    Raises:
        RefusedError: if this is another copy, or in use, or something lacks.
    """
    copy = _read(COPY)
    with locked(copy) as lock:
        if copy["identifier"] != identifier:
            raise RefusedError("Another command has copied its own version here meanwhile. Give one after the other.")
        if shutil.which("make") is None:
            raise RefusedError(
                f"There is no make. Install it (on a Mac: xcode-select --install), or put it on the path by "
                f"fleet.{copy['machine']}.before."
            )
        failed = _install(copy, lock, life) or _present(copy, lock, life)
        if failed:
            return failed
        life.may_go.wait()
        failed = _measure(copy, lock, life)
        # What is finished is handed over whatever became of the rest.
        return STOPPED if life.stopped.is_set() else (_hand_over(copy, lock, life) or failed)


def environment(stack: str, copy: Mapping[str, Any]) -> str:
    """The folder of a stack's virtual environment, as the Makefile names it."""
    return ".venv" if stack == copy["default_stack"] else f".venv-{stack}"


def _program(stack: str, copy: Mapping[str, Any], *arguments: str) -> list[str]:
    """A Python program of the project, as make starts it."""
    python = f"{environment(stack, copy)}/bin/python"
    return [python, "-I", "workflow/scripts/start_program.py", *arguments]


def _install(copy: Mapping[str, Any], lock: int, life: LifeLine) -> int:
    for stack in copy["stacks"]:
        named = [] if stack == copy["default_stack"] else [f"STACK={stack}"]
        code = life.run(["make", "--no-print-directory", *named, f"{environment(stack, copy)}/installed"], lock)
        if code:
            return code
    return 0


def _present(copy: Mapping[str, Any], lock: int, life: LifeLine) -> int:
    """Tell the other end which computer this is, so that it can say whether that is the one it means."""
    path = _DESCRIBED / copy["machine"] / "machine.json"
    shutil.rmtree(str(_DESCRIBED), ignore_errors=True)
    describe = ["workflow/scripts/describe_machine.py", f"--gpu={copy['gpu']}", str(path)]
    code = life.run(_program(copy["stacks"][0], copy, *describe), lock)
    if not code:
        _tell({"description": _read(path), "boot": _boot()})
    return code


def _boot() -> str | None:
    """What tells this computer from all others that run now, even from those that were made from one image."""
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        return subprocess.check_output(["/usr/sbin/sysctl", "-n", "kern.bootsessionuuid"]).decode().strip()
    return None


def _measure(copy: Mapping[str, Any], lock: int, life: LifeLine) -> int:
    """Make the runs that are missing, of one stack after the other; one that fails does not keep the others back."""
    failed = 0
    for stack in copy["stacks"]:
        snakemake = _program(stack, copy, "-m", "snakemake", "--cores", "1")
        if _RUNNING.exists():  # Snakemake's own lock is of a run that was killed: nobody else has ours
            life.run([*snakemake, "--unlock"], lock, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _RUNNING.touch()
        options = ["--configfile", CONFIGURATION, "--config", f"stacks=[{stack}]"]
        code = life.run([*snakemake, "measure", *options], lock)
        if not life.stopped.is_set() or _is_unlocked():
            _RUNNING.unlink()
        failed = failed or code
    return failed


def _is_unlocked() -> bool:
    return not any(Path(".snakemake/locks").glob("*"))


def _hand_over(copy: Mapping[str, Any], lock: int, life: LifeLine) -> int:
    """Pack the results, and send the archive."""
    machine = copy["machine"]
    if not Path("results/machines", machine, "machine.json").exists():
        return 0  # nothing could be measured, and why has been said
    with (OWN / "pack.log").open("wb") as log:  # what it says is for who would send the archive by hand
        pack = _program(copy["stacks"][0], copy, "workflow/scripts/pack_results.py", f"--machine={machine}")
        code = life.run(pack, lock, stdout=log, stderr=log)
    if code:
        sys.stdout.write((OWN / "pack.log").read_text(errors="replace"))
        return code
    content = Path("results", f"{machine}.tar.gz").read_bytes()
    for start in range(0, len(content), _CHUNK_BYTES):
        _tell({"part": base64.b64encode(content[start : start + _CHUNK_BYTES]).decode()})
    _tell({"archive": hashlib.sha256(content).hexdigest()})
    return 0


def _tell(message: Mapping[str, Any]) -> None:
    """Say something to the program at the other end, which may be gone."""
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.write(f"{TO_PROGRAM}{json.dumps(message)}\n")
        sys.stdout.flush()
