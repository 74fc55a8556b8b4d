"""What the doctor says of the machine: what it is, which GPU is timed, and whether the stacks have code for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from trainmark import stacks, system
from trainmark.doctor.report_files import GOOD, WARNING, WRONG, Finding
from trainmark.errors import TrainmarkError
from trainmark.install import stack_locks
from trainmark.machine import cuda, gpus
from trainmark.machine.gpus import Gpu
from trainmark.measure import kernel_cache


def machine(plan: Mapping[str, Any], description: Mapping[str, Any]) -> Finding:
    """What this computer is, and what it will be called."""
    cores = description["cores"]
    kinds = ", ".join(f"{count} {level}" for level, count in (cores["levels"] or {}).items())
    words = [description["chip"], f"{cores['logical']} logical cores{f' ({kinds})' if kinds else ''}"]
    if cores["usable"] != cores["logical"]:
        words.append(f"of which this process may use {cores['usable']}")
    words += [f"{gpu['name']}{_with_cores(gpu)}" for gpu in description["gpus"]]
    words += [f"{description['memory_bytes'] / 2**30:.0f} GiB"] if description["memory_bytes"] else []
    words.append(description["operating_system"])
    words += [description["virtualisation"]] if description["virtualisation"] not in (None, "none") else []
    if plan["refused"]["machine"]:
        return Finding("machine", WRONG, f"{', '.join(words)}.\n{plan['refused']['machine']}")
    name = f"Its name is {plan['machine']}; to change it, set machine in config/config.yaml."
    return Finding("machine", GOOD, f"{', '.join(words)}. {name}")


def _with_cores(gpu: Mapping[str, Any]) -> str:
    return f" with {gpu['cores']} cores" if gpu["cores"] else ""


def platform(plan: Mapping[str, Any]) -> Finding:
    """Whether any stack runs here."""
    if plan["refused"]["platform"]:
        return Finding("platform", WRONG, plan["refused"]["platform"])
    return Finding("platform", GOOD, f"{plan['platform']}, for which there are pinned environments.")


def which_gpu(plan: Mapping[str, Any], gpu: Gpu | None) -> Finding:
    """Which GPU is timed, if any."""
    if gpu is None:
        if gpus.is_nvidia_on_bus():
            found = "This machine has an NVIDIA GPU, but NVIDIA's driver does not answer. Only the CPU is timed."
            return Finding("GPU", WARNING, found, "Install NVIDIA's driver. Then this shows the GPU:", "nvidia-smi")
        return Finding("GPU", GOOD, "No GPU was found that a stack can use; the CPU is timed.")
    if "gpu" not in plan["devices"] and plan["virtual_mac"]:
        text = f"{gpu} is not timed: this macOS runs in a virtual machine, which shares the GPU of its host."
        again = f"{plan['command']} --config 'devices=[cpu,gpu]'"
        return Finding("GPU", WARNING, text, "To time it nevertheless:", again)
    if "gpu" not in plan["devices"]:
        return Finding("GPU", GOOD, f"{gpu} is not timed, as the configuration says (devices).")
    facts = [f"compute capability {gpu.compute_capability}"] if gpu.compute_capability else []
    facts += [f"driver {gpu.driver}"] if gpu.driver and not system.MAC else []
    facts += [f"{gpu.memory_bytes / 2**30:.0f} GiB"] if gpu.memory_bytes else []
    return Finding("GPU", GOOD, f"{', '.join([str(gpu), *facts])}. {gpus.remark_on_others(gpu) or ''}".strip())


def gpu_code(plan: Mapping[str, Any], stack: str, gpu: Gpu | None) -> Iterator[Finding]:
    """Whether a stack has code for the GPU that the driver can run."""
    if gpu is None or system.MAC or "gpu" not in plan["devices"]:
        return
    topic = f"{stack} code"
    try:
        cuda.refuse_unfit(stack, gpu)
    except TrainmarkError as error:
        yield Finding(topic, WRONG, str(error), "To see the driver:", "nvidia-smi")
        return
    if stacks.is_unpinned(stack):  # of which nothing is known
        return
    lock_file = stack_locks.path(stack, plan["platform"])
    if gpu.compute_capability is None:
        yield Finding(
            topic,
            GOOD,
            ("The driver does not say the GPU's compute capability; the driver is new enough for most GPUs."),
        )
    elif not cuda.must_compile(stack, gpu):
        yield Finding(topic, GOOD, f"{stack} holds machine code for compute capability {gpu.compute_capability}.")
    elif kernel_cache.is_needed(stack, "gpu", gpu, lock_file):
        found = f"{stack} holds no machine code for compute capability {gpu.compute_capability}: NVIDIA's driver "
        found += "compiles the code, once, before the first timing. That takes minutes, up to half an hour."
        yield Finding(topic, WARNING, found, "Nothing to do: compiling is not timed.")
    else:
        yield Finding(topic, GOOD, "NVIDIA's driver has already compiled the code for this GPU.")
