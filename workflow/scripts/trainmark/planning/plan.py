"""What one call of the benchmark has to do: the local grid, which of its records fit, and what else is there."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, astuple, dataclass, replace
from pathlib import Path
from typing import Any

from trainmark import files, process_environment, system
from trainmark.errors import TrainmarkError
from trainmark.experiment import controls, grid, workloads
from trainmark.install import lockfile
from trainmark.machine import cuda, disturbances, gpus, hardware
from trainmark.machine.gpus import Gpu
from trainmark.measure import progress
from trainmark.planning import conda_environments, strict_yaml
from trainmark.planning import config as configuration
from trainmark.records import layout, repeats_needed, writing
from trainmark.records.record import OK, PROTOCOL

# The TensorFlow of each stack: without conda, the stack measured is the one whose version is installed.
STACK_VERSIONS = {"tf-2.12": "2.12.0", "tf-2.19": "2.19.1"}
# By which conda knows what is active in a shell.
_OF_ACTIVE_ENVIRONMENT = re.compile(
    r"CONDA_(PREFIX(_\d+)?|SHLVL|DEFAULT_ENV|PROMPT_MODIFIER|STACKED_\d+)$|__CONDA_SHLVL_"
)
_START_PROGRAM = Path(__file__).resolve().parents[2] / "start_program.py"
_FEW_MACHINES = 100  # whose files are asked for faster than processes are started


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
    """

    machine: str
    stacks: list[str]
    devices: list[str]
    config: Mapping[str, Any]
    gpu: Gpu | None = None
    described: bool = False

    @property
    def runs(self) -> list[grid.Run]:
        """Every run of the local grid."""
        return grid.enumerate_runs(**self.axes)

    @property
    def machine_file(self) -> str:
        """Path of the local machine's description."""
        return str(grid.MACHINES / self.machine / "machine.json")

    @property
    def records(self) -> list[str]:
        """Paths of the local grid's records."""
        return [str(run.path) for run in self.runs]

    @property
    def controls(self) -> list[str]:
        """Paths of the records of the controls that this machine can make, of every run of the local grid."""
        possible = [control for control in self.config["controls"] if control not in self.impossible_controls]
        return [str(replace(run, control=control).path) for run in self.runs for control in possible]

    @property
    def impossible_controls(self) -> list[str]:
        """The configured controls that here would be like the plain runs, or take more cores than there are."""
        return [each for each in self.config["controls"] if not controls.tests_something(each, self.plain_threads)]

    @property
    def plain_threads(self) -> int:
        """Threads of a run that is no control."""
        return hardware.usable_cores() if self.config["threads"] == "auto" else self.config["threads"]

    @property
    def goal(self) -> repeats_needed.Goal | None:
        """When a cell has enough repeats; None where their number is configured."""
        c = self.config
        return repeats_needed.Goal(c["repeats_precision"], c["repeats_limit"]) if c["repeats"] == "auto" else None

    @property
    def described_grid(self) -> dict[str, Any]:
        """The axes, and with ``repeats: auto`` when a cell has enough."""
        return {**self.axes, **({"goal": asdict(self.goal)} if self.goal else {})}

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

    def workload(self, model: str) -> dict[str, Any]:
        """What a run of this model computes."""
        return workloads.describe(model, self.config)

    def run(self, kind: str, stack: str, device: str, model: str, batch_size: str, repeat: str) -> grid.Run:
        """The run of a rule's wildcards; the kind is ``runs``, or ``controls/`` and the name of one."""
        control = kind.partition("/")[2] or None
        return grid.Run(grid.Cell(self.machine, stack, device, model, int(batch_size)), int(repeat), control)

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
        expected = workloads.digest(self.workload(run.cell.model)), self.seed(run), PROTOCOL
        other_threads = self.threads(run) != "auto" and threads not in (None, self.threads(run))
        if found != expected or other_threads or not workloads.is_optimizer_of(run.cell.stack, optimizer):
            return "other"
        return "failed" if failed else "done"


def make_plan(config: Mapping[str, Any], here: configuration.Surroundings) -> Plan:
    """The plan for a checked configuration on this machine."""
    gpu = gpus.choose(config["gpu"])
    machine = hardware.automatic_name(gpu) if config["machine"] == "auto" else config["machine"]
    stacks = configuration.chosen_stacks(config, here, measured_stacks(machine))
    described = (grid.MACHINES / machine / "machine.json").exists()
    return Plan(machine, stacks, configuration.chosen_devices(config, here), config, gpu, described)


