"""The report as its users ask for it: of what is there, of what was merged, of what they configured."""

import csv
import datetime
import html
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import synthetic_machine, synthetic_record
from tests.integration.conftest import change, trained

NOTHING = "Nothing to be done"


def test_report_draws_what_is_there_and_trains_nothing(checkout):
    checkout.record(64).unlink()
    synthetic = checkout.folder / "results/machines/synthetic"
    record = synthetic / "runs/tf-2.19/cpu/mlp/32/1.json"
    record.parent.mkdir(parents=True)
    record.write_text(json.dumps(synthetic_record()))
    (synthetic / "machine.json").write_text(json.dumps(synthetic_machine()))
    output = checkout.run("report", epochs=9)
    assert trained(output) == 0
    assert not checkout.record(64).exists()
    runs = (checkout.folder / "results/report/runs.csv").read_text().splitlines()
    assert len(runs) == 1 + 2
    output = checkout.run("report", epochs=9)
    assert NOTHING in output
    assert output.splitlines()[-1] == f"Page: {(checkout.folder / 'results/report/index.html').as_uri()}"
    shutil.rmtree(synthetic)
    assert trained(checkout.run("report", "--until", "collect_records", epochs=9)) == 0
    assert len((checkout.folder / "results/report/runs.csv").read_text().splitlines()) == 1 + 1


