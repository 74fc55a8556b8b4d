# What the rules share: the plan of this call, what comes before its first job, and the wildcards' forms.
import atexit
import gc
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

from trainmark import errors, escaping, files, layers, stacks, terminal
from trainmark.contents import captions, figures, tables
from trainmark.experiment import controls, grid, workloads
from trainmark.install import stack_locks
from trainmark.planning import call, ending, job_environment, plan, preflight, suite_files
from trainmark.measure import progress
from trainmark.planning import config as configuration
from trainmark.records import record, supersession, writing

# Planning makes many objects that stay. Looking for garbage among them took a tenth of its time.
gc.set_threshold(100_000)

SIZES = Path("envs/sizes.json")
REPORT = Path("results/report")
snakemake_interface.announce_environments(workflow, SIZES)
writing.remove_leftovers(grid.MACHINES)

# Before PATH changes, which decides what "python" means to the user.
COMMAND = call.command_line(sys.argv, sys.executable)
SNAKEMAKE = call.command_line(sys.argv[:1], sys.executable)
job_environment.clean_environment()
HERE = plan.surroundings(snakemake_interface.use_conda(workflow))
job_environment.prepare_jobs(sys.executable, HERE.use_conda)
# Where this call keeps the measurements that it replaces.
SUPERSEDED = supersession.folder()
# Every core that Snakemake may use, so that nothing runs beside a timing.
ALL_CORES = snakemake_interface.cores(workflow)

GIVEN = snakemake_interface.given_config(workflow)
LAYERS = [*FILES, configuration.Layer("--config on the command line", None, GIVEN)]
STACKS_NAMED = configuration.locate(("stacks",), LAYERS)
try:
    config |= call.check(config | configuration.typed_values(GIVEN), LAYERS, HERE, ROOT / "workflow/schemas")
    PLAN = plan.make_plan(config, HERE)
    preflight.refuse_missing_baseline(PLAN, configuration.locate(("baseline",), LAYERS))
except errors.TrainmarkError as error:
    raise WorkflowError(escaping.terminal(str(error))) from None
DATA_SET = PLAN.suite.data.paths
# All are made at once, so a run need not name more than one: one that is missing, if any is.
NAMED_DATA = next((file for file in DATA_SET if not Path(file).exists()), DATA_SET[0])
REFERENCES = suite_files.references(config["references"])
terminal.say(*preflight.remarks(PLAN, HERE), to=sys.stderr)
stack_locks.write_lists(PLAN.stacks)


wildcard_constraints:
    kind=f"runs|controls/(?:{'|'.join(controls.NAMES)})",
    stack=stacks.pattern(PLAN.stacks),
    device="cpu|gpu",
    model="|".join(PLAN.suite.models),
    batch_size=r"[1-9]\d*",
    repeat=r"[1-9]\d*",
    round=r"[1-9]\d*",


def conclude(outdated=None):
    """The last lines of a call that was to draw the page."""
    if snakemake_interface.is_wanted(workflow, "render_page"):
        ending.show(REPORT, PLAN.machine, PLAN.settings_digest, progress.load_session(call.SESSION), outdated)


snakemake_interface.when_nothing_is_to_do(workflow, conclude)
snakemake_interface.report_what_is_drawn(
    workflow, "report", REPORT / ending.PAGE, lambda: all(Path(path).exists() for path in PLAN.records)
)


onstart:
    if not workflow.touch:
        jobs, targets = snakemake_interface.jobs_to_run(workflow), snakemake_interface.targets(workflow)
        try:
            call.start(PLAN, HERE, jobs, targets, SUPERSEDED, COMMAND)
        except errors.TrainmarkError as error:
            raise WorkflowError(escaping.terminal(str(error))) from None
        atexit.register(conclude, ending.age(REPORT) if "render_page" in dict(jobs) else None)
