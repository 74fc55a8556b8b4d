"""Tests of trainmark.planning.slurm, by what SLURM 22.05 has said; tests/integration asks a real one."""

from pathlib import Path

import pytest
from trainmark.planning import slurm

HERE = Path("/shared/trainmark")
DOWN = "Nodes required for job are DOWN, DRAINED or reserved"
LINES = [
    f"7|PENDING|{DOWN}|rule_time_training_wildcards_b1_runs_tf-2.19|/shared/trainmark",
    "8|RUNNING|None|rule_describe_machine_wildcards_a-100|/shared/trainmark",
    "9|PENDING|Priority|rule_time_training_wildcards_b1_runs|/shared/trainmark",
    "10|RUNNING|None|rule_time_training_wildcards_b1_runs|/shared/another",
    "11|RUNNING|None|(null)|/shared/trainmark",
    "12|RUNNING|None|rule_all|/shared/trainmark",
    "13|RUNNING|None|rule_fleet-a-100_describe_machine_time_training|/shared/trainmark",
]


def test_jobs_of_this_folder_are_told_from_all_others():
    found = slurm.queued_of(LINES, HERE, "12")
    assert [(job.number, job.machine) for job in found] == [
        ("7", "b1"),
        ("8", "a-100"),
        ("9", "b1"),
        ("13", "a-100"),
    ]


def test_jobs_that_may_wait_for_ever_are_told_from_those_that_wait_for_their_turn():
    found = slurm.hopeless(slurm.queued_of(LINES, HERE, None))
    assert found == {("b1", DOWN): ["7"]}


@pytest.mark.parametrize(
    ("text", "said", "progress"),
    [
        ("JobId=3 JobName=x JobState=CANCELLED Reason=None ReqNodeList=a9 NodeList=a1", "CANCELLED on a1", "failed"),
        ("JobId=3 JobState=PENDING Reason=Resources NodeList=(null)", "PENDING (Resources)", "running"),
        ("JobId=3 JobState=COMPLETING Reason=None NodeList=a1", "COMPLETING on a1", "running"),
        ("JobId=3 JobState=COMPLETED Reason=None NodeList=a1", "COMPLETED on a1", "success"),
        ("", "state unknown, SLURM no longer knows the job", "failed"),
    ],
)
def test_state_of_a_job(text, said, progress):
    found = slurm.state_of(text)
    assert (str(found), slurm.progress_of(found)) == (said, progress)


@pytest.fixture
def answers(tmp_path, monkeypatch):
    """Commands of SLURM that say what they are told to."""

    def put(name: str, script: str) -> None:
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)

    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return put


def test_accounting_is_asked_of_a_job_that_is_forgotten(answers):
    answers("scontrol", "echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1")
    answers("sacct", "echo 'CANCELLED by 1000|n1'")
    assert (slurm.fate("3"), slurm.progress("3")) == ("CANCELLED on n1", "failed")
    answers("sacct", "exit 1")
    assert slurm.fate("3").startswith("state unknown")
    assert slurm.progress("3") == "failed"


def test_job_goes_on_while_slurm_does_not_answer(answers):
    answers("scontrol", "echo 'Unable to contact slurm controller' >&2; exit 1")
    answers("squeue", "exit 1")
    assert slurm.progress("3") == "running"
    assert slurm.fate("3") == "state unknown, scontrol: Unable to contact slurm controller"
    assert slurm.fate(None) == "not submitted"
    with pytest.raises(slurm.NoAnswerError, match="squeue: exit code 1"):
        slurm.queued(HERE)


def test_nodes_of_a_partition_are_listed_once_each_and_a_partition_that_is_not_there_has_none(answers):
    """As sinfo lists a node that is in two of the partitions that were asked for."""
    answers(
        "sinfo",
        """[ "$3" = --partition=gpu,all ] || exit 0
        echo 'n1|gpu|gpu:a100:4(S:0-1)|mixed'; echo 'n1|all|gpu:a100:4(S:0-1)|mixed'; echo 'n2 |all|(null)|idle*'""",
    )
    found = slurm.nodes("gpu,all")
    assert [(node.name, node.partition, node.gres) for node in found] == [
        ("n1", "gpu", "gpu:a100:4(S:0-1)"),
        ("n2", "all", ""),
    ]
    assert [node.away for node in found] == [False, True]
    assert slurm.nodes("other") == []


@pytest.mark.parametrize(
    ("state", "away"),
    [("idle", False), ("mixed", False), ("allocated", False), ("idle~", False), ("planned", False)]
    + [(state, True) for state in ("down", "drained", "draining", "maint", "inval", "unknown", "failing", "idle*")],
)
def test_nodes_that_take_no_jobs_are_told_from_those_that_do(state, away):
    assert slurm.ListedNode("n1", "cpu", "", state).away is away


@pytest.mark.parametrize(
    ("kind", "age", "seconds"),
    [
        ("accounting_storage/none", "300 sec", 300),  # as SLURM 22.05 says it
        ("(null)", "300 sec", 300),  # as newer ones do
        ("accounting_storage/none", "2 sec", 2),
        ("accounting_storage/slurmdbd", "300 sec", None),
    ],
)
def test_without_a_database_slurm_remembers_jobs_for_a_while(kind, age, seconds):
    text = f"Configuration data as of now\nAccountingStorageType   = {kind}\nMinJobAge               = {age}\n"
    assert slurm.remembered_by(text) == seconds


def test_where_slurm_does_not_answer_nothing_is_said_of_its_memory(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert slurm.remembered_seconds() is None
    assert slurm.remembered_by("slurm_load_ctl_conf error") is None
