"""What one call of the benchmark has to do: the local grid, and which of its records fit."""

from __future__ import annotations

import contextlib
import functools
import itertools
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from trainmark import files, stacks
from trainmark.experiment import controls, grid, suites, workloads
from trainmark.experiment.suites.suite import Suite
from trainmark.install import stack_locks
from trainmark.machine import gpus, hardware
from trainmark.machine.gpus import Gpu
from trainmark.measure.worker import frameworks
from trainmark.planning import automatic, long_runs, nodes
from trainmark.planning import config as configuration
from trainmark.records import repeats_needed
from trainmark.records.record import OK, PROTOCOL


@dataclass(frozen=True)
class Plan:
    """The local machine's grid and how each run of it is done.

    Attributes:
        machine: its name.
        stacks: to measure with.
        devices: to measure on.
        config: the configuration.
        gpu: the one that is timed.
        described: whether the machine's description was there when this was planned.
        platform: which locks fit the machine; None where no stack runs.
        node: of a cluster that the machine is; None for this computer.
        cores: that a run may use there; None for this computer's, and where the node is not described yet.
    """

    machine: str
    stacks: list[str]
    devices: list[str]
    config: Mapping[str, Any]
    gpu: Gpu | None = None
    described: bool = False
    platform: str | None = None
    node: nodes.Node | None = None
    cores: int | None = None

    @functools.cached_property  # as all lists of this class: there may be ten thousand runs, and many ask
    def runs(self) -> list[grid.Run]:
        """Every run of the local grid, but for those that are left out."""
        runs = grid.enumerate_runs(**self.axes, suite=self.suite.name)
        if not self.left_out:
            return runs
        return [run for run in runs if run.cell.device != "cpu" or _cpu_cell(run) not in self.left_out]

    @functools.cached_property
    def left_out(self) -> dict[long_runs.Cell, long_runs.Estimate]:
        """The cells of the CPU of which a run would take longer than the configuration says.

        None of a node, since this computer does not know how fast it is.
        """
        arguments = self.config, self.machine, self.stacks, self.plain_threads
        return long_runs.left_out(*arguments) if "cpu" in self.devices and self.node is None else {}

    @property
    def guesses(self) -> dict[str, float]:
        """Folder of the records of a cell of the CPU -> seconds that one run of it may take.

        None of the default suite, whose models take alike.
        """
        if self.suite.name == suites.DEFAULT or "cpu" not in self.devices or self.node is not None:
            return {}
        found = long_runs.estimates(self.config, self.machine, self.stacks, self.plain_threads)
        return long_runs.guesses(found, self.machine, self.suite.name)

    @property
    def suite(self) -> Suite:
        """What is trained, and on which data."""
        return suites.of(self.config)

    @property
    def folder(self) -> str:
        """Where the local machine's records of the suite lie, below the folder of the machines."""
        return grid.folder(self.machine, self.suite.name)

    @property
    def machine_file(self) -> str:
        """Path of the local machine's description."""
        return str(grid.MACHINES / self.machine / "machine.json")

    @functools.cached_property
    def records(self) -> list[str]:
        """Paths of the local grid's records."""
        return [str(run.path) for run in self.runs]

    @functools.cached_property
    def controls(self) -> list[str]:
        """Paths of the records of the controls that this machine can make, of every run of the local grid."""
        impossible, wanted = self.impossible_controls, self.config["controls"]
        return [
            str(replace(run, control=control).path)
            for run in self.runs
            for control in wanted
            if (control, run.cell.stack, run.cell.device) not in impossible
        ]

    @functools.cached_property
    def impossible_controls(self) -> dict[tuple[str, str, str], str]:
        """The configured controls that would be like the plain runs or cannot be made: why, by stack and device."""
        capability = self.gpu.compute_capability if self.gpu else None
        found = {}
        for control, stack, device in itertools.product(self.config["controls"], self.stacks, self.devices):
            why = None if self.described or self.node is None else controls.why_unknown(control)
            why = why or controls.why_like_plain(control, self.plain_threads, self.config["jit_compile"], self.cores)
            why = why or frameworks.of(stack).why_impossible(control, device, capability)
            if why:
                found[control, stack, device] = why
        return found

    @property
    def plain_threads(self) -> int:
        """Threads of a run that is no control."""
        cores = 1 if self.node else hardware.usable_cores()
        return (self.cores or cores) if self.config["threads"] == "auto" else self.config["threads"]

    @property
    def goal(self) -> repeats_needed.Goal | None:
        """When a cell has enough repeats; None where their number is configured."""
        c = self.config
        return repeats_needed.Goal(c["repeats_precision"], c["repeats_limit"]) if c["repeats"] == "auto" else None

    @property
    def described_grid(self) -> dict[str, Any]:
        """The axes, with ``repeats: auto`` when a cell has enough, and the cells that are left out, if any."""
        more: dict[str, Any] = {"goal": asdict(self.goal)} if self.goal else {}
        if self.left_out:
            more["left_out"] = [[cell.stack, "cpu", cell.model, cell.batch_size] for cell in self.left_out]
            more["left_out_why"] = long_runs.remarks(self.left_out, self.config["longest_run_minutes"])
        return {**self.axes, **more}

    @property
    def rooflines(self) -> list[str]:
        """Paths of the local machine's sweeps of matrix products."""
        wanted = self.config["roofline"]
        return [self.roofline(stack, device) for stack in self.stacks for device in self.devices] if wanted else []

    def roofline(self, stack: str, device: str) -> str:
        """Path of the local machine's sweep with a stack and device."""
        return str(grid.MACHINES / self.machine / "roofline" / stack / f"{device}.json")

    @property
    def axes(self) -> dict[str, Any]:
        """The axes of the local grid, and its machine."""
        c = self.config
        return {
            "machine": self.machine,
            "stacks": self.stacks,
            "devices": self.devices,
            "models": c["models"],
            "batch_sizes": c["batch_sizes"],
            "repeats": repeats_needed.FEWEST if c["repeats"] == "auto" else c["repeats"],
        }

    @property
    def settings_digest(self) -> str:
        """Digest of what every run computes but for the model: the workload that the report draws by preference."""
        return workloads.settings_digest(self.workload(self.config["models"][0]))

    @functools.cached_property
    def _workload_digests(self) -> dict[str, str]:
        return {model: workloads.digest(self.workload(model)) for model in self.suite.models}

    def workload(self, model: str) -> dict[str, Any]:
        """What a run of this model computes."""
        return workloads.describe(model, self.config)

    def run(self, kind: str, stack: str, device: str, model: str, batch_size: str, repeat: str) -> grid.Run:
        """The run of a rule's wildcards; the kind is ``runs``, or ``controls/`` and the name of one."""
        control = kind.partition("/")[2] or None
        cell = grid.Cell(self.machine, stack, device, model, int(batch_size))
        return grid.Run(cell, int(repeat), control, self.suite.name)

    def priority(self, run: grid.Run) -> int:
        """Rank of a run in the queue."""
        return grid.priority(self.config["seed"], run)

    def threads(self, run: grid.Run) -> int | str:
        """Threads of a run, or ``auto``."""
        return controls.threads(run.control) or self.config["threads"]

    def seed(self, run: grid.Run) -> int:
        """Seed of a run."""
        return grid.run_seed(self.config["seed"], run.repeat)

    def state(self, run: grid.Run) -> str:
        """What is there of a run.

        Returns:
            ``missing``; ``done``; ``failed``; ``other`` for a record that was measured otherwise than the configuration
            says now; ``unreadable`` for a file that is refused, with its reason, where the records are read.
        """
        if not run.path.exists():
            return "missing"
        try:
            data = files.read_object(run.path)
            found = data["workload_digest"], data["seed"], data["protocol"]
            threads = data["execution"].get("intra_op_threads")
            failed = data["status"] != OK
            optimizer = data["execution"].get("optimizer_class")
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return "unreadable"
        expected = self._workload_digests[run.cell.model], self.seed(run), PROTOCOL
        other_threads = self.threads(run) != "auto" and threads not in (None, self.threads(run))
        if found != expected or other_threads or not workloads.is_optimizer_of(run.cell.stack, optimizer):
            return "other"
        return "failed" if failed else "done"


