"""One call of Snakemake: the command, what it is about to do, and what comes before its first job."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any

import yaml

from trainmark import process_environment, stacks, terminal
from trainmark.errors import TrainmarkError
from trainmark.experiment import grid, workloads
from trainmark.machine import awake, disturbances
from trainmark.measure import progress
from trainmark.planning import conda_environments, preflight, reference_files, strict_yaml
from trainmark.planning import config as configuration
from trainmark.planning.plan import Plan
from trainmark.records import supersession, writing

# What this call has planned, for the lines that tell its progress.
SESSION = Path(".snakemake/trainmark-session.json")
# The files of claims, hardware and references that were checked last, as a digest.
_PASSED = Path(".snakemake/trainmark-checked.txt")
_REPORT_PACKAGES = Path("envs/inputs/report.in")
# The rules whose scripts take nothing but Python, or a stack. All others take what the report's environment has.
_WITHOUT_PACKAGES = {"time_training", "measure_roofline", "describe_machine", "choose_repeats", "check_runs"}
_WITHOUT_PACKAGES |= {"examine_stack", "prepare_data", "measure"}
_START_PROGRAM = Path(__file__).resolve().parents[2] / "start_program.py"


def check(
    config: Mapping[str, Any], layers: list[strict_yaml.Layer], here: configuration.Surroundings, schemas: Path
) -> dict[str, Any]:
    """Refuse a configuration, or files that it names, that cannot be used.

    Args:
        config: the merged configuration.
        layers: where the values come from, later ones overriding earlier ones.
        here: what this machine and this command offer.
        schemas: the folder of the schemas.

    Returns:
        The configuration as all else is to use it.

    Raises:
        TrainmarkError: naming every problem at once, each with file and line, key, value found and values allowed.
    """
    schema = yaml.load((schemas / "config.schema.yaml").read_text(), Loader=strict_yaml.LOADER)
    checked = configuration.check(config, schema, layers, here)
    reference_files.check_once(checked["claims"], checked["hardware"], checked["references"], schemas, _PASSED)
    return checked


def chosen_repeats(rounds: Iterable[str]) -> Iterator[str]:
    """With ``repeats: auto``, the records that rounds of repeats have asked for, until one asks for none.

    Args:
        rounds: what choose_repeats wrote, in order. None is asked for after the last that is needed: it may be missing.
    """
    for path in rounds:
        further = json.loads(Path(path).read_text())["next"]
        if not further:
            return
        yield from further


def start(
    plan: Plan,
    here: configuration.Surroundings,
    jobs: Sequence[tuple[str, str]],
    targets: set[str],
    superseded: Path,
    command: str,
) -> None:
    """Do what comes before the first job of a call, and tell the user what it will do.

    From here to the end of this process the machine is marked as being measured and held awake, if it is measured.

    Args:
        plan: of the call.
        here: what this machine and this command offer.
        jobs: rule and output of each job to run.
        targets: that the user names.
        superseded: the folder in which this call keeps the measurements that it replaces.
        command: that the user gave.

    Raises:
        TrainmarkError: if the call cannot succeed; nothing has been replaced then.
    """
    planned = [path for rule, path in jobs if rule == "time_training"]
    measured = [path for rule, path in jobs if rule in ("time_training", "measure_roofline")]
    refuse_missing_report(jobs, here)
    if measured or plan.machine_file in (path for _, path in jobs):
        preflight.refuse_other_machine(plan)
    if targets not in ({"report"}, {"doctor"}):
        begun = begin(plan, planned, SESSION, command)
        terminal.say(*supersession.announce(measured, superseded), *begun)
    if measured:
        awake.hold(os.getpid())


def refuse_missing_report(jobs: Iterable[tuple[str, str]], here: configuration.Surroundings) -> None:
    """Refuse jobs that draw the report where its packages are missing; arguments and errors as for ``start``."""
    if {rule for rule, _ in jobs} - _WITHOUT_PACKAGES:
        preflight.refuse_missing_packages(_REPORT_PACKAGES, here)


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
    samples, guesses = workloads.samples_of(plan.config), plan.guesses
    lines = []
    try:
        writing.keep_measured(grid.MACHINES, plan.machine, "a benchmark")
        if plan.described and not Path(plan.machine_file).exists():
            raise TrainmarkError(
                f"{plan.machine_file} was there when this command began and is gone now: the machine was renamed or "
                "removed meanwhile. Nothing was started. Give the same command again."
            )
        if planned:
            estimate = progress.estimate_seconds(planned, plan.records, samples, guesses)
            lines = [progress.announce(len(planned), plan.machine, estimate)]
        progress.Session(planned, time.time(), samples, command, guesses).save(session_file)
    except OSError as error:
        raise TrainmarkError(f"Nothing was started: {error}.") from error
    return lines


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
    refusals = {stack: preflight.problems(plan, [(stack, "cpu")], here, where) for stack in plan.stacks}
    impossible = {stack: "\n".join(reasons) for stack, reasons in refusals.items() if reasons and here.platform}
    refused = {
        "platform": _refusal(preflight.refuse_unsupported_platform, here),
        "machine": _refusal(preflight.refuse_other_machine, plan),
        "stacks": impossible,
    }
    missing = [f"{stack}.{here.platform}.yaml" for stack in impossible if here.platform in stacks.platforms(stack)]
    return {
        "machine": plan.machine,
        "platform": here.platform,
        "stacks": plan.stacks,
        "devices": plan.devices,
        "use_conda": here.use_conda,
        "installed_stack": here.installed_stack,
        "gpu": str(c["gpu"]),
        "virtual_mac": here.virtual_mac,
        "suite": plan.suite.name,
        "workloads": [plan.workload(model) for model in plan.suite.models],
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


def refuse_doctor_of_fleet(of_fleet: bool) -> None:
    """Refuse to examine a fleet: the doctor looks at the computer on which it runs.

    Args:
        of_fleet: whether the configuration names one.

    Raises:
        TrainmarkError: with what to do instead.
    """
    if of_fleet:
        raise TrainmarkError(
            "doctor examines the computer on which it runs, and fleet in the configuration names others. Give it on a "
            "node, as by srun, with a configuration whose fleet is empty."
        )


def examinable_stacks(plan: Plan, here: configuration.Surroundings) -> list[str]:
    """The stacks of the plan that this call can start: all with conda, without it those that are installed."""
    return [stack for stack in plan.stacks if here.platform and (here.use_conda or stack in here.available)]


def _refusal(refuse: Callable[..., None], *arguments: object) -> str | None:
    """Why something is refused; None if it is not."""
    try:
        refuse(*arguments)
    except TrainmarkError as error:
        return str(error)
    return None


def names_experiment(layers: Iterable[strict_yaml.Layer]) -> bool:
    """Whether one of these layers of the configuration says what is computed, so that it is what the user asks for."""
    return any(key in layer.values for layer in layers for key in workloads.SETTINGS)
