"""What is refused, and what is remarked on, before anything runs."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from trainmark import stacks
from trainmark.errors import TrainmarkError
from trainmark.experiment import grid
from trainmark.install import lockfile
from trainmark.machine import cuda, gpus, hardware
from trainmark.machine.gpus import Gpu
from trainmark.planning import config as configuration
from trainmark.planning import long_runs, strict_yaml
from trainmark.planning.plan import Plan
from trainmark.words import and_words

# Folders of a machine, of which one is there if it has runs.
_MEASURED = ("runs", "suites")


def remarks(plan: Plan, here: configuration.Surroundings) -> list[str]:
    """What to tell of a plan before it is carried out."""
    found = [remark_on_stacks(plan, here), *remarks_on_controls(plan), remark_on_gpu(plan, here)]
    found += [
        f"trainmark: left out: {each}" for each in long_runs.remarks(plan.left_out, plan.config["longest_run_minutes"])
    ]
    return [remark for remark in (*found, *remarks_on_plugins(plan, here)) if remark]


def remarks_on_plugins(plan: Plan, here: configuration.Surroundings) -> list[str]:
    """What to tell of the software by which stacks train on Apple's GPU."""
    pinned = [stack for stack in plan.stacks if "gpu" in plan.devices and not stacks.is_unpinned(stack)]
    said = [stacks.named(stack).mac_gpu_remark for stack in pinned if here.macos]
    return [f"trainmark: {each}" for each in said if each]


def remark_on_stacks(plan: Plan, here: configuration.Surroundings) -> str | None:
    """What to tell who calls without --use-conda on a machine that was measured with it, if anything."""
    if here.use_conda or plan.config["stacks"] != "auto" or here.installed_stack in (None, *plan.stacks):
        return None
    return (
        f"trainmark: {plan.machine} was measured with {' and '.join(plan.stacks)}, so this call is about that. To time "
        f"the installed stack instead: --config 'stacks=[{here.installed_stack}]'"
    )


def remarks_on_controls(plan: Plan) -> list[str]:
    """What to tell of controls that cannot be made on this machine or with a stack."""
    said = []
    for control, group in itertools.groupby(plan.impossible_controls.items(), lambda item: item[0][0]):
        found = list(group)
        for why in dict.fromkeys(why for _, why in found):
            where = [f"{stack} on the {device.upper()}" for (_, stack, device), each in found if each == why]
            of = "" if len(where) == len(plan.stacks) * len(plan.devices) else f" of {and_words(where)}"
            said.append(f"trainmark: {control} left out of the controls{of}: {why}.")
    return said


def remark_on_gpu(plan: Plan, here: configuration.Surroundings) -> str | None:
    """What to tell of the GPU that is timed or not, if anything."""
    if here.virtual_mac and here.gpus and plan.config["devices"] == "auto":
        return (
            "trainmark: this macOS runs in a virtual machine, whose GPU is the host's, shared. It is timed only if you "
            "ask for it: --config 'devices=[cpu,gpu]'"
        )
    return gpus.remark(plan.gpu) if "gpu" in plan.devices else None


def refuse_run(plan: Plan, run: grid.Run, here: configuration.Surroundings, where: str) -> None:
    """Refuse a run that is to be made and cannot be, and say what else cannot be of those that are missing.

    Args:
        plan: of this call.
        run: of it.
        here: what this machine and this command offer.
        where: the configuration names the stacks.

    Raises:
        TrainmarkError: with what would do.
    """
    cell = (run.cell.stack, run.cell.device)
    if problems(plan, [cell], here, where):
        others = [(each.cell.stack, each.cell.device) for each in plan.runs if not each.path.exists()]
        refuse_cells(plan, [cell, *others], here, where)


def refuse_cells(plan: Plan, cells: Sequence[tuple[str, str]], here: configuration.Surroundings, where: str) -> None:
    """Refuse to train or compute with stacks on devices.

    Raises:
        TrainmarkError: with all that speaks against it, and what would do.
    """
    found = problems(plan, cells, here, where)
    if len(found) > 1:
        raise TrainmarkError(f"{len(found)} problems; nothing was run.\n" + "\n".join(f"  - {each}" for each in found))
    if found:
        raise TrainmarkError(found[0])


