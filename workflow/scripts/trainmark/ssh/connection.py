"""Programs on another computer, by the user's own ssh: what it is told, heard and asked, and what its failures mean.

Who may log in there, and by which key, is the business of ssh and its configuration. Nothing here asks for a password.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import IO

from trainmark import system
from trainmark.install import served_copy

# What ssh itself says with this exit code: it could not connect, or the connection is lost.
NO_CONNECTION = 255
_OPTIONS = {
    "BatchMode": "yes",  # nobody is asked for a password: there may be ten machines
    "ConnectTimeout": "20",
    "ServerAliveInterval": "15",
    "ServerAliveCountMax": "8",  # two minutes without an answer
    "RequestTTY": "no",
    "RemoteCommand": "none",
    "ClearAllForwardings": "yes",
    "ForwardAgent": "no",
    "ForwardX11": "no",
    "EscapeChar": "none",
}
_ALIVE_SECONDS = 15.0
# What is stopped here has so long to end there.
_END_SECONDS = 75.0
_LONGEST_LINE = 2**17
# Homes of programs that a shell without a login lacks on a Mac: behind all others, so that they hide none.
_PATHS = "/opt/homebrew/bin:/usr/local/bin"
# As few characters as all shells take alike: no single quote, no exclamation mark, no line break.
_WITH_PYTHON = (
    f'PATH="$PATH:{_PATHS}"; export PATH; '
    ". ./.trainmark-fleet/{before} </dev/null || "
    '{{ echo "trainmark: what the key before says has failed there (exit code $?)"; exit 1; }}; '
    "for p in python3.12 python3.11 python3; do "
    'if "$p" -I -c "import sys; sys.exit(sys.version_info < (3, 7))" 2>/dev/null; then '
    'exec "$p" -I {script} {arguments}; fi; done; '
    'echo "trainmark: there is no Python 3.7 or newer on the path there ($PATH). Install one (on a Mac: xcode-select '
    '--install), or put it on the path by the key before"; exit 1'
)
# Arguments: the folder. Stdin: the archive. A folder of somebody else's is left as it is.
COPY_SCRIPT = (
    'mkdir -p -- "$1" && cd -- "$1" || { echo "trainmark: the folder $1 cannot be made there"; exit 1; }; '
    'if test -d .trainmark-fleet || test -z "$(ls -A)"; then :; else '
    'echo "trainmark: the folder $PWD there holds something else, which is left as it is: say where the copy of this '
    'project is to be (the key folder)"; exit 1; fi; '
    "i=.trainmark-fleet/incoming.$$; mkdir -p $i && gzip -dc | (cd $i && tar -xf -) || "
    '{ echo "trainmark: this project could not be copied to $PWD there"; exit 1; }; '
    + _WITH_PYTHON.format(
        before="incoming.$$/before.sh", script="$i/project/workflow/scripts/serve_fleet.py", arguments="--place $i"
    )
)
# Arguments: the folder, and the identifier of the copy in it.
SERVE_SCRIPT = 'cd -- "$1" || exit 1; ' + _WITH_PYTHON.format(
    before="before.sh", script="workflow/scripts/serve_fleet.py", arguments='--serve "$2"'
)
_REMEDIES = {
    "Host key verification failed": "connect once by hand and accept its key",
    "REMOTE HOST IDENTIFICATION HAS CHANGED": "connect by hand, and find out why its key is another",
    "Permission denied": "let ssh log in by a key (ssh-copy-id), which an agent holds if it has a passphrase (ssh-add)",
    "Too many authentication failures": "say which key it takes (IdentityFile in ~/.ssh/config)",
    "Connection refused": "is its sshd running (on a Mac: Remote Login)?",
    "Could not resolve hostname": "is the name right?",
    "timed out": "is it on, and in this network?",
    "No route to host": "is it on, and in this network?",
}


@dataclass(frozen=True)
class Ended:
    """How a command of ssh has ended.

    Attributes:
        code: exit code: of the program there, or ``NO_CONNECTION``.
        last: the last line that says something.
    """

    code: int
    last: str


def command_line(destination: str, script: str, *arguments: str) -> list[str]:
    """The command that runs a script of sh there, whatever the shell of the user is."""
    options = [f"-o{name}={value}" for name, value in _OPTIONS.items()]
    there = " ".join(["sh", "-c", shlex.quote(script), "trainmark", *map(shlex.quote, arguments)])
    return ["ssh", "-T", *options, "--", destination, there]


class Call:
    """One command of ssh.

    Args:
        command: as ``command_line`` gives it.
        hear: is given each line that comes from there.
        stop: is set when the user wants no more of it.
    """

    def __init__(self, command: Sequence[str], hear: Callable[[str], None], stop: threading.Event) -> None:
        self._hear, self._stop, self._last, self._why = hear, stop, "", ""
        pipe = subprocess.PIPE
        # Ctrl-C is for us, who end what runs there first.
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True)
        self._input, self._output = system.pipes(self._process)

    def give(self, content: bytes) -> Ended:
        """Write all of its input, and wait for its end."""
        threading.Thread(target=self._write_all, args=(content,), daemon=True).start()
        return self._wait()

    def converse(self) -> Ended:
        """Say that we are here, until its end."""
        threading.Thread(target=self._stay_alive, daemon=True).start()
        return self._wait()

    def go(self) -> None:
        """Tell the other end that all is well so far."""
        self._write(served_copy.GO)

    def leave(self) -> None:
        """Have the other end stop what it does."""
        with contextlib.suppress(OSError, ValueError):
            self._input.close()

    def _write(self, content: bytes) -> None:
        with contextlib.suppress(OSError, ValueError):  # it has ended, which its exit code tells
            self._input.write(content)
            self._input.flush()

    def _write_all(self, content: bytes) -> None:
        self._write(content)
        self.leave()

    def _stay_alive(self) -> None:
        while self._process.poll() is None and not self._stop.wait(_ALIVE_SECONDS):
            self._write(served_copy.ALIVE)
        self.leave()

    def _wait(self) -> Ended:
        errors = threading.Thread(target=self._read, args=(self._process.stderr, True), daemon=True)
        errors.start()
        threading.Thread(target=self._end_in_time, daemon=True).start()
        self._read(self._output, False)
        errors.join()
        code = self._process.wait()
        self.leave()
        if code < 0:  # ended by us, or by whoever
            return Ended(NO_CONNECTION, f"ssh was ended by signal {-code}")
        return Ended(code, self._why if code == NO_CONNECTION and self._why else self._last)

    def _read(self, stream: IO[bytes], of_ssh: bool) -> None:
        while line := stream.readline(_LONGEST_LINE):
            text = line.decode(errors="replace").rstrip("\r\n")
            if text.strip() and not text.startswith(served_copy.TO_PROGRAM):
                self._last = text
                self._why = text if of_ssh else self._why
            self._hear(text)

    def _end_in_time(self) -> None:
        """End ssh itself where the other end does not, after the user has stopped the command."""
        self._stop.wait()
        self.leave()
        deadline = time.monotonic() + _END_SECONDS
        while self._process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.2)
        with contextlib.suppress(OSError):  # with what it may have started to reach the other end
            os.killpg(self._process.pid, signal.SIGKILL)


def explain(ended: Ended, destination: str) -> str:
    """Why ssh could not connect or lost the connection, and what to do."""
    remedy = next((what for text, what in _REMEDIES.items() if text in ended.last), "try it by hand")
    said = ended.last.strip().rstrip(".") or "ssh says nothing"
    return f"{said}: {remedy}: ssh {shlex.quote(destination)}"
