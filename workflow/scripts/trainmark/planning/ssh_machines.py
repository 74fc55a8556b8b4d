"""Machines of a fleet that ssh reaches: what their entries say, and the configuration with which each is measured."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainmark import files, stacks
from trainmark.experiment import grid
from trainmark.install import served_copy

# What the configuration says of this computer, or of the page that is drawn here, and what it says there instead.
_NOT_THERE: Mapping[str, Any] = {
    "fleet": {},
    "baseline": "auto",
    "comparisons": [],
    "references": "config/references.yaml",
    "claims": ["config/claims/article.yaml"],
    "hardware": ["config/hardware.yaml"],
    "png": False,
}

# A key that is wrong, what was found there, and what was expected.
Fault = tuple[tuple[Any, ...], Any, str]


@dataclass(frozen=True)
class SshMachine:
    """One machine of a fleet that ssh reaches.

    Attributes:
        machine: its name in paths and figures.
        destination: where ssh connects to.
        folder: of the copy of this project there, from the home on or absolute.
        before: what its shell does first; empty for nothing.
        stacks: to time on it.
        devices: to train on, or "auto".
        gpu: which of several is timed, or "auto".
        data_folder: there, with the files of the data set; empty where the usual places are asked.
    """

    machine: str
    destination: str
    folder: str
    before: str
    stacks: tuple[str, ...]
    devices: tuple[str, ...] | str
    gpu: str | int
    data_folder: str

    def configuration(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """The whole configuration with which this machine is measured; nothing of this computer is in it.

        Args:
            config: the checked configuration.
        """
        own = {"machine": self.machine, "gpu": self.gpu, "data_folder": self.data_folder, "stacks": [*self.stacks]}
        own["devices"] = self.devices if isinstance(self.devices, str) else [*self.devices]
        return {**config, **_NOT_THERE, **own}


def named(fleet: Any) -> list[str]:
    """The names of the machines that ssh reaches, of ``fleet`` as it was written, whatever that is."""
    if not isinstance(fleet, Mapping):
        return []
    return [name for name, entry in fleet.items() if isinstance(entry, Mapping) and "ssh" in entry]


def of(config: Mapping[str, Any]) -> dict[str, SshMachine]:
    """The machines of a checked configuration that ssh reaches, by their names."""
    return {name: of_entry(name, config["fleet"][name], config) for name in named(config["fleet"])}


def of_entry(machine: str, entry: Mapping[str, Any], config: Mapping[str, Any]) -> SshMachine:
    """One machine.

    Args:
        machine: its name.
        entry: what the fleet says of it.
        config: the whole configuration.
    """
    wanted = entry.get("stacks") or ([stacks.DEFAULT] if config["stacks"] == "auto" else config["stacks"])
    devices = entry.get("devices") or config["devices"]
    return SshMachine(
        machine,
        entry["ssh"],
        # Of its own, since machines of a lab may share the homes of their users.
        entry.get("folder", f"trainmark-{machine}"),
        entry.get("before", ""),
        (*wanted,),
        devices if isinstance(devices, str) else (*devices,),
        entry.get("gpu", "auto"),
        entry.get("data_folder", ""),
    )


def known_devices(there: SshMachine) -> tuple[str, ...]:
    """The devices of a machine as far as they are known here: of "auto", by its description, if that was brought in."""
    if not isinstance(there.devices, str):
        return there.devices
    with contextlib.suppress(OSError, ValueError, KeyError):
        if files.read_object(grid.MACHINES / there.machine / "machine.json")["gpus"]:
            return ("cpu", "gpu")
    return ("cpu",)


def faults(config: Mapping[str, Any], use_conda: bool) -> Iterator[Fault]:
    """What no schema can say of the machines that ssh reaches.

    Args:
        config: the merged configuration, whose keys are right in themselves.
        use_conda: whether each rule runs in its conda environment; never there.
    """
    taken: dict[str, str] = {}
    for there in of(config).values():
        path, entry = ("fleet", there.machine), config["fleet"][there.machine]
        other = taken.setdefault(there.destination, there.machine)
        if other != there.machine:
            yield path, entry, f"a computer of its own; ssh reaches it as {other}, and one computer has one name"
        missing = [stack for stack in there.stacks if not stacks.named(stack).host_pythons]
        if missing:
            where = (*path, "stacks") if "stacks" in entry else ("stacks",)
            expected = "stacks that make can install, since a machine that ssh reaches has no conda environment: "
            yield where, missing[0], expected + ", ".join(_installable())
        elif use_conda and config["stacks"] == "auto" and "stacks" not in entry:
            expected = (
                "stacks by name. With --use-conda (CONDA=1), auto is another stack on nodes of a cluster than on "
                f"{there.machine}, which ssh reaches"
            )
            yield ("stacks",), "auto", expected


def _installable() -> Iterable[str]:
    return (stack for stack in stacks.names() if stacks.named(stack).host_pythons)


def repeating(there: SshMachine, stack: str, listed: Path) -> str:
    """The command, to be given here, that repeats runs there.

    Args:
        there: the machine.
        stack: of the runs.
        listed: a file with the paths of their records, and of those of other stacks.
    """
    environment = served_copy.environment(stack, {"default_stack": stacks.DEFAULT})
    snakemake = f"{environment}/bin/python -I workflow/scripts/start_program.py"
    snakemake += f' -m snakemake --cores 1 measure --configfile {served_copy.CONFIGURATION} --config "stacks=[{stack}]"'
    script = f"cd {shlex.quote(there.folder)} && . ./{served_copy.BEFORE} && xargs {snakemake} --forcerun"
    where = shlex.quote(there.destination)
    return f"grep -F /{stack}/ {shlex.quote(str(listed))} | ssh {where} {shlex.quote(script)}"


def log_file(machine: str) -> Path:
    """Where all that a machine has said is kept."""
    return Path("results/logs/fleet", f"{machine}.log")
