"""What the doctor makes of what it finds: whether a benchmark would count, one finding after the other.

Nothing but the standard library is needed, so that it works where no environment does.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from trainmark.doctor import condition_findings, hardware_findings, stack_findings, storage_findings
from trainmark.doctor.report_files import Finding
from trainmark.doctor.stack_check import StackLook
from trainmark.machine import disturbances, gpus, hardware
from trainmark.machine.disturbances import Clocks

# For how long others are watched.
WATCH_SECONDS = 2.0


def diagnose(plan: Mapping[str, Any], parts: Sequence[StackLook], facts: dict[str, Any]) -> Iterator[Finding]:
    """Everything, one finding after the other.

    Args:
        plan: as ``plan.for_doctor`` gives it.
        parts: as ``stack_check.examine`` gives them, of the stacks that are there.
        facts: is filled with what the findings are made of.
    """
    gpu = gpus.choose(plan["gpu"])
    description = hardware.describe(gpu)
    facts["machine"] = {key: value for key, value in description.items() if key != "machine_id_hash"}
    facts["stacks"] = list(parts)
    yield hardware_findings.machine(plan, facts["machine"])
    yield hardware_findings.platform(plan)
    if plan["platform"]:
        yield from (stack_findings.environment(plan, stack, parts) for stack in plan["stacks"])
        yield hardware_findings.which_gpu(plan, gpu)
        for stack in plan["stacks"]:
            yield from hardware_findings.gpu_code(plan, stack, gpu)
    for part in parts:
        yield from stack_findings.devices(part)
    for device in plan["devices"]:
        seen = [part["devices"][device]["seen"] for part in parts if device in part["devices"]]
        yield from (condition_findings.energy(device, each) for each in seen[:1])  # all stacks have the same meters
    conditions = facts["conditions"] = {**disturbances.conditions(), "governor": disturbances.governor()}
    yield from condition_findings.power(conditions)
    yield condition_findings.heat(conditions, parts)
    yield condition_findings.wakefulness(conditions)
    others = facts["others"] = condition_findings.watch_others(WATCH_SECONDS)
    yield from condition_findings.neighbours(others, parts)
    for part in parts:
        for device, found in part["devices"].items():
            if found["load"]:
                yield condition_findings.evenness(plan, f"{part['stack']} {device}", found["load"])
    yield storage_findings.data_set(plan)
    yield from storage_findings.disk(storage_findings.needed_bytes(plan, gpu))
    passed = facts["clock"] = disturbances.interruption(Clocks(*plan["clocks"]), disturbances.clocks())
    yield condition_findings.clock(time.time(), condition_findings.newest_change(), passed)
