"""All that this project uses of Snakemake's insides where jobs are given to a cluster: see ``snakemake_interface``."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from snakemake.exceptions import IncompleteCheckpointException
from snakemake.logging import logger

if TYPE_CHECKING:
    from snakemake.workflow import Workflow


def is_on_node(workflow: Workflow) -> bool:
    """Whether this process was started by another Snakemake, on a node of a cluster, for one job.

    Uses ``remote_exec``: such a process knows neither the targets nor the options that the user gave.
    """
    return bool(workflow.remote_exec)


def gives_jobs_away(workflow: Workflow) -> bool:
    """Whether jobs are given to a cluster; True of a dry run, too, which runs none.

    Uses ``non_local_exec_or_dryrun``: the manual names the executors, but not how to ask for the one that is used.
    """
    return bool(workflow.non_local_exec_or_dryrun)


def run_here(workflow: Workflow, away: Collection[str]) -> None:
    """Have every rule run where the command is given, but for those whose names are given.

    Uses ``Workflow.localrules``, which the directive of that name calls: it would have to name each rule.
    """
    workflow.localrules(*{rule.name for rule in workflow.rules} - {*away})


def allocate_together(workflow: Workflow, group: str | None) -> None:
    """Have all jobs of a group that are to run be one job of the cluster, whether they depend on each other or not.

    To be called while the jobs are planned: what is set before, Snakemake replaces.

    Uses ``group_settings``, which --group-components sets: with SLURM's plugin, a second Snakemake stands between SLURM
    and the runs, which is not given that option and would start a third one for each run. And ``execution_settings``,
    so that one of them that fails does not cost the others.

    Args:
        workflow: Snakemake's.
        group: of rules, as their directive names it; None for none.
    """
    settings = workflow.group_settings
    if group is None or group in settings.group_components:
        return  # it is asked for every run
    settings.group_components = {**settings.group_components, group: sys.maxsize}
    if workflow.execution_settings:  # of calls that run jobs; on a node, profiles/default does not say so
        workflow.execution_settings.keep_going = True


def ask_squeue(workflow: Workflow) -> None:
    """Have SLURM's plugin learn from ``squeue`` what became of jobs.

    It asks ``sacct`` wherever there is a program of that name. Without accounting that never answers, and the plugin
    waits for ever for jobs that have ended.

    Uses ``executor_settings``, and of the plugin's ``status_command``; other plugins have none.
    """
    settings = workflow.executor_settings
    if hasattr(settings, "status_command"):
        settings.status_command = "squeue"


def all_of(functions: Iterable[Callable[[], list[str]]]) -> list[str]:
    """What functions give, each of which may have to wait for a checkpoint; for an input function.

    Uses ``IncompleteCheckpointException.targetfile``: where it names one file, nothing else is made before that is
    there, so that the machines of a fleet would be measured one after the other.
    """
    found: list[str] = []
    waiting = []
    for function in functions:
        try:
            found += function()
        except IncompleteCheckpointException as error:
            waiting.append(error)
    if waiting:
        waiting[0].targetfile = [*(each.targetfile for each in waiting), *found]
        raise waiting[0]
    return found


def find_once(workflow: Workflow, names: Collection[str]) -> None:
    """Have what the jobs of these rules ask of SLURM be found once for each machine, not for each of many runs.

    Replaces ``Rule.expand_resources``, whose result depends on nothing of a job but its machine and on how often it was
    tried.
    """
    for rule in workflow.rules:
        if rule.name in names:
            rule.expand_resources = _once_a_machine(rule.expand_resources)


def _once_a_machine(expand: Callable[..., Any]) -> Callable[..., Any]:
    found: dict[Any, Any] = {}

    def remembered(
        wildcards: Mapping[str, str], files: Any, attempt: int, skip_evaluation: Collection[str] = ()
    ) -> Any:
        key = (wildcards["machine"], attempt, *sorted(skip_evaluation))
        if key not in found:
            found[key] = expand(wildcards, files, attempt, skip_evaluation=skip_evaluation)
        return found[key]

    return remembered


def of_machine(values: Mapping[str, Any]) -> Any:
    """A resource that has one of some values, by the machine of a job; what all have needs no function to be called."""
    if len({*values.values()}) == 1:
        return next(iter(values.values()))
    return lambda wildcards: values[wildcards.machine]


def watch_jobs(
    workflow: Workflow,
    finished: Callable[[str, str], None],
    failed: Callable[[Sequence[tuple[str, str, Sequence[str]]], str | None, Sequence[str], str], None],
) -> None:
    """Be told of every job that has finished or failed; to be called when the jobs are planned.

    Replaces ``dag.finish``, since Snakemake logs no finished job where it is to be quiet; and uses the events that it
    logs of failed ones, whose attributes no manual names.

    Args:
        workflow: Snakemake's.
        finished: is given the rule and the first output.
        failed: is given rule, first output and logs of each job that was one for the cluster; then the number that the
            cluster has given it, if any, its own logs, and what the executor says.
    """
    dag = workflow.dag
    finish, known = dag.finish, {}
    of_group: set[int] = set()

    async def finish_and_tell(job: Any, *args: Any, **options: Any) -> None:
        for each in job.jobs if job.is_group() else [job]:
            if each.output:
                finished(each.rule.name, str(each.output[0]))
        await finish(job, *args, **options)

    def look_up(number: int) -> Any:
        if number not in known:  # of many thousand jobs, in one walk
            known.update({dag.jobid(job): job for job in dag.jobs})
        return known.get(number)

    def notice(record: logging.LogRecord) -> bool:
        infos, number, logs = _failure(record, of_group)
        jobs = [(look_up(info["jobid"]), info["log"]) for info in infos]
        made = [(job.rule.name, str(job.output[0]), list(own)) for job, own in jobs if job is not None and job.output]
        if made:
            failed(made, number, logs, getattr(record, "rule_msg", None) or "")
        return True

    dag.finish = finish_and_tell
    logger.addFilter(notice)


def _failure(record: logging.LogRecord, of_group: set[int]) -> tuple[list[Any], str | None, list[str]]:
    """What Snakemake logs of jobs that have failed: of each job, the cluster's number of them all, and its logs.

    Args:
        record: what is logged; of anything else than a failure, there are no jobs.
        of_group: is filled with the jobs that were told of together, and of which one record each follows.
    """
    event, details = getattr(record, "event", None), vars(record)
    if event == "group_error":
        infos = details["job_error_info"]
        of_group.update(info["jobid"] for info in infos)
        return infos, details.get("external_jobid"), details.get("aux_logs") or []
    if event == "job_error" and details["jobid"] not in of_group:
        return [details], (details.get("aux") or {}).get("external_jobid"), []
    return [], None, []


def tell_of_stop(told: Callable[[], None]) -> None:
    """Be told when the user stops Snakemake while jobs run.

    Uses the text that it logs then.
    """

    def notice(record: logging.LogRecord) -> bool:
        if record.getMessage().startswith(("Terminating processes on user request", "Will exit after finishing")):
            told()
        return True

    logger.addFilter(notice)


def configuration_options(workflow: Workflow) -> list[str]:
    """The options by which the user has given the configuration, for another command that shall have the same.

    Uses ``overwrite_configfiles`` and ``config_settings.config_args``, which Snakemake gives to its own processes.
    """
    files, values = workflow.overwrite_configfiles, workflow.config_settings.config_args
    given = [values] if isinstance(values, str) else values or []
    found = ["--configfile", *map(str, files)] if files else []
    return [*found, "--config", *map(str, given)] if given else found
