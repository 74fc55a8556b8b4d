"""A run watched from beside: a process of its own reads the machine's meters and the GPU's state while another trains.

It is apart from the training because it must not hold its interpreter up, and apart from the supervisor because the
libraries that it needs may crash. It keeps its readings to itself until it is asked for a window of them, and ends when
its stdin closes, or at once where there is nothing to read.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from trainmark import system
from trainmark.machine import energy
from trainmark.machine.meters import Meter, Nvml, SensorError
from trainmark.measure.messages import GpuConditions, Hello, Question, Readings, Window

# Ten readings a second: a window of a second has ten, and a reading takes well under a thousandth of that.
PERIOD_SECONDS = 0.1
# Questions about the GPU's state take longer, and what they are about changes slowly.
_READINGS_A_STATE = 10
# How long the libraries may take to start and to answer.
_PATIENCE_SECONDS = 30.0


@dataclass
class Watch:
    """What was read so far."""

    traces: list[tuple[Meter, energy.Trace]]
    gpu: Nvml | None
    missing: list[str] = field(default_factory=list)
    states: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    readings: int = 0

    def read(self) -> None:
        """Read every meter that still tells, and from time to time the GPU's state."""
        for meter, trace in self.traces:
            if trace.failure:
                continue
            try:
                joules = meter.read()
            except SensorError as error:
                trace.failure = str(error)
            else:
                trace.times.append(time.perf_counter())
                trace.readings.append(joules)
        if self.gpu and self.readings % _READINGS_A_STATE == 0:
            self.states.append((time.perf_counter(), self.gpu.state()))
        self.readings += 1

    def tell(self, device: str, window: Window, idle: Window | None) -> Readings:
        """What was read within a window."""
        inside = [state for when, state in self.states if window[0] <= when <= window[1]]
        traces = [trace for _, trace in self.traces]
        sums = {t.domains[0].source: (t.times, [sum(row) for row in t.readings]) for t in traces}
        return {
            "moves_a_second": {
                source: energy.moves(*counted, *window) / (window[1] - window[0]) for source, counted in sums.items()
            },
            "energy": energy.of_window(traces, device, window, idle, self.missing),
            "gpu": summarise(inside) if self.gpu else {},
        }


def summarise(states: list[dict[str, Any]]) -> GpuConditions:
    """The GPU within a window: its highest temperature, the median of its clock, what held it back how often."""
    known = {key: [s[key] for s in states if s[key] is not None] for key in ("temperature_celsius", "clock_hertz")}
    throttle = [state["throttle"] for state in states if state["throttle"] is not None]
    counts = Counter(name for names in throttle for name in names)
    return {
        "gpu_temperature_celsius": max(known["temperature_celsius"], default=None),
        "gpu_clock_hertz": statistics.median(known["clock_hertz"]) if known["clock_hertz"] else None,
        "gpu_throttle_shares": {k: counts[k] / len(throttle) for k in sorted(counts)} if throttle else None,
    }


def serve(found: tuple[list[Meter], list[str]]) -> None:
    """The watching process: say on stdout what there is to read, read it, and answer one question from stdin.

    The first line that it writes is what it found, after its first reading, so that every window which begins later
    lies within the readings; it ends there if there is nothing to read. Then it reads until a question comes, answers
    it with a line, and ends.

    Args:
        found: meters, and the reasons for those that are missing.
    """
    present, missing = found
    gpu = next((meter for meter in present if isinstance(meter, Nvml)), None)
    watch = Watch([(meter, energy.Trace(meter.domains)) for meter in present if meter.domains], gpu, missing)
    watch.read()
    hello: Hello = {
        "domains": [
            {"name": domain.name, "scope": domain.scope, "source": domain.source, "devices": list(domain.devices)}
            for meter in present
            for domain in meter.domains
        ],
        "missing": missing,
        "gpu_processes": gpu.other_processes() if gpu else None,
        "watches": bool(present),
    }
    _say(hello)
    if not present:
        return
    # Sleeps, unless a question comes or the other end is gone.
    while not select.select([0], [], [], PERIOD_SECONDS)[0]:
        watch.read()
    line = sys.stdin.readline()
    if line:
        watch.read()  # or the end of the window may lie behind the last reading
        question: Question = json.loads(line)
        _say(watch.tell(**question))


def _say(message: Hello | Readings) -> None:
    print(json.dumps(message), flush=True)


class Watcher:
    """The supervisor's end of a watching process.

    Attributes:
        reason: why the device's energy is not measured; None while it is.
        watches: whether it goes on until it is asked; a GPU whose energy is not counted has a state to be watched.
        gpu_processes: how many processes computed on the GPU at the start; None where that cannot be told.
    """

    def __init__(self, process: subprocess.Popen[bytes], device: str) -> None:
        self._process, self._device = process, device
        self.gpu_processes: int | None = None
        self.watches = False
        hello: Hello | None = self._hear()
        if hello is None:
            self.reason: str | None = f"the meters' process {_describe_end(process)}"
            return
        self.gpu_processes, self.watches = hello["gpu_processes"], hello["watches"]
        counted = any(device in domain["devices"] for domain in hello["domains"])
        self.reason = None if counted else energy.uncounted(device, hello["missing"])

    def tell(self, window: Window, idle: Window | None) -> Readings:
        """What was read within a window, given an idle one before it."""
        if self.watches:
            question: Question = {"device": self._device, "window": window, "idle": idle}
            with contextlib.suppress(BrokenPipeError):
                to_child, _ = system.pipes(self._process)
                to_child.write(json.dumps(question).encode() + b"\n")
                to_child.flush()
            answer: Readings | None = self._hear()
            if answer is not None:
                return answer
            self.reason = f"the meters' process {_describe_end(self._process)} while the model trained"
        return nothing_read(self.reason or "")

    def _hear(self) -> Any:
        """The next line that it says; None if it ends or says nothing."""
        _, from_child = system.pipes(self._process)
        line, deadline = b"", time.monotonic() + _PATIENCE_SECONDS
        while not line.endswith(b"\n"):
            left = deadline - time.monotonic()
            if left < 0 or not select.select([from_child], [], [], left)[0]:
                return None
            chunk = os.read(from_child.fileno(), 65536)
            if not chunk:
                return None
            line += chunk
        return json.loads(line)


def nothing_read(reason: str) -> Readings:
    """The answer of a meters' process that has nothing to say, and why."""
    return {"moves_a_second": {}, "energy": energy.unmeasured(reason), "gpu": {}}


def _describe_end(process: subprocess.Popen[bytes]) -> str:
    with contextlib.suppress(subprocess.TimeoutExpired):
        code = process.wait(timeout=1)
        return f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
    return f"said nothing for {_PATIENCE_SECONDS:g} s"


@contextlib.contextmanager
def watched(command: list[str], environment: dict[str, str], device: str) -> Iterator[Watcher]:
    """Watch while the block runs.

    Args:
        command: starts a process that calls ``serve``.
        environment: of that process.
        device: that is to train.
    """
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, start_new_session=True
    )
    try:
        yield Watcher(process, device)
    finally:
        process.kill()
        process.wait()
        for stream in system.pipes(process):
            with contextlib.suppress(BrokenPipeError):
                stream.close()