def _cpu_cell(run: grid.Run) -> long_runs.Cell:
    return long_runs.Cell(run.cell.stack, run.cell.model, run.cell.batch_size)


def make_plans(config: Mapping[str, Any], here: configuration.Surroundings) -> dict[str, Plan]:
    """The plans for a checked configuration, by the machine's name: those of the fleet's nodes, or of this machine."""
    of_nodes = [_plan_of_node(config, node) for node in nodes.of(config, here.use_conda).values()]
    return {each.machine: each for each in of_nodes or [make_plan(config, here)]}


def _plan_of_node(config: Mapping[str, Any], node: nodes.Node) -> Plan:
    """The plan for a node, of which this computer knows what the configuration says.

    Its description, if there is one, tells which controls it can make, and is read for that alone: there may be a
    thousand nodes, and every job of theirs plans them all.
    """
    gpu, cores, described = None, None, False
    path = grid.MACHINES / node.machine / "machine.json"
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        there = files.read_object(path) if config["controls"] else {}
        gpu = Gpu(**there["gpus"][0]) if there["gpus"] else None
        cores, described = int(there["cores"]["usable"]), True
    return Plan(node.machine, [*node.stacks], [*node.devices], config, gpu, described, node.platform, node, cores)


def described_grid(plans: Mapping[str, Plan]) -> dict[str, Any]:
    """The axes of the grid as the page is told them: ``Plan.described_grid`` of this machine, or of a fleet's machines.

    Of a fleet, ``machine`` is empty, and ``fleet`` has stacks and devices by the machine's name.
    """
    first = next(iter(plans.values()))
    if first.node is None:
        return first.described_grid
    each = {name: {"stacks": plan.stacks, "devices": plan.devices} for name, plan in plans.items()}
    return {**first.described_grid, "machine": "", "fleet": each}


