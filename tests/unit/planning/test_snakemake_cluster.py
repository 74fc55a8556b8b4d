"""Tests of trainmark.planning.snakemake_cluster, with small workflows, by the Snakemake that is installed."""

import json
import os
import re
from types import SimpleNamespace

import pytest
from trainmark.planning import snakemake_cluster

from tests import snakemake_calls
from tests.conftest import ROOT

# Jobs that finish and one that fails, with all that is told of each, and what the configuration was given by.
WORKFLOW = """
import json, sys
sys.path.insert(0, {scripts!r})
from trainmark.planning import snakemake_cluster

told = []

rule all:
    input: "good", "bad"

rule good:
    output: "good"
    shell: "touch {{output}}"

rule bad:
    output: "bad"
    log: "bad.log"
    shell: "exit 3"

snakemake_cluster.run_here(workflow, ["bad"])

def write():
    asked = snakemake_cluster.is_on_node(workflow), snakemake_cluster.gives_jobs_away(workflow)
    here = sorted(workflow._localrules)
    options = snakemake_cluster.configuration_options(workflow)
    open("told.json", "w").write(json.dumps([told, asked, here, options]))

onstart:
    snakemake_cluster.watch_jobs(workflow, lambda *given: told.append(given), lambda *given: told.append(given))
    snakemake_cluster.tell_of_stop(lambda: told.append("stopped"))

onsuccess:
    write()

onerror:
    write()
"""


@pytest.mark.slow
def test_jobs_are_told_of_however_quiet_snakemake_is(tmp_path):
    (tmp_path / "Snakefile").write_text(WORKFLOW.format(scripts=str(ROOT / "workflow/scripts")))
    (tmp_path / "mine.json").write_text('{"key": 1}')
    quiet = ["--cores", "1", "--keep-going", "--quiet", "all", "--configfile", "mine.json", "--config", "list=[1,2]"]
    result = snakemake_calls.run(quiet, tmp_path, dict(os.environ))
    assert result.returncode == 1, result.stdout
    told, asked, here, options = json.loads((tmp_path / "told.json").read_text())
    assert ["good", "good"] in told
    ((jobs, number, logs, message),) = (each for each in told if each not in ("stopped", ["good", "good"]))
    assert (jobs, number, logs) == ([["bad", "bad", ["bad.log"]]], None, [])
    assert isinstance(message, str)
    assert "stopped" not in told
    assert asked == [False, False]
    assert here == ["all", "good"]
    assert options[:1] + options[2:] == ["--configfile", "--config", "list=[1,2]"]
    assert options[1].endswith("mine.json")


# Machines each of which has a checkpoint, and jobs of which some are there from the beginning; what is asked of SLURM
# for them, and which are one job for a cluster, is written down.
FLEET = """
import functools, sys
sys.path.insert(0, {scripts!r})
from trainmark.planning import snakemake_cluster, snakemake_interface

snakemake_interface.remember_signatures()

def asked(wildcards, attempt):
    with open("asked.txt", "a") as file:
        file.write(f"{{wildcards.machine}}{{attempt}} ")
    return 7

def chosen(machine):
    folder = checkpoints.choose.get(machine=machine).output[0]
    return [f"{{machine}}/{{number}}" for number in open(folder).read().split()]

def every(wildcards):
    snakemake_cluster.allocate_together(workflow, "fleet-{{machine}}")
    return snakemake_cluster.all_of(functools.partial(chosen, machine) for machine in "ab")

rule all:
    input: every, "a/8", "a/9"

checkpoint choose:
    output: "{{machine}}.chosen"
    shell: "echo 1 2 > {{output}}"

rule make:
    output: "{{machine}}/{{number}}"
    group: "fleet-{{machine}}"
    resources: x=asked
    shell: "echo {{resources.x}} > {{output}}"

snakemake_cluster.find_once(workflow, ["make"])
onstart:
    open("groups.txt", "w").write(" ".join(workflow.group_settings.group_components))
"""


@pytest.mark.slow
def test_machines_wait_for_their_own_checkpoints_and_are_asked_for_once_and_allocated_together(tmp_path):
    (tmp_path / "Snakefile").write_text(FLEET.format(scripts=str(ROOT / "workflow/scripts")))
    dry = snakemake_calls.run(["--cores", "1", "--dry-run"], tmp_path, dict(os.environ))
    assert re.search(r"^choose +2$", dry.stdout, re.MULTILINE), dry.stdout  # the second does not wait for the first
    (tmp_path / "asked.txt").unlink()
    result = snakemake_calls.run(["--cores", "1"], tmp_path, dict(os.environ))
    assert result.returncode == 0, result.stdout
    assert {path.name for path in (tmp_path / "b").iterdir()} == {"1", "2"}
    assert {path.read_text().strip() for path in (tmp_path / "a").iterdir()} == {"7"}
    assert sorted((tmp_path / "asked.txt").read_text().split()) == ["a1", "b1"]
    assert (tmp_path / "groups.txt").read_text() == "fleet-{machine}"  # also when jobs start


def test_slurms_plugin_is_told_to_ask_squeue_and_another_is_left_alone():
    slurm, generic = SimpleNamespace(status_command="sacct"), SimpleNamespace(submit_cmd="sbatch")
    for settings in (slurm, generic):
        snakemake_cluster.ask_squeue(SimpleNamespace(executor_settings=settings))
    assert slurm.status_command == "squeue"
    assert vars(generic) == {"submit_cmd": "sbatch"}
