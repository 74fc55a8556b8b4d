"""Snakemake's own options: none costs a measurement, and what cannot work says so."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.conftest import TINY, Checkout, find_child


def measurements(checkout: Checkout) -> dict[str, bytes]:
    """Path -> content of all that was measured."""
    folder = checkout.folder / "results/machines"
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def kept(checkout: Checkout) -> dict[str, bytes]:
    """Path -> content of all that was replaced."""
    folder = checkout.folder / "results/superseded"
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {str(Path(*path.relative_to(folder).parts[1:])): path.read_bytes() for path in paths}


def name(checkout: Checkout, batch_size: int) -> str:
    return str(checkout.record(batch_size).relative_to(checkout.folder))


@pytest.mark.parametrize(
    "options", [["--delete-all-output"], ["--dry-run", "--delete-all-output"], ["--all-temp"]], ids=" ".join
)
def test_option_that_would_delete_measurements_is_refused(checkout, options):
    before = measurements(checkout)
    output = checkout.run(*options, code=1)
    assert f"{options[-1]} would delete" in output
    assert "Traceback" not in output
    assert measurements(checkout) == before
    assert (checkout.folder / "results/report/index.html").exists()


@pytest.mark.parametrize(
    "options",
    [
        ["measure", "--workflow-profile", "none"],
        ["measure", "--rerun-triggers", "code"],
        ["measure", "--rerun-triggers", "input", "params", "mtime"],
        ["measure", "--rerun-incomplete"],
        ["--touch"],
        ["--forceall", "--touch"],
        ["--forceall", "report"],
        ["--delete-temp-output"],
        ["--cleanup-metadata", "RECORD"],
        ["--list-changes", "code"],
        ["--summary"],
        ["--unlock"],
    ],
    ids=" ".join,
)
def test_option_measures_nothing_again(checkout, options):
    """Nor does another version of the rule, with another command and more params."""
    rules = checkout.folder / "workflow/rules/measure.smk"
    text = rules.read_text().replace('"python workflow/scripts/', '"python  workflow/scripts/')
    rules.write_text(text.replace("protocol=record.PROTOCOL,", "protocol=record.PROTOCOL,\n        more='later',"))
    before = measurements(checkout)
    output = checkout.run(*(name(checkout, 64) if option == "RECORD" else option for option in options))
    assert " to do on " not in output
    assert measurements(checkout) == before
    assert " to do on " not in checkout.run("measure")
    assert measurements(checkout) == before


@pytest.mark.parametrize(
    ("options", "sizes"),
    [
        (["--forceall", "measure"], [64, 128]),
        (["--force", "RECORD"], [64]),
        (["measure", "--forcerun", "RECORD", "--no-hooks"], [64]),
        (["measure", "--forcerun", "time_training", "--workflow-profile", "none"], [64, 128]),
    ],
    ids=str,
)
def test_what_is_measured_again_at_ones_wish_is_kept(checkout, options, sizes):
    shutil.rmtree(checkout.folder / "results/data")  # which is known to be needed then, too
    before = measurements(checkout)
    checkout.run(*(name(checkout, 64) if option == "RECORD" else option for option in options))
    after = measurements(checkout)
    assert set(after) == set(before)
    replaced = {path for path in before if after[path] != before[path]}
    assert replaced == {name(checkout, size).removeprefix("results/machines/") for size in sizes}
    described = {path for path in before if path.endswith("machine.json") and "--forceall" in options}
    assert kept(checkout) == {path: before[path] for path in replaced | described}


def test_interrupted_measurement_leaves_the_one_before_it(checkout):
    before = measurements(checkout)
    options = ["--workflow-profile", "none", "--forcerun", name(checkout, 64)]
    workflow = checkout.start(*options, epochs=500)
    find_child(workflow)
    os.killpg(workflow.pid, signal.SIGINT)
    output, _ = workflow.communicate(timeout=60)
    assert "Give the same command again to go on" in output
    assert measurements(checkout) == before


def test_record_is_kept_whatever_becomes_of_its_job_afterwards(checkout):
    with (checkout.folder / "workflow/scripts/time_training.py").open("a") as script:
        script.write("        sys.exit(3)\n")
    checkout.record(64).unlink()
    checkout.run("--workflow-profile", "none", "measure", code=1)
    assert checkout.record(64).exists()


@pytest.mark.parametrize("rule", ["describe_machine", "measure_roofline"])
def test_another_computers_results_are_not_filed_under_its_name(checkout, rule):
    path = checkout.folder / f"results/machines/{TINY['machine']}/machine.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "chip": "Another chip"}))
    before = measurements(checkout)
    output = checkout.run("--forcerun", rule, code=1, roofline=True)
    assert "describes another computer than this one" in output
    assert measurements(checkout) == before


@pytest.mark.parametrize("way", ["--directory", "--snakefile", "module"])
def test_another_folder_or_workflow_around_it_is_refused_in_a_sentence(checkout, tmp_path, way):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    folder, options = (checkout.folder, ["--directory", str(elsewhere)])
    if way != "--directory":
        folder, options = elsewhere, ["--snakefile", str(checkout.folder / "Snakefile")]
    if way == "module":
        (elsewhere / "Snakefile").write_text(
            f'module trainmark:\n    snakefile: "{checkout.folder}/Snakefile"\n\n\nuse rule * from trainmark\n'
        )
        options = []
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--dry-run", *options]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert result.returncode == 1
    assert f"Say 'cd {checkout.folder}' first" in result.stdout + result.stderr
    assert "Traceback" not in result.stdout + result.stderr