def surroundings(use_conda: bool) -> configuration.Surroundings:
    """What this machine and this command offer."""
    tag, virtual = hardware.platform_tag(), hardware.is_virtual_mac()
    return configuration.Surroundings(use_conda, installed_stack(), gpus.usable(), tag, virtual)


def installed_stack() -> str | None:
    """The stack whose TensorFlow is installed beside this Python; None for another version or none."""
    versions = set(lockfile.installed_versions(lockfile.TENSORFLOW_PACKAGES).values())
    return next((stack for stack, pinned in STACK_VERSIONS.items() if pinned in versions), None)


def measured_stacks(machine: str) -> list[str]:
    """The stacks that this machine has records of."""
    return [stack for stack in STACK_VERSIONS if any((grid.MACHINES / machine / "runs" / stack).glob("*/*/*/*.json"))]


def remark_on_stacks(plan: Plan, here: configuration.Surroundings) -> str | None:
    """What to tell who calls without --use-conda on a machine that was measured with it, if anything."""
    if here.use_conda or plan.config["stacks"] != "auto" or here.installed_stack in (None, *plan.stacks):
        return None
    return (
        f"trainmark: {plan.machine} was measured with {' and '.join(plan.stacks)}, so this call is about that. To time "
        f"the installed stack instead: --config 'stacks=[{here.installed_stack}]'"
    )


def remark_on_controls(plan: Plan) -> str | None:
    """What to tell of controls that this machine cannot make, if any."""
    if not plan.impossible_controls:
        return None
    return (
        f"trainmark: {' and '.join(plan.impossible_controls)} left out of the controls: the plain runs of "
        f"{plan.machine} have no more than {plan.plain_threads} threads."
    )


def remark_on_gpu(plan: Plan, here: configuration.Surroundings) -> str | None:
    """What to tell of the GPU that is timed or not, if anything."""
    if here.virtual_mac and here.gpus and plan.config["devices"] == "auto":
        return (
            "trainmark: this macOS runs in a virtual machine, whose GPU is the host's, shared. It is timed only if you "
            "ask for it: --config 'devices=[cpu,gpu]'"
        )
    return gpus.remark(plan.gpu) if "gpu" in plan.devices else None


def refuse_unfit_gpu(plan: Plan, run: grid.Run) -> None:
    """Refuse to train on a GPU for which the run's stack holds no code, or whose driver is too old for it.

    Raises:
        TrainmarkError: with what would fit.
    """
    if run.cell.device == "gpu" and plan.gpu:
        cuda.refuse_unfit(run.cell.stack, plan.gpu)


def for_doctor(plan: Plan, here: configuration.Surroundings, where: str, command: str, sizes: Path) -> dict[str, Any]:
    """What the doctor has to know of this call, as JSON can hold it.

    Args:
        plan: of the call.
        here: what this machine and this command offer.
        where: the configuration names the stacks.
        command: by which Snakemake is called here.
        sizes: envs/sizes.json.
    """
    c, conda = plan.config, " --use-conda" if here.use_conda else ""
    stacks = {stack: _refusal(refuse_missing_stack, [stack], here, where) for stack in plan.stacks}
    impossible = {stack: reason for stack, reason in stacks.items() if reason and here.platform}
    refused = {
        "platform": _refusal(refuse_unsupported_platform, here),
        "machine": _refusal(refuse_other_machine, plan),
        "stacks": impossible,
    }
    missing = [f"{stack}.{here.platform}.yaml" for stack in impossible]
    return {
        "machine": plan.machine,
        "platform": here.platform,
        "stacks": plan.stacks,
        "devices": plan.devices,
        "use_conda": here.use_conda,
        "installed_stack": here.installed_stack,
        "gpu": str(c["gpu"]),
        "virtual_mac": here.virtual_mac,
        "workloads": [plan.workload(model) for model in workloads.MODELS],
        "batch_size": max(c["batch_sizes"]),
        "threads": None if c["threads"] == "auto" else c["threads"],
        "data_folder": c["data_folder"],
        "data_download": c["data_download"],
        "records_missing": sum(not run.path.exists() for run in plan.runs),
        "environment_bytes": conda_environments.disk_bytes(missing, sizes),
        "refused": refused,
        "command": f"{command} --cores 1{conda}",
        "clocks": astuple(disturbances.clocks()),
    }


def examinable_stacks(plan: Plan, here: configuration.Surroundings) -> list[str]:
    """The stacks of the plan that this call can start: all with conda, without it the one that is installed."""
    return [stack for stack in plan.stacks if here.platform and (here.use_conda or stack == here.installed_stack)]


