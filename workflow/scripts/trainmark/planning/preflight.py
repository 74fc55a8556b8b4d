"""What is refused, and what is remarked on, before anything runs."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from trainmark import files
from trainmark.errors import TrainmarkError
from trainmark.experiment import grid
from trainmark.install import lockfile
from trainmark.machine import cuda, gpus, hardware
from trainmark.planning import config as configuration
from trainmark.planning import strict_yaml
from trainmark.planning.plan import Plan


def remarks(plan: Plan, here: configuration.Surroundings) -> list[str]:
    """What to tell of a plan before it is carried out."""
    found = (remark_on_stacks(plan, here), remark_on_controls(plan), remark_on_gpu(plan, here))
    return [remark for remark in found if remark]


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


def refuse_run(plan: Plan, run: grid.Run, here: configuration.Surroundings, where: str) -> None:
    """Refuse a run that is to be made and cannot be.

    Args:
        plan: of this call.
        run: of it.
        here: what this machine and this command offer.
        where: the configuration names the stacks.

    Raises:
        TrainmarkError: with what would do.
    """
    refuse_unfit_gpu(plan, run)
    refuse_missing_stack([run.cell.stack], here, where)


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
