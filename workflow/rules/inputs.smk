# Input functions, and functions for params like them.
import functools
import json
import shlex
import sys
from pathlib import Path

from trainmark.experiment import workloads
from trainmark.install import lockfile, stack_locks
from trainmark.planning import (
    call,
    fingerprint,
    fleet,
    job_environment,
    lost_jobs,
    nodes,
    plan,
    preflight,
    snakemake_cluster,
)
from trainmark.records import repeats_needed


def only(target):
    """Whether nothing but this target is wanted, as in "snakemake report"."""
    return snakemake_interface.targets(workflow) == {target}


def plan_of(wildcards):
    """The plan of the machine that a job is for."""
    return PLANS[wildcards.machine] if FLEET else PLAN


def run_of(wildcards):
    """The run that a job makes."""
    w = wildcards
    return plan_of(w).run(w.kind, w.stack, w.device, w.model, w.batch_size, w.repeat)


def priority_of_run(wildcards):
    """Rank of a run in the queue."""
    return plan_of(wildcards).priority(run_of(wildcards))


def workload_of_run(wildcards):
    """What a run computes, as JSON."""
    return workload_of_model(wildcards.model)


@functools.cache  # the same for all machines
def workload_of_model(model):
    return workloads.canonical_json(PLAN.workload(model))


def seed_of_run(wildcards):
    """Seed of a run."""
    return plan_of(wildcards).seed(run_of(wildcards))


def threads_of_run(wildcards):
    """Threads of a run, or auto."""
    return plan_of(wildcards).threads(run_of(wildcards))


def local_records(wildcards):
    """The records of the local grid, or the fleet's, and their controls. None for the report alone, which draws what is
    there and trains nothing."""
    if only("report"):
        return []
    return snakemake_cluster.all_of(functools.partial(records_of, each) for each in PLANS.values())


def records_of(planned):
    """The records of one machine's grid and its controls."""
    plain = planned.records if planned.goal is None else repeats_before(planned, planned.goal.limit + 1)
    return plain + planned.controls


def repeats_before(planned, round):
    """With "repeats: auto": the records of all cells until, and in, this round, the number of the repeat."""
    rounds = range(repeats_needed.FEWEST, round)
    of = {"machine": planned.machine} if FLEET else {}
    # get() raises until the file has been made, so none is asked for before it is needed.
    return planned.records + [
        *call.chosen_repeats(checkpoints.choose_repeats.get(**of, round=n).output[0] for n in rounds)
    ]


def local_rooflines(wildcards):
    """The machines' sweeps of matrix products, like their records."""
    return [] if only("report") else [path for each in PLANS.values() for path in each.rooflines]


def machine_file(wildcards):
    """The machines' descriptions, like their records."""
    return [] if only("report") else [each.machine_file for each in PLANS.values()]


def page_unless_only_measuring(wildcards):
    """The page, so that failed runs are complained of after it is drawn; "snakemake measure" draws none."""
    return [] if only("measure") else ["results/report/index.html"]


def verdicts_unless_only_measuring(wildcards):
    """The tables that say which runs did not converge."""
    return [] if only("measure") else ["results/report/runs.csv", "results/report/controls.csv"]


def other_files(wildcards):
    """A fingerprint of the records and machine files that are not inputs."""
    records = [] if only("report") else [path for each in PLANS.values() for path in records_of(each)]
    known = (*records, *local_rooflines(wildcards), *machine_file(wildcards))
    return fingerprint.fingerprint(known)


@functools.cache  # one moment for all jobs of a call
def doctor_plan():
    """What the doctor's jobs have to know of this call, as JSON."""
    return workloads.canonical_json(call.for_doctor(PLAN, HERE, STACKS_NAMED, SNAKEMAKE, SIZES))


def examined_stacks(wildcards):
    """What is found of each stack that this call can start; found anew at every call."""
    call.refuse_doctor_of_fleet(FLEET)
    found = [f".snakemake/trainmark-doctor/{stack}.json" for stack in call.examinable_stacks(PLAN, HERE)]
    snakemake_interface.force(workflow, *found)
    return found


def figure_labels(wildcards, output):
    """What Snakemake's own report calls a figure."""
    entries = json.loads(Path(output[0], "figures.json").read_text())
    (entry,) = (entry for entry in entries if entry["name"] == wildcards.name)
    return {"figure": entry["title"], "exhibit of the article": entry["number"] or "-"}


def lock_file(wildcards):
    """The file that pins a stack. Without conda, too: the virtual environment's requirements hold the same pins."""
    return str(stack_locks.path(wildcards.stack, plan_of(wildcards).platform))


