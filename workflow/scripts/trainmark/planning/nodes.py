"""The machines that a fleet names: how SLURM reaches each node of a cluster, and what it is expected to be.

Those that ssh reaches are named here, too, since the page is of them all: see ``ssh_machines``.
"""

from __future__ import annotations

import functools
import os
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainmark import stacks
from trainmark.experiment import workloads
from trainmark.planning import ssh_machines

_PLATFORM, _CUDA = "linux-64", "linux-64-cuda"
_VENV = ".venv"
# A rule asks for as many threads, and has as many as the node gives it: the controller does not know how many it has.
THREADS = 10_000
# How much longer than a run may take SLURM lets its job be there: two starts of Snakemake, and on a slow file system.
AROUND_SECONDS = 600
# Options of sbatch that this project or Snakemake gives, which a second one would contradict.
_GIVEN = "job-name output error parsable export comment chdir workdir account partition mem mem-per-cpu mem-per-gpu "
_GIVEN += "ntasks ntasks-per-gpu ntasks-per-node cpus-per-task cpus-per-gpu time constraint qos nodes clusters gres "
_GIVEN += "gpus nodelist exclusive oversubscribe array wrap requeue no-requeue"
_GIVEN_SHORT = "-J -o -e -D -A -p -n -c -t -C -q -N -M -G -w -s -a"
# What executors are asked for, by Snakemake's names: the last is for those that take a command for sbatch.
ASKED: tuple[str, ...] = (
    "slurm_partition",
    "slurm_account",
    "constraint",
    "qos",
    "gres",
    "slurm_extra",
    "runtime",
    "mem_mb",
    "cpus_per_task",
    "sbatch",
)
_OPTIONS = {"slurm_partition": "partition", "slurm_account": "account"}
_HOW = ("partition", "node", "constraint", "gres", "extra")

# A key that is wrong, what was found there, and what was expected.
Fault = tuple[tuple[Any, ...], Any, str]