def test_command_of_the_page_repeats_the_disturbed_runs_and_no_others(checkout):
    record, quiet = (json.loads(checkout.record(size).read_text()) for size in (64, 128))
    cores = record["durations"]["fit_seconds"] * record["execution"]["intra_op_threads"]
    record["noise"] |= {"fit_other_cpu_seconds": 0.6 * cores, "fit_steal_seconds": 0}
    quiet["noise"] |= {"fit_other_cpu_seconds": 0, "fit_steal_seconds": 0}
    for size, data in ((64, record), (128, quiet)):
        checkout.record(size).write_text(json.dumps(data))
    other = checkout.record(128).read_bytes()
    checkout.run("report")
    page = html.unescape((checkout.folder / "results/report/index.html").read_text())
    assert "other programs took 60 % of the cores' time" in page
    (command,) = re.findall(r"<code>(snakemake --cores 1 --forcerun .*)</code>", page)
    typed = f"{sys.executable} -m {command} roofline=False"  # which the others of these runs were made without, too
    result = subprocess.run(typed, shell=True, cwd=checkout.folder, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert trained(result.stdout) == 1
    assert json.loads(checkout.record(64).read_text())["started_at"] > record["started_at"]
    assert checkout.record(128).read_bytes() == other
    assert len(list((checkout.folder / "results/superseded").rglob("64/1.json"))) == 1


def script(checkout, name: str, *arguments: str, code: int = 0) -> str:
    command = [sys.executable, f"workflow/scripts/{name}.py", *arguments]
    # Where the key lies that signs: not in the folder of whoever runs the tests.
    environment = {**os.environ, "XDG_CONFIG_HOME": str(checkout.folder / "config-of-the-user")}
    result = subprocess.run(command, cwd=checkout.folder, env=environment, capture_output=True, text=True)
    assert result.returncode == code, result.stdout + result.stderr
    return result.stdout


def move_a_day_back(machines: Path) -> None:
    """Let records of a copied tree be another measurement; one measurement under two names is refused."""
    for path in machines.rglob("runs/**/*.json"):
        record = json.loads(path.read_text())
        for key in ("started_at", "ended_at"):
            time = datetime.datetime.fromisoformat(record[key]) - datetime.timedelta(days=1)
            record[key] = time.isoformat(timespec="milliseconds")
        path.write_text(json.dumps(record))


def test_results_are_packed_renamed_merged_and_compared_without_training(checkout, tmp_path):
    theirs = checkout.copy(tmp_path / "theirs")
    move_a_day_back(theirs.folder / "results/machines")
    assert "is now their-machine" in script(theirs, "rename_machine", "test-checkout", "their-machine")
    packed = script(theirs, "pack_results", "--machine", "their-machine")
    archive = str(theirs.folder / re.search(r"results/\S+\.tar\.gz", packed)[0])
    assert "their-machine: 3 new, 0 identical" in script(checkout, "merge_results", archive)
    assert "All identical" in script(checkout, "merge_results", archive)
    assert trained(checkout.run("report")) == 0
    table = (checkout.folder / "results/report/comparisons.csv").read_text()
    assert "CPU: every machine against" in table
    assert "their-machine" in table
    assert "every machine against" in (checkout.folder / "results/report/index.html").read_text()
    assert trained(checkout.run("measure")) == 0

    # Replaced by a record with an older time, and by a copy that keeps its time: the report follows.
    record = checkout.folder / "results/machines/their-machine/runs/tf-2.19/cpu/mlp/64/1.json"
    record.write_text(record.read_text().replace('"status": "ok"', '"status": "killed"'))
    os.utime(record, (1, 1))
    assert trained(checkout.run("results/report/runs.csv")) == 0
    assert (
        '"their-machine","tf-2.19","cpu","mlp",64,1,"killed"'
        in (checkout.folder / "results/report/runs.csv").read_text()
    )
    shutil.copy2(theirs.folder / "results/machines/their-machine/runs/tf-2.19/cpu/mlp/64/1.json", record)
    assert trained(checkout.run("results/report/runs.csv")) == 0
    assert "killed" not in (checkout.folder / "results/report/runs.csv").read_text()

    # The same name, another measurement.
    script(checkout, "rename_machine", "their-machine", "third-machine")
    checkout.record(64).write_text(checkout.record(64).read_text().replace('"seed": 2024', '"seed": 2025'))
    before = checkout.record(64).read_text()
    output = script(checkout, "merge_results", archive, "--as", "test-checkout", code=1)
    assert "is a different measurement from results/machines/test-checkout/runs" in output
    assert "nothing was written" in output
    assert checkout.record(64).read_text() == before


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="there is no ssh-keygen (OpenSSH)")
def test_page_says_who_has_signed_what_was_merged_and_what_was_measured_here(checkout, tmp_path):
    def rows(*options: str) -> dict[str, dict[str, str]]:
        assert trained(checkout.run("report", *options)) == 0
        path = checkout.folder / "results/report/origins.csv"
        return {row["machine"]: row for row in csv.DictReader(path.read_text().splitlines())}

    theirs = checkout.copy(tmp_path / "theirs")
    move_a_day_back(theirs.folder / "results/machines")
    script(theirs, "rename_machine", "test-checkout", "their-machine")
    packed = script(theirs, "pack_results", "--machine", "their-machine")
    key = re.search(r"signed by (SHA256:\S{43})\.$", packed, re.MULTILINE)[1]
    archive = str(theirs.folder / "results/their-machine.tar.gz")
    assert f"their-machine: 3 new, 0 identical; signed by {key}" in script(checkout, "merge_results", archive)
    found = rows()
    assert (found["their-machine"]["signed"], found["their-machine"]["keys"]) == ("2", key)
    assert (found["test-checkout"]["by_no_merge"], found["test-checkout"]["signed"]) == ("2", "0")
    # Their times were changed by this test, so that the second names what is here no more.
    assert (found["their-machine"]["named_here"], found["their-machine"]["named_elsewhere"]) == ("0", "1")
    assert (found["test-checkout"]["named_here"], found["test-checkout"]["unlinked"]) == ("1", "1")
    page = (checkout.folder / "results/report/index.html").read_text()
    assert f"signed by {key}" in page
    assert "measured here" in page
    assert NOTHING in checkout.run("report")
    shutil.rmtree(checkout.folder / "results/origins")
    assert rows("--until", "collect_records")["their-machine"]["signed"] == "0"


