"""What energy a training used: from readings of meters, whose counters only rise, to joules of a window.

Nothing that was not measured is ever 0: it is None, with the reason.
"""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from trainmark.machine.meters import Domain

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
    return {"reason": reason, "idle_reason": reason, **total, "domains": []}


def uncounted(device: str, missing: Sequence[str]) -> str:
    """Why a training on this device has no energy where no meter counts it, given why there are no others."""
    return f"no meter counts the {device.upper()}: {'; '.join(missing) or 'no kind of meter is known for it'}"


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
        raise NotMeasuredError("its readings do not cover the window")
    if min(_steps(times, joules, begin, end)) < 0:
        raise NotMeasuredError("its counter went back, as after a restart of the driver")
    moved = moves(times, joules, begin, end)
    if moved < fewest_steps:
        few = f"its counter moved {moved} times in {end - begin:.1f} s, under {fewest_steps}"
        raise NotMeasuredError(few if moved else _STOOD_STILL)
    return _at(times, joules, end) - _at(times, joules, begin)


def moves(times: Sequence[float], joules: Sequence[float], begin: float, end: float) -> int:
    """How often a counter moved between its readings from ``begin`` to ``end``; arguments as for ``joules_between``."""
    return sum(step > 0 for step in _steps(times, joules, begin, end))


def _steps(times: Sequence[float], joules: Sequence[float], begin: float, end: float) -> list[float]:
    inside = joules[max(0, bisect.bisect_right(times, begin) - 1) : bisect.bisect_left(times, end) + 1]
    return [after - before for before, after in itertools.pairwise(inside)]


def _at(times: Sequence[float], joules: Sequence[float], when: float) -> float:
    after = max(1, bisect.bisect_left(times, when))
    share = (when - times[after - 1]) / (times[after] - times[after - 1])
    return joules[after - 1] + share * (joules[after] - joules[after - 1])


def of_window(
    traces: Sequence[Trace],
    device: str,
    window: tuple[float, float],
    idle: tuple[float, float] | None,
    missing: Sequence[str] = (),
) -> dict[str, Any]:
    """The record's energy: of each domain, and the total of those that count the device that trained.

    A domain that stood still, as the memory's counter does where it is not wired, is no part of the total.

    Args:
        traces: of the machine's meters.
        device: ``cpu`` or ``gpu``, which trained.
        window: begin and end of the training, on the clock of the readings.
        idle: begin and end of a time before it in which nothing ran; None if there was none.
        missing: why there are no other meters.
    """
    parts, lost = [], []
    for trace in traces:
        found = [_of_domain(trace, position, window, idle) for position in range(len(trace.domains))]
        counts = any(device in domain.devices for domain in trace.domains)
        try:
            joules_between(trace.times, [sum(row) for row in trace.readings], *window)
        except NotMeasuredError as error:
            early = trace.failure and (not trace.times or trace.times[-1] < window[1])
            reason = trace.failure if early else str(error)
            found = [{**part, "joules": None, "reason": reason} for part in found]
            if counts:
                lost.append(f"{trace.domains[0].source}: {reason}")
        parts += [{**part, "counted": counts and part["joules"] is not None} for part in found]
    if lost:
        return {**unmeasured("; ".join(lost)), "domains": parts}
    return total(parts, device, window[1] - window[0], idle[1] - idle[0] if idle else None, missing)


def total(
    domains: Sequence[dict[str, Any]],
    device: str,
    window_seconds: float,
    idle_seconds: float | None,
    missing: Sequence[str] = (),
) -> dict[str, Any]:
    """The record's energy from its domains.

    Args:
        domains: as the record has them; those ``counted`` make the total.
        device: which trained.
        window_seconds: of the training.
        idle_seconds: for which the idle machine's power was measured; None if it was not.
        missing: why there are no other meters.
    """
    counted = [part for part in domains if part["counted"]]
    if not counted:
        return {**unmeasured(uncounted(device, missing)), "domains": list(domains)}
    joules = sum(part["joules"] for part in counted)
    unknown = [part["reason"] or "not measured" for part in counted if part["idle_watts"] is None]
    if idle_seconds is None:
        unknown = ["the idle machine was not measured (idle_seconds: 0)"]
    idle_watts = 0.0 if unknown else sum(part["idle_watts"] for part in counted)
    return {
        "reason": None,
        "idle_reason": "; ".join(dict.fromkeys(unknown)) or None,
        "joules": joules,
        "joules_above_idle": None if unknown else joules - idle_watts * window_seconds,
        "window_seconds": window_seconds,
        "idle_seconds": None if unknown else idle_seconds,
        "domains": list(domains),
    }


def _of_domain(
    trace: Trace, position: int, window: tuple[float, float], idle: tuple[float, float] | None
) -> dict[str, Any]:
    """One domain: how often its own counter moves does not matter, where that of its meter as a whole does enough."""
    domain, joules = trace.domains[position], [row[position] for row in trace.readings]
    found: dict[str, Any] = {"domain": domain.name, "scope": domain.scope, "source": domain.source}
    found |= {"joules": None, "idle_watts": None, "reason": None}
    try:
        found["joules"] = joules_between(trace.times, joules, *window, fewest_steps=1)
        if idle:
            found["idle_watts"] = joules_between(trace.times, joules, *idle, fewest_steps=0) / (idle[1] - idle[0])
    except NotMeasuredError as error:
        found["reason"] = f"idle: {error}" if found["joules"] else str(error)
    return found
