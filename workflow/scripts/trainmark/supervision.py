"""A run seen from outside: one timing at a time on a machine, a fresh process for it, and a record whatever happens.

The supervisor uses nothing but the standard library. It starts the training in a child, passes the request through the
child's stdin and reads the result from its stdout. Both pipes double as life lines: the child ends itself when its
stdin closes, and the supervisor ends the child when the workflow that wanted the run is gone.
"""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import importlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trainmark
from trainmark import cuda, energy, hardware, locks, noise, watching, workloads
from trainmark.errors import TrainmarkError
from trainmark.files import PendingFile
from trainmark.grid import Run
from trainmark.record import FORMAT_VERSION, OK, PROTOCOL, RECORD_BYTES, Record

# One file a machine, whoever runs the benchmark and from whichever checkout; /tmp is there on Linux and on a Mac,
# while $TMPDIR differs between users and environments.
MACHINE_LOCK = Path("/tmp/trainmark-timing.lock")
POLL_SECONDS = 1.0
LOG_TAIL_LINES = 20

_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "GOTO_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)
# Variables of the user's shell that would change what is computed or how.
_DROPPED_VARIABLES = (
    "TF_XLA_FLAGS",
    "XLA_FLAGS",
    "TF_USE_LEGACY_KERAS",
    "TF_ENABLE_ONEDNN_OPTS",
    "NVIDIA_TF32_OVERRIDE",
    "PYTHONPATH",
    "PYTHONSTARTUP",
)


class AbandonedError(TrainmarkError):
    """The workflow that wanted this run is gone; there is no one to record it for."""


@dataclass(frozen=True)
class Request:
    """One run to do.

    Attributes:
        run: which.
        workload: what to compute, as ``workloads.describe`` gives it.
        seed: of the run's random numbers.
        threads: of TensorFlow and the numeric libraries; None for all cores that the process may use.
        time_limit_seconds: from the start of the child to its end.
        data_folder: the decoded data set.
        lock_file: the file that pins the environment.
        workflow_pid: process that wants the run, or None for a run by hand.
        idle_seconds: to measure the idle machine's power for before the run, where there is a meter.
        cool_down_seconds: to wait at most, before the run, until the machine is cool.
    """

    run: Run
    workload: dict[str, Any]
    seed: int
    threads: int | None
    time_limit_seconds: float
    data_folder: Path
    lock_file: Path
    workflow_pid: int | None
    idle_seconds: float = 0.0
    cool_down_seconds: float = 0.0


def supervise(request: Request, child_command: list[str], watch_command: list[str], log_path: Path) -> Record:
    """Do one run and write its record, whatever becomes of the training.

    Args:
        request: the run.
        child_command: starts a process that calls ``serve``.
        watch_command: starts a process that calls ``watching.serve``.
        log_path: the file that this process's stderr goes to; its last lines go into the record of a failure.

    Returns:
        The record as written.

    Raises:
        OSError: if the record cannot be written; noticed before the training where the disk is full already.
        AbandonedError: if the workflow is gone.
        TrainmarkError: if the environment is not the one that the lock pins.
        KeyboardInterrupt: if the user stops; there is no record then.
    """
    made_by = provenance(request.lock_file)
    request.run.path.parent.mkdir(parents=True, exist_ok=True)
    pending = PendingFile(request.run.path, RECORD_BYTES)
    try:
        with terminable(), machine_lock(request.run, request.workflow_pid) as lock:
            outcome = _run_watched(request, child_command, watch_command, lock)
        log_tail = None if outcome["status"] == OK else _tail(log_path)
        record = _assemble(request, {**made_by, **outcome}, log_tail)
        pending.commit(record.to_json().encode())
    except BaseException:
        pending.discard()
        raise
    return record


def provenance(lock_file: Path) -> dict[str, Any]:
    """``environment``, ``code`` and ``identity`` of what is about to be measured.

    Args:
        lock_file: the file that pins the environment.

    Raises:
        TrainmarkError: if the environment is another.
    """
    content = locks.read(lock_file)
    locks.refuse_differences(lock_file, locks.installed_versions(locks.pins(content.decode())))
    return {
        "environment": {"lock_file": lock_file.name, "lock_sha256": locks.digest(content)},
        "code": {"version": trainmark.__version__, "commit": _commit()},
        "identity": hardware.identity(hardware.describe()),
    }


