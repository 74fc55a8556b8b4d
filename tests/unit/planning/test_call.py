"""Tests of trainmark.planning.call."""

import errno
import json
import shutil
from pathlib import Path

import pytest
from trainmark.errors import TrainmarkError
from trainmark.planning import call
from trainmark.planning import config as configuration

from tests.conftest import ROOT, path_of, synthetic_record
from tests.unit.planning.conftest import DEFAULT, HERE, make, write

SIZES = ROOT / "envs/sizes.json"


def test_beginning_tells_what_will_be_done_and_leaves_the_plan(here):
    path = str(write(synthetic_record()))
    (announced,) = call.begin(make(), [path], here / "session.json", "snakemake")
    assert "1 run to do on synthetic, about 30 s." in announced
    assert json.loads((here / "session.json").read_text())["planned"] == [path]
    assert call.begin(make(), [], here / "session.json", "snakemake") == []


def test_nothing_begins_on_a_full_disk(here, monkeypatch):
    def refuse(session, path):
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    path = write(synthetic_record())
    monkeypatch.setattr(call.progress.Session, "save", refuse)
    with pytest.raises(TrainmarkError, match=r"Nothing was started: .*No space left"):
        call.begin(make(), [str(path)], here / "session.json", "snakemake")
    assert path.exists()