def problems(plan: Plan, cells: Sequence[tuple[str, str]], here: configuration.Surroundings, where: str) -> list[str]:
    """What speaks against computing with stacks on devices: one sentence or two each.

    Args:
        plan: of this call.
        cells: stack and device of each.
        here: what this machine and this command offer.
        where: the configuration names the stacks.
    """
    names = list(dict.fromkeys(stack for stack, _ in cells))
    found = [_missing_stacks(names, here, where), *(_unfit_system(stack, here, where) for stack in names)]
    found += [_unfit_gpu(stack, plan.gpu) for stack in names if plan.gpu and (stack, "gpu") in cells]
    return [each for each in found if each]


def _unfit_gpu(stack: str, gpu: Gpu) -> str | None:
    """Why a stack cannot train on this GPU, if so."""
    try:
        cuda.refuse_unfit(stack, gpu)
    except TrainmarkError as error:
        return str(error)
    return None


def _unfit_system(stack: str, here: configuration.Surroundings, where: str) -> str | None:
    """Why this system has no such stack, if so."""
    if stacks.is_unpinned(stack):
        if not here.use_conda:
            return None
        return f"{stack} ({where}: stacks) is what is installed beside Snakemake: leave --use-conda out to time it."
    there = stacks.platforms(stack)
    if here.platform not in there:
        instead = [each for each in stacks.names() if here.platform in stacks.platforms(each)]
        return (
            f"{stack} ({where}: stacks) is not pinned for {here.platform}, but for {' and '.join(there)}; expected one "
            f"of {', '.join(instead)}."
        )
    oldest = stacks.named(stack).oldest_macos
    if here.macos and stacks.numbers(here.macos) < stacks.numbers(oldest):
        return (
            f"{stack} ({where}: stacks) needs macOS {oldest} or newer, and this is macOS {here.macos}. Update macOS, "
            f"or leave it out: --config 'stacks=[{stacks.DEFAULT}]'"
        )
    return None


def refuse_unsupported_platform(here: configuration.Surroundings) -> None:
    """Refuse to train where no stack runs.

    Raises:
        TrainmarkError: with what is supported.
    """
    if here.platform is None:
        raise TrainmarkError(hardware.unsupported())


def refuse_missing_baseline(plan: Plan, where: str, fleet: Collection[str] = ()) -> None:
    """Refuse a baseline that nobody has measured, before a night of training and not after it.

    Args:
        plan: of this call.
        where: the configuration names the baseline.
        fleet: names of the machines that this call measures, where it is not this one.

    Raises:
        TrainmarkError: with the machines that are there.
    """
    name, own = plan.config["baseline"], fleet or [plan.machine]
    there = sorted(path.name for path in grid.MACHINES.glob("*") if any((path / kind).is_dir() for kind in _MEASURED))
    if name in ("auto", *own, *there):
        return
    raise TrainmarkError(
        f"{where}: baseline is {strict_yaml.shown(name)}, and no such machine has runs below {grid.MACHINES}; expected "
        f"auto or one of {', '.join(dict.fromkeys([*own, *there]))}. Nothing was run."
    )


def _missing_stacks(names: Iterable[str], here: configuration.Surroundings, where: str) -> str | None:
    """Why, without conda, stacks cannot be timed that are not installed, with the ways to get them."""
    missing = sorted(set(names) - set(here.available))
    if here.use_conda or not missing:
        return None
    there = " and ".join(here.installed_stacks)
    found = f"{there} {'are the stacks' if len(here.installed_stacks) > 1 else 'is the stack'}" if there else ""
    own = [f"'make run STACK={each}'" for each in missing if each in stacks.host_stacks(here.platform)]
    ways = ["Add --use-conda, which makes the pinned environment of every stack"]
    ways += [f"or say {' and '.join(own)}, which makes an environment of its own"] if own else []
    if here.installed_stacks:
        without = f"--config 'stacks=[{','.join(here.installed_stacks)}]'"
    else:
        without = f"--config 'stacks=[{stacks.INSTALLED}]', not pinned" if here.unpinned else "'make run'"
    return (
        f"Runs of {' and '.join(missing)} are to be made ({where}: stacks), but {found or 'no pinned stack is'} "
        f"installed beside Snakemake. {'; '.join(ways)}; or time what can be had without conda: {without}"
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
    what = hardware.difference(Path(plan.machine_file), plan.gpu)
    if what:
        raise TrainmarkError(
            f"{plan.machine_file} describes another computer than this one (its {what} is another). Nothing was "
            f"started. Give this one a name of its own: --config machine={plan.machine}-2, or machine in "
            "config/config.yaml; or rename the other: make rename MACHINE="
            f"{plan.machine} TO=another-name"
        )
