"""One call of Snakemake that measures a fleet: what comes before its first job, and what may keep its jobs waiting.

The computer on which the command is given, the controller, measures nothing itself: it gives jobs to SLURM.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from trainmark import stacks, terminal, words
from trainmark.errors import TrainmarkError
from trainmark.experiment import workloads
from trainmark.measure import kernel_cache, matmul_sweep, progress
from trainmark.planning import call, lost_jobs, nodes, preflight, slurm
from trainmark.planning import config as configuration
from trainmark.planning.plan import Plan
from trainmark.records import supersession

# How often the queue is looked at for jobs that may wait for ever.
QUEUE_SECONDS = 60.0
# How often, at the most, the records are looked at where one allocation makes many.
RECORDS_SECONDS = 10.0
# SLURM's plugin asks what became of jobs at the latest after so long.
_ASKED_SECONDS = 180.0
_DESCRIPTION_SECONDS = 120.0
# What passes at most between two runs that are made in one allocation.
_BETWEEN_SECONDS = 30.0
_SHOWN = 6  # machines of which something is said one by one


def start(
    plans: Mapping[str, Plan],
    here: configuration.Surroundings,
    jobs: Sequence[tuple[str, str]],
    given_away: bool,
    superseded: Path,
    command: str,
    ask_squeue: Callable[[], None],
) -> None:
    """Do what comes before the first job of a call, and tell the user what it will do.

    Args:
        plans: of the fleet, by the machine's name.
        here: what this command offers.
        jobs: rule and output of each job to run.
        given_away: whether jobs are given to a cluster.
        superseded: the folder in which this call keeps the measurements that it replaces.
        command: that the user gave.
        ask_squeue: lets what has become of jobs be asked where SLURM has no accounting.

    Raises:
        TrainmarkError: if the call cannot succeed; nothing has been submitted then.
    """
    call.refuse_missing_report(jobs, here)
    away = [(rule, path) for rule, path in jobs if rule in lost_jobs.RULES]
    if not away:
        return
    if not given_away:
        raise TrainmarkError(
            f"fleet in the configuration names {words.plural(len(plans), 'machine')}, which SLURM reaches, and this "
            "command would run their jobs here. Nothing was started. Say 'make fleet', or --profile profiles/slurm."
        )
    refuse_missing_environments(plans.values(), away)
    refuse_orphans()
    remembered = slurm.remembered_seconds()
    if remembered is not None:
        ask_squeue()
        terminal.say(*remark_on_memory(remembered))
    planned = [path for rule, path in away if rule == "time_training"]
    samples = workloads.samples_of(next(iter(plans.values())).config)
    progress.Session(planned, time.time(), samples, command).save(call.SESSION)
    lost_jobs.save([])
    lost_jobs.LOGS.mkdir(parents=True, exist_ok=True)  # SLURM starts no job whose output has no folder
    measured = [path for rule, path in away if rule != "describe_machine"]
    terminal.say(*supersession.announce(measured, superseded), *announce(planned))


def remark_on_memory(remembered: float) -> Iterator[str]:
    """What is told of a SLURM without accounting that may forget jobs before they are asked for.

    Args:
        remembered: for how long it knows what became of a job, in seconds.
    """
    if remembered < _ASKED_SECONDS:
        yield (
            f"trainmark: this SLURM has no accounting and forgets a job {remembered:.0f} s after its end (MinJobAge), "
            "so this command may not learn that one has ended. make fleet PROFILE=profiles/slurm-generic takes a job "
            "that is forgotten for one that has ended. If this one waits although squeue shows no job, press Ctrl-C "
            "and give it again: finished records are kept."
        )


def refuse_empty(given_away: bool) -> None:
    """Refuse to give the jobs of this machine to a cluster, which would run them on whatever node is free.

    Args:
        given_away: whether jobs are given to a cluster.

    Raises:
        TrainmarkError: with what to write.
    """
    if given_away:
        raise TrainmarkError(
            "Jobs are to be given to a cluster, and fleet in the configuration names no machine. Nothing was started. "
            "Name the cluster's nodes in config/fleet.yaml, or leave the executor or its profile out."
        )


def announce(planned: Sequence[str]) -> list[str]:
    """The line before the first training of a fleet; none where there is nothing to train."""
    if not planned:
        return []
    counts: dict[str, int] = {}
    for path in planned:
        machine = Path(path).parts[2]
        counts[machine] = counts.get(machine, 0) + 1
    each = words.enumerate_words((f"{machine} ({count})" for machine, count in sorted(counts.items())), _SHOWN)
    runs, machines = words.plural(len(planned), "run"), words.plural(len(counts), "machine")
    return [f"trainmark: {runs} to do on {machines}: {each}. Each prints one line when it ends."]


def refuse_missing_environments(plans: Iterable[Plan], jobs: Iterable[tuple[str, str]]) -> None:
    """Refuse to submit jobs whose virtual environments are not there.

    Args:
        plans: of the fleet.
        jobs: rule and output of each job that is to run on a node.

    Raises:
        TrainmarkError: naming each that is missing, with how to make it.
    """
    of_machine = {Path(path).parts[2] for _, path in jobs}
    needed = {
        (plan.node.environment(stack), stack, plan.machine)
        for plan in plans
        if plan.node and plan.machine in of_machine
        for stack in plan.stacks
    }
    missing: dict[Path, tuple[str, str]] = {
        folder: (stack, machine)
        for folder, stack, machine in sorted(needed, key=str)
        if folder and not (folder / "bin" / "python").exists()
    }
    if missing:
        lines = [
            f"  - {folder}, for {stack} on {machine}: {_how_to_make(folder, stack)}"
            for folder, (stack, machine) in missing.items()
        ]
        raise TrainmarkError("Virtual environments of nodes are missing. Nothing was started.\n" + "\n".join(lines))


def _how_to_make(folder: Path, stack: str) -> str:
    option = "" if stack == stacks.DEFAULT else f" --stack={stack}"
    return f"on that node, in this folder, python3 -I envs/create_venv.py{option} {folder}; or add --use-conda"


def refuse_orphans() -> None:
    """Refuse to submit anything while SLURM has jobs of this folder: those of a command that was killed.

    Raises:
        TrainmarkError: with the command that ends them.
    """
    try:
        found = slurm.queued(Path.cwd().resolve())
    except slurm.NoAnswerError as error:
        raise TrainmarkError(f"SLURM does not answer, so nothing was started. {error}") from None
    if found:
        states = sorted({job.state.lower() for job in found})
        raise TrainmarkError(
            f"SLURM still has {words.plural(len(found), 'job')} of this folder ({', '.join(states)}), of a command "
            "that was killed. Nothing was started, since the same runs would be made twice. Wait until they have "
            f"ended, or end them: scancel {' '.join(job.number for job in found)}"
        )


def watch_queue(seconds: float) -> None:
    """From now on, say of jobs that wait for a node that is away, or for anything else that may never come.

    Args:
        seconds: between two looks at the queue; each machine's reason is told once.
    """
    threading.Thread(target=_watch_queue, args=(seconds,), daemon=True).start()


def _watch_queue(seconds: float) -> None:
    told: set[tuple[str, str]] = set()
    while True:
        time.sleep(seconds)
        with contextlib.suppress(slurm.NoAnswerError):
            found = slurm.hopeless(slurm.queued(Path.cwd().resolve()))
            for (machine, reason), numbers in found.items():
                if (machine, reason) not in told:
                    told.add((machine, reason))
                    terminal.say(waiting_line(machine, reason, numbers), style=terminal.YELLOW)


def waiting_line(machine: str, reason: str, numbers: Sequence[str]) -> str:
    """What is told of jobs that wait for something that may never come."""
    reason += ", as of a job that starts again after its node has died" if reason == "BeginTime" else ""
    jobs, they = words.plural(len(numbers), "job"), "waits" if len(numbers) == 1 else "wait"
    return (
        f"trainmark: {machine or 'a machine'}: {jobs} {they}, and SLURM says: {reason}. The others go on. If that does "
        f"not pass, end what waits, and the report is drawn without it: scancel {' '.join(numbers)}"
    )


def remark_on_ssh(by_ssh: Collection[str], targets: Collection[str]) -> list[str]:
    """What to tell of the machines that ssh reaches, if there are any and more is wanted than the report."""
    if not by_ssh or {*targets} == {"report"}:
        return []
    those = words.enumerate_words(sorted(by_ssh), _SHOWN)
    return [f"trainmark: ssh reaches {those}: make fleet measures that, and Snakemake alone does not."]


def remarks(plans: Mapping[str, Plan]) -> list[str]:
    """What to tell of the plans before they are carried out, each sentence once, with the machines that it is about."""
    about: dict[str, list[str]] = {}
    for plan in plans.values():
        for each in preflight.remarks_on_controls(plan):
            about.setdefault(each, []).append(plan.machine)
    return [f"{each} ({words.enumerate_words(machines, _SHOWN)})" for each, machines in about.items()]


def asked_of_slurm(plans: Mapping[str, Plan], rule: str, config: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What SLURM is asked for a job of a rule: resource -> machine -> value, without what no machine asks for."""
    together = config["allocation"] == "machine" and rule != "describe_machine"
    seconds = job_seconds(rule, config)
    of_machine = {
        machine: plan.node.resources(allocation_seconds(plan) if together else seconds)
        for machine, plan in plans.items()
        if plan.node
    }
    by_key = {key: {machine: found[key] for machine, found in of_machine.items()} for key in nodes.ASKED}
    return {key: values for key, values in by_key.items() if {*values.values()} - {None}}


