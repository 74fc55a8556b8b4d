"""Tests of trainmark.measure.node_check. The nodes are invented."""

import json
import os

import pytest
from trainmark import system
from trainmark.errors import TrainmarkError
from trainmark.machine import hardware
from trainmark.measure import node_check

from tests.conftest import synthetic_record

EXPECTED = {"machine": "synthetic", "platform": "linux-64", "devices": ["cpu"], "cpus": None}


@pytest.fixture
def node(tmp_path, monkeypatch):
    """A node of eight CPUs, all of which this job may use."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SLURMD_NODENAME", "n1")
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.setattr(hardware, "usable_cores", lambda: 8)
    monkeypatch.setattr(hardware, "platform_tag", lambda: "linux-64")
    monkeypatch.setattr(hardware, "machine_id_hash", lambda: "0" * 32)
    return tmp_path


def check(described=False, threads=None, **changes):
    node_check.refuse_other_node({**EXPECTED, **changes}, None, described, threads)


def describe(machine="synthetic"):
    path = node_check.grid.MACHINES / machine / "machine.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(hardware.describe(None)))


def refused(*arguments, **options):
    with pytest.raises(TrainmarkError, match="Nothing was measured") as error:
        check(*arguments, **options)
    return str(error.value)


def test_expectation_is_json_or_nothing():
    assert node_check.expectation("") is None
    assert node_check.expectation(json.dumps(EXPECTED)) == EXPECTED
    node_check.refuse_other_node(None, None, True, 10_000)


def test_the_node_that_was_meant_is_measured_again_and_again(node):
    check()
    describe()
    check(described=True)
    check(described=True, threads=8)


def test_part_of_a_node_and_another_kind_of_node_are_refused_with_all_that_is_wrong(node, monkeypatch):
    monkeypatch.setattr(hardware, "usable_cores", lambda: 6)
    said = refused(platform="linux-64-cuda", devices=["cpu", "gpu"], threads=7)
    assert "This node, n1, is not what fleet in the configuration says of synthetic" in said
    assert "Expected all 8 CPUs of the node, found 6" in said
    assert "Expected at least 7 CPUs" in said
    assert "Expected linux-64-cuda (fleet.synthetic.platform), found linux-64." in said
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.setattr(system, "command_output", lambda *command: "JobId=7 OverSubscribe=YES Contiguous=0")
    assert (
        "given to one job alone, found one that SLURM may give to others at the same time (OverSubscribe=YES)"
        in refused()
    )
    monkeypatch.setattr(system, "command_output", lambda *command: "JobId=7 OverSubscribe=NO Contiguous=0")
    assert "OverSubscribe" not in refused()
    assert "Expected a GPU (fleet.synthetic.devices), found none" in said
    check(cpus=6)
    assert "Expected 8 of its 8 CPUs (fleet.synthetic.cpus), found 6" in refused(cpus=8)


def test_another_computer_under_the_same_name_is_refused(node, monkeypatch):
    describe()
    monkeypatch.setattr(hardware, "machine_id_hash", lambda: "1" * 32)
    assert "machine.json describes another computer (its machine id is another)" in refused(described=True)
    monkeypatch.setattr(hardware, "machine_id_hash", lambda: "0" * 32)
    monkeypatch.setattr(hardware, "chip", lambda: "Synthetic Other Processor")
    assert "(its processor, cores or GPU is another)" in refused(described=True)


def test_description_that_is_gone_is_missed(node):
    assert "machine.json, which describes the machine; it is gone" in refused(described=True)


def test_job_that_starts_again_makes_no_second_record(node, monkeypatch):
    path = node / "1.json"
    path.write_text(json.dumps(synthetic_record()))
    began = path.stat().st_mtime - 1
    assert node_check.made_before_requeue(path, began) is None
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    assert node_check.made_before_requeue(path, began)["machine"] == "synthetic"
    assert node_check.made_before_requeue(path, began + 2) is None  # of an earlier command
    assert node_check.made_before_requeue(node / "2.json", began) is None
    # In a step of a job, the variable is not there, and SLURM is asked.
    monkeypatch.delenv("SLURM_RESTART_COUNT")
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.setattr(system, "command_output", lambda *command: "Requeue=1 Restarts=0 BatchFlag=1")
    assert node_check.made_before_requeue(path, began) is None
    monkeypatch.setattr(system, "command_output", lambda *command: "Requeue=1 Restarts=1 BatchFlag=1")
    assert node_check.made_before_requeue(path, began)


def test_nodes_that_look_alike_are_told_apart_by_their_names(node, monkeypatch):
    """As those that start from one image, which have one machine id."""
    check()
    monkeypatch.setenv("SLURMD_NODENAME", "n2")
    assert "synthetic was measured on the node n1 before" in refused()
    check(machine="synthetic-2")
    assert "This node has been measured as synthetic-2" in refused(machine="synthetic-3")