def test_bad_record_stops_the_report_or_is_listed(checkout):
    folder = checkout.folder / "results/machines/synthetic/runs/tf-2.19/cpu/mlp/32"
    folder.mkdir(parents=True)
    (folder / "1.json").write_text("{}")
    output = checkout.run("report", code=1)
    assert output.count("synthetic/runs/tf-2.19/cpu/mlp/32/1.json: does not follow its schema") == 1
    assert "job" not in output.split("trainmark: ")[-1]  # what failed is not said again in Snakemake's words
    assert "Page: " not in output  # which is of before
    output = checkout.run("report", "--until", "collect_records", on_bad_record="skip")
    assert "1 file cannot be used: left out" in output
    assert "32/1.json" in (checkout.folder / "results/report/excluded_files.csv").read_text()


def test_own_claims_and_hardware_reach_the_page_and_leave_it_whatever_their_age(checkout):
    record = json.loads((checkout.folder / "results/machines/test-checkout/machine.json").read_text())
    chip = {"id": "mine", "name": "Mine", "match": {"chip": re.escape(record["chip"])}}
    claim = {
        "id": "my-claim",
        "statement": "No GPU here",
        "source": "me",
        "candidate": {"hardware": "mine", "device": "gpu"},
        "baseline": [{"device": "cpu"}],
        "cells": {"models": ["mlp"], "batch_sizes": [64]},
        "statistic": "every",
        "relation": "above",
        "value": 1,
    }
    for name, data in (
        ("hardware", {"sources": {}, "chips": [chip]}),
        ("claims", {"sources": {"me": "Me"}, "claims": [claim]}),
    ):
        path = checkout.folder / f"my-{name}.json"
        path.write_text(json.dumps(data))
        os.utime(path, (1, 1))
    ours = {"claims": "config/claims/article.yaml", "hardware": "config/hardware.yaml"}
    own = {key: [path, f"my-{key}.json"] for key, path in ours.items()}
    page = checkout.folder / "results/report/index.html"
    assert trained(checkout.run("report", **own)) == 0
    assert "No GPU here" in page.read_text()
    assert "Mine" in page.read_text()
    assert trained(checkout.run("report", "--until", "make_tables")) == 0
    assert "my-claim" not in (checkout.folder / "results/report/claims.csv").read_text()


def test_unreadable_record_is_refused_named_and_kept(checkout):
    checkout.record(64).write_text('{"format_version": 1')
    output = checkout.run(code=1)
    assert "mlp/64/1.json: is cut off" in output
    assert checkout.record(64).read_text() == '{"format_version": 1'


def test_snakemakes_own_report(checkout):
    output = checkout.run("--report", "report.html")
    assert "Missing metadata" not in output
    html = (checkout.folder / "report.html").read_text()
    (sentence,) = re.findall(
        r"^\*\*(.+)\*\*$", (checkout.folder / "results/report/summary.md").read_text(), re.MULTILINE
    )
    for words in (
        "Training time, CPUs",
        "Throughput over the batch size",
        "exhibit of the article",
        "Claims and verdicts",
        "by time.perf_counter in the training process",  # of a caption
        "How to read this",  # of its home page
        sentence.replace("\\", ""),
        "time_training",  # how the runs were made
    ):
        assert words in html.replace("\\n", " "), words
    assert len(html) > 100_000


def test_snakemakes_own_report_of_what_others_measured_and_drew(checkout, tmp_path):
    """Without what Snakemake has noted of it, without this computer's runs, and without one of the tables."""
    elsewhere = checkout.copy(tmp_path / "elsewhere", ".snakemake")
    script(elsewhere, "rename_machine", "test-checkout", "their-machine")
    (elsewhere.folder / "results/report/comparisons.csv").unlink()
    output = elsewhere.run("--report", "report.html")
    assert "Missing metadata" not in output
    assert "WorkflowError" not in output
    html = (elsewhere.folder / "report.html").read_text()
    assert "How to read this" in html
    assert "comparisons_summary.csv" in html
    assert "/comparisons.csv" not in html
    elsewhere.run("--report", "report.zip")
    assert zipfile.is_zipfile(elsewhere.folder / "report.zip")
    (elsewhere.folder / "results/report/index.html").unlink()
    output = elsewhere.run("--report", "none.html", code=1)
    assert "There is no results/report/index.html yet. Draw it first: snakemake --cores 1 report" in output


