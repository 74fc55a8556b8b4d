"""Tests of trainmark.planning.snakemake_cluster, with small workflows, by the Snakemake that is installed."""

import json
import os

import pytest

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
    ((rule, path, number, logs, message),) = (each for each in told if each[0] == "bad")
    assert (rule, path, number, logs) == ("bad", "bad", None, ["bad.log"])
    assert isinstance(message, str)
    assert "stopped" not in told
    assert asked == [False, False]
    assert here == ["all", "good"]
    assert options[:1] + options[2:] == ["--configfile", "--config", "list=[1,2]"]
    assert options[1].endswith("mine.json")
