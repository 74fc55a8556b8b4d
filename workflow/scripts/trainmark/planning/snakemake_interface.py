"""All that this project uses of Snakemake's insides: what its manual does not promise.

Each function says what it uses and why. The tests run with the oldest Snakemake that the Snakefile accepts and with the
pinned one. Only the process of Snakemake itself can import this module.
"""

from __future__ import annotations

import atexit
import logging
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MethodType, TracebackType
from typing import TYPE_CHECKING, Any

from snakemake import common, jobs, persistence, rules
from snakemake.deployment.conda import get_env_setup_done_flag_file
from snakemake.exceptions import WorkflowError
from snakemake.logging import logger
from snakemake.settings.enums import Quietness, RerunTrigger
from snakemake.settings.types import DeploymentMethod

from trainmark import errors, terminal
from trainmark.measure import progress
from trainmark.planning import conda_environments

if TYPE_CHECKING:
    from snakemake.workflow import Workflow

# The rules whose outputs are measurements.
_MEASURING = ("describe_machine", "time_training", "measure_roofline")
_MAKING_ENVIRONMENT = re.compile(
    "(Creating|Removing incomplete) conda environment|"
    "(Conda|Incomplete Conda) environment .* will be (created|recreated)"
)


def survive_lost_terminal() -> None:
    """Let Snakemake go on where nobody reads its lines; it would end there, and its jobs with it.

    Its lines take the place of one that shows the progress of a run. Uses the handlers of ``snakemake.logging.logger``:
    Snakemake makes its stream handler itself and takes none of ours.
    """
    sys.stderr = terminal.TolerantStream(sys.stderr)
    for handler in logger.handlers:
        if isinstance(handler, logging.StreamHandler) and not isinstance(handler, logging.FileHandler):
            handler.setStream(terminal.TolerantStream(handler.stream, clears=True))


def refuse_deletion(workflow: Workflow) -> None:
    """Refuse the options that delete measurements.

    Uses ``storage_settings.all_temp``, and replaces ``Workflow.delete_output``, which --delete-all-output and
    --delete-temp-output call: Snakemake asks nobody before it deletes, and "protected" would forbid to measure again.

    Raises:
        WorkflowError: for --all-temp at once, for --delete-all-output when it is about to begin.
    """
    if workflow.storage_settings.all_temp:
        raise WorkflowError("--all-temp would delete every measurement once it is in the report. Nothing was started.")
    delete_output = workflow.delete_output

    def delete_temporary_output(only_temp: bool = False, dryrun: bool = False) -> None:
        if not only_temp:
            raise WorkflowError(
                "--delete-all-output would delete this machine's measurements. Nothing was deleted. Everything but "
                "them is made again when it is missing: rm -r results/report results/data"
            )
        delete_output(only_temp=only_temp, dryrun=dryrun)

    workflow.delete_output = delete_temporary_output


def report_what_is_drawn(workflow: Workflow, target: str, page: Path, measured: Callable[[], bool]) -> None:
    """Let --report be of what is drawn, whatever of this computer's runs is still to be measured.

    Replaces ``Workflow.create_report``, and uses ``dag_settings.targets`` and the flags of the rules' outputs:
    Snakemake would plan all runs that the first rule names, which some computers cannot, and would refuse where a table
    is gone.

    Args:
        workflow: Snakemake's.
        target: that draws the page and measures nothing.
        page: without which there is no report.
        measured: whether every run that the first rule names is there, so that it shows how they were made.
    """
    create_report = workflow.create_report

    def create_what_is_drawn(*args: Any, **options: Any) -> Any:
        if not page.exists():
            raise WorkflowError(f"There is no {page} yet. Draw it first: snakemake --cores 1 {target}")
        if set(workflow.dag_settings.targets) <= {"all"} and not measured():
            workflow.dag_settings.targets = {target}
        for output in (file for rule in workflow.rules for file in rule.output):
            if not Path(output).exists():
                output.flags.pop("report", None)
        return create_report(*args, **options)

    workflow.create_report = create_what_is_drawn


