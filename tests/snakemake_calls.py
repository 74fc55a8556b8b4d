"""Calls of Snakemake by a process that has imported it, which takes four fifths of a short call.

Each call is a fork of that process, with the folder, the variables and the arguments of the call, and runs what
``python -m snakemake`` runs. Nothing that a call leaves in its memory is there for the next one. Where it matters how
Snakemake begins, or by which Python, the tests start it as its users do.
"""

import atexit
import functools
import gc
import importlib
import json
import os
import runpy
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests import script_server

# Much is done, and some machines are slow.
LIMIT_SECONDS = 1200
# What every call imports, beside what the parser of its arguments imports.
_LATER = ("jsonschema", "smart_open", "snakemake.storage")


def run(
    arguments: list[str], folder: Path, variables: Mapping[str, str] | None = None, scripts: str = ""
) -> subprocess.CompletedProcess:
    """What ``python -m snakemake`` with these arguments gives: its exit code, and stdout and stderr together.

    Args:
        arguments: of Snakemake.
        folder: in which it starts.
        variables: of its environment; those of the tests if not given. What Python heeds at its start, counts for
            nothing.
        scripts: address of a ``script_server`` that runs the report's scripts; without one they start as they do.
    """
    with tempfile.NamedTemporaryFile() as output:
        environment = dict(os.environ if variables is None else variables)
        request = {"arguments": arguments, "folder": str(folder), "variables": environment, "output": output.name}
        request["prefix"] = script_server.shell_function(scripts) if scripts else ""
        code = _server().ask(request)
        return subprocess.CompletedProcess(["snakemake", *arguments], code, output.read().decode())


class _Server:
    """The process that has imported Snakemake, as the tests see it. It ends with them."""

    def __init__(self) -> None:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        command = [sys.executable, "-m", "tests.snakemake_calls"]
        self._process = subprocess.Popen(command, cwd=Path(__file__).parents[1], **pipes)
        atexit.register(self._process.communicate)

    def ask(self, request: dict) -> int:
        """Have a call done; gives its exit code (negative: a signal)."""
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        pid = int(self._process.stdout.readline())
        if not select.select([self._process.stdout], [], [], LIMIT_SECONDS)[0]:
            os.kill(pid, signal.SIGKILL)
        return int(self._process.stdout.readline())


_server = functools.cache(_Server)


@functools.cache
def script_address() -> str:
    """Address of a ``script_server`` that ends with the tests."""
    folder = tempfile.mkdtemp()
    command = [sys.executable, script_server.__file__, "serve", f"{folder}/socket"]
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    atexit.register(lambda: (server.communicate(), shutil.rmtree(folder)))
    assert server.stdout.readline() == "ready\n"
    return f"{folder}/socket"


def serve() -> None:
    """In that process: fork for each request, and tell its process and then its exit code. Comes back in a fork."""
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            return _begin(json.loads(line))
        print(pid, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
    sys.exit()


def _begin(request: dict) -> None:
    """Turn this process into one that was started for a call."""
    output = os.open(request["output"], os.O_WRONLY | os.O_APPEND)
    for target, source in ((0, os.open(os.devnull, os.O_RDONLY)), (1, output), (2, output)):
        os.dup2(source, target)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["variables"])
    sys.argv[1:], sys.path[0] = request["arguments"], request["folder"]
    if request["prefix"]:
        shell = sys.modules["snakemake.shell"].shell
        shell.prefix(request["prefix"].replace("{", "{{").replace("}", "}}") + "set -euo pipefail; ")


if __name__ == "__main__":
    from snakemake import cli

    os.fsync = lambda descriptor: None  # what a test writes need not outlive a power cut
    cli.get_argument_parser()  # which imports what Snakemake calls plugins
    for module in _LATER:
        importlib.import_module(module)
    gc.freeze()  # what is imported stays: a collection in a fork need not go through it, nor copy its memory
    serve()
    runpy.run_module("snakemake", run_name="__main__", alter_sys=True)