def make_plan(config: Mapping[str, Any], here: configuration.Surroundings) -> Plan:
    """The plan for a checked configuration on this machine."""
    gpu = gpus.choose(config["gpu"])
    machine = hardware.automatic_name(gpu) if config["machine"] == "auto" else config["machine"]
    stacks = automatic.chosen_stacks(config, here, measured_stacks(machine))
    described = (grid.MACHINES / machine / "machine.json").exists()
    return Plan(machine, stacks, automatic.chosen_devices(config, here), config, gpu, described, here.platform)


def surroundings(use_conda: bool, of_fleet: bool = False) -> configuration.Surroundings:
    """What this machine and this command offer; of a fleet, the command alone: this machine is not what is measured."""
    if of_fleet:
        return configuration.Surroundings(use_conda, (), (), None)
    tag, virtual = hardware.platform_tag(), hardware.is_virtual_mac()
    return configuration.Surroundings(
        use_conda,
        stack_locks.installed(tag),
        gpus.usable(),
        tag,
        virtual,
        stack_locks.unpinned() if tag else (),
        platform.mac_ver()[0] or None,
    )


def measured_stacks(machine: str) -> list[str]:
    """The stacks that this machine has records of, those first that a lock pins."""
    top = grid.MACHINES / machine
    folders = [folder for pattern in ("runs/*", "suites/*/runs/*") for folder in top.glob(pattern)]
    found = {folder.name for folder in folders if any(folder.glob("*/*/*/*.json"))}
    unpinned = sorted(stack for stack in found if stacks.is_unpinned(stack))
    return [stack for stack in (*stacks.names(), *unpinned) if stack in found]
