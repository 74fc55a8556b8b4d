"""Whether this computer is the node of a cluster that a run was planned for, asked before anything is measured."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from trainmark import system
from trainmark.errors import TrainmarkError
from trainmark.experiment import grid
from trainmark.machine import hardware
from trainmark.machine.gpus import Gpu
from trainmark.records.record import load_own

# Which node each machine's name was first measured on, so that no name ever means two. Nodes that start from one image
# may have one machine id, and nodes of one kind have the same hardware. Names of nodes stay in this folder.
_NODES = Path(".snakemake/trainmark-nodes")


def expectation(text: str) -> dict[str, Any] | None:
    """What is expected of a node, of JSON; None of an empty text, which means no fleet."""
    found: dict[str, Any] | None = json.loads(text) if text else None
    return found


def refuse_other_node(
    expected: Mapping[str, Any] | None, gpu: Gpu | None, described: bool, threads: int | None
) -> None:
    """Refuse to measure, or describe, another computer than the one that was meant, or a part of it.

    Args:
        expected: ``machine``, ``platform``, ``devices`` and ``cpus`` of the fleet's entry; None without a fleet.
        gpu: that is timed on this computer.
        described: whether machine.json has to be there; False while it is made.
        threads: that a run is held to; None for all cores.

    Raises:
        TrainmarkError: naming every problem at once.
    """
    if expected is None:
        return
    found = [*_problems(expected, gpu, threads), *_identity_problems(expected["machine"], gpu, described)]
    if not found:
        found = list(_name_problems(_NODES, expected["machine"], node_name()))
    if found:
        lines = "".join(f"\n  - {each}" for each in found)
        raise TrainmarkError(
            f"This node, {node_name()}, is not what fleet in the configuration says of {expected['machine']}. Nothing "
            f"was measured.{lines}"
        )


def made_before_requeue(record: Path, began: float | None) -> dict[str, Any] | None:
    """A record that this job has written before its node died, if SLURM starts it once more; None where there is none.

    Args:
        record: path of it.
        began: when the session began that wants it, seconds since the epoch.
    """
    if began is None or _restarts() == "0":
        return None
    return load_own(record) if record.exists() and record.stat().st_mtime >= began else None


def node_name() -> str:
    """What SLURM calls this computer, or it itself; in no record."""
    return os.environ.get("SLURMD_NODENAME") or platform.node()


def _problems(expected: Mapping[str, Any], gpu: Gpu | None, threads: int | None) -> Iterator[str]:
    """What is otherwise about this computer and about the part of it that this process has."""
    key = f"fleet.{expected['machine']}"
    there, usable = os.cpu_count() or 1, hardware.usable_cores()
    wanted = expected["cpus"] or there
    if usable != wanted:
        of = f"{wanted} of its {there} CPUs ({key}.cpus)" if expected["cpus"] else f"all {there} CPUs of the node"
        yield (
            f"Expected {of}, found {usable} that this job may use. If SLURM keeps CPUs of the node for itself, the "
            f"number without them is {key}.cpus."
        )
    sharing = _sharing()
    if sharing not in (None, "NO"):
        yield (
            f"Expected a node that is given to one job alone, found one that SLURM may give to others at the same time "
            f"(OverSubscribe={sharing}). The partition says so; take another one: {key}.partition."
        )
    if threads and threads > usable:
        yield f"Expected at least {threads} CPUs, for so many threads, found {usable}."
    tag = hardware.platform_tag()
    if tag != expected["platform"]:
        yield f"Expected {expected['platform']} ({key}.platform), found {tag or hardware.unsupported()}."
    if "gpu" in expected["devices"] and gpu is None:
        yield f"Expected a GPU ({key}.devices), found none that this job may use. Ask SLURM for one: {key}.gres."


def _sharing() -> str | None:
    """Whether SLURM may give the CPUs of this job to others: NO if not, in its words; None if it cannot be asked."""
    found = re.search(r"\bOverSubscribe=(\w+)", _own_job())
    return found[1] if found else None


def _restarts() -> str:
    """How often SLURM has started this job once more, after the death of its node, in digits.

    Its variable does not reach the steps of a job, in which SLURM's plugin for Snakemake has runs made.
    """
    found = re.search(r"\bRestarts=(\d+)", _own_job())
    return found[1] if found else os.environ.get("SLURM_RESTART_COUNT", "0")


def _own_job() -> str:
    """What SLURM says of the job in which this process is; empty if it is in none, or SLURM cannot be asked."""
    number = os.environ.get("SLURM_JOB_ID")
    return (system.command_output("scontrol", "--oneliner", "show", "job", number) if number else None) or ""


def _identity_problems(machine: str, gpu: Gpu | None, described: bool) -> Iterator[str]:
    """In what this computer differs from the description of the machine, if there is one."""
    path = grid.MACHINES / machine / "machine.json"
    if not path.exists():
        if described:
            yield f"Expected {path}, which describes the machine; it is gone. Give the same command again."
        return
    what = hardware.difference(path, gpu)
    if what:
        yield (
            f"{path} describes another computer (its {what} is another). One name is one computer: give this node a "
            f"name of its own in fleet, or say which node {machine} is (fleet.{machine}.node)."
        )


def _name_problems(folder: Path, machine: str, node: str) -> Iterator[str]:
    """Whether the machine's name already means another node, or another name this one; else it means this from now on.

    Args:
        folder: holds a file a node, with the machine's name in it.
        machine: the name.
        node: this one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        if path.name != _file_name(node) and path.read_text() == machine:
            yield (
                f"{machine} was measured on the node {path.name} before. One name is one computer: say which node it "
                f"is (fleet.{machine}.node)."
            )
            return
    path = folder / _file_name(node)
    with contextlib.suppress(FileExistsError), path.open("x") as file:
        file.write(machine)
    other = path.read_text()
    if other not in ("", machine):  # empty while another job of this machine writes it
        yield f"This node has been measured as {other}. One computer has one name: remove one of the two from fleet."


def _file_name(node: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "_", node)
