# What the rules share: the plan of this call, what comes before its first job, and the wildcards' forms.
import atexit
import functools
import gc
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

from trainmark import errors, escaping, files, layers, stacks, terminal
from trainmark.contents import captions, figures, tables
from trainmark.experiment import controls, grid, workloads
from trainmark.install import stack_locks
from trainmark.planning import (
    call,
    ending,
    fleet,
    job_environment,
    lost_jobs,
    nodes,
    plan,
    preflight,
    snakemake_cluster,
    ssh_machines,
    suite_files,
)
from trainmark.measure import progress
from trainmark.planning import config as configuration
from trainmark.records import record, supersession, writing

# Planning makes many objects that stay. Looking for garbage among them took a tenth of its time.
gc.set_threshold(100_000)

SIZES = Path("envs/sizes.json")
REPORT = Path("results/report")
snakemake_interface.announce_environments(workflow, SIZES)
# A job on a node is told what to make, and is one of many: it neither tidies up nor says what the command will do.
ON_NODE = snakemake_cluster.is_on_node(workflow)
if not ON_NODE:
    writing.remove_leftovers(grid.MACHINES)

# Before PATH changes, which decides what "python" means to the user.
COMMAND = call.command_line(sys.argv, sys.executable)
SNAKEMAKE = call.command_line(sys.argv[:1], sys.executable)
job_environment.clean_environment()
HERE = plan.surroundings(snakemake_interface.use_conda(workflow), bool(config.get("fleet")))
job_environment.prepare_jobs(sys.executable, HERE.use_conda)
# Where this call keeps the measurements that it replaces.
SUPERSEDED = supersession.folder()

GIVEN = snakemake_interface.given_config(workflow)
LAYERS = [*FILES, configuration.Layer("--config on the command line", None, GIVEN)]
STACKS_NAMED = configuration.locate(("stacks",), LAYERS)
try:
    config |= call.check(config | configuration.typed_values(GIVEN), LAYERS, HERE, ROOT / "workflow/schemas")
    # By the machine's name: those of the fleet, or this one alone.
    SHOWN = plan.make_plans(config, HERE)
    # Those that jobs of this command measure: not what ssh reaches, which is brought here by scripts/measure_fleet.py.
    PLANS = {name: each for name, each in SHOWN.items() if not each.node or each.node.partition}
    # This machine's. A fleet's first, for what all of them have in common.
    PLAN = next(iter(SHOWN.values()))
    FLEET = PLAN.node is not None
    preflight.refuse_missing_baseline(PLAN, configuration.locate(("baseline",), LAYERS), SHOWN)
except errors.TrainmarkError as error:
    raise WorkflowError(escaping.terminal(str(error))) from None
DATA_SET = PLAN.suite.data.paths
# All are made at once, so a run need not name more than one: one that is missing, if any is.
NAMED_DATA = next((file for file in DATA_SET if not Path(file).exists()), DATA_SET[0])
REFERENCES = suite_files.references(config["references"])
if not ON_NODE:
    terminal.say(*(fleet.remarks(PLANS) if FLEET else preflight.remarks(PLAN, HERE)), to=sys.stderr)
if FLEET:
    nodes.ask_for_all_memory()
stack_locks.write_lists(PLAN.stacks)
# In paths, the name of this machine, or a wildcard that means the fleet's machines and no others: what other people have
# sent is never made.
MACHINE, OF_MACHINE = ("{machine}", "{machine}/") if FLEET else (PLAN.machine, "")
# Where the records of the suite lie, below the folder of the machines.
FOLDER = grid.folder(MACHINE, PLAN.suite.name)
# Where one allocation makes all that a machine lacks, the group of its jobs.
ALLOCATION = "fleet-{machine}" if FLEET and config["allocation"] == "machine" else None
# Every core that Snakemake may use, so that nothing runs beside a timing: of a node, all that it has.
ALL_CORES = nodes.THREADS if FLEET else snakemake_interface.cores(workflow)


wildcard_constraints:
    machine="|".join(PLANS) or "(?!)",  # nothing at all
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
        session, by_ssh = progress.load_session(call.SESSION), ssh_machines.of(config)
        ending.show_fleet(REPORT, [*SHOWN], PLAN.settings_digest, session, outdated, by_ssh)


def conclude_fleet(teller, outdated):
    """The same, where jobs of nodes may have been lost: then Snakemake has drawn nothing, and what is there is drawn now."""
    options = snakemake_cluster.configuration_options(workflow)
    wanted = snakemake_interface.is_wanted(workflow, "render_page")
    if not (wanted and lost_jobs.draw_despite(teller, sys.executable, HERE.use_conda, options)):
        conclude(outdated)


snakemake_interface.when_nothing_is_to_do(workflow, conclude)
snakemake_interface.report_what_is_drawn(
    workflow,
    "report",
    REPORT / ending.PAGE,
    lambda: all(Path(path).exists() for each in PLANS.values() for path in each.records),
)


onstart:
    if not workflow.touch:
        jobs, targets = snakemake_interface.jobs_to_run(workflow), snakemake_interface.targets(workflow)
        try:
            if FLEET:
                terminal.say(*fleet.remark_on_ssh(SHOWN.keys() - PLANS.keys(), targets))
                away = snakemake_cluster.gives_jobs_away(workflow)
                ask_squeue = functools.partial(snakemake_cluster.ask_squeue, workflow)
                fleet.start(PLANS, HERE, jobs, away, SUPERSEDED, COMMAND, ask_squeue)
            else:
                fleet.refuse_empty(snakemake_cluster.gives_jobs_away(workflow))
                call.start(PLAN, HERE, jobs, targets, SUPERSEDED, COMMAND)
        except errors.TrainmarkError as error:
            raise WorkflowError(escaping.terminal(str(error))) from None
        outdated = ending.age(REPORT) if "render_page" in dict(jobs) else None
        if FLEET:
            teller = lost_jobs.Teller()
            snakemake_cluster.watch_jobs(workflow, teller.finished, teller.failed)
            snakemake_cluster.tell_of_stop(teller.stop)
            fleet.watch_queue(fleet.QUEUE_SECONDS)
            if ALLOCATION:
                teller.watch(fleet.RECORDS_SECONDS)
            atexit.register(conclude_fleet, teller, outdated)
        else:
            atexit.register(conclude, outdated)
