"""All machines of a fleet that ssh reaches, at once, beside the nodes that SLURM reaches; then one report of all."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from trainmark import terminal, words
from trainmark.errors import TrainmarkError
from trainmark.experiment import grid
from trainmark.planning import call, plan, ssh_machines, strict_yaml, suite_files
from trainmark.planning.strict_yaml import Layer
from trainmark.ssh import project_files
from trainmark.ssh.computers import Computers
from trainmark.ssh.one_machine import Errand

_CONFIG = "config/config.yaml"
_POLL_SECONDS = 0.5
# SLURM's part has so long to take its jobs out of the queue, and each machine to end what runs there.
_END_SECONDS = 120.0


def configuration(fleet_file: str, use_conda: bool, schemas: Path) -> tuple[dict[str, Any], list[Layer]]:
    """The checked configuration that a file of a fleet overlays, as Snakemake has it, and where it comes from.

    Raises:
        TrainmarkError: naming every problem at once.
    """
    layers = [strict_yaml.read(file) for file in dict.fromkeys([_CONFIG, fleet_file])]
    suite = suite_files.overlay([layer.values for layer in layers])
    layers[1:1] = [strict_yaml.read(suite)] if suite else []
    merged: dict[str, Any] = {}
    for layer in layers:
        merged = _overlaid(merged, layer.values)
    config = call.check(merged, layers, plan.surroundings(use_conda, of_fleet=True), schemas)
    if not config["fleet"]:
        raise TrainmarkError(
            f"fleet in {fleet_file} names no machine. Nothing was started. Name those that are to be measured, with "
            "ssh: user@host or the partition of a cluster; docs/clusters.md shows both."
        )
    return config, layers


def _overlaid(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Two layers as Snakemake merges them: keys within keys, too."""
    both = {key for key in below.keys() & above.keys() if isinstance(below[key], dict) and isinstance(above[key], dict)}
    return {**below, **above, **{key: _overlaid(below[key], above[key]) for key in both}}


def slurm_command(config: Mapping[str, Any], options: Sequence[str], file: str) -> list[str]:
    """The command that measures what SLURM reaches; empty where that is nothing.

    Args:
        config: the checked configuration.
        options: of Snakemake, with the profile.
        file: that names the fleet.
    """
    if all("ssh" in entry for entry in config["fleet"].values()):
        return []
    target = ["measure"] if ssh_machines.of(config) else []  # one report, of all, is drawn afterwards
    return [sys.executable, "-m", "snakemake", *options, *target, "--configfile", file]


def measure(config: Mapping[str, Any], layers: Sequence[Layer], slurm: Sequence[str], report: Sequence[str]) -> int:
    """Measure the whole fleet, and draw the report of what is there.

    Args:
        config: the checked configuration.
        layers: where it comes from; the first is config/config.yaml.
        slurm: the command that measures what SLURM reaches; empty where that is nothing.
        report: the command that draws the report.

    Returns:
        The exit code.

    Raises:
        TrainmarkError: if nothing can be started.
        KeyboardInterrupt: if the user stops it, when all that was started has ended.
    """
    if shutil.which("ssh") is None:
        raise TrainmarkError("There is no ssh here, which reaches machines of the fleet. Install OpenSSH's client.")
    stop = threading.Event()
    errands = _errands(config, layers[0].values, stop)
    names = words.enumerate_words((each.there.machine for each in errands), len(errands))
    terminal.say(f"trainmark: {words.plural(len(errands), 'machine')} by ssh, all at once: {names}.")
    threads = [threading.Thread(target=each.run, daemon=True) for each in errands]
    # Ctrl-C is told to it once, by us, however this command is stopped.
    child = subprocess.Popen(slurm, start_new_session=True) if slurm else None
    for thread in threads:
        thread.start()
    try:
        while any(thread.is_alive() for thread in threads):
            time.sleep(_POLL_SECONDS)
        code = child.wait() if child else 0
    except KeyboardInterrupt:
        stop.set()
        if child and child.poll() is None:
            os.killpg(child.pid, signal.SIGINT)
        terminal.say("trainmark: stopping what runs on the machines of the fleet. What is finished there is kept.")
        _wait_for_end(threads, child)
        raise
    terminal.say(*_summary(errands))
    if any(grid.MACHINES.glob("[!.]*")):
        code = code or subprocess.run(report).returncode
    return code or int(any(each.failure for each in errands))


def _errands(config: Mapping[str, Any], own: Mapping[str, Any], stop: threading.Event) -> list[Errand]:
    project, computers = project_files.read(), Computers()
    copies = (
        (there, project_files.for_machine(project, there, config, own)) for there in ssh_machines.of(config).values()
    )
    return [Errand(there, copy, computers, stop) for there, copy in copies]


def _wait_for_end(threads: Sequence[threading.Thread], child: subprocess.Popen[bytes] | None) -> None:
    """Wait for what is ending; a second Ctrl-C waits no longer."""
    try:
        for thread in threads:
            thread.join(_END_SECONDS)
        if child:
            child.wait(_END_SECONDS)
    except (KeyboardInterrupt, subprocess.TimeoutExpired):
        terminal.say("trainmark: not waiting any longer. What still runs ends by itself within minutes.")


def _summary(errands: Sequence[Errand]) -> Iterator[str]:
    failed = [each for each in errands if each.failure]
    done = len(errands) - len(failed)
    yield f"trainmark: {done} of {words.plural(len(errands), 'machine')} by ssh measured and brought here."
    for each in failed:
        name = each.there.machine
        yield f"trainmark: {name}: FAILED: {each.failure}. Log: {ssh_machines.log_file(name)}"
    if failed:
        yield "trainmark: the report is of what is there. The same command makes the rest, and nothing twice."
