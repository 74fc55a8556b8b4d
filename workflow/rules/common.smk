# What the rules share: the plan of this call, the wildcards' forms, and input functions too small for a module.
import functools
import json
import os
import re
import sys
from pathlib import Path

import yaml
from snakemake.exceptions import WorkflowError
from snakemake.logging import logger
from snakemake.settings.types import DeploymentMethod

from trainmark import errors, escaping, files, layers
from trainmark.dataset import fashion_mnist
from trainmark.experiment import controls, grid, workloads
from trainmark.install import lockfile
from trainmark.machine import awake
from trainmark.measure import progress
from trainmark.planning import call, conda_environments
from trainmark.planning import config as configuration
from trainmark.planning import fingerprint as fingerprints
from trainmark.planning import job_environment, plan, preflight, reference_files
from trainmark.records import record, repeats_needed, supersession, writing

logger.addFilter(progress.worth_showing)
writing.remove_leftovers(grid.MACHINES)


MAKING_ENVIRONMENT = re.compile(
    "(Creating|Removing incomplete) conda environment|(Conda|Incomplete Conda) environment .* will be (created|recreated)"
)


def announce_environments(log_record):
    """Before the first environment is made, say what that takes. Snakemake has no hook there, but says a line itself."""
    if MAKING_ENVIRONMENT.match(log_record.getMessage()):
        logger.removeFilter(announce_environments)
        folders = {str(each.file): Path(each.address) for each in workflow.dag.conda_envs.values()}
        # Snakemake's mark is missing beside one that is half-made, which it makes anew.
        missing = [
            f for f, there in folders.items() if not (there.exists() and there.with_suffix(".env_setup_done").exists())
        ]
        where = os.path.relpath(next(iter(folders.values())).parent)
        terminal.say(conda_environments.announce(missing, where, Path("envs/sizes.json")))
    return True


def say_stopped(kind, error, traceback):
    """Stand in for sys.excepthook: where Snakemake catches no Ctrl-C, as while an environment is made."""
    if issubclass(kind, KeyboardInterrupt):
        terminal.say(errors.STOPPED, to=sys.stderr)
    else:
        sys.__excepthook__(kind, error, traceback)


logger.addFilter(announce_environments)
sys.excepthook = say_stopped

# Before PATH changes, which decides what "python" means to the user.
COMMAND = call.command_line(sys.argv, sys.executable)
SNAKEMAKE = call.command_line(sys.argv[:1], sys.executable)
job_environment.clean_environment()
HERE = plan.surroundings(use_conda=DeploymentMethod.CONDA in workflow.deployment_settings.deployment_method)
job_environment.prepare_jobs(sys.executable, HERE.use_conda)
DATA_SET = expand("results/data/{file}.npy", file=fashion_mnist.PAYLOADS)
# Where this call keeps the measurements that it replaces.
SUPERSEDED = supersession.folder()
# The rules whose scripts take nothing but Python, or a stack. All others take what the report's environment has.
WITHOUT_PACKAGES = {"time_training", "measure_roofline", "describe_machine", "choose_repeats", "check_runs"}
WITHOUT_PACKAGES |= {"examine_stack"}
# What this call has planned, for the lines that tell its progress.
SESSION = Path(".snakemake/trainmark-session.json")


config |= configuration.typed_values(workflow.config_settings.config)
LAYERS = [*FILES, configuration.Layer("--config on the command line", None, workflow.config_settings.config)]

try:
    schema = yaml.safe_load(Path(workflow.basedir, "workflow/schemas/config.schema.yaml").read_text())
    config |= configuration.check(config, schema, LAYERS, HERE)
    schemas = Path(workflow.basedir, "workflow/schemas")
    reference_files.check(config["claims"], config["hardware"], config["references"], schemas)
    PLAN = plan.make_plan(config, HERE)
    preflight.refuse_missing_baseline(PLAN, configuration.locate(("baseline",), LAYERS))
except errors.TrainmarkError as error:
    raise WorkflowError(escaping.terminal(str(error))) from None

for remark in (preflight.remark_on_stacks(PLAN, HERE), preflight.remark_on_controls(PLAN), preflight.remark_on_gpu(PLAN, HERE)):
    if remark:
        terminal.say(remark, to=sys.stderr)


wildcard_constraints:
    kind=f"runs|controls/(?:{'|'.join(controls.NAMES)})",
    stack="|".join(plan.STACK_VERSIONS),
    device="cpu|gpu",
    model="|".join(workloads.MODELS),
    batch_size=r"[1-9]\d*",
    repeat=r"[1-9]\d*",
    round=r"[1-9]\d*",


def all_cores(wildcards):
    """Every core that Snakemake may use, so that nothing runs beside a timing; 1 where the number is not known yet."""
    try:
        return workflow.cores
    except WorkflowError:
        return 1


def only(target):
    """Whether nothing but this target is wanted, as in "snakemake report"."""
    return set(workflow.dag_settings.targets) == {target}


def local_records(wildcards):
    """The records of the local grid and its controls. None for the report alone, which draws what is there and trains nothing."""
    if only("report"):
        return []
    records = PLAN.records if PLAN.goal is None else repeats_before(PLAN.goal.limit + 1)
    return records + PLAN.controls


