"""What energy a training used: from readings of meters, whose counters only rise, to joules of a window.

Nothing that was not measured is ever 0: it is None, with the reason.
"""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from trainmark.meters import Domain

# Shorter windows, and counters that moved less often within one, are not quoted: meters count in steps of up to a tenth
# of a second, so a window of ten of them may already be off by a tenth.
SHORTEST_SECONDS = 1.0
FEWEST_STEPS = 10
_STOOD_STILL = "its counter did not move"


class NotMeasuredError(Exception):
    """Why the energy of a window cannot be told."""


@dataclass
class Trace:
    """The readings of one meter.

    Attributes:
        domains: what it counts.
        times: of the readings, seconds, rising.
        readings: at each time, joules of each domain from a fixed point.
        failure: why they end, if the meter stopped telling.
    """

    domains: tuple[Domain, ...]
    times: list[float] = field(default_factory=list)
    readings: list[tuple[float, ...]] = field(default_factory=list)
    failure: str | None = None


def unmeasured(reason: str) -> dict[str, Any]:
    """The record's energy where there is none."""
    total = dict.fromkeys(("joules", "joules_above_idle", "window_seconds", "idle_seconds"))
    return {"reason": reason, **total, "domains": []}


def joules_between(
    times: Sequence[float], joules: Sequence[float], begin: float, end: float, fewest_steps: int = FEWEST_STEPS
) -> float:
    """What a counter rose by from ``begin`` to ``end``, straight between its readings.

    Args:
        times: of the readings, seconds, rising.
        joules: the readings, from a fixed point.
        begin: of the window, on the same clock.
        end: of it.
        fewest_steps: how often it must have moved.

    Raises:
        NotMeasuredError: if the window is too short, was not covered, or the counter moved too little or went back.
    """
    if end - begin < SHORTEST_SECONDS:
        raise NotMeasuredError(f"{end - begin:.2f} s are too short, under {SHORTEST_SECONDS:g} s")
    if len(times) < 2 or times[0] > begin or times[-1] < end:
        raise NotMeasuredError("its readings do not cover the training")
    inside = joules[bisect.bisect_right(times, begin) - 1 : bisect.bisect_left(times, end) + 1]
    steps = [after - before for before, after in itertools.pairwise(inside)]
    if min(steps) < 0:
        raise NotMeasuredError("its counter went back, as after a restart of the driver")
    moved = sum(step > 0 for step in steps)
    if moved < fewest_steps:
        few = f"its counter moved {moved} times in {end - begin:.1f} s, under {fewest_steps}"
        raise NotMeasuredError(few if moved else _STOOD_STILL)
    return _at(times, joules, end) - _at(times, joules, begin)


def _at(times: Sequence[float], joules: Sequence[float], when: float) -> float:
    after = max(1, bisect.bisect_left(times, when))
    share = (when - times[after - 1]) / (times[after] - times[after - 1])
    return joules[after - 1] + share * (joules[after] - joules[after - 1])


def of_window(traces: Sequence[Trace], window: tuple[float, float], idle: tuple[float, float] | None) -> dict[str, Any]:
    """The record's energy: of each domain, and their total where every meter can tell.

    A domain that stood still, as the memory's counter does where it is not wired, is no part of the total.

    Args:
        traces: of the machine's meters.
        window: begin and end of the training, on the clock of the readings.
        idle: begin and end of a time before it in which nothing ran; None if there was none.
    """
    parts, lost = [], []
    for trace in traces:
        found = [_of_domain(trace, position, window, idle) for position in range(len(trace.domains))]
        try:
            joules_between(trace.times, [sum(row) for row in trace.readings], *window)
        except NotMeasuredError as error:
            early = trace.failure and (not trace.times or trace.times[-1] < window[1])
            reason = trace.failure if early else str(error)
            found = [{**part, "joules": None, "reason": reason} for part in found]
            lost.append(f"{trace.domains[0].source}: {reason}")
        parts += found
    if lost or not parts:
        return {**unmeasured("; ".join(lost) or "there is no meter"), "domains": parts}
    measured = [part for part in parts if part["joules"] is not None]
    seconds, joules = window[1] - window[0], sum(part["joules"] for part in measured)
    idle_watts = [part["idle_watts"] for part in measured]
    known = None not in idle_watts
    return {
        "reason": None,
        "joules": joules,
        "joules_above_idle": joules - sum(idle_watts) * seconds if known else None,
        "window_seconds": seconds,
        "idle_seconds": idle[1] - idle[0] if known else None,
        "domains": parts,
    }


def _of_domain(
    trace: Trace, position: int, window: tuple[float, float], idle: tuple[float, float] | None
) -> dict[str, Any]:
    """One domain: how often its own counter moves does not matter, where that of its meter as a whole does enough."""
    domain, joules = trace.domains[position], [row[position] for row in trace.readings]
    found = {"domain": domain.name, "scope": domain.scope, "source": domain.source}
    found |= {"joules": None, "idle_watts": None, "reason": None}
    try:
        found["joules"] = joules_between(trace.times, joules, *window, fewest_steps=1)
        if idle:
            found["idle_watts"] = joules_between(trace.times, joules, *idle, fewest_steps=0) / (idle[1] - idle[0])
    except NotMeasuredError as error:
        found["reason"] = None if found["joules"] else str(error)
    return found
