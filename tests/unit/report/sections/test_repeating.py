"""Tests of trainmark.report.sections.repeating: what was disturbed, and what to type. All data synthetic."""

import shlex

import pandas as pd
import pytest
from trainmark.experiment import workloads
from trainmark.report.sections import other_experiments, repeating

from tests import report, synthetic
from tests.conftest import CONFIG, synthetic_record


def busy(record: dict, share: float) -> dict:
    """A record of a run beside which other programs took this share of the cores."""
    cores = record["durations"]["fit_seconds"] * record["execution"]["intra_op_threads"]
    return {**record, "noise": {**record["noise"], "fit_other_cpu_seconds": share * cores}}


def made_of(folder, machine: str):
    records = synthetic.records_of(machine, "synthetic-p100", devices=["cpu"], noise=(1.0,))
    records[1], records[4] = busy(records[1], 0.15), busy(records[4], 0.71)
    return report.make(records, folder, kinds={machine: "synthetic-p100"}, draw=False)


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    return made_of(tmp_path_factory.mktemp("alone"), report.GRID["machine"])


def test_a_machine_alone_is_greeted_with_its_own_times(alone):
    first = alone.document.first
    assert first.table is None
    assert [said for said, _ in first.own.rows] == ["mlp", "cnn", "lstm"]
    assert sum("\u26a0" in e.text for _, entries in first.own.rows for e in entries) == 2
    assert alone.html.index('data-name="own-times"') < alone.html.index('id="answers"')


def test_noise_is_not_called_unknown_where_others_were_seen_to_compute(alone):
    said = " ".join(alone.document.answers["How large is the noise?"])
    assert "No test case has repeats, so how far repeats would differ is not known." in said
    assert "In 2 of 12 runs, other programs took 15 to 71 % of the cores' time." in said


def test_disturbed_runs_are_listed_with_the_command_that_repeats_them(alone):
    section = alone.document.first.disturbed
    (table,) = section.tables
    assert [(row["model"], row["batch_size"]) for row in table.rows] == [("cnn", 32), ("mlp", 128)]
    (line,) = section.code
    words = shlex.split(line)
    forced = words[words.index("--forcerun") + 1 : words.index("--config")]
    runs = "results/machines/synthetic-a/runs/tf-2.19/cpu"
    assert forced == [f"{runs}/cnn/32/1.json", f"{runs}/mlp/128/1.json"]
    settings = dict(word.split("=") for word in words[words.index("--config") + 1 :])
    assert settings["machine"] == "synthetic-a"
    assert settings["devices"] == "[cpu]"
    assert settings["epochs"] == "2"
    assert line in alone.html.replace("&#39;", "'")
    assert line in alone.markdown


def test_of_another_computer_nothing_can_be_repeated_here(tmp_path):
    made = made_of(tmp_path, "synthetic-elsewhere")
    assert made.document.first.disturbed is None
    assert "--forcerun" not in made.html
    assert "In 2 of 12 runs, other programs took" in made.html


def test_beside_other_machines_what_to_repeat_stands_with_the_spread(tmp_path):
    records = synthetic.records_of("synthetic-a", "synthetic-p100", devices=["cpu"], noise=(1.0,))
    records[0] = busy(records[0], 0.5)
    records += synthetic.records_of("synthetic-m1", noise=(1.0,))
    made = report.make(records, tmp_path, kinds={"synthetic-a": "synthetic-p100"}, draw=False)
    assert made.document.first.disturbed is None
    keys = [section.key for section in made.document.sections]
    assert keys[keys.index("spread") + 1] == "disturbed"
    assert "--forcerun results/machines/synthetic-a/runs/tf-2.19/cpu/mlp/32/1.json --config" in made.section(
        "disturbed"
    )


def test_undisturbed_runs_need_no_repeating(two_machines):
    assert two_machines.document.first.disturbed is None
    assert "took" not in " ".join(two_machines.document.answers["How large is the noise?"])


def test_of_another_computers_experiment_nothing_can_be_repeated_here(tmp_path):
    """Where this computer's own runs, some of them disturbed, are of the experiment that is shown first."""
    machine = report.GRID["machine"]
    records = synthetic.records_of(machine, "synthetic-p100", devices=["cpu"], noise=(1.0,))
    records[1] = busy(records[1], 0.15)
    workload = workloads.describe("mlp", {**CONFIG, "epochs": 3})
    records.append(synthetic_record(machine="synthetic-elsewhere", workload=workload))
    made = report.make(records, tmp_path, kinds={machine: "synthetic-p100"}, draw=False)
    assert len(made.document.first.disturbed.tables[0].rows) == 1
    (other,) = other_experiments.others(made.data)
    assert repeating.disturbed(other) is None


def test_a_run_that_took_long_for_no_known_reason_is_not_repeated(tmp_path):
    """As on the terminal: it is an outlier all the same."""
    records = synthetic.records_of("synthetic-a", "synthetic-p100", devices=["cpu"], noise=(1.0, 1.01, 1.5))
    made = report.make(records, tmp_path, kinds={"synthetic-a": "synthetic-p100"}, draw=False)
    assert len(made.data.tables["outliers"]) == 12
    assert repeating.disturbed(made.data) is None


@pytest.mark.parametrize(
    ("named", "with_conda"),
    [(["tf-2.19"], False), (["tf-2.12"], True), (["torch-2.11"], False), (["tf-2.19", "torch-2.11"], True)],
    ids=str,
)
def test_command_has_conda_where_one_environment_does_not_do(alone, named, with_conda):
    runs = pd.concat([alone.data.runs.assign(stack=stack) for stack in named])
    line = repeating.command(alone.data, runs)
    assert ("--use-conda" in line) == with_conda
    assert f"'stacks=[{','.join(named)}]'" in line