@pytest.fixture(scope="module")
def bare_python(tmp_path_factory) -> str:
    """A Python that has Snakemake, and of what the report takes nothing that Snakemake does not bring."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder / "env", symlinks=True)
    (folder / "packages").mkdir()
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if not path.name.lower().startswith(("msgspec", "pandas", "tensorflow")):
            (folder / "packages" / path.name).symlink_to(path)
    (there,) = (folder / "env").glob("lib/python3.*/site-packages")
    (there / "packages.pth").write_text(f"{folder / 'packages'}\n")
    return str(folder / "env/bin/python")


def test_report_says_which_packages_are_missing_and_how_to_get_them(checkout, bare_python):
    checkout = replace(checkout, python=bare_python)
    assert NOTHING in checkout.run()
    shutil.rmtree(checkout.folder / "results/report")
    output = checkout.run("report", code=1)
    assert f"{bare_python}, does not have: msgspec, pandas. Add --use-conda" in output
    assert "Look above" not in output
    checkout.run("measure")  # takes neither


def test_a_table_is_added_by_its_declaration_and_its_function(checkout):
    """The page, the rules and Snakemake's own report have it; no other file is touched."""
    package = checkout.folder / "workflow/scripts/trainmark"
    before = {path: path.read_bytes() for path in checkout.folder.glob("workflow/**/*.*") if path.suffix != ".pyc"}
    change(
        checkout.folder,
        "contents/compared",
        "TABLES = (\n",
        "TABLES = (\n"
        '    Table("longest", MAKE, (*SERIES, Column("fit_seconds", "Longest (s)", "seconds")), "Longest runs",\n'
        '          "The longest run of each series.", "spread", made_by="stability.longest", given=("runs",)),\n',
    )
    with (package / "analysis/stability.py").open("a") as file:
        file.write(
            "\n\ndef longest(runs: pd.DataFrame) -> pd.DataFrame:\n"
            '    return runs.groupby(["machine", "stack", "device"])["fit_seconds"].max().reset_index()\n'
        )
    assert trained(checkout.run("report")) == 0
    (row,) = csv.DictReader((checkout.folder / "results/report/longest.csv").read_text().splitlines())
    records = checkout.records().values()
    assert float(row["fit_seconds"]) == max(record["durations"]["fit_seconds"] for record in records)
    page = (checkout.folder / "results/report/index.html").read_text()
    assert "Longest runs" in page.split('id="spread"')[1].split("<h3")[0]
    checkout.run("report", "--report", "snakemake.html")
    assert "The longest run of each series." in (checkout.folder / "snakemake.html").read_text()
    now = {path: path.read_bytes() for path in checkout.folder.glob("workflow/**/*.*") if path.suffix != ".pyc"}
    touched = {path.relative_to(package).as_posix() for path in now if now[path] != before.get(path)}
    assert touched == {"contents/compared.py", "analysis/stability.py"}


def test_a_model_is_added_by_one_file_and_the_configuration(real_checkout):
    """The schemas, the plan, the training and the page take its name from its function."""
    checkout = real_checkout
    suite = checkout.folder / "workflow/scripts/trainmark/experiment/suites/fashion_mnist.py"
    with suite.open("a") as file:
        file.write(
            "\n\n@MODELS.add()\ndef linear(keras: Any) -> Any:\n"
            '    """Softmax regression, for the test."""\n'
            "    layers = keras.layers\n"
            "    last = layers.Dense(10, activation='softmax')\n"
            "    return keras.Sequential([keras.Input((28, 28)), layers.Flatten(), last])\n"
        )
    assert trained(checkout.run(models=["linear"], learning_rate=0.01, batch_sizes=[64])) == 1
    with (checkout.folder / "results/report/runs.csv").open(newline="") as file:
        assert [row["status"] for row in csv.DictReader(file) if row["model"] == "linear"] == ["ok"]