def environment_file(wildcards):
    """The file from which conda makes a stack's environment; none of a stack that is what is installed."""
    return None if stacks.is_unpinned(wildcards.stack) else f"../../{lock_file(wildcards)}"


def job_program(wildcards):
    """The Python of a job on a node, as its shell finds it."""
    return plan_of(wildcards).node.program(wildcards.get("stack"))


# Of many jobs without conda, it is not asked for.
ENVIRONMENT = environment_file if HERE.use_conda or not FLEET else None


# What "python" means to jobs of nodes without conda, whose environment is not the one that runs Snakemake.
PROGRAM = job_program if FLEET and not HERE.use_conda else "python"


def job_python(wildcards):
    """The version of the Python that a job has to run on: of the stack with conda, without it of its environment."""
    if HERE.use_conda:
        return lockfile.python_version(Path(lock_file(wildcards)))
    node = plan_of(wildcards).node
    own = "{0}.{1}".format(*sys.version_info)
    return (nodes.python_version(node.environment(wildcards.stack)) or own) if node else own


def made_with(wildcards):
    """What a job has to be made with, as options of its script: the lock, the interpreter, and of a fleet the node."""
    node = plan_of(wildcards).node
    folder = node.environment(wildcards.stack) if node else None
    prefix = job_environment.job_prefix(str(folder) if folder else sys.prefix, HERE.use_conda)
    where = f" --node={shlex.quote(node.expected)}" if node else ""
    return f"--lock-file {lock_file(wildcards)} --interpreter {prefix} {job_python(wildcards)}{where}"


def expected_node(wildcards):
    """What the description of a node asks of it, as JSON."""
    return plan_of(wildcards).node.expected


def slurm_resources(rule):
    """What SLURM is asked for a job of a rule, as resources; none where there is no fleet."""
    asked = fleet.asked_of_slurm(PLANS, rule, config) if FLEET else {}
    return {key: snakemake_cluster.of_machine(values) for key, values in asked.items()}


def installed_stack(wildcards):
    """Nothing, once it is sure that the stack is there; on a node, its description, which it has to fit."""
    snakemake_interface.protect_measurements(workflow)
    snakemake_cluster.allocate_together(workflow, ALLOCATION)
    of = plan_of(wildcards)
    missing = not Path(of.roofline(wildcards.stack, wildcards.device)).exists()
    if FLEET:
        return ancient(of.machine_file) if missing else []
    preflight.refuse_unsupported_platform(HERE)
    if missing:
        preflight.refuse_cells(of, [(wildcards.stack, wildcards.device)], HERE, STACKS_NAMED)
    return []


def data_set(wildcards):
    """The decoded data set, for a run that is to train; nothing for one that is done.

    A finished run must not wait for the data: where they are missing, Snakemake would make all runs again that name
    them, "ancient" or not. And a record that was measured otherwise than the configuration says is measured again
    whatever .snakemake says, which is where Snakemake notes the params: a copied checkout may lack it. A run on a node
    of a fleet waits for the node's description, too, which it has to fit.
    """
    snakemake_interface.protect_measurements(workflow)
    snakemake_cluster.allocate_together(workflow, ALLOCATION)
    of, run = plan_of(wildcards), run_of(wildcards)
    state, forced = of.state(run), snakemake_interface.is_forced(workflow, str(run.path), "time_training")
    if state == "other":
        snakemake_interface.force(workflow, str(run.path))
    if not FLEET:
        preflight.refuse_unsupported_platform(HERE)
        if forced or state in ("missing", "other"):
            preflight.refuse_run(of, run, HERE, STACKS_NAMED)
    needed = [ancient(NAMED_DATA), *([ancient(of.machine_file)] if FLEET else [])]
    return [] if state in ("done", "unreadable") and not forced else needed


def described_grid(wildcards):
    """What the page is told of the grid, as JSON; where nothing is to be measured now, also what a fleet has lost."""
    lost = {"lost": lost_jobs.still_lost()} if FLEET and only("report") else {}
    return workloads.canonical_json({**plan.described_grid(SHOWN), **lost})


def written(*names):
    return [f"results/report/{tables.named(name).file}" for name in names]


shown_in_snakemakes_report = report  # which at the beginning of a line is a keyword


def tables_of(rule):
    """The outputs of a rule; those with a title are in Snakemake's own report, too."""
    return [output_of(table) for table in tables.of_rule(rule)]


def output_of(table):
    path = f"results/report/{table.file}"
    if not table.title:
        return path
    caption = captions.file_of(table, Path(".snakemake/trainmark-captions"))
    return shown_in_snakemakes_report(path, caption=caption, category=table.category, labels={"table": table.title})