def _refusal(refuse: Callable[..., None], *arguments: object) -> str | None:
    """Why something is refused; None if it is not."""
    try:
        refuse(*arguments)
    except TrainmarkError as error:
        return str(error)
    return None


def refuse_unsupported_platform(here: configuration.Surroundings) -> None:
    """Refuse to train where no stack runs.

    Raises:
        TrainmarkError: with what is supported.
    """
    if here.platform is None:
        raise TrainmarkError(hardware.unsupported())


def refuse_missing_baseline(plan: Plan, where: str) -> None:
    """Refuse a baseline that nobody has measured, before a night of training and not after it.

    Args:
        plan: of this call.
        where: the configuration names the baseline.

    Raises:
        TrainmarkError: with the machines that are there.
    """
    name = plan.config["baseline"]
    there = sorted(path.parent.name for path in grid.MACHINES.glob("*/runs"))
    if name in ("auto", plan.machine, *there):
        return
    raise TrainmarkError(
        f"{where}: baseline is {strict_yaml.shown(name)}, and no such machine has runs below {grid.MACHINES}; expected "
        f"auto or one of {', '.join(dict.fromkeys([plan.machine, *there]))}. Nothing was run."
    )


def refuse_missing_stack(stacks: Iterable[str], here: configuration.Surroundings, where: str) -> None:
    """Refuse to train, without conda, with a stack that is not the one installed.

    Args:
        stacks: of the runs to make.
        here: what is installed.
        where: the configuration names the stacks.

    Raises:
        TrainmarkError: with the ways to get the stack.
    """
    missing = sorted(set(stacks) - {here.installed_stack})
    if not here.use_conda and missing:
        found = f"{here.installed_stack} is the stack" if here.installed_stack else "no pinned stack is"
        instead = f"--config 'stacks=[{here.installed_stack}]'" if here.installed_stack else "'make run'"
        raise TrainmarkError(
            f"Runs of {' and '.join(missing)} are to be made ({where}: stacks), but {found} installed beside "
            "Snakemake. Add --use-conda, which makes the pinned environment of every stack; or time what can be had "
            f"without conda: {instead}"
        )


def refuse_missing_packages(requirements: Path, here: configuration.Surroundings) -> None:
    """Refuse to draw the report, without conda, where packages are missing that it takes.

    Args:
        requirements: names them, as a requirements file.
        here: whether there is conda.

    Raises:
        TrainmarkError: naming them, with the ways to get them.
    """
    versions = lockfile.installed_versions(lockfile.pins(requirements.read_text()))
    missing = sorted(name for name, version in versions.items() if version is None)
    if missing and not here.use_conda:
        raise TrainmarkError(
            f"The report takes packages that the Python that runs Snakemake, {sys.executable}, does not have: "
            f"{', '.join(missing)}. Add --use-conda, which makes an environment that has them; or say 'make report'."
        )


def fingerprint(known: Iterable[str], top: Path = grid.MACHINES) -> str:
    """A digest of path, size and modification time of the records and machine files below ``top``.

    The ``known`` ones are left out. Modification times alone would miss a file that is replaced by an older one.
    """
    known = set(known)
    names = sorted(name for name in os.listdir(top) if name[0] != ".") if Path(top).is_dir() else []
    local = {path.removeprefix(f"{top}/").partition("/")[0] for path in known}
    found = {name: layout.machine_digest(top, name, known) for name in names if name in local}
    others = [name for name in names if name not in local]
    found |= _digests_by_processes(top, others) if len(others) > _FEW_MACHINES else _digests(top, others)
    lines = [f"{name} {found[name]}" for name in names if found[name]]  # a folder alone is nothing: ours comes late
    lines += filter(None, [layout.machine_digest(Path(top).parent, layout.ORIGINS)])  # which the page tells, too
    return hashlib.sha256("\n".join(lines).encode(errors="surrogateescape")).hexdigest()


def _digests(top: Path, names: list[str]) -> dict[str, str]:
    return {name: layout.machine_digest(top, name) for name in names}


def _digests_by_processes(top: Path, names: list[str]) -> dict[str, str]:
    """The same by as many processes as there are cores: what takes long is asking the system for every file."""
    script = Path(__file__).resolve().parents[2] / "stamp_results.py"
    command = [sys.executable, "-S", "-E", str(script), str(top)]
    cores = hardware.usable_cores()
    parts = [names[start::cores] for start in range(cores)]
    processes = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in parts]
    for process, part in zip(processes, parts):
        with contextlib.suppress(BrokenPipeError):
            system.pipes(process)[0].write("\0".join(part).encode(errors="surrogateescape"))
            system.pipes(process)[0].close()
    found: dict[str, str] = {}
    for process, part in zip(processes, parts):
        answer = system.pipes(process)[1]
        digests = answer.read().decode().splitlines()
        answer.close()
        # Should one have failed, this process does its part.
        found |= dict(zip(part, digests)) if process.wait() == 0 else _digests(top, part)
    return found