def spare_pandas() -> None:
    """Let Snakemake compare params without pandas: none of ours is a table, and every command would import it.

    Uses ``PersistenceBase._serialize_param`` of the versions that have it.
    """
    base = getattr(persistence, "PersistenceBase", None) or getattr(persistence, "Persistence", None)
    if base is not None and hasattr(base, "_serialize_param_builtin"):
        base._serialize_param = property(lambda self: self._serialize_param_builtin)


def remember_signatures() -> None:
    """Let Snakemake look for the arguments that a function takes once, not before every call for every job.

    Replaces ``get_function_params`` of the versions that have it.
    """
    ask = getattr(common, "get_function_params", None)
    if ask is None:
        return
    found: dict[Any, Any] = {}

    def remembered(function: Any) -> Any:
        # An object's method takes the same, whichever object it is of.
        key = ("method", function.__func__) if isinstance(function, MethodType) else function
        if key not in found:
            found[key] = ask(function)
        return found[key]

    common.get_function_params = rules.get_function_params = remembered


def describe_no_job(workflow: Workflow) -> None:
    """Let Snakemake not describe each job where nobody is to see it: it writes the job's command out three times.

    Uses ``output_settings`` and replaces ``Job.log_info``. Loggers of the user are told all the same.
    """
    settings = workflow.output_settings
    unseen = Quietness.RULES in (settings.quiet or ()) and not settings.printshellcmds
    if unseen and not settings.log_handler_settings:
        jobs.Job.log_info = lambda self, *args, **options: None


def protect_measurements(workflow: Workflow) -> None:
    """Set what the profile says of measurements for calls without it, too; to be called while the jobs are planned.

    Uses ``dag_settings.rerun_triggers``, ``dag.ignore_incomplete``, ``execution_settings.keep_incomplete`` and three
    methods of ``persistence``. The options that set the former can be given otherwise, and the latter have none.
    """
    kept = workflow.persistence
    if "params_changed" in vars(kept):
        return  # it is asked for every run
    # A touched script or another environment file says nothing against a measurement, nor does a set of inputs: a
    # finished run names none.
    ignored = workflow.dag_settings.rerun_triggers - {RerunTrigger.MTIME, RerunTrigger.PARAMS}
    if ignored:
        workflow.dag_settings.rerun_triggers -= ignored
        names = ", ".join(sorted(map(str, ignored)))
        terminal.say(f"trainmark: rerun triggers ignored, so that nothing is measured again: {names}.", to=sys.stderr)
    # A record is written whole or not at all, so one that is there is good, whatever became of its job or of Snakemake,
    # and is neither removed nor made again.
    workflow.dag.ignore_incomplete = True
    if workflow.execution_settings:  # of calls that run jobs
        workflow.execution_settings.keep_incomplete = True
    # Nor is the one before it put in its place: what is to be updated stays until it is, and is kept then.
    kept.backup_output = lambda path: None
    kept.restore_output = lambda path: False
    asked = kept.params_changed

    def params_changed(job: Any, file: Any = None) -> Any:
        # What was measured, the record says, and an input function reads it there. Snakemake notes the params of a job
        # that failed, too, as if they were those of the record that stayed. Only whether the threads were "auto" is in
        # no record. With what else it was made says nothing against a measurement.
        found = asked(job, file=file)
        if not found or job.rule.name not in _MEASURING:
            return found
        of_threads = job.rule.name == "time_training" and {"'auto'"} & (found.only_old | found.only_new)
        return found if of_threads else type(found)()

    kept.params_changed = params_changed


def force(workflow: Workflow, *files: str) -> None:
    """Have files made whatever Snakemake thinks of them.

    Uses ``dag.forcefiles``: whether a record is what the configuration asks for, Snakemake cannot know, and it is known
    to an input function alone.
    """
    workflow.dag.forcefiles.update(files)


def is_forced(workflow: Workflow, file: str, rule: str) -> bool:
    """Whether the user wants a file made again, by an option that names it or its rule.

    Uses ``dag_settings``: an input function is not told why its job runs.
    """
    settings = workflow.dag_settings
    named = {*settings.forcerun, *(settings.targets if settings.forcetargets else ())}
    return bool(settings.forceall or named & {file, rule})


