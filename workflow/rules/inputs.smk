# Input functions, and functions for params like them.
import functools
import json
import sys
from pathlib import Path

from trainmark.experiment import workloads
from trainmark.install import lockfile, stack_locks
from trainmark.planning import call, fingerprint, preflight
from trainmark.records import repeats_needed


def only(target):
    """Whether nothing but this target is wanted, as in "snakemake report"."""
    return snakemake_interface.targets(workflow) == {target}


def local_records(wildcards):
    """The records of the local grid and its controls. None for the report alone, which draws what is there and trains nothing."""
    if only("report"):
        return []
    return (PLAN.records if PLAN.goal is None else repeats_before(PLAN.goal.limit + 1)) + PLAN.controls


def repeats_before(round):
    """With "repeats: auto": the records of all cells until, and in, this round, the number of the repeat."""
    rounds = range(repeats_needed.FEWEST, round)
    # get() raises until the file has been made, so none is asked for before it is needed.
    return PLAN.records + [*call.chosen_repeats(checkpoints.choose_repeats.get(round=n).output[0] for n in rounds)]


def local_rooflines(wildcards):
    """The local machine's sweeps of matrix products, like its records."""
    return [] if only("report") else PLAN.rooflines


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
    known = (*local_records(wildcards), *local_rooflines(wildcards), *machine_file(wildcards))
    return fingerprint.fingerprint(known)


@functools.cache  # one moment for all jobs of a call
def doctor_plan():
    """What the doctor's jobs have to know of this call, as JSON."""
    return workloads.canonical_json(call.for_doctor(PLAN, HERE, STACKS_NAMED, SNAKEMAKE, SIZES))


def examined_stacks(wildcards):
    """What is found of each stack that this call can start; found anew at every call."""
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
    return str(stack_locks.path(wildcards.stack, HERE.platform))


def environment_file(wildcards):
    """The file from which conda makes a stack's environment; none of a stack that is what is installed."""
    return None if stacks.is_unpinned(wildcards.stack) else f"../../{lock_file(wildcards)}"


def job_python(wildcards):
    """The version of the Python that a job has to run on: of the stack with conda, Snakemake's own without."""
    own = "{0}.{1}".format(*sys.version_info)
    return lockfile.python_version(Path(lock_file(wildcards))) if HERE.use_conda else own


def installed_stack(wildcards):
    """Nothing, once it is sure that the stack is there."""
    snakemake_interface.protect_measurements(workflow)
    preflight.refuse_unsupported_platform(HERE)
    if not Path(PLAN.roofline(wildcards.stack, wildcards.device)).exists():
        preflight.refuse_cells(PLAN, [(wildcards.stack, wildcards.device)], HERE, STACKS_NAMED)
    return []


def data_set(wildcards):
    """The decoded data set, for a run that is to train; nothing for one that is done.

    A finished run must not wait for the data: where they are missing, Snakemake would make all runs again that name
    them, "ancient" or not. And a record that was measured otherwise than the configuration says is measured again
    whatever .snakemake says, which is where Snakemake notes the params: a copied checkout may lack it.
    """
    snakemake_interface.protect_measurements(workflow)
    preflight.refuse_unsupported_platform(HERE)
    run = PLAN.run(**wildcards)
    state, forced = PLAN.state(run), snakemake_interface.is_forced(workflow, str(run.path), "time_training")
    if state == "other":
        snakemake_interface.force(workflow, str(run.path))
    if forced or state in ("missing", "other"):
        preflight.refuse_run(PLAN, run, HERE, STACKS_NAMED)
    return [] if state in ("done", "unreadable") and not forced else ancient(NAMED_DATA)


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
