"""Tests of trainmark.planning.lost_jobs. Records and jobs are invented."""

import os
from pathlib import Path

import pytest
from trainmark.errors import EXPLAINED
from trainmark.measure import progress
from trainmark.planning import lost_jobs, slurm

from tests.conftest import path_of, synthetic_record
from tests.unit.planning.conftest import write

ONE, TWO = (str(path_of(synthetic_record(repeat=number))) for number in (1, 2))


@pytest.fixture
def teller(here, monkeypatch):
    monkeypatch.setattr(slurm, "fate", lambda number: f"NODE_FAIL on n{number}" if number else "not submitted")
    progress.Session([ONE, TWO], 1000.0, 100_000, "snakemake").save(here / "session.json")
    return lost_jobs.Teller(here / "session.json")


def log(text: str, modified: float) -> str:
    Path("run.log").write_text(text)
    os.utime("run.log", (modified, modified))
    return "run.log"


def fail(teller, *paths_and_logs: str, message: str = "") -> None:
    """Let SLURM's job 7 fail, which was to make these records; what is no record is a log of the first run."""
    paths = [each for each in paths_and_logs if each.endswith(".json")]
    logs = [each for each in paths_and_logs if each not in paths]
    teller.failed(
        [("time_training", path, [] if number else logs) for number, path in enumerate(paths)], "7", [], message
    )


def test_finished_run_is_told_with_its_machine_and_what_is_left_there(teller, capsys):
    write(synthetic_record())
    teller.finished("time_training", ONE)
    teller.finished("measure_roofline", "results/machines/synthetic/roofline/tf-2.19/cpu.json")
    (said,) = capsys.readouterr().out.splitlines()
    assert said.startswith("[1/2] synthetic: tf-2.19 cpu mlp  batch   32 repeat 1: fit   20.0 s")
    assert said.endswith("| 1 left on synthetic, about 30 s")


def test_lost_job_is_told_with_slurms_state_and_kept_until_the_run_is_there(teller, capsys):
    said_there = f"x ERROR y: {EXPLAINED}This node, n1,\n  - is another."
    fail(teller, ONE, log(said_there, 2000), "gone.log", message="ignored")
    told = capsys.readouterr().out.strip()
    line = (
        "tf-2.19 cpu mlp batch 32 repeat 1: SLURM job 7: NODE_FAIL on n7, log run.log: This node, n1,   - is another."
    )
    assert told == f"trainmark: synthetic: {line}"
    described = ("describe_machine", "results/machines/b/machine.json", [])
    teller.failed([described], None, [], "sbatch:  error:\n no partition")
    assert (
        "b: description of the machine: no SLURM job: not submitted: sbatch: error: no partition"
        in capsys.readouterr().out
    )
    assert [each["number"] for each in lost_jobs.still_lost()] == ["7", None]
    write(synthetic_record())
    assert [each["machine"] for each in lost_jobs.still_lost()] == ["b"]


def test_what_an_earlier_call_has_left_says_nothing_of_this_one(teller, capsys):
    path = write(synthetic_record())
    os.utime(path, (500, 500))  # of another workload, which is to be measured again
    fail(teller, ONE, log(f"{EXPLAINED}something else", 500))
    assert "something else" not in capsys.readouterr().out
    assert len(teller.lost) == 1


def test_record_that_was_written_before_its_job_failed_counts(teller, capsys):
    write(synthetic_record())
    fail(teller, ONE)
    assert "its record was written before, and counts:\n[1/2] synthetic: " in capsys.readouterr().out
    assert (teller.lost, teller.failures) == ([], 1)


def test_job_that_was_to_make_several_records_is_told_of_once_and_what_it_has_made_counts(teller, capsys):
    three = str(path_of(synthetic_record(repeat=3)))
    write(synthetic_record())
    fail(teller, ONE, TWO, three)
    first, second, third = capsys.readouterr().out.splitlines()
    assert first.startswith(
        "trainmark: synthetic: 2 jobs, among them tf-2.19 cpu mlp batch 32 repeat 2: SLURM job 7: NODE_FAIL"
    )
    assert second == "trainmark: 1 record had been written before, and counts:"
    assert third.startswith("[1/2] synthetic: ")
    assert ([each.path for each in teller.lost], teller.failures) == ([TWO, three], 1)


def test_runs_are_told_when_their_records_appear_each_once_also_those_that_are_planned_later(teller, here, capsys):
    teller.look()
    assert capsys.readouterr().out == ""
    write(synthetic_record())
    teller.look()
    teller.look()
    teller.finished("time_training", ONE)
    assert capsys.readouterr().out.count("synthetic: ") == 1
    progress.plan_more(here / "session.json", [str(path_of(synthetic_record(repeat=3)))])
    write(synthetic_record(repeat=3))
    teller.look()
    assert capsys.readouterr().out.startswith("[2/3] synthetic: ")


def test_neither_jobs_of_this_computer_nor_those_that_the_user_stops_are_lost(teller, capsys):
    teller.failed([("collect_records", "results/report/runs.csv", [])], None, [], "")
    teller.stop()
    fail(teller, ONE)
    assert (capsys.readouterr().out, teller.failures) == ("", 0)
    assert not lost_jobs.draw_despite(teller, "no-such-python", False, [])


def test_page_is_drawn_despite_lost_jobs_with_the_same_configuration(teller, monkeypatch):
    commands = []
    monkeypatch.setattr(lost_jobs.subprocess, "run", commands.append)
    fail(teller, ONE)
    assert lost_jobs.draw_despite(teller, "python", True, ["--configfile", "mine.yaml"])
    assert commands == [
        ["python", "-m", "snakemake", "--cores", "1", "--use-conda", "report", "--configfile", "mine.yaml"]
    ]


def test_file_that_is_no_list_of_lost_jobs_holds_none(here):
    assert lost_jobs.still_lost() == []
    lost_jobs.save([])
    lost_jobs.LOST.write_text('[{"machine": "a"}]')
    assert lost_jobs.still_lost() == []
