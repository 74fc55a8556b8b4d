"""A process that has imported what the report's scripts import, which takes most of a short one's time.

Each call is a fork of it, with the arguments, the folder, the variables and the streams of whoever calls, and runs what
``python SCRIPT`` runs, of the checkout in which it is called: nothing of the project is imported beforehand. A shell
finds it by ``shell_function``; all other programs, and whatever measures, it starts as it would.

A program: ``serve SOCKET`` is the server, which ends with its stdin; ``call SOCKET SCRIPT ...`` is one call.
"""

import array
import contextlib
import gc
import importlib
import json
import os
import select
import shlex
import signal
import socket
import sys
import threading

SCRIPTS = ("collect_records", "make_tables", "render_page")
# Third-party packages of theirs; matplotlib has no window.
MODULES = ("jinja2", "matplotlib.pyplot", "msgspec", "numpy", "pandas", "scipy.special", "yaml")


def shell_function(address: str) -> str:
    """In a shell: the scripts are called here, and all else is the Python that the shell finds."""
    scripts = "|".join(f"workflow/scripts/{name}.py" for name in SCRIPTS)
    here = " ".join(map(shlex.quote, (sys.executable, "-I", "-S", os.path.abspath(__file__), "call", address)))
    return f'python() {{ case "$1" in {scripts}) {here} "$@";; *) command python "$@";; esac; }}; '


def call(address: str, arguments: list[str]) -> int:
    """Have a script called, with this process' streams; gives its exit code."""
    request = {"arguments": arguments, "folder": os.getcwd(), "variables": dict(os.environ)}
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(address)
        streams = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0, 1, 2]))]
        server.sendmsg([b"x"], streams)
        server.sendall(json.dumps(request).encode() + b"\n")
        return int(server.makefile().readline())


def serve(address: str) -> None:
    """In that process: answer every call in a process of its own, until stdin is closed. Comes back in a fork."""
    os.environ["MPLBACKEND"] = "agg"
    os.fsync = lambda descriptor: None  # what a test writes need not outlive a power cut
    for module in MODULES:
        importlib.import_module(module)
    gc.freeze()  # what is imported stays: a collection in a fork need not go through it, nor copy its memory
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen(64)
        print("ready", flush=True)
        while True:
            ready, _, _ = select.select([listening, sys.stdin], [], [], 1.0)
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            if sys.stdin in ready:
                sys.exit()
            if listening in ready:
                caller, _ = listening.accept()
                if not os.fork():
                    listening.close()
                    return _answer(caller)
                caller.close()


def _answer(caller: socket.socket) -> None:
    """Run a call in a fork, which comes back; tell its exit code, and end it if the caller has gone."""
    _, ancillary, _, _ = caller.recvmsg(1, socket.CMSG_SPACE(3 * array.array("i").itemsize))
    streams = array.array("i")
    streams.frombytes(ancillary[0][2])
    request = json.loads(caller.makefile().readline())
    pid = os.fork()
    if not pid:
        caller.close()
        return _begin(request, list(streams))
    for stream in streams:
        os.close(stream)

    def end_with_caller() -> None:
        caller.recv(1)  # nothing comes but the end
        os.kill(pid, signal.SIGKILL)

    threading.Thread(target=end_with_caller, daemon=True).start()
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    with contextlib.suppress(BrokenPipeError):
        caller.sendall(f"{code if code >= 0 else 128 - code}\n".encode())
    os._exit(0)


def _begin(request: dict, streams: list[int]) -> None:
    """Turn this process into one that was started for a call."""
    for target, stream in enumerate(streams):
        os.dup2(stream, target)
        os.close(stream)
    sys.stdin, sys.stdout, sys.stderr = (os.fdopen(n, mode) for n, mode in enumerate("rww"))
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["variables"])
    sys.argv = request["arguments"]
    sys.path[0] = os.path.abspath(os.path.dirname(sys.argv[0]))


if __name__ == "__main__":
    if sys.argv[1] == "call":
        sys.exit(call(sys.argv[2], sys.argv[3:]))
    serve(sys.argv[2])
    import runpy

    runpy.run_path(sys.argv[0], run_name="__main__")