@contextlib.contextmanager
def machine_lock(what: object, workflow_pid: int | None) -> Iterator[int]:
    """Hold the right to time on this machine; wait, with a message, while another benchmark has it.

    The kernel releases the lock when its last holder dies, however that happens. Gives the lock's file descriptor.

    Args:
        what: is to be timed.
        workflow_pid: process that wants it, or None.
    """
    flags = os.O_CLOEXEC | os.O_NOFOLLOW  # anybody may put a link there, and the file is written to below
    try:
        descriptor = os.open(MACHINE_LOCK, flags | os.O_RDWR)
    except FileNotFoundError:
        descriptor = os.open(MACHINE_LOCK, flags | os.O_RDWR | os.O_CREAT, 0o666)
        os.fchmod(descriptor, 0o666)  # for the machine's other users, whatever this one's umask is
    except PermissionError:  # another user's file: reading is enough to lock it
        descriptor = os.open(MACHINE_LOCK, flags | os.O_RDONLY)
    with os.fdopen(descriptor, "rb", closefd=True):
        announced = False
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not announced:
                    holder = os.pread(descriptor, 4096, 0).decode(errors="replace").strip() or "unknown"
                    print(
                        f"trainmark: another benchmark is timing on this machine ({holder}). Two timings at once would "
                        f"spoil both, so {what} waits until that run ends. Ctrl-C gives up; nothing is lost.",
                        flush=True,
                    )
                    announced = True
                _check_workflow(what, workflow_pid)
                time.sleep(POLL_SECONDS)
        with contextlib.suppress(OSError):  # another user's file cannot be written; the lock holds all the same
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"process {os.getpid()} in {os.getcwd()}".encode(), 0)
        yield descriptor


def _run_watched(request: Request, child_command: list[str], watch_command: list[str], lock: int) -> dict[str, Any]:
    """Let the machine come to rest, start the child with its meters beside it, and say how it went."""
    paused = noise.cool_down(request.cool_down_seconds, lambda seconds: _pause(request, seconds))
    conditions = noise.conditions()
    with watching.watched(watch_command, _clean_environment()) as watcher:
        idle = None
        if watcher.reason is None and request.idle_seconds:
            begin = time.perf_counter()
            _pause(request, request.idle_seconds)
            idle = begin, time.perf_counter()
        oom_kills = _oom_kills()
        started = now()
        outcome = _run_child(request, child_command, lock)
        ended = now()
        window = outcome.pop("fit_window")
        seen = watcher.tell(window, idle) if window else {"energy": _without_window(watcher), "gpu": {}}
    if outcome["status"] == "killed" and (_oom_kills() or 0) > (oom_kills or 0):
        outcome |= {"status": "out_of_memory", "reason": "The system killed the training for want of memory."}
    pressure = noise.worse(conditions["thermal_pressure"], noise.thermal_pressure())
    found = {**conditions, "thermal_pressure": pressure, "cool_down_seconds": paused}
    found |= {"gpu_processes_before": watcher.gpu_processes, **_NO_GPU, **seen["gpu"], **outcome["noise"]}
    return {**outcome, "noise": found, "energy": seen["energy"], "started_at": started, "ended_at": ended}


# What a record says of a GPU that no one watched.
_NO_GPU = dict.fromkeys(watching.summarise([]))


def _without_window(watcher: watching.Watcher) -> dict[str, Any]:
    return energy.unmeasured(watcher.reason or "the training did not come to its end")