def test_command_is_one_that_can_be_given_again(here, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(call.process_environment, "dropped", lambda: [])
    monkeypatch.setattr(call, "_START_PROGRAM", here / "workflow/scripts/start_program.py")
    python = str(here / ".venv/bin/python")
    by_module = ["/x/site-packages/snakemake/__main__.py", "--cores", "1", "--config", "models=[mlp]"]
    assert call.command_line(by_module, python) == ".venv/bin/python -m snakemake --cores 1 --config 'models=[mlp]'"
    assert call.command_line(["/usr/bin/snakemake", "--cores", "1"], python) == "snakemake --cores 1"
    assert call.command_line([str(here / ".venv/bin/snakemake")], python) == ".venv/bin/snakemake"
    monkeypatch.setattr(call.process_environment, "dropped", lambda: ["SNAKEMAKE_PROFILE"])
    start = ".venv/bin/python -I workflow/scripts/start_program.py -m snakemake"
    assert call.command_line(by_module, python) == f"{start} --cores 1 --config 'models=[mlp]'"


def test_doctor_is_told_what_a_run_would_be_refused_for(here, monkeypatch):
    planned = make(stacks=["tf-2.12", "tf-2.19"], batch_sizes=[32, 512], data_folder="/a/folder")
    write(synthetic_record(stack="tf-2.19"))
    told = call.for_doctor(planned, HERE, "config.yaml, line 7", "snakemake", SIZES)
    assert json.loads(json.dumps(told))["clocks"] == list(told["clocks"])
    assert set(told["refused"]["stacks"]) == {"tf-2.12"}
    assert "(config.yaml, line 7: stacks)" in told["refused"]["stacks"]["tf-2.12"]
    assert told["refused"]["platform"] is told["refused"]["machine"] is None
    assert [workload["model"] for workload in told["workloads"]] == ["mlp", "cnn", "lstm"]
    assert (told["batch_size"], told["threads"], told["gpu"]) == (512, None, "auto")
    assert told["records_missing"] == len(planned.runs) - 1
    assert told["environment_bytes"] == 5 * json.loads(SIZES.read_text())["tf-2.12.linux-64.yaml"]
    assert told["command"] == "snakemake --cores 1"
    assert call.examinable_stacks(planned, HERE) == ["tf-2.19"]


def test_doctor_with_conda_and_without_a_platform(here):
    planned = make(stacks=["tf-2.12", "tf-2.19"])
    conda = configuration.Surroundings(True, (), (), "linux-64")
    told = call.for_doctor(planned, conda, "x", "snakemake", SIZES)
    assert (told["refused"]["stacks"], told["command"]) == ({}, "snakemake --cores 1 --use-conda")
    assert call.examinable_stacks(planned, conda) == ["tf-2.12", "tf-2.19"]
    nowhere = configuration.Surroundings(True, (), (), None)
    told = call.for_doctor(planned, nowhere, "x", "snakemake", SIZES)
    assert "No pinned stack" in told["refused"]["platform"]
    assert told["refused"]["stacks"] == {}
    assert call.examinable_stacks(planned, nowhere) == []


def test_configuration_and_the_files_that_it_names_are_checked(tmp_path):
    layers = [configuration.Layer("config.yaml", "", DEFAULT)]
    files = {"claims": [str(ROOT / "config/claims/article.yaml")], "hardware": [str(ROOT / "config/hardware.yaml")]}
    config = {**DEFAULT, **files, "references": str(ROOT / "config/references.yaml"), "convergence_level": 0.01}
    assert call.check(config, layers, HERE, ROOT / "workflow/schemas") == config
    with pytest.raises(TrainmarkError, match="epochs is 0"):
        call.check({**config, "epochs": 0}, layers, HERE, ROOT / "workflow/schemas")
    (tmp_path / "claims.yaml").write_text("claims: 1\n")
    with pytest.raises(TrainmarkError, match="Claims and hardware have"):
        call.check({**config, "claims": [str(tmp_path / "claims.yaml")]}, layers, HERE, ROOT / "workflow/schemas")


def test_rounds_of_repeats_are_read_until_one_asks_for_none(tmp_path):
    for number, further in enumerate([["a", "b"], ["c"], []]):
        (tmp_path / f"{number}.json").write_text(json.dumps({"next": further}))
    rounds = (str(tmp_path / f"{number}.json") for number in range(9))
    assert list(call.chosen_repeats(rounds)) == ["a", "b", "c"]


def start(plan, *jobs, targets=()):
    call.start(plan, HERE, jobs, set(targets), Path("results/superseded/now"), "snakemake")


@pytest.fixture
def held(here, monkeypatch):
    """What was held awake."""
    found = []
    monkeypatch.setattr(call.awake, "hold", found.append)
    monkeypatch.setattr(call, "_REPORT_PACKAGES", here / "report.in")
    (here / "report.in").write_text("no-such-package==1\n")
    return found


def test_call_that_measures_tells_what_it_will_do(held, capsys):
    first = str(write(synthetic_record()))
    second = str(path_of(synthetic_record(repeat=2)))
    start(make(), ("time_training", first), ("time_training", second), ("check_runs", "results/report/checked.txt"))
    said = capsys.readouterr().out
    assert "1 record will be measured again" in said
    assert "2 runs to do on synthetic" in said
    assert json.loads(call.SESSION.read_text())["planned"] == [first, second]
    assert len(held) == 1


@pytest.mark.parametrize("target", ["report", "doctor"])
def test_call_that_measures_nothing_begins_nothing(held, target):
    start(make(), ("examine_stack", "x"), targets=[target])
    assert not call.SESSION.exists()
    assert held == []


def test_measuring_alone_takes_no_package_of_the_report(held):
    """On a machine that has its frameworks and nothing else."""
    rules = ["prepare_data", "describe_machine", "measure_roofline", "time_training", "check_runs", "measure"]
    start(make(), *((rule, "") for rule in rules), targets=["measure"])
    assert call.SESSION.exists()


def test_call_that_cannot_succeed_is_refused_before_it_begins(held, here):
    with pytest.raises(TrainmarkError, match="no-such-package"):
        start(make(), ("collect_records", "results/report/runs.csv"), targets=["report"])
    write(synthetic_record())
    planned = make()
    (here / planned.machine_file).write_text(json.dumps({**call.preflight.hardware.describe(None), "chip": "Another"}))
    for job in (("time_training", "1.json"), ("describe_machine", planned.machine_file)):
        with pytest.raises(TrainmarkError, match="describes another computer"):
            start(planned, job)
    assert not call.SESSION.exists()
    assert held == []