def repeats_before(round):
    """With "repeats: auto": the records of all cells until, and in, this round, the number of the repeat."""
    records = list(PLAN.records)
    for number in range(repeats_needed.FEWEST, round):
        chosen = checkpoints.choose_repeats.get(round=number).output[0]  # raises until it has been made
        further = json.loads(Path(chosen).read_text())["next"]
        if not further:
            break
        records += further
    return records


def local_rooflines(wildcards):
    """The local machine's sweeps of matrix products, like its records."""
    return [] if only("report") else PLAN.rooflines


def installed_stack(wildcards):
    """Nothing, once it is sure that the stack is there."""
    protect_measurements()
    preflight.refuse_unsupported_platform(HERE)
    if not Path(PLAN.roofline(wildcards.stack, wildcards.device)).exists():
        preflight.refuse_missing_stack([wildcards.stack], HERE, configuration.locate(("stacks",), LAYERS))
    return []


def machine_file(wildcards):
    """The local machine's description, like its records."""
    return [] if only("report") else [PLAN.machine_file]


def page_unless_only_measuring(wildcards):
    """The page, so that failed runs are complained of after it is drawn; "snakemake measure" draws none."""
    return [] if only("measure") else ["results/report/index.html"]


def verdicts_unless_only_measuring(wildcards):
    """The tables that say which runs did not converge."""
    return [] if only("measure") else ["results/report/runs.csv", "results/report/controls.csv"]


def other_files(wildcards):
    """A fingerprint of the records and machine files that are not inputs."""
    return fingerprint(*local_records(wildcards), *local_rooflines(wildcards), *machine_file(wildcards))


@functools.cache  # Snakemake asks several times, and a thousand machines have many files
def fingerprint(*known):
    return fingerprints.fingerprint(known)


@functools.cache  # one moment for all jobs of a call
def doctor_plan():
    """What the doctor's jobs have to know of this call, as JSON."""
    where = configuration.locate(("stacks",), LAYERS)
    return workloads.canonical_json(call.for_doctor(PLAN, HERE, where, SNAKEMAKE, Path("envs/sizes.json")))


def examined_stacks(wildcards):
    """What is found of each stack that this call can start; found anew at every call."""
    found = [f".snakemake/trainmark-doctor/{stack}.json" for stack in call.examinable_stacks(PLAN, HERE)]
    workflow.dag.forcefiles.update(found)
    return found


def figure_labels(wildcards, output):
    """What Snakemake's own report calls a figure."""
    entries = json.loads(Path(output[0], "figures.json").read_text())
    (entry,) = (entry for entry in entries if entry["name"] == wildcards.name)
    return {"figure": entry["title"], "exhibit of the article": entry["number"] or "-"}


def lock_file(wildcards):
    """The file that pins a stack. Without conda, too: the virtual environment's requirements hold the same pins."""
    return f"envs/{wildcards.stack}.{HERE.platform}.yaml"


def job_python(wildcards):
    """The version of the Python that a job has to run on: of the stack with conda, Snakemake's own without."""
    own = "{0}.{1}".format(*sys.version_info)
    return lockfile.python_version(Path(lock_file(wildcards))) if HERE.use_conda else own


def data_set(wildcards):
    """The decoded data set, for a run that is to train; nothing for one that is done.

    A finished run must not wait for the data: where they are missing, Snakemake would make all runs again that name
    them, "ancient" or not. And a record that was measured otherwise than the configuration says is measured again
    whatever .snakemake says, which is where Snakemake notes the params: a copied checkout may lack it.
    """
    protect_measurements()
    preflight.refuse_unsupported_platform(HERE)
    run, settings = PLAN.run(**wildcards), workflow.dag_settings
    state = PLAN.state(run)
    if state == "other":
        workflow.dag.forcefiles.add(str(run.path))
    named = {str(run.path), "time_training"}
    forced = settings.forceall or named & {*settings.forcerun, *(settings.targets if settings.forcetargets else ())}
    if forced or state in ("missing", "other"):
        preflight.refuse_unfit_gpu(PLAN, run)
        preflight.refuse_missing_stack([run.cell.stack], HERE, configuration.locate(("stacks",), LAYERS))
    return [] if state in ("done", "unreadable") and not forced else ancient(DATA_SET)


onstart:
    if not workflow.touch:
        jobs = [(job.rule.name, str(job.output[0])) for job in workflow.dag.needrun_jobs() if job.output]
        planned = [path for rule, path in jobs if rule == "time_training"]
        measured = [path for rule, path in jobs if rule in ("time_training", "measure_roofline")]
        try:
            if {name for name, _ in jobs} - WITHOUT_PACKAGES:
                preflight.refuse_missing_packages(Path("envs/inputs/report.in"), HERE)
            if measured or PLAN.machine_file in dict(map(reversed, jobs)):
                preflight.refuse_other_machine(PLAN)
            if not only("report") and not only("doctor"):
                begun = call.begin(PLAN, planned, SESSION, COMMAND)
                terminal.say(*supersession.announce(measured, SUPERSEDED), *begun)
            if measured:
                awake.hold(os.getpid())
        except errors.TrainmarkError as error:
            raise WorkflowError(escaping.terminal(str(error))) from None