def job_seconds(rule: str, config: Mapping[str, Any]) -> float:
    """What a job of a node takes at most, in seconds: its own limits, and what a driver may have to compile first."""
    own = config["time_limit_seconds"] + config["idle_seconds"] + config["cool_down_seconds"]
    limits = {"time_training": own, "measure_roofline": matmul_sweep.TIME_LIMIT_SECONDS}
    return limits[rule] + kernel_cache.LIMIT_SECONDS if rule in limits else _DESCRIPTION_SECONDS


def allocation_seconds(plan: Plan) -> float:
    """What all runs of a node take at most, in seconds, if one allocation makes them; less where its entry says so.

    Each run may take its time limit, but a driver compiles once a stack and device. The description of the machine, for
    which Snakemake adds its own time, is not in it: all together is what the entry says.
    """
    c, axes = plan.config, plan.axes
    repeats = c["repeats_limit"] if plan.goal else c["repeats"]
    places = len(axes["stacks"]) * len(axes["devices"])
    runs = places * len(axes["models"]) * len(axes["batch_sizes"]) * repeats * (1 + len(c["controls"]))
    own = c["time_limit_seconds"] + c["idle_seconds"] + c["cool_down_seconds"] + _BETWEEN_SECONDS
    every = runs * own + places * (matmul_sweep.TIME_LIMIT_SECONDS + kernel_cache.LIMIT_SECONDS)
    if plan.node is None or plan.node.minutes is None:
        return float(every)
    around = _DESCRIPTION_SECONDS + 2 * nodes.AROUND_SECONDS + 2 * 60  # minutes are rounded up twice
    return float(min(every, plan.node.minutes * 60 - around))
