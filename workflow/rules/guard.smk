# What holds whatever options Snakemake is given: this project runs in its own folder, and no option costs a measurement.
import logging
import shlex
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger
from snakemake.settings.enums import RerunTrigger

ROOT = Path(workflow.current_basedir.get_path_or_uri(secret_free=True), "../..").resolve()
if {Path(workflow.basedir).resolve(), Path.cwd()} != {ROOT}:
    raise WorkflowError(
        f"trainmark works from its own folder and by its own Snakefile alone. Say 'cd {shlex.quote(str(ROOT))}' first, without "
        "--directory, --snakefile or a module around it. For other results, take another copy of that folder."
    )

sys.path.insert(0, str(Path(workflow.basedir, "workflow/scripts")))

from trainmark import terminal

# Snakemake itself would end at a line that nobody reads, and its jobs with it.
sys.stderr = terminal.TolerantStream(sys.stderr)
for handler in logger.handlers:
    if isinstance(handler, logging.StreamHandler) and not isinstance(handler, logging.FileHandler):
        handler.setStream(terminal.TolerantStream(handler.stream))

if workflow.storage_settings.all_temp:
    raise WorkflowError("--all-temp would delete every measurement once it is in the report. Nothing was started.")


def protect_measurements():
    """Set what the profile says of measurements for calls without it, too; known when the jobs are planned."""
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
    workflow.persistence.backup_output = lambda path: None
    workflow.persistence.restore_output = lambda path: False
    workflow.persistence.params_changed = params_changed


def params_changed(job, file=None):
    """Stand in for Persistence.params_changed: what was measured, the record says, and an input function reads it there.

    Snakemake notes the params of a job that failed, too, as if they were those of the record that stayed. Of the params,
    only whether the threads were "auto" is in no record.
    """
    found = type(workflow.persistence).params_changed(workflow.persistence, job, file=file)
    if job.rule.name == "time_training" and found and not {"'auto'"} & (found.only_old | found.only_new):
        return type(found)()
    return found


delete_output = workflow.delete_output


def delete_temporary_output(only_temp=False, dryrun=False):
    """Stand in for Workflow.delete_output, which --delete-all-output and --delete-temp-output call."""
    if not only_temp:
        raise WorkflowError(
            "--delete-all-output would delete this machine's measurements. Nothing was deleted. Everything but them is "
            "made again when it is missing: rm -r results/report results/data"
        )
    delete_output(only_temp=only_temp, dryrun=dryrun)


workflow.delete_output = delete_temporary_output
