"""What the doctor says of the stacks: whether each is there and as its lock pins it, and what it did on each device."""

from __future__ import annotations

import shutil
import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from trainmark import stacks
from trainmark.doctor.report_files import GOOD, WARNING, WRONG, Finding
from trainmark.doctor.stack_check import DeviceLook, StackLook
from trainmark.measure.messages import ObservedStep
from trainmark.records.record import OK


def environment(plan: Mapping[str, Any], stack: str, parts: Sequence[StackLook]) -> Finding:
    """Whether a stack is there, and is what its lock pins; arguments as for ``diagnose``."""
    missing = plan["refused"]["stacks"].get(stack)
    if missing:
        return Finding(stack, WRONG, missing, "Then check again:", _command_to_get(plan))
    (part,) = (each for each in parts if each["stack"] == stack)
    if part["reason"] or part["environment"] is None:
        return Finding(stack, WRONG, str(part["reason"]))
    lock = part["environment"]["lock_file"]
    where = "In its conda environment" if plan["use_conda"] else "Installed beside Snakemake"
    what = f"every package is the one that envs/{lock} pins."
    if stacks.is_unpinned(stack):
        what = "no lock pins it, so its records are compared with none of a stack that one pins."
    found = f"{where}, Python {part['python']}; {what}"
    if part["busy"]:
        wait = "Give the same command again when that has ended."
        return Finding(stack, WARNING, f"{found} Nothing was computed with it: {part['busy']}", wait)
    return Finding(stack, GOOD, found)


def _command_to_get(plan: Mapping[str, Any]) -> str:
    """The way to a stack that can be gone here."""
    if shutil.which("conda"):
        return f"{plan['command']} --use-conda doctor"
    if plan["installed_stack"]:
        return f"{plan['command']} doctor --config 'stacks=[{plan['installed_stack']}]'"
    return "make doctor"


def devices(part: StackLook) -> Iterator[Finding]:
    """What was found of each device with one stack."""
    for device, found in part["devices"].items():
        topic = f"{part['stack']} {device}"
        yield _seen(topic, device, found)
        yield from (_step(topic, model, step) for model, step in found["steps"].items() if found["status"] == OK)


def _seen(topic: str, device: str, found: DeviceLook) -> Finding:
    """The device that the framework sees, and the product of matrices on it."""
    gpu, load = found["gpu"], found["load"]
    if found["status"] != OK or load is None:
        return Finding(topic, WRONG, str(found["reason"]), *_show_log(topic))
    name = (gpu and gpu["name"]) or ("the GPU" if device == "gpu" else "the CPU")
    where = f" at {gpu['pci_bus_id']}" if gpu and gpu["pci_bus_id"] else ""
    rate = statistics.median(load["flops_per_second"]) / 1e12
    software = f"{found['versions']['framework']} {found['versions']['framework_version']}"
    text = f"{software} sees {name}{where}. A product of square matrices of "
    return Finding(topic, GOOD, f"{text}{load['side']} ran on it, with {rate:.3g} TFLOPS (float32).")


def _step(topic: str, model: str, step: ObservedStep) -> Finding:
    if step["reason"]:
        return Finding(topic, WRONG, f"A step of {model}: {step['reason']}", *_show_log(topic))
    execution = step["execution"]
    optimizer = execution["optimizer_class"].rpartition(".")[2]
    updates = " and ".join(f"{where} ({count})" for where, count in execution["optimizer_devices"].items())
    left = ", ".join(execution["step_fallback"])
    text = f"A step of {model}: variables on {' and '.join(execution['variable_devices'])}, arithmetic on "
    text += f"{' and '.join(execution['arithmetic_devices'])}, {optimizer}'s operations on {updates}."
    return Finding(topic, GOOD, text + (f" Left to the CPU: {left}." if left else ""))


def _show_log(topic: str) -> tuple[str, str]:
    return "What it said is in this log:", f"cat results/logs/examine_stack/{topic.split()[0]}.log"
