"""A process of one's own for what is timed, one at a time on a machine.

A parent starts a child, passes a request through its stdin and reads the answer from its stdout. Both pipes double as
life lines: the child ends itself when its stdin closes, and the parent ends the child when the workflow that wanted it
is gone. Nothing but the standard library is used.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from trainmark import mutex, process_environment, system
from trainmark.dataset import sources
from trainmark.errors import TrainmarkError
from trainmark.machine import cuda
from trainmark.machine.gpus import Gpu
from trainmark.terminal import say

# One file a machine, whoever runs the benchmark and from whichever checkout; /tmp is there on Linux and on a Mac,
# while $TMPDIR differs between users and environments.
MACHINE_LOCK = Path("/tmp/trainmark-timing.lock")
POLL_SECONDS = 1.0
# A child is asked to end when its time is over, and has so long to say what it has: it hears of it after its step, and
# a step of a large model on a CPU may take half of this.
GRACE_SECONDS = 60.0

_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "GOTO_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)


class AbandonedError(TrainmarkError):
    """The workflow that wanted this run is gone; there is no one to record it for."""


class BusyError(TrainmarkError):
    """Another benchmark is timing on this machine."""


@contextlib.contextmanager
def machine_lock(what: object, workflow_pid: int | None, waits: bool = True) -> Iterator[int]:
    """Hold the right to time on this machine; wait, with a message, while another benchmark has it.

    The kernel releases the lock when its last holder dies, however that happens. Gives the lock's file descriptor.

    Args:
        what: is to be timed.
        workflow_pid: process that wants it, or None.
        waits: whether to wait while another benchmark has it.

    Raises:
        AbandonedError: if the workflow is gone.
        BusyError: if another benchmark has it, and that is not to be waited for.
    """

    def announce(holder: str) -> None:
        busy = f"another benchmark is timing on this machine ({holder}). Two timings at once would spoil both"
        if not waits:
            raise BusyError(f"{busy}.")
        say(f"trainmark: {busy}, so {what} waits until that run ends. Ctrl-C gives up; nothing is lost.")

    with mutex.open_file(MACHINE_LOCK) as file:
        mutex.wait(file.fileno(), announce, POLL_SECONDS, lambda: check_workflow(what, workflow_pid))
        mutex.sign(file.fileno(), f"process {os.getpid()} in {Path.cwd()}")
        yield file.fileno()


def converse(
    command: list[str],
    message: Mapping[str, object],
    variables: dict[str, str],
    lock: int,
    limit_seconds: float,
    what: object,
    workflow_pid: int | None,
) -> tuple[bytes | None, int]:
    """Start a child, give it a message, and take its answer; whatever happens, it is gone afterwards.

    Args:
        command: starts a process that calls ``serve``.
        message: what it is asked to do, one of the requests of ``messages``.
        variables: the child's environment.
        lock: the machine lock's descriptor.
        limit_seconds: from the start of the child to its end.
        what: it does, in words.
        workflow_pid: process that wants it, or None.

    Returns:
        What the child wrote, None if its time was over and it had no answer; and its exit code (negative: a signal).

    Raises:
        AbandonedError: if the workflow is gone.
    """
    child = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=variables,
        start_new_session=True,  # Ctrl-C reaches the supervisor alone, which ends the child
        pass_fds=[lock],  # the child holds it too: an orphan, while it lives, keeps the next timing from starting
    )
    to_child, from_child = system.pipes(child)
    try:
        with contextlib.suppress(BrokenPipeError):  # a child that died at once is told from its exit code
            to_child.write(json.dumps(message).encode() + b"\n")
            to_child.flush()
        answer = _read_answer(child.pid, from_child, limit_seconds, what, workflow_pid)
    finally:
        # Also ends what an unfinished or finished child left behind. Where nothing but the finished child itself is
        # left, which waits for us to notice its death, Linux does nothing and macOS says EPERM.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
        code = child.wait()
        from_child.close()
        with contextlib.suppress(BrokenPipeError):
            to_child.close()
    return answer, code


def _read_answer(
    child: int, from_child: IO[bytes], limit_seconds: float, what: object, workflow_pid: int | None
) -> bytes | None:
    """What the child wrote until it closed its stdout; None if the time limit passed and there is no whole answer.

    When the time is over the child gets SIGTERM: a training answers with what it has, and any other child ends.
    """
    deadline, asked = time.monotonic() + limit_seconds, False
    chunks: list[bytes] = []
    while True:
        # The process sleeps in select but for one look a second at the clock and at the workflow.
        readable, _, _ = select.select([from_child], [], [], POLL_SECONDS)
        if readable:
            chunk = os.read(from_child.fileno(), 65536)
            if not chunk:
                answer = b"".join(chunks)
                return None if asked and not _is_whole(answer) else answer
            chunks.append(chunk)
        elif time.monotonic() > deadline:
            if asked:
                return None
            deadline, asked = deadline + GRACE_SECONDS, True
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGTERM)
        check_workflow(what, workflow_pid)


def _is_whole(answer: bytes) -> bool:
    """Whether an answer is one, not cut off."""
    with contextlib.suppress(ValueError):
        json.loads(answer)
        return True
    return False


def serve(module: str = "training", function: str = "train") -> None:
    """The child: read a request from stdin, do it, write the answer to stdout, and end.

    It ends at once when its stdin closes, which happens when the supervisor dies in whatever way. Where the request has
    ``cpus``, it keeps to these.

    Args:
        module: of ``trainmark.measure.worker``, imported only now, since it brings a framework.
        function: of that module; takes one of the requests of ``messages`` and returns its answer.
    """
    answer_descriptor = os.dup(1)
    os.dup2(2, 1)  # whatever a library prints goes to the log, not into the answer
    request: Mapping[str, Any] = json.loads(sys.stdin.readline())
    if request.get("cpus"):  # before any library starts threads, which inherit it
        os.sched_setaffinity(0, request["cpus"])
    system.end_with_parent()

    answer = getattr(importlib.import_module(f"trainmark.measure.worker.{module}"), function)(request)
    with os.fdopen(answer_descriptor, "w") as file:
        json.dump(answer, file)
    os._exit(0)  # a framework may take a while to tear itself down, and nothing is left to save


def child_environment(device: str, threads: int, gpu: Gpu | None, stack: str) -> dict[str, str]:
    """The environment of a training process.

    Snakemake sets the thread variables to its own idea of a job's threads, so they are set again here, all alike.
    CUDA's libraries are found without anything that the user would have to set. What the framework reads of the
    environment it sets itself, in the child.

    Args:
        device: that is to train.
        threads: of the numeric libraries.
        gpu: the only one that the framework is shown; none where the CPU trains.
        stack: that is timed.
    """
    found = process_environment.clean()
    found |= cuda.variables(cuda.wheels_folder(), found)
    found |= dict.fromkeys(_THREAD_VARIABLES, str(threads))
    # CUDA's own order, by speed, is not that of nvidia-smi and NVML: the GPU described would be another.
    found["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"
    if device == "cpu":
        found["CUDA_VISIBLE_DEVICES"] = "-1"
    elif gpu and gpu.uuid:
        found["CUDA_VISIBLE_DEVICES"] = gpu.uuid
        found |= cuda.compiled_code(sources.caches(), stack)
    return found


def check_workflow(what: object, workflow_pid: int | None) -> None:
    """Raise AbandonedError when the process that wanted this is gone."""
    if workflow_pid is not None and not _alive(workflow_pid):
        raise AbandonedError(f"Process {workflow_pid}, which wanted {what}, is gone; so is the run.")


def _alive(pid: int) -> bool:
    """Whether a process exists and is not merely waiting for its parent to notice its death (Linux: state Z)."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    _, _, state = (system.read_text(f"/proc/{pid}/stat") or "").rpartition(") ")
    return not state.startswith("Z")