@dataclass(frozen=True)
class Node:
    """One machine of a fleet. The attributes up to ``extra`` are as sbatch takes them; None for what is not asked.

    Of one that ssh reaches, none is, and only name, stacks and devices count.

    Attributes:
        machine: its name in paths and figures.
        partition: that it is in; None of a machine that ssh reaches.
        node: its name there, where the partition has several.
        constraint: features that it has.
        account: that pays.
        qos: quality of service.
        gres: the GPU that a job is given.
        extra: further options, as one text.
        platform: which locks fit it.
        stacks: to time on it.
        devices: to train on.
        cpus: logical CPUs that a job has there; None for all that it has.
        minutes: that SLURM is asked for at most where one allocation makes all runs; None for all that they may take.
        venv: without conda, the folder of the default stack's virtual environment.
        use_conda: whether each rule runs in its conda environment.
    """

    machine: str
    partition: str | None
    node: str | None
    constraint: str | None
    account: str | None
    qos: str | None
    gres: str | None
    extra: str | None
    platform: str
    stacks: tuple[str, ...]
    devices: tuple[str, ...]
    cpus: int | None
    minutes: int | None
    venv: str
    use_conda: bool

    def environment(self, stack: str | None = None) -> Path | None:
        """The virtual environment in which a stack's jobs run, or those of none; None with conda."""
        if self.use_conda:
            return None
        stack = stack or self.stacks[0]
        return Path(self.venv if stack == stacks.DEFAULT else f"{self.venv}-{stack}")

    def program(self, stack: str | None = None) -> str:
        """The Python of a stack's jobs, or of those of none, as a shell finds it."""
        folder = self.environment(stack)
        return str(folder / "bin" / "python") if folder else "python"

    @functools.cached_property
    def expected(self) -> str:
        """What the node is asked before anything is measured on it, as JSON."""
        keys = ("machine", "platform", "devices", "cpus")
        return workloads.canonical_json({key: getattr(self, key) for key in keys})

    def resources(self, seconds: float) -> Mapping[str, Any]:
        """What Snakemake's executors ask of SLURM for a job, by the names of ``ASKED``; None for what is not asked.

        Args:
            seconds: that the job's own work takes at most. SLURM's limit is above it, so that a run that takes too long
                is stopped by its own limit, and recorded.
        """
        found: dict[str, Any] = {
            "slurm_partition": self.partition,
            "slurm_account": self.account,
            "constraint": self.constraint,
            "qos": self.qos,
            "gres": self.gres,
        }
        options = [f"--{_OPTIONS.get(key, key)}={value}" for key, value in found.items() if value is not None]
        node = f"--nodelist={self.node}" if self.node else ""
        extra = " ".join(filter(None, ["--exclusive", node, self.extra]))
        # All memory is asked for by a variable, see ask_for_all_memory, and all CPUs come with the whole node.
        return {
            **found,
            "slurm_extra": extra,
            "runtime": int((seconds + AROUND_SECONDS) // 60) + 1,  # minutes
            "mem_mb": 0,
            "cpus_per_task": -1,
            "sbatch": f"{shlex.join(options)} {extra}",  # without the time, of which a group of jobs has the sum
        }


def ask_for_all_memory() -> None:
    """Have sbatch ask for all memory of a node, for which executors have no option."""
    os.environ.setdefault("SBATCH_MEM_PER_NODE", "0")


def of(config: Mapping[str, Any], use_conda: bool) -> dict[str, Node]:
    """The machines of the fleet that a checked configuration names, by their names.

    Args:
        config: the configuration.
        use_conda: whether each rule runs in its conda environment.
    """
    return {machine: _node(machine, entry, config, use_conda) for machine, entry in config["fleet"].items()}


def _node(machine: str, entry: Mapping[str, Any], config: Mapping[str, Any], use_conda: bool) -> Node:
    if "ssh" in entry:
        there = ssh_machines.of_entry(machine, entry, config)
        asked = dict.fromkeys((*_HOW, "account", "qos", "cpus", "minutes"))
        known = ssh_machines.known_devices(there)
        return Node(machine, **asked, platform="", stacks=there.stacks, devices=known, venv=_VENV, use_conda=False)
    how: dict[str, Any] = {key: entry.get(key) for key in (*_HOW, "account", "qos", "cpus", "minutes")}
    platform = entry.get("platform", _PLATFORM)
    chosen = entry.get("stacks") or _stacks(config, use_conda)
    devices = entry.get("devices") or _devices(config, platform)
    venv = entry.get("venv", _VENV)
    return Node(
        machine, **how, platform=platform, stacks=(*chosen,), devices=(*devices,), venv=venv, use_conda=use_conda
    )


def _stacks(config: Mapping[str, Any], use_conda: bool) -> Sequence[str]:
    """The stacks of a machine that names none."""
    wanted: Sequence[str] = config["stacks"]
    return [stacks.ARTICLES if use_conda else stacks.DEFAULT] if wanted == "auto" else wanted


def _devices(config: Mapping[str, Any], platform: str) -> Sequence[str]:
    """The devices of a machine that names none."""
    wanted: Sequence[str] = config["devices"]
    return (["cpu", "gpu"] if platform == _CUDA else ["cpu"]) if wanted == "auto" else wanted


def faults(config: Mapping[str, Any], use_conda: bool) -> Iterator[Fault]:
    """What no schema can say of a fleet; nothing where there is none.

    Args:
        config: the merged configuration, whose keys are right in themselves.
        use_conda: whether each rule runs in its conda environment.
    """
    if not config["fleet"]:
        return
    by_slurm = any("partition" in entry for entry in config["fleet"].values())
    if by_slurm and config["machine"] != "auto":  # what ssh reaches is told its own name
        yield ("machine",), config["machine"], "auto: with a fleet, its machines are measured and not this one"
    if by_slurm and config["gpu"] != "auto":
        yield ("gpu",), config["gpu"], "auto: with a fleet, SLURM gives each job its GPU (gres)"
    if stacks.INSTALLED in config["stacks"]:
        yield ("stacks",), config["stacks"], "pinned stacks: a fleet's nodes have no list of what is installed"
        return
    yield from ssh_machines.faults(config, use_conda)
    seen: dict[tuple[Any, ...], str] = {}
    for machine, node in of(config, use_conda).items():
        if machine == "auto":
            yield ("fleet", machine), config["fleet"][machine], "another name: auto means this machine"
        if node.partition is None:
            continue
        how = tuple(getattr(node, key) for key in _HOW)
        other = seen.setdefault(how, machine)
        if other != machine:
            expected = f"a node of its own; it is reached as {other} is, and one computer has one name"
            yield ("fleet", machine), config["fleet"][machine], expected
        yield from _faults_of(node, config["fleet"][machine])


def _faults_of(node: Node, entry: Mapping[str, Any]) -> Iterator[Fault]:
    """What no schema can say of one machine."""
    path = ("fleet", node.machine)
    if "gpu" in node.devices and node.platform != _CUDA:
        yield (*path, "devices"), list(node.devices), f"[cpu], or platform: {_CUDA} for a node with an NVIDIA GPU"
    for stack in node.stacks:
        there = (
            stacks.platforms(stack) if node.use_conda else tuple(p for p in (_PLATFORM, _CUDA) if _is_host(stack, p))
        )
        if node.platform not in there:
            without = "" if node.use_conda else ", or --use-conda: without it, a stack needs a virtual environment"
            expected = f"stacks that are pinned for {node.platform}{without}"
            yield (*path, "stacks"), stack, expected
    if node.extra:
        wrong = _contradicting(node.extra)
        if wrong:
            yield (*path, "extra"), node.extra, f"options without {wrong}"


def _is_host(stack: str, platform: str) -> bool:
    return stack in stacks.host_stacks(platform)


def _contradicting(extra: str) -> str | None:
    """What in further options of sbatch cannot be, as text; None where nothing is wrong."""
    try:
        words = shlex.split(extra)
    except ValueError:
        return "an open quotation mark"
    given = {f"--{name}" for name in _GIVEN.split()}
    for word in words:
        name = word.partition("=")[0]
        if name in given or word[:2] in _GIVEN_SHORT.split():
            return f"{name if name in given else word[:2]}, which keys of the machine give or the command itself"
    return None


@functools.cache  # every job asks
def python_version(environment: Path) -> str | None:
    """The version of a virtual environment's Python, as 3.12; None where there is no such environment."""
    try:
        text = (environment / "pyvenv.cfg").read_text()
    except OSError:
        return None
    found = re.search(r"^version(?:_info)?\s*=\s*(\d+\.\d+)", text, re.MULTILINE)
    return found[1] if found else None