def _pause(request: Request, seconds: float) -> None:
    """Sleep, but for one look a second whether the workflow still wants the run."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        _check_workflow(request.run, request.workflow_pid)
        time.sleep(min(left, POLL_SECONDS))


def _run_child(request: Request, command: list[str], lock: int) -> dict[str, Any]:
    """Start the child, wait for its end, and say how it went, as ``training.train`` does."""
    threads = request.threads or hardware.usable_cores()
    message = {
        "device": request.run.cell.device,
        "batch_size": request.run.cell.batch_size,
        "workload": request.workload,
        "seed": request.seed,
        "control": request.run.control,
        "threads": threads,
        "lock_file": str(request.lock_file),
        "data_folder": str(request.data_folder),
    }
    environment = child_environment(request.run.cell.device, threads)
    limit_seconds, pid = request.time_limit_seconds, request.workflow_pid
    answer, code = converse(command, message, environment, lock, limit_seconds, request.run, pid)
    empty: dict[str, Any] = {"durations": {}, "execution": {}, "versions": {}, "noise": {}}
    empty |= dict.fromkeys(("accuracy", "peak_memory_bytes", "peak_device_memory_bytes", "fit_window"))
    if answer is None:
        limit = f"{request.time_limit_seconds:g} s (time_limit_seconds in config)"
        return empty | {"status": "timed_out", "reason": f"The training was stopped after its time limit of {limit}."}
    try:
        return empty | json.loads(answer)
    except json.JSONDecodeError:
        return empty | _describe_death(code)


def converse(
    command: list[str],
    message: dict[str, Any],
    environment: dict[str, str],
    lock: int,
    limit_seconds: float,
    what: object,
    workflow_pid: int | None,
) -> tuple[bytes | None, int]:
    """Start a child, give it a message, and take its answer; whatever happens, it is gone afterwards.

    Args:
        command: starts a process that calls ``serve``.
        message: what it is asked to do.
        environment: of the child.
        lock: the machine lock's descriptor.
        limit_seconds: from the start of the child to its end.
        what: it does, in words.
        workflow_pid: process that wants it, or None.

    Returns:
        What the child wrote, None if it was stopped after its time limit; and its exit code (negative: a signal).

    Raises:
        AbandonedError: if the workflow is gone.
    """
    child = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
        start_new_session=True,  # Ctrl-C reaches the supervisor alone, which ends the child
        pass_fds=[lock],  # the child holds it too: an orphan, while it lives, keeps the next timing from starting
    )
    try:
        with contextlib.suppress(BrokenPipeError):  # a child that died at once is told from its exit code
            child.stdin.write(json.dumps(message).encode() + b"\n")
            child.stdin.flush()
        answer = _read_answer(child, limit_seconds, what, workflow_pid)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)  # also ends what an unfinished or finished child left behind
        code = child.wait()
        child.stdout.close()
        with contextlib.suppress(BrokenPipeError):
            child.stdin.close()
    return answer, code


def _read_answer(child: subprocess.Popen, limit_seconds: float, what: object, workflow_pid: int | None) -> bytes | None:
    """What the child wrote until it closed its stdout; None if the time limit passed before that."""
    deadline = time.monotonic() + limit_seconds
    chunks = []
    while True:
        # The process sleeps in select but for one look a second at the clock and at the workflow.
        readable, _, _ = select.select([child.stdout], [], [], POLL_SECONDS)
        if readable:
            chunk = os.read(child.stdout.fileno(), 65536)
            if not chunk:
                return b"".join(chunks)
            chunks.append(chunk)
        elif time.monotonic() > deadline:
            return None
        _check_workflow(what, workflow_pid)


def _describe_death(code: int) -> dict[str, str]:
    """Status and reason of a child that ended without an answer, from its exit code (negative: a signal)."""
    if code < 0:
        name = signal.Signals(-code).name
        hint = ": by hand, or by the system, which often means out of memory" if name == "SIGKILL" else ""
        return {"status": "killed", "reason": f"The training process was killed by {name} (signal {-code}){hint}."}
    return {"status": "error", "reason": f"The training process ended with exit code {code} and no result."}


def child_environment(device: str, threads: int) -> dict[str, str]:
    """The environment of a training process.

    Snakemake sets the thread variables to its own idea of a job's threads, so they are set again here, all alike.
    CUDA's libraries are found without anything that the user would have to set.
    """
    environment = _clean_environment()
    environment |= cuda.variables(cuda.wheels_folder(), environment)
    environment |= dict.fromkeys(_THREAD_VARIABLES, str(threads))
    environment["KERAS_BACKEND"] = "tensorflow"  # or ~/.keras/keras.json decides
    # CUDA's own order, by speed, is not that of nvidia-smi and NVML: the GPU described would be another.
    environment.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
    if device == "cpu":
        environment["CUDA_VISIBLE_DEVICES"] = "-1"
    return environment


def _clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in _DROPPED_VARIABLES}


def serve(room: str = "training", function: str = "train") -> None:
    """The child: read a request from stdin, do it, write the answer to stdout, and end.

    It ends at once when its stdin closes, which happens when the supervisor dies in whatever way.

    Args:
        room: module of this package that is imported only now, since it brings tensorflow.
        function: of that room; takes the request and returns the answer.
    """
    answer_descriptor = os.dup(1)
    os.dup2(2, 1)  # whatever a library prints goes to the log, not into the answer
    request = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_supervisor, daemon=True).start()

    answer = getattr(importlib.import_module(f"trainmark.{room}"), function)(request)
    with os.fdopen(answer_descriptor, "w") as file:
        json.dump(answer, file)
    os._exit(0)  # TensorFlow takes a while to tear itself down, and nothing is left to save


def _end_with_supervisor() -> None:
    os.read(0, 1)  # blocks until the other end closes: the supervisor writes nothing more
    os._exit(1)


@contextlib.contextmanager
def terminable() -> Iterator[None]:
    """Let SIGTERM and SIGHUP (a closed terminal) unwind like Ctrl-C, so that the child is ended and the lock freed."""

    def stop(signum: int, frame: Any) -> None:
        raise KeyboardInterrupt

    previous = {signum: signal.signal(signum, stop) for signum in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for signum, handler in previous.items():
            signal.signal(signum, handler)


def _check_workflow(what: object, workflow_pid: int | None) -> None:
    """Raise AbandonedError when the process that wanted this is gone."""
    if workflow_pid is not None and not _alive(workflow_pid):
        raise AbandonedError(f"Process {workflow_pid}, which wanted {what}, is gone; so is the run.")


def _alive(pid: int) -> bool:
    """Whether a process exists and is not merely waiting for its parent to notice its death (Linux: state Z)."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    _, _, state = (hardware.read_text(f"/proc/{pid}/stat") or "").rpartition(") ")
    return not state.startswith("Z")