def targets(workflow: Workflow) -> set[str]:
    """The targets that the user names.

    Uses ``dag_settings.targets``: what a rule waits for depends on them.
    """
    return set(workflow.dag_settings.targets)


def jobs_to_run(workflow: Workflow) -> list[tuple[str, str]]:
    """Rule and first output of each job that is to run and has one.

    Uses ``dag.needrun_jobs``: Snakemake counts jobs for its own log alone.
    """
    return [(job.rule.name, str(job.output[0])) for job in workflow.dag.needrun_jobs() if job.output]


def is_wanted(workflow: Workflow, rule: str) -> bool:
    """Whether the targets need what a rule makes, be it there or not.

    Uses ``dag.jobs``: the targets that are named may be files.
    """
    return any(job.rule.name == rule for job in workflow.dag.jobs)


def when_nothing_is_to_do(workflow: Workflow, action: Callable[[], None]) -> None:
    """Do something at the end of a call that has no job to run; dry ones do nothing.

    Uses the text that Snakemake logs then, since it calls none of its hooks.
    """

    def notice(record: logging.LogRecord) -> bool:
        if record.getMessage().startswith("Nothing to be done") and not workflow.dryrun:
            atexit.register(action)
        return True

    logger.addFilter(notice)


def use_conda(workflow: Workflow) -> bool:
    """Whether --use-conda is given.

    Uses ``deployment_settings``: without conda the stack that is installed is timed.
    """
    return DeploymentMethod.CONDA in workflow.deployment_settings.deployment_method


def cores(workflow: Workflow) -> int:
    """Every core that Snakemake may use; 1 where their number is not known, as to --lint.

    Uses ``Workflow.cores``, which the manual names but not what it raises.
    """
    try:
        return int(workflow.cores)
    except WorkflowError:
        return 1


def given_config(workflow: Workflow) -> Mapping[str, Any]:
    """Keys and values of --config.

    Uses ``config_settings.config``: in ``config`` nobody can tell them from those of files.
    """
    found: Mapping[str, Any] = workflow.config_settings.config
    return found


def given_configfiles(workflow: Workflow) -> Sequence[Path]:
    """The files of --configfile.

    Uses ``overwrite_configfiles``: they are read more strictly than Snakemake does, and errors name file and line.
    """
    found: Sequence[Path] = workflow.overwrite_configfiles
    return found


def announce_environments(workflow: Workflow, sizes: Path) -> None:
    """Have Snakemake say more before it makes environments.

    Uses the filters of ``snakemake.logging.logger`` and texts that it is given, since there is no hook before
    environments are made.

    Args:
        workflow: Snakemake's.
        sizes: envs/sizes.json.
    """

    def announce(record: logging.LogRecord) -> bool:
        if _MAKING_ENVIRONMENT.match(record.getMessage()):
            logger.removeFilter(announce)  # the first one speaks of all
            missing, folder = missing_environments(workflow)
            terminal.say(conda_environments.announce(missing, folder, sizes))
        return True

    logger.addFilter(announce)


def say_less() -> None:
    """Have Snakemake say less before each job and of each error, and one line when it is stopped.

    Uses the filters of ``snakemake.logging.logger``; and ``sys.excepthook``, where Snakemake catches no Ctrl-C, as
    while an environment is made.
    """
    logger.addFilter(progress.worth_showing)
    sys.excepthook = _say_stopped


def missing_environments(workflow: Workflow) -> tuple[list[str], str]:
    """The files of the conda environments that are to be made, and the folder in which.

    Uses ``dag.conda_envs``, and the mark that Snakemake leaves beside an environment: it is missing beside one that is
    half-made, which Snakemake makes anew.
    """
    folders = {str(each.file): Path(each.address) for each in workflow.dag.conda_envs.values()}
    missing = [
        f for f, there in folders.items() if not (there.exists() and get_env_setup_done_flag_file(there).exists())
    ]
    return missing, os.path.relpath(next(iter(folders.values())).parent)


def _say_stopped(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        terminal.say(errors.STOPPED, to=sys.stderr)
    else:
        sys.__excepthook__(kind, error, traceback)
