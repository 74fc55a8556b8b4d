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


def test_finished_run_is_told_with_its_machine_and_what_is_left_there(teller, capsys):
    write(synthetic_record())
    teller.finished("time_training", ONE)
    teller.finished("measure_roofline", "results/machines/synthetic/roofline/tf-2.19/cpu.json")
    (said,) = capsys.readouterr().out.splitlines()
    assert said.startswith("[1/2] synthetic: tf-2.19 cpu mlp  batch   32 repeat 1: fit   20.0 s")
    assert said.endswith("| 1 left on synthetic, about 30 s")


def test_lost_job_is_told_with_slurms_state_and_kept_until_the_run_is_there(teller, capsys):
    said_there = f"x ERROR y: {EXPLAINED}This node, n1,\n  - is another."
    teller.failed("time_training", ONE, "7", [log(said_there, 2000), "gone.log"], "ignored")
    told = capsys.readouterr().out.strip()
    line = (
        "tf-2.19 cpu mlp batch 32 repeat 1: SLURM job 7: NODE_FAIL on n7, log run.log: This node, n1,   - is another."
    )
    assert told == f"trainmark: synthetic: {line}"
    teller.failed("describe_machine", "results/machines/b/machine.json", None, [], "sbatch:  error:\n no partition")
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
    teller.failed("time_training", ONE, "7", [log(f"{EXPLAINED}something else", 500)], "")
    assert "something else" not in capsys.readouterr().out
    assert len(teller.lost) == 1


def test_record_that_was_written_before_its_job_failed_counts(teller, capsys):
    write(synthetic_record())
    teller.failed("time_training", ONE, "7", [], "")
    assert "its record was written before, and counts:\n[1/2] synthetic: " in capsys.readouterr().out
    assert (teller.lost, teller.failures) == ([], 1)


def test_neither_jobs_of_this_computer_nor_those_that_the_user_stops_are_lost(teller, capsys):
    teller.failed("collect_records", "results/report/runs.csv", None, [], "")
    teller.stop()
    teller.failed("time_training", ONE, "7", [], "")
    assert (capsys.readouterr().out, teller.failures) == ("", 0)
    assert not lost_jobs.draw_despite(teller, "no-such-python", False, [])


def test_page_is_drawn_despite_lost_jobs_with_the_same_configuration(teller, monkeypatch):
    commands = []
    monkeypatch.setattr(lost_jobs.subprocess, "run", commands.append)
    teller.failed("time_training", ONE, "7", [], "")
    assert lost_jobs.draw_despite(teller, "python", True, ["--configfile", "mine.yaml"])
    assert commands == [
        ["python", "-m", "snakemake", "--cores", "1", "--use-conda", "report", "--configfile", "mine.yaml"]
    ]


def test_file_that_is_no_list_of_lost_jobs_holds_none(here):
    assert lost_jobs.still_lost() == []
    lost_jobs.save([])
    lost_jobs.LOST.write_text('[{"machine": "a"}]')
    assert lost_jobs.still_lost() == []
