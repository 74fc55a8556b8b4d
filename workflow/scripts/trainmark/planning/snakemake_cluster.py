"""All that this project uses of Snakemake's insides where jobs are given to a cluster: see ``snakemake_interface``."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

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


def known(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The same function, whose signature Snakemake finds at once: it looks for it before every call, of every job."""
    function.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]
    return function


def of_machine(values: Mapping[str, Any]) -> Any:
    """A resource that has one of some values, by the machine of a job; what all have needs no function to be called."""
    if len({*values.values()}) == 1:
        return next(iter(values.values()))
    return known(lambda wildcards: values[wildcards.machine])


def watch_jobs(
    workflow: Workflow,
    finished: Callable[[str, str], None],
    failed: Callable[[str, str, str | None, list[str], str], None],
) -> None:
    """Be told of every job that has finished or failed; to be called when the jobs are planned.

    Replaces ``dag.finish``, since Snakemake logs no finished job where it is to be quiet; and uses the events that it
    logs of failed ones, whose attributes no manual names.

    Args:
        workflow: Snakemake's.
        finished: is given the rule and the first output.
        failed: is given the same, the number that the cluster has given the job, if any, the files of its logs,
            and what the executor says.
    """
    dag = workflow.dag
    finish, known = dag.finish, {}
    group: dict[str, Any] = {}

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
        event, details = getattr(record, "event", None), vars(record)
        if event == "group_error":  # comes before those of its jobs, which lack this
            group.update(number=details.get("external_jobid"), logs=details.get("aux_logs") or [])
        job = look_up(details["jobid"]) if event == "job_error" else None
        if job is not None and job.output:
            number = (details.get("aux") or {}).get("external_jobid") or group.get("number")
            logs = [*details.get("log", []), *group.get("logs", [])]
            failed(job.rule.name, str(job.output[0]), number, logs, details.get("rule_msg") or "")
        return True

    dag.finish = finish_and_tell
    logger.addFilter(notice)


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