def _oom_kills() -> int | None:
    """How many processes this kernel has killed for want of memory since it started; None where it does not say."""
    for line in (hardware.read_text("/proc/vmstat") or "").splitlines():
        if line.startswith("oom_kill "):
            return int(line.split()[1])
    return None


def _assemble(request: Request, parts: dict[str, Any], log_tail: list[str] | None) -> Record:
    cell = request.run.cell
    return Record(
        format_version=FORMAT_VERSION,
        protocol=PROTOCOL,
        machine=cell.machine,
        stack=cell.stack,
        device=cell.device,
        model=cell.model,
        batch_size=cell.batch_size,
        repeat=request.run.repeat,
        control=request.run.control,
        workload=request.workload,
        workload_digest=workloads.digest(request.workload),
        seed=request.seed,
        log_tail=log_tail,
        **parts,
    )


def _commit() -> str | None:
    """The commit of this code, with ``-dirty`` where it was changed; None outside a git checkout."""
    checkout = Path(__file__).resolve().parents[3]
    if not (checkout / ".git").exists():  # or git would answer for whatever repository lies around this folder
        return None
    return hardware.command_output("git", "-C", str(checkout), "describe", "--always", "--dirty", "--abbrev=12")


def _tail(path: Path) -> list[str]:
    """The last lines of a log, without its blank ones."""
    lines = (hardware.read_text(path) or "").splitlines()
    return [line[:500] for line in lines if line.strip()][-LOG_TAIL_LINES:]


def now() -> str:
    """The time in UTC, ISO 8601, to the millisecond."""
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds")
