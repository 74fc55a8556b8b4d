"""One machine of a fleet, from the copy of this project there to its results here."""

from __future__ import annotations

import base64
import binascii
import contextlib
import datetime
import hashlib
import json
import shlex
import subprocess
import sys
import threading
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from trainmark import terminal
from trainmark.install import served_copy
from trainmark.planning import ssh_machines
from trainmark.planning.ssh_machines import SshMachine
from trainmark.ssh import connection
from trainmark.ssh.computers import Computers
from trainmark.ssh.connection import Call, Ended
from trainmark.ssh.project_files import Copy

# Archives that came from there, until they are merged.
ARCHIVES = Path(".snakemake/trainmark-ssh")
# After a connection was lost: between two attempts, and until it is given up. What runs there ends within the time that
# ``served_copy`` says, and only then can it be measured there again.
_AGAIN_SECONDS, _GIVE_UP_SECONDS = 20.0, 900.0
_LARGEST_ARCHIVE = 2**28  # bytes; a hundred thousand records
_merging = threading.Lock()


class _FailedError(Exception):
    """Why a machine could not be measured, or only in part."""


@dataclass
class Errand:
    """What one machine is asked to do, and what it has said.

    Attributes:
        there: the machine.
        copy: of this project, for it.
        computers: that this command has met.
        stop: is set when the user wants no more.
        failure: why it was not measured, or only in part; None if all went well.
    """

    there: SshMachine
    copy: Copy
    computers: Computers
    stop: threading.Event
    failure: str | None = None
    _log: TextIO | None = None
    _call: Call | None = None
    _refusal: str | None = None
    _met: bool = False
    _parts: list[bytes] = field(default_factory=list)
    _archive: bytes | None = None
    _hearing: Any = field(default_factory=threading.Lock)

    def run(self) -> None:
        """Do all of it; what fails is in ``failure`` and in the log."""
        path = ssh_machines.log_file(self.there.machine)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", errors="replace") as self._log:
            now = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
            self._note(f"{now}: {self.there.machine}, by ssh to {self.there.destination}")
            try:
                self._measure()
            except (_FailedError, OSError) as error:
                self.failure = str(error)
            except Exception as error:  # or a fault of ours would pass for a success, in a thread of which nobody hears
                self.failure = f"unexpected {type(error).__name__}: {error}. This is a fault of trainmark"
                self._note(traceback.format_exc())
            if self.failure:
                self._note(f"trainmark: failed: {self.failure}")

    def _measure(self) -> None:
        folder = self.there.folder
        copied = self._start(connection.COPY_SCRIPT, folder).give(self.copy.archive)
        self._refuse_failure(copied)
        served = self._serve()
        if self._archive is not None:
            self._merge(self._archive)
        if self._refusal:
            raise _FailedError(self._refusal)
        if served.code and self._archive is not None and not self.stop.is_set():
            raise _FailedError(
                "a run has failed there, as it says above. What is finished was brought here. What it says to repeat "
                f"is to be repeated there: ssh {shlex.quote(self.there.destination)}, in the folder {folder}"
            )
        self._refuse_failure(served)

    def _start(self, script: str, *arguments: str) -> Call:
        if self.stop.is_set():
            raise _FailedError("stopped")
        self._call = Call(connection.command_line(self.there.destination, script, *arguments), self._hear, self.stop)
        return self._call

    def _serve(self) -> Ended:
        """Have the runs made; where the connection is lost, once more when that is possible again."""
        deadline = None
        while True:
            self._met, self._parts = False, []
            ended = self._start(connection.SERVE_SCRIPT, self.there.folder, self.copy.identifier).converse()
            if self._met:
                deadline = time.monotonic() + _GIVE_UP_SECONDS
            lost = ended.code in (connection.NO_CONNECTION, served_copy.BUSY) and self._refusal is None
            if not lost or deadline is None or time.monotonic() > deadline or self.stop.is_set():
                return ended
            if self._met:
                why = connection.explain(ended, self.there.destination)
                self._say(f"trainmark: the connection is lost ({why}). What is finished there is kept. Trying again.")
            self.stop.wait(_AGAIN_SECONDS)

    def _refuse_failure(self, ended: Ended) -> None:
        if self.stop.is_set():
            raise _FailedError("stopped")
        if ended.code == connection.NO_CONNECTION:
            raise _FailedError(connection.explain(ended, self.there.destination))
        if ended.code:
            said = ended.last.strip()
            ours = said.startswith("trainmark: ")
            raise _FailedError(said[len("trainmark: ") :] if ours else f"exit code {ended.code} there, after: {said}")

    def _hear(self, line: str) -> None:
        with self._hearing:  # stdout and stderr are heard at once
            if line.startswith(served_copy.TO_PROGRAM):
                with contextlib.suppress(ValueError, TypeError, KeyError, AttributeError, binascii.Error):
                    self._take(json.loads(line[len(served_copy.TO_PROGRAM) :]))
            else:
                self._say(line)

    def _take(self, message: Any) -> None:
        """Take what the program there says to this one."""
        if "description" in message:
            self._met = True
            self._refusal = self.computers.why_not(self.there.machine, message["description"], message["boot"])
            if self._call:
                self._call.leave() if self._refusal else self._call.go()
        elif "part" in message:
            self._parts.append(base64.b64decode(message["part"]))
            if sum(map(len, self._parts)) > _LARGEST_ARCHIVE:
                self._parts, self._refusal = [], "its archive is larger than any of results"
        elif "archive" in message and not self._refusal:
            content = b"".join(self._parts)
            if hashlib.sha256(content).hexdigest() == message["archive"]:
                self._archive = content
            else:
                self._refusal = "its results arrived damaged. Give the same command again: nothing is measured twice"

    def _merge(self, archive: bytes) -> None:
        """Bring the results in, by the command that brings in anybody's."""
        machine = self.there.machine
        path = ARCHIVES / f"{machine}.tar.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(archive)
        command = [sys.executable, "workflow/scripts/merge_results.py", f"--measured={machine}", str(path)]
        with _merging:
            result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        lines = [line for line in result.stdout.splitlines() if line.strip()]
        for line in lines:
            self._note(line)
        if result.returncode:
            for line in lines:
                terminal.say(f"{machine}: {line}")
            raise _FailedError(f"its results could not be brought in; they are in {path}, and why is said above")
        path.unlink()
        for line in lines:
            if line.startswith(f"{machine}: "):
                terminal.say(f"{machine}: brought here: {line.removeprefix(f'{machine}: ')}")

    def _say(self, line: str) -> None:
        """Show a line, with the machine's name in front, and keep it."""
        self._note(line)
        if line.strip():
            terminal.say(f"{self.there.machine}: {line}")

    def _note(self, line: str) -> None:
        if self._log:
            self._log.write(f"{line}\n")
            self._log.flush()