def clean_environment() -> None:
    """Take out of this process's environment, which all jobs inherit, what is not to be passed on."""
    cleaned = process_environment.clean()
    os.environ.clear()
    os.environ.update(cleaned)


def prepare_jobs(python: str, use_conda: bool) -> None:
    """Make ``python`` in a job's shell mean the right one.

    Conda puts the environment that it activates where the active one stands on PATH, and before all else only where
    none is active. So this process passes none on; its shell's virtual environment or pyenv would come first.

    Args:
        python: the one that runs Snakemake, for jobs without a conda environment.
        use_conda: then every job has a conda environment; ``conda`` itself may lie beside ``python``.
    """
    folder, path = str(Path(python).parent), os.environ["PATH"]
    os.environ["PATH"] = os.pathsep.join([path, folder] if use_conda else [folder, path])
    for name in [name for name in os.environ if _OF_ACTIVE_ENVIRONMENT.match(name)]:
        del os.environ[name]


def job_prefix(prefix: str, use_conda: bool) -> str:
    """The environment whose Python a job has to run on, as its shell writes it.

    Args:
        prefix: that of the Python that runs Snakemake.
        use_conda: then it is the one that conda has activated in the job's shell; empty if none was.
    """
    return '"${CONDA_PREFIX-}"' if use_conda else shlex.quote(prefix)


def command_line(arguments: list[str], python: str) -> str:
    """The command that the user gave, to be given again: ``arguments`` as in ``sys.argv``, paths made relative.

    Where the user's shell holds variables that Snakemake itself would heed, they are kept from it as make does.
    """
    program = arguments[0]
    by_module = Path(program).name == "__main__.py"
    cleanly = ["-I", _below_here(str(_START_PROGRAM))] if process_environment.dropped() else []
    start = [_below_here(python), *cleanly, "-m", "snakemake"] if by_module else [_below_here(program)]
    return shlex.join([*start, *arguments[1:]])


def _below_here(path: str) -> str:
    """A program's path, relative where it lies below the working directory and as a bare name where PATH finds it."""
    if shutil.which(Path(path).name) == path:
        return Path(path).name
    here = f"{Path.cwd()}{os.sep}"
    return path.removeprefix(here)


def begin(plan: Plan, planned: list[str], session_file: Path, command: str) -> list[str]:
    """Do what comes before the first job of a call that measures and will write the ``planned`` records.

    From here to the end of this process, the machine is marked as being measured.

    Returns:
        Lines for the user.

    Raises:
        TrainmarkError: if the machine was renamed meanwhile, or the disk is full; nothing has been replaced then.
    """
    samples = workloads.samples_of(plan.config)
    lines = []
    try:
        writing.keep_measured(grid.MACHINES, plan.machine, "a benchmark")
        if plan.described and not Path(plan.machine_file).exists():
            raise TrainmarkError(
                f"{plan.machine_file} was there when this command began and is gone now: the machine was renamed or "
                "removed meanwhile. Nothing was started. Give the same command again."
            )
        if planned:
            estimate = progress.estimate_seconds(planned, plan.records, samples)
            lines = [progress.announce(len(planned), plan.machine, estimate)]
        progress.Session(planned, time.time(), samples, command).save(session_file)
    except OSError as error:
        raise TrainmarkError(f"Nothing was started: {error}.") from error
    return lines


def refuse_other_machine(plan: Plan) -> None:
    """Refuse to file runs under a name that belongs to another computer's results, as in a copied checkout.

    Raises:
        TrainmarkError: with the way out.
    """
    try:
        there = hardware.identity(files.read_object(plan.machine_file))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return  # not described yet, or refused where the results are read
    here = hardware.identity(hardware.describe(plan.gpu))
    differing = [key for key in here if None not in (here[key], there[key]) and here[key] != there[key]]
    if differing:
        what = "machine id" if "machine_id_hash" in differing else "processor, cores or GPU"
        raise TrainmarkError(
            f"{plan.machine_file} describes another computer than this one (its {what} is another). Nothing was "
            f"started. Give this one a name of its own: --config machine={plan.machine}-2, or machine in "
            "config/config.yaml; or rename the other: make rename MACHINE="
            f"{plan.machine} TO=another-name"
        )
